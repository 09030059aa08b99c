"""Reading notes: tolerant of how agents write, strict about what is no reflection."""

import codecs
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reflections.note import MAX_BYTES, Reflection, UnreadableNote, read_notes

RECEIVED = datetime(2026, 11, 20, 9, 3, 9, tzinfo=UTC)
DATA = Path(__file__).parents[2] / "data"
SHARED = Path(__file__).parents[4] / "shared" / "corpora"
JSON_FILES = sorted((DATA / "json").glob("*.json")) + sorted(
    (SHARED / "json-test-suite" / "test_parsing").glob("*.json")
)
NAUGHTY = [
    text
    for path in (DATA / "naughty.json", SHARED / "naughty-strings" / "blns.json")
    if path.exists()
    for text in json.loads(path.read_text("utf-8"))
]
SUFFIXES = (".json", ".jsonl", ".md", ".txt")
TRACEBACK = (
    "Traceback (most recent call last):\n"
    "  File \"shop/cart.py\", line 12, in total\n    return prices[name]\nKeyError: 'tea'"
)


def read(name: str, data: str | bytes) -> tuple[Reflection, ...]:
    """The notes of a file with this text."""
    return read_notes(name, data.encode() if isinstance(data, str) else data, received=RECEIVED)


def one(name: str, data: str | bytes) -> Reflection:
    """The only note of a file."""
    (note,) = read(name, data)
    return note


def refused(name: str, data: str | bytes) -> UnreadableNote:
    """How a file is refused."""
    with pytest.raises(UnreadableNote) as caught:
        read(name, data)
    return caught.value


def test_a_json_object_is_one_reflection() -> None:
    """All the fields of design.md are taken as they are."""
    note = one("a.json", json.dumps({
        "id": "r-1", "timestamp": "2026-11-19T08:00:00Z", "task_summary": "sum up",
        "outcome": "failed", "reflection": "wrong sum", "target": "shop", "test": "t.py::test_x",
        "traceback": TRACEBACK, "labels": ["cart", "night"],
    }))  # fmt: skip
    assert note == Reflection(
        id="r-1", timestamp=datetime(2026, 11, 19, 8, tzinfo=UTC), task_summary="sum up",
        outcome="failed", reflection="wrong sum", target="shop", test="t.py::test_x",
        traceback=TRACEBACK, labels=("cart", "night"), source="a.json",
    )  # fmt: skip


@pytest.mark.parametrize("text", [
    '[{"note": "a"}, {"note": "b"}]',
    '{"reflections": [{"note": "a"}, {"note": "b"}]}',
    '{"version": [1, {"x": "]"}], "reflections": [{"note": "a"}, {"note": "b"}], "by": "me"}',
])  # fmt: skip
def test_a_list_may_stand_alone_or_under_reflections(text: str) -> None:
    """Both forms of a reflections.json give their records in order."""
    assert [note.reflection for note in read("reflections.json", text)] == ["a", "b"]


def test_json_lines_may_have_empty_lines_between() -> None:
    """One object a line; empty lines and Windows line ends are passed over."""
    notes = read("a.jsonl", '{"note": "a"}\r\n\r\n{"note": "b"}\r\n')
    assert [note.reflection for note in notes] == ["a", "b"]


def test_other_names_for_the_fields_are_understood() -> None:
    """`task`, `result`, `error`, `note`, `stackTrace` and a time in seconds are common."""
    note = one("a.json", json.dumps({
        "Task": "import orders", "result": "failed", "error": "KeyError: 'tea'",
        "note": "the price list was old", "stackTrace": TRACEBACK, "tags": "a, b",
        "created_at": 1763542800,
    }))  # fmt: skip
    assert (note.task_summary, note.outcome) == ("import orders", "failed")
    assert note.reflection == "the price list was old\n\nerror: KeyError: 'tea'"
    assert (note.traceback, note.labels) == (TRACEBACK, ("a", "b"))
    assert note.timestamp == datetime(2025, 11, 19, 9, tzinfo=UTC)


def test_nothing_said_under_a_second_name_is_lost() -> None:
    """Two keys for one field: the better gives the field, the other is added to the text."""
    note = one("a.json", '{"task": "t", "summary": "s", "outcome": "failed", "status": "red"}')
    assert (note.task_summary, note.outcome, note.reflection) == ("t", "failed", "s\n\nred")


@pytest.mark.parametrize(("record", "outcome"), [
    ({"success": False}, "failed"), ({"success": True}, "success"), ({"failed": True}, "failed"),
    ({"passed": False}, "failed"), ({"error": "boom"}, "error: boom"),
    ({"error": {"type": "KeyError", "message": "tea"}}, "error: type: KeyError\nmessage: tea"),
    ({"errors": ["a", "b"]}, "errors: a\nb"), ({"error": None, "note": "x"}, ""),
    ({"error": False, "note": "x"}, ""), ({"result": {"code": 3}}, "code: 3"),
])  # fmt: skip
def test_outcomes_come_in_many_shapes(record: dict[str, object], outcome: str) -> None:
    """Truth values, objects and lists become words."""
    assert one("a.json", json.dumps(record)).outcome == outcome


