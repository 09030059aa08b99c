"""A bug report's summary tells a person what went wrong."""

from datetime import UTC, datetime

import pytest

from daemon.engines.search.report import summary
from reflections.reflection import Reflection


@pytest.mark.parametrize(
    ("outcome", "told", "shown"),
    [
        ("total([5]) returned 0", "whatever", "total([5]) returned 0"),
        ("error", "total gave 0. I looked at it.", "error: total gave 0."),
        (
            "wrong result",
            "It loses v1.2 entries. Then\nmore.",
            "wrong result: It loses v1.2 entries.",
        ),
        ("", "It fails.", "It fails."),
        ("failure", "", "failure: Add up"),
    ],
)
def test_a_bare_outcome_is_joined_by_the_first_sentence(
    outcome: str, told: str, shown: str
) -> None:
    """One line, at most 300 characters, never only `error`."""
    note = Reflection(
        id="a",
        timestamp=datetime(2026, 11, 20, tzinfo=UTC),
        task_summary="Add up",
        outcome=outcome,
        reflection=told,
    )

    assert summary(note) == shown
