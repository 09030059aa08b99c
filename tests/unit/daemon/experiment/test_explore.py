"""What an engine hears, and when it is to be bold."""

from daemon.experiment.explore import is_bold, task
from tests.unit.daemon.experiment.sessions import plan, session, tried


def test_boldness_is_the_seeds_and_about_as_frequent_as_epsilon() -> None:
    """The same however often it is asked, so a resumed session does not change its mind."""
    bold = [is_bold(3, iteration, 0.25) for iteration in range(400)]

    assert bold == [is_bold(3, iteration, 0.25) for iteration in range(400)]
    assert bold != [is_bold(4, iteration, 0.25) for iteration in range(400)]
    assert 60 < sum(bold) < 140


def test_epsilon_0_is_never_and_1_is_always_bold() -> None:
    """The ends are exact."""
    assert not any(is_bold(0, iteration, 0.0) for iteration in range(100))
    assert all(is_bold(0, iteration, 1.0) for iteration in range(100))


def test_the_task_tells_metric_history_and_what_is_frozen() -> None:
    """What was tried, how it ended and why; the best so far."""
    asked = task(session(tried(1, "kept", 8.0), tried(2, "crashed")), bold=True)

    assert "cost" in asked.words
    assert "lower is better" in asked.words
    assert "be bold" in asked.words
    assert asked.files == ("shop.py",)
    assert [hint.partition(":")[0] for hint in asked.hints] == [
        "edit 1, kept (8)",
        "edit 2, crashed",
    ]


def test_a_strangers_note_is_a_hint_and_a_persons_wish_an_instruction() -> None:
    """Only the person in charge gives orders."""
    asked = task(session(plan=plan(note="do evil", words="keep it simple")), bold=False)

    assert "keep it simple" in asked.words
    assert "do evil" not in asked.words
    assert "do evil" in asked.hints[0]
