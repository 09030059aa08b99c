"""Which of several patches that pass is offered, and when the bug is ambiguous."""

from dataclasses import replace

from daemon.engines.search.candidates import Candidate
from daemon.engines.search.choose import Failure, choose, types_in
from daemon.engines.search.documented import documented_examples
from daemon.engines.search.edits import Edit, Piece
from daemon.engines.search.program import Program
from daemon.engines.search.wire import Behaviour, Probe

PROGRAM = Program("m.py", "def f(a):\n    return a\n")


def candidate(score: float, text: str = "b") -> Candidate:
    """A patch of the program."""
    edit = Edit(pieces=(Piece(begin=0, end=0, text=text),), line=1, template="test")
    return Candidate(program=PROGRAM, edit=edit, score=score, function="f")


def probe(*seen: str, before: str = "int|1 int|2", examples: tuple[str, ...] = ()) -> Probe:
    """What each candidate gives on the inputs, a word each; -1 is the unpatched code."""
    rows = {number: Behaviour(seen=tuple(row.split())) for number, row in enumerate(seen)}
    for number, said in enumerate(examples):
        rows[number] = Behaviour(seen=rows[number].seen, examples=(said,))
    rows[-1] = Behaviour(seen=tuple(before.split()))
    return Probe(inputs=("x", "y"), recorded=1, behaviours=rows)


def test_patches_that_behave_alike_are_one_camp() -> None:
    """No rival: the likeliest of them is taken."""
    found = choose([candidate(0.9), candidate(0.8)], probe("int|1 int|2", "int|1 int|2"), Failure())

    assert len(found.ranked) == 1
    assert found.ranked[0].best.score == 0.9
    assert found.rivals == ()


def test_similar_weight_and_different_behaviour_is_ambiguous() -> None:
    """Both are shown; nothing is decided."""
    found = choose([candidate(0.9), candidate(0.8)], probe("int|1 int|2", "int|1 int|3"), Failure())

    assert [rival.score for rival in found.rivals] == [0.8]


def test_a_much_likelier_patch_is_not_ambiguous() -> None:
    """A rival that is far less likely does not hold the patch up."""
    found = choose([candidate(0.9), candidate(0.1)], probe("int|1 int|2", "int|1 int|3"), Failure())

    assert found.rivals == ()


def test_documented_examples_decide() -> None:
    """The likelier patch loses when it breaks what the docstring promises."""
    rows = probe("int|1 int|2", "int|1 int|3", examples=("no", "ok"))

    found = choose([candidate(0.9), candidate(0.8)], rows, Failure())

    assert found.ranked[0].best.score == 0.8
    assert found.rivals == ()
    assert "documented examples" in found.reason


def test_the_reported_symptom_on_a_neighbouring_input_decides() -> None:
    """A patch that only moves the crash elsewhere loses to one that answers."""
    rows = probe("int|1 !KeyError", "int|1 int|3")

    found = choose([candidate(0.9), candidate(0.8)], rows, Failure(symptoms=("KeyError",)))

    assert found.ranked[0].best.score == 0.8
    assert found.rivals == ()


def test_a_new_kind_of_result_loses() -> None:
    """None from a function that gives numbers everywhere else."""
    rows = probe("int|1 NoneType|None", "int|1 int|3")

    found = choose([candidate(0.9), candidate(0.8)], rows, Failure())

    assert found.ranked[0].best.score == 0.8


def test_after_a_crash_right_answers_are_left_alone() -> None:
    """Where the only symptom is an exception, what was answered before was right."""
    rows = probe("int|1 int|9", "int|1 int|2", before="!KeyError int|2")

    found = choose(
        [candidate(0.9), candidate(0.8)], rows, Failure(symptoms=("KeyError",), loud=True)
    )

    assert found.ranked[0].best.score == 0.8
    assert found.rivals == ()


