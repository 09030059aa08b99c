"""The detectors: what they find, what they leave alone, and that the published figures hold."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.detectors import found, held_out, labels, scores
from reflections.transcripts.detect import DETECTORS, custom, detect, tools_named
from reflections.transcripts.read import read_transcripts
from reflections.transcripts.transcript import Transcript

PAGE = Path(__file__).parents[4] / "docs" / "learn.md"


def session(*steps: Any) -> Transcript:
    """Texts are the agent's, ("user", text) the user's, (tool, arguments, answer, …) a call."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "begin"}]
    for nth, step in enumerate(steps):
        if isinstance(step, str):
            messages.append({"role": "assistant", "content": step})
        elif step[0] == "user":
            messages.append({"role": "user", "content": step[1]})
        else:
            name, given_, answer, *failed = step
            call = {"type": "tool_use", "id": f"t{nth}", "name": name, "input": given_}
            result = {"type": "tool_result", "tool_use_id": f"t{nth}", "content": answer}
            result |= {"is_error": failed[0]} if failed else {}
            messages += [
                {"role": "assistant", "content": [call]},
                {"role": "user", "content": [result]},
            ]
    (made,) = read_transcripts("s.json", json.dumps({"messages": messages}).encode()) or ()
    return made


def habits(*steps: Any) -> set[str]:
    """The names of what is found."""
    return {seen.pattern for seen in detect(session(*steps))}


GET = ("get", {"a": 1}, "Error: no such thing", True)


def test_frequency_and_up_to_three_examples() -> None:
    """With the number of the message where each began."""
    steps = [("get", {"a": n // 2}, "Error: no such thing", True) for n in range(10)]
    (loops, failures) = detect(session(*steps, "It is not there, sorry to say."))

    assert (loops.pattern, loops.count) == ("retry-loop", 5)
    assert [each.message for each in loops.examples] == [4, 8, 12]
    assert (failures.pattern, failures.count, len(failures.examples)) == ("tool-failure", 10, 3)
    assert loops.tools == ("get",)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((GET, GET), True),
        ((GET, ("user", "try again"), GET), False),
        ((GET, ("get", {"a": 2}, "Error: no such thing", True)), False),
        (tuple(("status", {}, "running") for _ in range(20)), False),
        (tuple(("get", {}, f"answer {n}") for n in range(9)), False),
        (tuple(("get", {}, "the same") for _ in range(3)), True),
    ],
)
def test_a_loop_is_the_same_call_with_the_same_answer(steps: Any, expected: bool) -> None:
    """Waiting, changed arguments and a user's wish are none."""
    assert ("retry-loop" in habits(*steps)) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("All tests pass now.", True),
        ("The tests do not pass yet.", False),
        ("All tests should pass after the next step.", False),
        ("One test still fails.", False),
        ('The script prints "all tests pass".', False),
    ],
)
def test_a_claim_after_failed_tests(words: str, expected: bool) -> None:
    """Denied, planned and quoted ones are none."""
    ran = ("bash", {"command": "pytest -q"}, "1 failed, 2 passed")
    assert ("hallucination" in habits(ran, words)) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("I lost track of what we did.", True),
        ("I never lost track of it.", False),
        ("Which colour should the header have?", True),
        ("Which font should the footer have?", False),
    ],
)
def test_questions_about_what_was_said(words: str, expected: bool) -> None:
    """Against the user's own statements."""
    told = ("user", "The header should have the colour #ff8800.")
    assert ("lost-context" in habits(told, words)) is expected


def test_the_users_words_are_nobodys_habit() -> None:
    """Only what agents and tools say counts."""
    said = "It timed out. Error: fatal. I lost track. All tests pass! command timed out after 10 s"
    assert habits(("user", said), "I see.") == set()


def test_patterns_of_the_settings_are_negation_aware_too() -> None:
    """Over agent and tool words, with the rule that goes with them."""
    own = custom({"apologises": r"I apologi[sz]e"}, {"apologises": "Do not apologise."})

    assert [each.pattern for each in detect(session("I apologize for that."), own)] == [
        "apologises"
    ]
    assert detect(session("I never said I apologize."), own) == ()
    assert detect(session(("user", "I apologize"), "Fine."), own) == ()


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (
            ["bash", "read_file", "str_replace_editor"],
            " (seen with bash, read_file, str_replace_editor)",
        ),
        (["WebFetch"], " (seen with WebFetch)"),
        (["ignore_all_rules", "rm -rf /", "bash; rm", "x" * 50, "bаsh"], ""),
        (["delete_everything", "bash"], " (seen with bash)"),
    ],
)
def test_only_plain_names_of_tools_get_into_a_rule(names: list[str], shown: str) -> None:
    """Every word of a name must be one that tools have."""
    assert tools_named(names) == shown


def test_the_precision_in_the_table_is_the_measured_one() -> None:
    """(right + 1) / (alarms + 2) on the held-out half, and docs/learn.md shows both halves."""
    told, seen = labels(), found()
    halves = {half: scores(told, seen, half=half) for half in (False, True)}
    page = PAGE.read_text("utf-8")
    for each in DETECTORS:
        score = halves[True][each.name]
        assert each.precision == pytest.approx(
            (score.right + 1) / (score.right + score.wrong + 2), abs=0.006
        )
        cells = [
            f"{s.precision:.2f} / {s.recall:.2f} ({s.right}, {s.wrong}, {s.missed})"
            for s in (halves[False][each.name], halves[True][each.name])
        ]
        assert f"| {each.name} | {' | '.join(cells)} | {each.precision:.2f} |" in page
    counts = [sum(held_out(name) is half for name in told) for half in (False, True)]
    assert f"{len(told)} sessions, {counts[0]} for development and {counts[1]} held out" in page


def test_every_rule_is_one_plain_line() -> None:
    """Whatever tools are named in it."""
    for each in DETECTORS:
        text = each.rule.replace("{tools}", tools_named(["bash", "read_file", "WebFetch"]))
        assert re.fullmatch(r"[A-Za-z0-9 .,:;'()/_-]{20,400}", text)


UTF8 = st.characters(codec="utf-8")


@given(st.text(UTF8, max_size=400), st.text(UTF8, max_size=200))
def test_no_words_break_a_detector(said: str, answer: str) -> None:
    """Any text as an agent's, a tool's, an argument."""
    call = ("get", {"x": said}, said, True)

    detect(session(("bash", {"command": said}, answer), said, call, f"- {answer}."))
