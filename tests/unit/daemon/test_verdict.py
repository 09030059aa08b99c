"""daemon/verdict.py: every way in which a trial can be good, bad or a deception."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.engines import Baseline
from daemon.verdict import Evidence, Judgement, judge
from sandbox.trial import Ending, Outcome, Run

P, F, E = Outcome.PASSED, Outcome.FAILED, Outcome.ERROR
S, XF, XP = Outcome.SKIPPED, Outcome.XFAILED, Outcome.XPASSED
BEFORE = {"t.py::a": P, "t.py::b": P, "t.py::bug": F}
FIXED = {"t.py::a": P, "t.py::b": P, "t.py::bug": P}
BUG = ("t.py::bug",)


def run(
    outcomes: dict[str, Outcome],
    ending: Ending = Ending.FINISHED,
    *,
    detail: str = "",
    collected: tuple[str, ...] | None = None,
) -> Run:
    """A run that came to these outcomes."""
    return Run(
        ending=ending,
        outcomes=outcomes,
        messages={},
        durations={},
        output="",
        seconds=0.1,
        detail=detail,
        collected=tuple(outcomes) if collected is None else collected,
    )


def judged(
    trial: dict[str, Outcome] | Run,
    removal: dict[str, Outcome] | Run | None = None,
    *,
    before: dict[str, Outcome] | None = None,
    targets: tuple[str, ...] = BUG,
    reproduction: str | None = None,
    flaky: tuple[str, ...] = (),
) -> Judgement:
    """The judgement, with the bug failing again on removal unless said otherwise."""
    known = BEFORE if before is None else before
    unpatched = dict.fromkeys(targets, F) if removal is None else removal
    return judge(
        Baseline(outcomes=known, flaky=flaky, run=run(known)),
        trial if isinstance(trial, Run) else run(trial),
        unpatched if isinstance(unpatched, Run) else run(unpatched),
        target_tests=targets,
        reproduction=reproduction,
    )


def test_a_fix_is_proven() -> None:
    """Failing before, passing with the patch, failing without it, nothing else changed."""
    answer = judged(FIXED)

    assert answer.accepted
    assert answer.evidence is Evidence.PROVEN
    assert answer.fixed == BUG
    assert answer.reason == (
        "t.py::bug failed before, passes with the patch and fails without it; "
        "nothing else got worse"
    )


def test_a_broken_neighbour_rejects() -> None:
    """The reason counts and names what broke."""
    answer = judged({**FIXED, "t.py::a": F, "t.py::b": E})

    assert not answer.accepted
    assert answer.evidence is Evidence.NONE
    assert answer.broken == ("t.py::a", "t.py::b")
    assert answer.reason == "2 tests that passed before now fail: t.py::a, t.py::b"


def test_a_target_that_still_fails_rejects() -> None:
    """The most useful words for the next attempt."""
    answer = judged(BEFORE)

    assert not answer.accepted
    assert answer.reason == "the target test still does not pass: t.py::bug"


def test_a_run_that_the_target_ended_early_names_the_target_only() -> None:
    """Tests that had no time to run have not vanished."""
    early = run({"t.py::bug": F}, detail="stopped early", collected=tuple(BEFORE))

    answer = judged(early)

    assert answer.vanished == ()
    assert answer.reason == "the target test still does not pass: t.py::bug"


@pytest.mark.parametrize("outcome", [S, XF, None])
def test_a_target_that_is_skipped_or_gone_is_not_fixed(outcome: Outcome | None) -> None:
    """Passing is the only way to pass."""
    trial = {"t.py::a": P, "t.py::b": P} | ({} if outcome is None else {"t.py::bug": outcome})

    answer = judged(trial)

    assert not answer.accepted
    assert answer.fixed == ()


def test_a_vanished_test_rejects() -> None:
    """Deselecting is no way to keep a suite green."""
    answer = judged({"t.py::a": P, "t.py::bug": P})

    assert answer.vanished == ("t.py::b",)
    assert answer.reason == "1 test vanished: t.py::b"


def test_a_vanished_failing_test_rejects_too() -> None:
    """Also one that failed anyway: nobody may take it away."""
    before = {**BEFORE, "t.py::other": F}

    assert judged(FIXED, before=before).vanished == ("t.py::other",)
    assert not judged(FIXED, before=before).accepted


@pytest.mark.parametrize("outcome", [S, XF])
@pytest.mark.parametrize("before", [P, F])
def test_a_test_that_is_skipped_now_rejects(outcome: Outcome, before: Outcome) -> None:
    """Skipping or expecting a failure is not passing."""
    answer = judged({**FIXED, "t.py::b": outcome}, before={**BEFORE, "t.py::b": before})

    assert not answer.accepted
    assert answer.newly_skipped == ("t.py::b",)


def test_a_test_that_appears_rejects() -> None:
    """A patch brings no tests along; they would pass by construction."""
    answer = judged({**FIXED, "t.py::new": P})

    assert answer.appeared == ("t.py::new",)
    assert answer.reason == "1 test appeared with the patch: t.py::new"


def test_a_skipped_test_may_stay_skipped_or_pass() -> None:
    """What did not run before proves nothing, either way."""
    before = {**BEFORE, "t.py::s": S, "t.py::x": XF}

    assert judged({**FIXED, "t.py::s": S, "t.py::x": XF}, before=before).accepted
    assert judged({**FIXED, "t.py::s": P, "t.py::x": XP}, before=before).accepted


def test_an_expected_failure_that_now_fails_rejects() -> None:
    """A strict xfail that passes turns the suite red; a skipped test that fails does too."""
    before = {**BEFORE, "t.py::x": XF, "t.py::s": S}

    answer = judged({**FIXED, "t.py::x": F, "t.py::s": F}, before=before)

    assert answer.broken == ("t.py::x", "t.py::s")
    assert "that did not fail before now fail" in answer.reason


def test_other_failing_tests_may_stay_failing() -> None:
    """A red suite can still be mended bug by bug."""
    assert judged({**FIXED, "t.py::c": F}, before={**BEFORE, "t.py::c": F}).accepted


def test_one_of_several_targets_still_failing_rejects() -> None:
    """The note named both."""
    before = {**BEFORE, "t.py::bug2": F}

    answer = judged({**FIXED, "t.py::bug2": F}, before=before, targets=(*BUG, "t.py::bug2"))

    assert answer.reason == "the target test still does not pass: t.py::bug2"


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending is not Ending.FINISHED])
def test_a_trial_that_did_not_finish_rejects(ending: Ending) -> None:
    """Whatever its outcomes say so far."""
    answer = judged(run(FIXED, ending, detail="somewhere"))

    assert not answer.accepted
    assert answer.evidence is Evidence.NONE
    assert answer.reason.endswith("(somewhere)")


def test_a_target_that_passes_without_the_patch_rejects() -> None:
    """The removal check: something else made it pass."""
    answer = judged(FIXED, {"t.py::bug": P})

    assert not answer.accepted
    assert "passes without the patch too" in answer.reason


def test_a_missing_removal_check_rejects() -> None:
    """No check is not a passed check."""
    answer = judge(
        Baseline(outcomes=BEFORE, flaky=(), run=run(BEFORE)), run(FIXED), None, target_tests=BUG
    )

    assert not answer.accepted
    assert "removal check was not run" in answer.reason


@pytest.mark.parametrize("ending", [Ending.FORGED, Ending.NO_TESTS])
def test_a_removal_check_that_says_nothing_rejects(ending: Ending) -> None:
    """A forged or empty run is no failing test."""
    answer = judged(FIXED, run({}, ending))

    assert not answer.accepted
    assert "removal check cannot be judged" in answer.reason


def test_a_target_that_hangs_without_the_patch_counts_as_failing() -> None:
    """An endless loop is a failure that never gets to say so."""
    assert judged(FIXED, run({}, Ending.TIMED_OUT)).accepted


def test_a_target_that_passed_before_proves_nothing() -> None:
    """It has to have failed in the baseline, whatever the removal run says."""
    answer = judged(FIXED, {"t.py::a": F}, targets=("t.py::a",))

    assert not answer.accepted


def test_flaky_tests_are_never_counted() -> None:
    """Not when they fail, not when they vanish, not when they appear."""
    assert judged({**FIXED, "t.py::wobbly": F}, flaky=("t.py::wobbly",)).accepted
    assert judged(FIXED, flaky=("t.py::wobbly",)).accepted


def test_a_flaky_target_proves_nothing() -> None:
    """A coin that fell on the right side is no evidence."""
    answer = judged({"t.py::a": P, "t.py::b": P, "t.py::bug": P}, flaky=BUG, before={
        "t.py::a": P, "t.py::b": P,
    })  # fmt: skip

    assert answer.evidence is Evidence.REGRESSION_ONLY


def test_without_a_target_only_regressions_are_ruled_out() -> None:
    """Accepted as such; whether that is enough is the autonomy's business."""
    answer = judged({"t.py::a": P, "t.py::b": P, "t.py::bug": F}, targets=())

    assert answer.accepted
    assert answer.evidence is Evidence.REGRESSION_ONLY
    assert answer.fixed == ()