@pytest.mark.parametrize("written", [
    "2026-11-19T08:00:00Z", "2026-11-19T08:00:00+00:00", "2026-11-19 08:00:00",
    "2026-11-19 10:00:00 +0200", "20261119T080000Z", "2026-11-19T08:00", "2026/11/19 08:00:00",
    "Thu, 19 Nov 2026 08:00:00 GMT", "2026-11-19 08:00:00 UTC", 1795075200, 1795075200000,
    1795075200.0, "1795075200", 1795075200000000, 1795075200000000000,
    "Thu Nov 19 08:00:00 2026",
])  # fmt: skip
def test_a_time_may_be_written_in_many_ways(written: object) -> None:
    """ISO forms, epochs in s, ms, us and ns, mail dates; without a zone it is UTC."""
    note = one("a.json", json.dumps({"note": "x", "timestamp": written}))
    assert note.timestamp == datetime(2026, 11, 19, 8, tzinfo=UTC)


@pytest.mark.parametrize("written", [None, "", "  "])
def test_a_missing_time_is_the_time_of_receipt(written: object) -> None:
    """Absent, null or empty: the note happened when it came."""
    assert one("a.json", json.dumps({"note": "x", "time": written})).timestamp == RECEIVED
    assert one("a.txt", "x").timestamp == RECEIVED


@pytest.mark.parametrize("written", ["yesterday", True, [1], 10**39, -5, "9999-99-99", 1e300])
def test_a_time_that_is_none_is_refused(written: object) -> None:
    """A wrong time is not quietly replaced."""
    assert "timestamp" in refused("a.json", json.dumps({"note": "x", "timestamp": written})).reason


def test_markdown_has_front_matter_and_headings() -> None:
    """Keys above, parts under headings, other headings stay in the text, fences are code."""
    note = one("a.md", "\n".join([
        "---", "id: abc-1", "timestamp: 2026-11-19T08:00:00Z", "labels: [cart, 'night']",
        "target: shop  # the web shop", "---", "# Import the orders", "It went wrong.", "",
        "## Outcome", "failed", "### Detail", "twice", "## Traceback", "```", TRACEBACK, "```",
        "## Background", "```python", "# Outcome", "```",
    ]))  # fmt: skip
    assert (note.id, note.target, note.labels) == ("abc-1", "shop", ("cart", "night"))
    assert note.timestamp == datetime(2026, 11, 19, 8, tzinfo=UTC)
    assert (note.task_summary, note.outcome) == ("Import the orders", "failed\n### Detail\ntwice")
    assert note.traceback == TRACEBACK
    assert note.reflection == "It went wrong.\n\n## Background\n```python\n# Outcome\n```"


def test_front_matter_knows_lists_and_blocks() -> None:
    """`- item` lines and `|` blocks are the rest of the subset."""
    note = one("a.md", "---\ntags:\n  - a\n  - b\nerror: |\n  line 1\n    line 2\n---\ntext")
    assert note.labels == ("a", "b")
    assert note.outcome == "error: line 1\n  line 2"


@pytest.mark.parametrize(("text", "where"), [
    ("---\nid: a\nnote: b", "line 1"), ("---\nid: a\nid: b\n---\nx", "line 3"),
    ("---\nid: a\n\n- x\n? y\n---\nx", "line 5"), ("---\nmap: {a: 1}\n---\nx", "line 2"),
    ("---\nkey:\n  sub: 1\n---\nx", "line 3"),
])  # fmt: skip
def test_front_matter_outside_the_subset_is_refused_with_its_line(text: str, where: str) -> None:
    """Guessing at YAML would put words into the note's mouth."""
    assert refused("a.md", text).where == where


def test_plain_text_is_the_reflection_and_its_traceback_is_found() -> None:
    """A .txt needs no form at all; the summary is its first line."""
    note = one("a.txt", f"The nightly run\n\n{TRACEBACK}\n\nSecond time this week.")
    assert note.task_summary == "The nightly run"
    assert note.traceback == TRACEBACK
    assert note.reflection.endswith("Second time this week.")