def test_without_a_probe_every_patch_is_a_camp_of_its_own() -> None:
    """Nothing is known, so nothing is merged."""
    found = choose([candidate(0.9), candidate(0.8)], None, Failure())

    assert len(found.ranked) == 2
    assert len(found.rivals) == 1


def test_examples_are_read_from_any_text_of_the_module() -> None:
    """A trailing text with `>>>` lines counts like a docstring; other functions' do not."""
    text = "def f(a):\n    return a\n\n'''\n>>> f(1)\n1\n>>> g(2)\n2\n'''\n"

    assert documented_examples(Program("m.py", text), "f") == [("f(1)", "1")]


def test_types_of_hostile_literals_are_none() -> None:
    """What a test printed need not be a literal."""
    assert types_in("<object at 0x1>") == set()
    assert types_in("[" * 5000) == set()


HINTED = Program("m.py", "def f(a) -> int:\n    'True below zero.'\n    return a == 0\n")


def hinted(score: float, text: str) -> Candidate:
    """A patch of the hinted program's last line."""
    begin = HINTED.text.index("a == 0")
    edit = Edit(pieces=(Piece(begin=begin, end=begin + 6, text=text),), line=3, template="test")
    return Candidate(program=HINTED, edit=edit, score=score, function="f")


def test_a_type_hint_decides() -> None:
    """A result of a type that the hint does not allow speaks against the likelier patch."""
    rows = probe("str|1 int|2", "int|1 int|3", before="str|0 int|0")

    found = choose([hinted(0.9, "b"), hinted(0.5, "c")], rows, Failure())

    assert found.ranked[0].best.score == 0.5
    assert found.rivals == ()


def test_words_of_the_docstring_speak_for_an_edit() -> None:
    """`below zero` says `< 0`, so the likelier `== -1` does not win alone."""
    rows = probe("int|1 int|2", "int|1 int|3")

    found = choose([hinted(0.5, "a == -1"), hinted(0.4, "a < 0")], rows, Failure())

    assert found.ranked[0].best.score == 0.4
    assert [rival.score for rival in found.rivals] == [0.5]


def test_the_plainest_of_those_that_behave_alike_is_applied() -> None:
    """`a` says the same as `a[0:]`, and is a little less likely."""
    rows = probe("int|1 int|2", "int|1 int|2")

    found = choose([hinted(0.5, "a[0:] == 1"), hinted(0.4, "a == 1")], rows, Failure())

    assert found.ranked[0].best.score == 0.4
    assert found.ranked[0].likelihood == 0.5


def test_a_winner_that_breaks_an_example_is_doubted() -> None:
    """Nothing better was found, but a person looks first."""
    found = choose([candidate(0.9)], probe("int|1 int|2", examples=("no",)), Failure())

    assert "example" in found.doubt


def answers(*said: bool) -> Behaviour:
    """A predicate's behaviour on one input after the other, as the guest writes it."""
    return Behaviour(seen=tuple(f"bool|{{'a': 1, 'result': {each}}}" for each in said))


def test_a_predicate_that_lost_every_distinction_is_doubted() -> None:
    """All tests shown expect True, so `always True` passes them: a person looks first."""
    behaviours = {-1: answers(*[True, False] * 5), 0: answers(*[True] * 10)}

    found = choose([candidate(0.9)], Probe(inputs=(), recorded=1, behaviours=behaviours), Failure())

    assert "same on every input" in found.doubt


def test_a_predicate_that_still_tells_apart_is_not_doubted() -> None:
    """Other answers than before, but both kinds."""
    behaviours = {-1: answers(*[True, False] * 5), 0: answers(*[False, True] * 5)}

    found = choose([candidate(0.9)], Probe(inputs=(), recorded=1, behaviours=behaviours), Failure())

    assert found.doubt == ""


def test_a_later_camp_has_its_own_rivals() -> None:
    """The first was refused by a gate: what comes next is ambiguous all the same."""
    rows = probe("int|1 int|2", "int|1 int|3", "int|1 int|4")

    found = choose([candidate(0.9), candidate(0.8), candidate(0.7)], rows, Failure())

    assert [rival.score for rival in found.rivals_of(found.ranked[1])] == [0.7]
    assert found.rivals_of(found.ranked[2]) == ()