def test_without_any_passing_test_there_is_nothing_to_judge_by() -> None:
    """A suite that proves nothing lets nothing through."""
    answer = judged({"t.py::bug": F}, targets=(), before={"t.py::bug": F})

    assert not answer.accepted
    assert answer.evidence is Evidence.NONE


def test_a_written_test_gives_the_evidence_reproduced() -> None:
    """Its ids are new, and only they may be."""
    written = "tests/test_mendd_1.py"
    new = f"{written}::test_it"

    answer = judged({**BEFORE, new: P}, targets=(new,), reproduction=written)

    assert answer.accepted
    assert answer.evidence is Evidence.REPRODUCED
    assert answer.fixed == (new,)


def test_a_written_file_must_pass_as_a_whole() -> None:
    """Another test of the same file that fails is not excused."""
    written = "tests/test_mendd_1.py"
    trial = {**BEFORE, f"{written}::test_it": P, f"{written}::test_more": F}

    answer = judged(trial, targets=(f"{written}::test_it",), reproduction=written)

    assert answer.reason == f"the target test still does not pass: {written}::test_more"


def test_a_similar_file_name_is_not_the_written_test() -> None:
    """test_mendd_12.py is not test_mendd_1.py."""
    written = "tests/test_mendd_1.py"
    trial = {**BEFORE, f"{written}::t": P, "tests/test_mendd_1.py2::t": P}

    answer = judged(trial, targets=(f"{written}::t",), reproduction=written)

    assert answer.appeared == ("tests/test_mendd_1.py2::t",)


