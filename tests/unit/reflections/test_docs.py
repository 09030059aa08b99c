"""docs/reflections.md says what is so: its examples parse and its tables match the code."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reflections import fields
from reflections.note import Reflection, read_notes
from reflections.triage import DEFAULT, triage

PAGE = (Path(__file__).parents[3] / "docs" / "reflections.md").read_text("utf-8")
SUFFIX = {"json": ".json", "jsonl": ".jsonl", "markdown": ".md", "text": ".txt"}
EXAMPLES = [
    (kind, text)
    for kind, text in re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    if kind in SUFFIX
]


def read(kind: str, text: str) -> tuple[Reflection, ...]:
    """An example, read as a file of its kind."""
    received = datetime(2026, 11, 20, tzinfo=UTC)
    return read_notes("example" + SUFFIX[kind], text.encode(), received=received)


def test_there_is_an_example_of_every_kind() -> None:
    """All four kinds of files."""
    assert {kind for kind, _ in EXAMPLES} == set(SUFFIX)


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
def test_every_example_is_read_and_is_a_bug(kind: str, text: str) -> None:
    """Whoever copies one gets work done."""
    for note in read(kind, text):
        assert triage(note).kind == "bug", note


def test_the_fields_of_the_examples_arrive() -> None:
    """Front matter, headings and tracebacks end up where the page says."""
    notes = {kind: read(kind, text)[0] for kind, text in EXAMPLES}
    assert notes["markdown"].task_summary == "Check out a cart with a voucher"
    assert notes["markdown"].test == "tests/test_cart.py::test_voucher_counts_once"
    assert notes["markdown"].labels == ("cart", "discount")
    assert (notes["text"].traceback or "").endswith("could not convert string to float: ''")


def test_the_table_of_names_is_the_codes() -> None:
    """Every other name of a field stands in the table, and no more."""
    for field, names in fields.NAMES.items():
        row = f"| `{field}` | " if field != "error" else "| (added to the above) | "
        others = names[1:] if field != "error" else names
        (told,) = re.findall(re.escape(row) + r"([a-z_, ]+?)(?: \(.*\))? \|$", PAGE, re.MULTILINE)
        assert told == ", ".join(others)


@pytest.mark.parametrize("kind", ["bug", "performance", "behaviour"])
def test_the_table_of_keywords_is_the_codes(kind: str) -> None:
    """The families as they are built in."""
    assert f"| {kind} | {', '.join(getattr(DEFAULT, kind))} |" in PAGE