def test_behaving_alike_on_hardly_any_input_means_nothing() -> None:
    """Two inputs tell no patches apart; twelve do, and so does one likelier than all others."""
    alike = ["int|1 int|2"] * 3
    three = [candidate(0.9), candidate(0.8), candidate(0.3)]
    found = choose(three, probe(*alike), Failure())
    assert "only 2 inputs" in found.doubt
    assert "3 patches" in found.doubt
    assert choose([candidate(0.9), candidate(0.8)], probe(*alike[:2]), Failure()).doubt == ""
    many = replace(probe(*alike), inputs=("x",) * 12)
    assert choose(three, many, Failure()).doubt == ""


def test_a_patch_that_leaves_tests_of_the_same_code_red_is_doubted() -> None:
    """It mends the test of the note alone; the others say that the cause is still there."""
    found = choose([candidate(0.9)], probe("int|1 int|2"), Failure())

    assert "2 other failing tests" in replace(found, left_red=("t::a", "t::b")).doubt


def test_the_codes_own_check_need_not_be_silenced() -> None:
    """It raised for the wrong input; a patch that keeps it for others is not the worse for it."""
    rows = probe("int|1 int|2", "int|1 !ValueError")
    both = [candidate(0.5), candidate(0.9)]

    befell = choose(both, rows, Failure(symptoms=("ValueError",)))
    raised = choose(both, rows, Failure(checks=("ValueError",)))

    assert befell.ranked[0].best.score == 0.5
    assert raised.ranked[0].best.score == 0.9


def test_what_keeps_the_authors_names_stands_before_what_drops_one() -> None:
    """They behave alike on the inputs there were; `b` may matter on others (an anti-pattern)."""
    text = "def f(a, b):\n    return b * a\n"
    program = Program("m.py", text)
    begin = text.index("b * a")

    def patch(score: float, new: str) -> Candidate:
        edit = Edit(pieces=(Piece(begin=begin, end=begin + 5, text=new),), line=2, template="test")
        return Candidate(program=program, edit=edit, score=score, function="f")

    rows = probe("int|1 int|2", "int|1 int|2")

    assert (
        choose([patch(0.6, "a"), patch(0.5, "b + a")], rows, Failure()).ranked[0].best.score == 0.5
    )
    assert (
        choose([patch(0.6, "a"), patch(0.2, "b + a")], rows, Failure()).ranked[0].best.score == 0.6
    )


def test_after_the_codes_own_check_a_quiet_answer_may_be_wrong_too() -> None:
    """An inverted check refuses what is good and lets through what is bad."""
    rows = probe("int|1 !ValueError", "int|1 int|2", before="!ValueError int|2")
    failure = Failure(checks=("ValueError",), loud=True)

    found = choose([candidate(0.9), candidate(0.8)], rows, failure)

    assert [rival.score for rival in found.rivals] == [0.8]


def test_a_changed_sign_in_a_long_line_is_plainer_than_a_new_line() -> None:
    """What counts is how much more there is to read, not how long the line was."""
    text = (
        "def f(node, name, known):\n    if name != 'x' and node.args and node.args[0] in known:\n"
    )
    text += "        return node\n    return None\n"
    program = Program("m.py", text)
    sign, line = text.index("!="), text.index("    if name")

    def patch(score: float, begin: int, end: int, new: str) -> Candidate:
        edit = Edit(pieces=(Piece(begin=begin, end=end, text=new),), line=2, template="test")
        return Candidate(program=program, edit=edit, score=score, function="f")

    rows = probe("int|1 int|2", "int|1 int|2")
    both = [patch(0.6, line, line, "    known = []\n"), patch(0.5, sign, sign + 2, "==")]

    assert choose(both, rows, Failure()).ranked[0].best.score == 0.5