def test_a_file_that_can_be_collected_again_is_fixed() -> None:
    """A syntax error in the module: its test file is one failing id before, many after."""
    before = {"t.py::a": P, "u.py": E}
    trial = {"t.py::a": P, "u.py::x": P, "u.py::y": P}

    answer = judged(trial, {"u.py": E}, before=before, targets=("u.py",))

    assert answer.accepted
    assert answer.evidence is Evidence.PROVEN
    assert answer.fixed == ("u.py",)


def test_a_file_that_is_collected_and_fails_is_not_fixed() -> None:
    """Importable is not right."""
    before = {"t.py::a": P, "u.py": E}

    answer = judged({"t.py::a": P, "u.py::x": F}, {"u.py": E}, before=before, targets=("u.py",))

    assert not answer.accepted
    assert answer.reason == (
        "the target test still does not pass: u.py (it can be collected, but u.py::x fails)"
    )


HELD = {"u.py": {"u.py::x": False, "u.py::y": False, "u.py::s": True}}  # s is marked skipif


def reopened(trial: dict[str, Outcome], *, targets: tuple[str, ...] = ("u.py",)) -> Judgement:
    """The judgement where u.py could not be collected, and its text holds x, y and s."""
    before = {"t.py::a": P, "u.py": E} | ({} if "u.py" in targets else {"t.py::bug": F})
    unpatched = Run(**{**vars(run(before)), "promised": HELD})
    return judge(
        Baseline(outcomes=before, flaky=(), run=unpatched),
        run(trial), run(dict.fromkeys(targets, E)), target_tests=targets,
    )  # fmt: skip


