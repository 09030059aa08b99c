"""A commit's message says what a model said, and gives no orders."""

import pytest

from daemon.road.message import LONGEST_BODY, harmless


@pytest.mark.parametrize(
    "order",
    ["[skip ci]", "[ci skip]", "[no ci]", "[SKIP-CI]", "[skip actions]", "[actions skip]",
     "***NO_CI***", "skip-checks: true"],
)  # fmt: skip
def test_no_note_keeps_a_commit_from_being_tested(order: str) -> None:
    """Story: an injected order wanted "[skip ci]" in the rationale, and it stood in the commit."""
    said = harmless(f"Why it is so.\n{order}\nDone.")

    assert order not in said
    assert said.startswith("Why it is so.\n(")
    assert said.endswith("Done.")


def test_words_are_kept_secrets_and_codes_are_not() -> None:
    """A history is for ever."""
    assert harmless("list[int] [sic] skip ci") == "list[int] [sic] skip ci"
    assert harmless("\x1b[31mred\x1b[0m password=hunter22") == "red password=[redacted:password]"
    assert len(harmless("x" * 100_000)) == LONGEST_BODY