def test_one_bad_record_does_not_lose_the_good_ones() -> None:
    """The good ones come with the exception, and each bad one is named with its place."""
    text = ('[{"note": "a"}, {"note": 1, "note": 2}, 7, {"note": NaN},\n {"note": "\\ud800"}, '
            '{"task": "says nothing"}, {"note": "z"}]')  # fmt: skip
    fault = refused("a.json", text)
    assert [note.reflection for note in fault.readable] == ["a", "z"]
    lines = str(fault).splitlines()
    assert lines[0] == "2 reflections were read, 5 records were not"
    assert lines[1] == "record 2 (line 1 column 17): the key 'note' stands twice in one object"
    assert [line.split(":")[0] for line in lines[2:]] == [
        "record 3 (line 1 column 41)", "record 4 (line 1 column 44)",
        "record 5 (line 2 column 2)", "record 6 (line 2 column 22)",
    ]  # fmt: skip


def test_a_list_that_breaks_off_gives_what_stands_before_the_break() -> None:
    """A half-written reflections.json is not lost as a whole."""
    fault = refused("a.json", '[{"note": "a"}, {"note": "b')
    assert [note.reflection for note in fault.readable] == ["a"]
    assert "record 2 (line 1 column 26)" in str(fault)


def test_a_bad_line_of_json_lines_is_named() -> None:
    """Line and column are those of the file, not of the line alone."""
    fault = refused("a.jsonl", '{"note": "a"}\n\n{"note": }\n{"note": "c"}')
    assert [note.reflection for note in fault.readable] == ["a", "c"]
    assert "record 2 (line 3 column 10): not JSON" in str(fault)


@pytest.mark.parametrize(("name", "data", "reason"), [
    ("a.png", b"x", "the name must end in"), ("noname", b"x", "the name must end in"),
    ("a.txt", b"", "empty"), ("a.txt", b" \n", "empty"), ("a.json", b"", "empty"),
    ("a.txt", b"a\0b", "binary"), ("a.txt", b"\x89PNG\r\n\x1a\n\0", "not UTF-8"),
    ("a.txt", "caf\u00e9".encode("latin-1"), "not UTF-8"),
    ("a.txt", b"\xff\xfea", "not UTF-16"), ("a.txt", "x".encode("utf-32"), "UTF-32"),
    ("a.txt", b"... --- ...", "does not say what happened"),
    ("a.json", b"[]", "no reflections"), ("a.json", b"7", "a bare value"),
    ("a.json", b'["it failed"]', "a bare value"), ("a.json", b"{}", "does not say"),
    ("a.json", b'{"a": 1} {"a": 2}', ".jsonl"), ("a.json", b"[" * 100_000, "nested"),
    ("a.json", b'{"note": ' + b"[" * 30 + b"]" * 30 + b"}", "nested more than 20"),
    ("a.json", b'{"note": 1e999}', "too large"),
    ("a.json", b'{"note": ' + b"9" * 5000 + b"}", "5000 digits"),
    ("a.json", b'{"note": "a", "task": "' + b"x" * 10_001 + b'"}', "task_summary is longer"),
    ("a.txt", b"x" * 100_001, "reflection is longer than 100000 characters"),
    ("a.json", b"[" + b"{}," * 400_000 + b"{}]", "values"),
    ("a.txt", b"x" * (MAX_BYTES + 1), "larger than 16 MiB"),
])  # fmt: skip
def test_what_is_no_reflection_is_refused_with_a_reason(
    name: str, data: bytes, reason: str
) -> None:
    """Each refusal says what is wrong."""
    assert reason in refused(name, data).reason


def test_utf16_with_its_mark_is_accepted() -> None:
    """Some shells write it; without the mark it would be guessing."""
    assert one("a.txt", codecs.BOM_UTF16_LE + "fällt".encode("utf-16-le")).reflection == "fällt"
    assert one("a.json", '\ufeff{"note": "x"}').reflection == "x"


def test_secrets_never_reach_a_reflection() -> None:
    """Every text field is redacted before anybody sees the note."""
    key = "sk-ant-api03-" + "a1B2" * 8
    note = one("a.json", json.dumps({
        "task": key, "outcome": key, "note": key, "traceback": key, "test": key, "target": key,
        "tags": [key], "id": key,
    }))  # fmt: skip
    assert "a1B2" not in json.dumps(note.to_json())
    assert note.reflection == "[redacted:anthropic-key]"


def test_terminal_codes_and_control_signs_are_taken_out() -> None:
    """A note is shown on terminals; it may not steer them."""
    note = one("a.txt", "\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x07 \x9b1m end")
    assert note.reflection == "red bell\ufffd \ufffd1m end"


@pytest.mark.parametrize(
    "given_id", ["../up", "a/b", "a b", ".hidden", "x.lock", "a..b", "-rf", "ü"]
)
def test_an_id_that_could_not_be_a_file_name_is_replaced(given_id: str) -> None:
    """Ids name files and branches; a stranger's path does not."""
    note = one("a.json", json.dumps({"id": given_id, "note": "x"}))
    assert note.id.startswith("20261120T090309Z-")