def test_a_file_is_fixed_when_every_test_of_its_text_is_there_and_passes() -> None:
    """With all parameters; a test that the file itself marks may be skipped."""
    answer = reopened({"t.py::a": P, "u.py::x[1]": P, "u.py::x[2]": P, "u.py::y": P, "u.py::s": S})

    assert answer.accepted, answer.reason
    assert answer.fixed == ("u.py",)


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        ({"u.py::x": P, "u.py::s": P}, "u.py::y is not there"),
        ({"u.py::made_up": P}, "u.py::x is not there"),
        ({}, "u.py::x is not there"),
        ({"u.py::x": P, "u.py::y": S, "u.py::s": P}, "u.py::y is skipped"),
        ({"u.py::x": P, "u.py::y": XF, "u.py::s": P}, "u.py::y is xfailed"),
        ({"u.py::x": P, "u.py::y": P, "u.py::s": F}, "u.py::s fails"),
        ({"u.py": E}, "does not pass: u.py"),
    ],
)
def test_an_import_mended_at_the_cost_of_tests_is_no_repair(
    trial: dict[str, Outcome], words: str
) -> None:
    """Other ids, none at all, skipped ones: the file does not count as passing."""
    answer = reopened({"t.py::a": P, **trial})

    assert not answer.accepted
    assert words in answer.reason


def test_a_file_that_can_be_collected_again_may_hold_other_failures() -> None:
    """It counted as failing; what fails in it now is no regression of another bug's patch."""
    fixed = {"t.py::a": P, "t.py::bug": P}
    targets = ("t.py::bug",)

    assert reopened({**fixed, "u.py::x": F, "u.py::y": P, "u.py::s": S}, targets=targets).accepted
    lost = reopened({**fixed, "u.py::x": P}, targets=targets)
    assert lost.reason == "1 test vanished: u.py"


def test_a_target_that_fails_when_run_again_with_the_patch_is_flaky() -> None:
    """A coin that fell four times on the right side, and then on the other."""
    answer = judge(
        Baseline(outcomes=BEFORE, flaky=(), run=run(BEFORE)), run(FIXED), run({"t.py::bug": F}),
        target_tests=BUG, again=run({"t.py::bug": F}),
    )  # fmt: skip

    assert not answer.accepted
    assert answer.evidence is Evidence.NONE
    assert answer.flaky == BUG
    assert answer.reason.startswith(
        "flaky: t.py::bug passed with the patch, and not when run again"
    )


@pytest.mark.parametrize("ending", [e for e in Ending if e is not Ending.FINISHED])
def test_a_second_look_that_shows_nothing_proves_nothing(ending: Ending) -> None:
    """A run without an outcome for the target is no second pass."""
    answer = judge(
        Baseline(outcomes=BEFORE, flaky=(), run=run(BEFORE)), run(FIXED), run({"t.py::bug": F}),
        target_tests=BUG, again=run({}, ending),
    )  # fmt: skip

    assert not answer.accepted
    assert ending.value in answer.reason


def test_a_target_that_passes_unpatched_all_at_once_is_flaky_too() -> None:
    """It failed twice in the baseline and passes in the removal check."""
    assert judged(FIXED, {"t.py::bug": P}).flaky == BUG
    assert judged(FIXED).flaky == ()


def test_a_test_that_hangs_with_the_patch_is_named_so() -> None:
    """A regression an operator understands at once."""
    where = "timed out after 10 s of processor time, at m.py:4 in count"
    trial = Run(
        **{**vars(run({**FIXED, "t.py::a": F})), "messages": {"t.py::a": f"{where}\nThread …"}}
    )

    assert judged(trial).reason == (
        f"1 test that passed before now does not end: t.py::a ({where})"
    )


def test_a_file_that_cannot_be_collected_any_more_breaks() -> None:
    """Its tests vanish and an error appears; the reason names the file, not all its tests."""
    answer = judged({"t.py": E})

    assert not answer.accepted
    assert answer.broken == ("t.py",)
    assert answer.vanished == tuple(BEFORE)
    assert answer.reason == "with the patch this cannot be collected any more: t.py"


def test_a_command_is_judged_by_its_one_id() -> None:
    """Any test command: failing before, passing with the patch, failing without it."""
    assert judged({"command": P}, before={"command": F}, targets=("command",)).accepted
    assert not judged({"command": F}, before={"command": P}, targets=()).accepted


def test_long_lists_are_shortened() -> None:
    """A reason is read by a person."""
    before = {f"t.py::{n}": P for n in range(9)} | {"t.py::bug": F}
    trial = {f"t.py::{n}": F for n in range(9)} | {"t.py::bug": P}

    reason = judged(trial, before=before).reason

    assert reason.startswith("9 tests that passed before now fail: ")
    assert reason.endswith("and 4 more")


def test_no_combination_of_worse_outcomes_is_ever_accepted() -> None:
    """Every before against every now for one neighbour: only what is not worse passes."""
    fine = {
        (P, P), (F, P), (F, F), (F, E), (F, XP), (E, P), (E, E), (E, F), (E, XP), (S, S), (S, P),
        (S, XP), (S, XF), (XF, XF), (XF, P), (XF, XP), (XF, S), (XP, XP), (XP, P), (P, XP),
    }  # fmt: skip
    for was in Outcome:
        for now in Outcome:
            trial = {**FIXED, "t.py::n": now}
            answer = judged(trial, before={**BEFORE, "t.py::n": was})
            assert answer.accepted is ((was, now) in fine), (was, now)


IDS = st.sampled_from(["t.py::a", "t.py::b", "t.py::c", "u.py", "u.py::x", "w.py::new"])
OUTCOMES = st.dictionaries(IDS, st.sampled_from(list(Outcome)), max_size=6)


@settings(max_examples=1000, deadline=None)
@given(
    before=OUTCOMES,
    trial=OUTCOMES,
    removal=OUTCOMES,
    targets=st.lists(IDS, max_size=2, unique=True),
    ending=st.sampled_from([Ending.FINISHED, Ending.FINISHED, Ending.CRASHED]),
    written=st.sampled_from([None, "w.py"]),
)
def test_an_accepted_patch_never_made_anything_worse(
    before: dict[str, Outcome],
    trial: dict[str, Outcome],
    removal: dict[str, Outcome],
    targets: list[str],
    ending: Ending,
    written: str | None,
) -> None:
    """Whatever the three runs say, in any combination."""
    answer = judged(
        run(trial, ending), removal, before=before, targets=tuple(targets), reproduction=written
    )

    if not answer.accepted:
        assert answer.evidence is Evidence.NONE
        assert answer.reason
        return
    assert ending is Ending.FINISHED
    assert all(trial[test] in (P, XP) for test, was in before.items() if was is P)
    assert all(test in trial for test in before if "::" in test)
    assert not answer.broken + answer.vanished + answer.newly_skipped + answer.appeared
    if answer.evidence is Evidence.PROVEN:
        proving = [test for test in targets if before.get(test) not in (None, P, XP)]
        assert any(
            removal.get(test, removal.get(test.split("::")[0])) in (F, E, XF) for test in proving
        )