def test_the_same_file_gives_the_same_ids() -> None:
    """A file read again after a crash is recognised; another time or name is another note."""
    first = one("a.txt", "it failed")
    assert one("a.txt", "it failed").id == first.id
    assert one("b.txt", "it failed").id != first.id
    later = read_notes("a.txt", b"it failed", received=RECEIVED + timedelta(seconds=1))
    assert later[0].id != first.id
    assert later[0].digest == first.digest


def test_names_with_odd_bytes_are_printable_in_the_note() -> None:
    """The source is stored and shown; newlines and raw bytes are written out."""
    assert one("a\nb\udcff.txt", "x").source == "a\\x0ab\\udcff.txt"


def test_a_reflection_survives_its_json() -> None:
    """What is stored comes back equal."""
    note = one("a.json", json.dumps({"note": "x", "error": TRACEBACK, "tags": ["t"]}))
    assert Reflection.from_json(json.loads(json.dumps(note.to_json()))) == note


@pytest.mark.parametrize("path", JSON_FILES, ids=lambda path: path.name)
def test_the_json_corpus_is_parsed_as_it_demands(path: Path) -> None:
    """y_ files are JSON, n_ files are not, i_ files may be either; nothing else is ever raised."""
    try:
        notes = read(path.name, path.read_bytes())
    except UnreadableNote as error:
        notes, text = error.readable, str(error)
    else:
        text = ""
    if path.name.startswith("n_"):
        assert not notes
    if path.name.startswith("y_"):
        assert "not JSON" not in text
        assert "more text after" not in text


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_naughty_strings_are_read_or_refused(suffix: str) -> None:
    """Each string, alone and as a value, gives clean notes or a reason."""
    for text in NAUGHTY:
        for data in (text, json.dumps({"note": text}), f"---\nnote: {text}\n---\n# {text}\n{text}"):
            _check_contract("x" + suffix, data.encode("utf-8", "surrogatepass"))


@given(name=st.sampled_from(SUFFIXES), data=st.binary(max_size=400))
def test_any_bytes_give_notes_or_a_reason(name: str, data: bytes) -> None:
    """Nothing but a tuple or UnreadableNote, for any bytes whatever."""
    _check_contract("x" + name, data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip
KEYS = st.sampled_from(["id", "note", "task", "outcome", "success", "error", "timestamp", "tags",
                        "traceback", "target", "test", "Summary", "x"])  # fmt: skip


@settings(max_examples=300)
@given(
    records=st.lists(st.dictionaries(KEYS, JSON, max_size=6) | JSON, max_size=4),
    wrapped=st.booleans(),
    cut=st.integers(0, 40),
)
def test_any_json_gives_notes_or_a_reason(records: list[object], wrapped: bool, cut: int) -> None:
    """Well-formed records, odd values in known keys, and files that break off."""
    text = json.dumps({"reflections": records} if wrapped else records)
    _check_contract("x.json", text[: len(text) - cut].encode())
    _check_contract("x.jsonl", "\n".join(map(json.dumps, records)).encode())


@given(text=st.text(alphabet=st.sampled_from("-#:|[]{}'\" \n`>.\u00e9abc"), max_size=200))
def test_any_markdown_gives_notes_or_a_reason(text: str) -> None:
    """Front matter and headings in every mixture."""
    _check_contract("x.md", ("---\n" + text).encode())
    _check_contract("x.md", text.encode())


def test_many_kinds_of_zone_come_out_as_utc() -> None:
    """Whatever the zone of the note, the stored time is UTC."""
    zone = timezone(timedelta(hours=-11, minutes=-30))
    written = datetime(2026, 1, 1, tzinfo=zone).isoformat()
    note = one("a.json", json.dumps({"note": "x", "timestamp": written}))
    assert note.timestamp.tzinfo is UTC


def _check_contract(name: str, data: bytes) -> None:
    try:
        notes = read_notes(name, data, received=RECEIVED)
        assert notes
    except UnreadableNote as error:
        assert error.reason
        assert len(str(error)) < 50_000
        notes = error.readable
    for note in notes:
        stored = json.dumps(note.to_json())
        assert Reflection.from_json(json.loads(stored)) == note
        stored.encode("ascii")
        assert note.id
        assert note.text
        assert len(note.text) < 400_000


def test_no_field_of_a_note_keeps_a_secret_not_even_its_file_name() -> None:
    """Everything of it is stored: also what the file was called, and an id that is none."""
    key = "ghp" + "_a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H8"
    data = {"id": f"{key}", "outcome": key, "note": key, "target": key, "test": key, "tags": [key]}

    (note,) = read_notes(f"{key}.json", json.dumps(data).encode(), received=RECEIVED)

    assert key not in repr(note)
    assert note.source == "[redacted:github-token].json"
