"""The patch: what fits is applied byte for byte, what does not is refused with the real lines."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.patch import (
    Hunk,
    Patch,
    PatchError,
    PatchMismatch,
    anchored,
    patched,
    split_lines,
    unified_diff,
)


def hunk(first: int, last: int, original: str, replacement: str, filename: str = "a.py") -> Hunk:
    """A hunk of a.py."""
    return Hunk(
        filename=filename,
        first_line=first,
        last_line=last,
        original=original,
        replacement=replacement,
    )


def apply(data: bytes | None, *hunks: Hunk) -> bytes:
    """The file after the hunks."""
    patch = Patch(hunks=hunks, rationale="")
    return patched(patch, {hunks[0].filename: data}.get)[hunks[0].filename]


def test_a_line_is_replaced() -> None:
    """Only the named line changes."""
    assert apply(b"a\nb\nc\n", hunk(2, 2, "b\n", "B\n")) == b"a\nB\nc\n"


def test_a_missing_newline_at_the_end_of_code_is_forgiven() -> None:
    """Models send lines with or without their last newline."""
    assert apply(b"a\nb\nc\n", hunk(2, 2, "b", "B")) == b"a\nB\nc\n"


def test_lines_are_deleted() -> None:
    """An empty replacement removes the lines."""
    assert apply(b"a\nb\nc\n", hunk(1, 2, "a\nb\n", "")) == b"c\n"


@pytest.mark.parametrize(
    ("first", "expected"), [(1, b"x\na\nb\n"), (2, b"a\nx\nb\n"), (3, b"a\nb\nx\n")]
)
def test_lines_are_inserted(first: int, expected: bytes) -> None:
    """Before the first line, between two, and after the last."""
    assert apply(b"a\nb\n", hunk(first, first - 1, "", "x\n")) == expected


def test_crlf_files_keep_crlf() -> None:
    """New lines get the ends of their place."""
    assert apply(b"a\r\nb\r\n", hunk(2, 2, "b\n", "B\nC\n")) == b"a\r\nB\r\nC\r\n"


def test_crlf_sent_by_the_model_is_no_mismatch() -> None:
    """Both sides may carry carriage returns; the file decides."""
    assert apply(b"a\nb\n", hunk(2, 2, "b\r\n", "B\r\n")) == b"a\nB\n"


def test_mixed_line_ends_stay_mixed() -> None:
    """A line that is the same in the replacement keeps its own end."""
    before = b"a\nb\r\nc\n"
    assert apply(before, hunk(1, 3, "a\nb\nc\n", "a\nb\nx\nc\n")) == b"a\nb\r\nx\nc\n"


def test_a_lone_carriage_return_ends_no_line() -> None:
    """A file with old Mac line ends is one line."""
    assert apply(b"a\rb\rc", hunk(1, 1, "a\rb\rc", "a\rB\rc")) == b"a\rB\rc"


def test_a_form_feed_and_other_separators_end_no_line() -> None:
    """Line 3 is what git and the tokenizer call line 3."""
    before = "a\x0cb\nc\u2028d\x85\nz\n".encode()
    assert apply(before, hunk(3, 3, "z\n", "Z\n")) == before.replace(b"z", b"Z")


def test_a_byte_order_mark_is_kept_and_not_part_of_line_1() -> None:
    """The mark survives an edit of the first line."""
    assert apply(b"\xef\xbb\xbfa\nb\n", hunk(1, 1, "a\n", "A\n")) == b"\xef\xbb\xbfA\nb\n"


def test_tabs_stand_as_they_are() -> None:
    """Tabs are neither expanded nor equal to spaces."""
    assert apply(b"if x:\n\ta\n", hunk(2, 2, "\ta\n", "\tb\n")) == b"if x:\n\tb\n"
    with pytest.raises(PatchMismatch):
        apply(b"if x:\n\ta\n", hunk(2, 2, "    a\n", "\tb\n"))


@pytest.mark.parametrize("first", [1, 2])
def test_a_missing_final_newline_stays_missing(first: int) -> None:
    """Whether the last line or an earlier one is edited."""
    word = ["a", "b"][first - 1]
    assert apply(b"a\nb", hunk(first, first, word, "X\nY\n")) in (b"X\nY\nb", b"a\nX\nY")


def test_inserting_behind_a_last_line_without_newline() -> None:
    """The old last line gets an end, the new one has none."""
    assert apply(b"a\nb", hunk(3, 2, "", "c\n")) == b"a\nb\nc"


@pytest.mark.parametrize("data", [None, b""])
def test_a_new_or_empty_file_gets_exactly_the_replacement(data: bytes | None) -> None:
    """Nothing is added to it."""
    assert apply(data, hunk(1, 0, "", "x\r\ny")) == b"x\r\ny"


def test_a_file_that_does_not_exist_has_no_lines_to_replace() -> None:
    """Only the one hunk for new files is accepted."""
    with pytest.raises(PatchError, match="does not exist"):
        apply(None, hunk(1, 1, "a", "b"))


def test_a_coding_line_rules_the_bytes() -> None:
    """A cp1252 file stays a cp1252 file."""
    before = "# -*- coding: cp1252 -*-\nname = 'é €'\n".encode("cp1252")
    after = apply(before, hunk(2, 2, "name = 'é €'\n", "name = 'ü €'\n"))
    assert after == "# -*- coding: cp1252 -*-\nname = 'ü €'\n".encode("cp1252")


def test_a_character_the_encoding_cannot_hold_is_refused() -> None:
    """With the encoding and the character named."""
    before = b"# coding: latin-1\nx = 1\n"
    with pytest.raises(PatchError, match="iso8859-1, which cannot hold '€'"):
        apply(before, hunk(2, 2, "x = 1", "x = '€'"))


def test_latin_1_without_a_coding_line_survives() -> None:
    """Bytes that are no UTF-8 come back the same."""
    assert (
        apply(
            b"caf\xe9\nb\n",
            hunk(2, 2, "b", "B"),
        )
        == b"caf\xe9\nB\n"
    )


@pytest.mark.parametrize("cookie", ["rot13", "no-such-codec", "hex"])
def test_an_unknown_encoding_is_refused(cookie: str) -> None:
    """Instead of guessing."""
    with pytest.raises(PatchError, match="cannot be edited as text"):
        apply(f"# coding: {cookie}\nx\n".encode(), hunk(2, 2, "x", "y"))


@pytest.mark.parametrize(
    "others",
    [
        (hunk(1, 2, "a\nb", "x"), hunk(2, 3, "b\nc", "y")),
        (hunk(2, 1, "", "x"), hunk(2, 1, "", "y")),
        (hunk(1, 3, "a\nb\nc", "x"), hunk(2, 1, "", "y")),
        (hunk(2, 2, "b", "x"), hunk(2, 2, "b", "y")),
    ],
)
def test_overlapping_hunks_are_refused(others: tuple[Hunk, Hunk]) -> None:
    """Also two insertions at one place, whose order nobody said."""
    with pytest.raises(PatchError, match="overlap"):
        apply(b"a\nb\nc\n", *others)


def test_hunks_count_lines_of_the_unpatched_file() -> None:
    """Whatever order they come in, and when they touch."""
    hunks = (hunk(3, 3, "c", "C\nC"), hunk(1, 1, "a", ""), hunk(2, 1, "", "new"))
    assert apply(b"a\nb\nc\n", *hunks) == b"new\nb\nC\nC\n"


def test_a_mismatch_shows_the_real_lines() -> None:
    """What stands there, numbered, and where the code was found."""
    lines = "".join(f"line {n}\n" for n in range(1, 20)) + "line 2\n"
    with pytest.raises(PatchMismatch) as caught:
        apply(lines.encode(), hunk(9, 9, "line 2\n", "x\n"))
    assert caught.value.found_at == [2, 20]
    assert caught.value.actual.splitlines()[0] == "6: line 6"
    assert "9: line 9" in str(caught.value)


def test_a_range_beyond_the_file_is_a_mismatch() -> None:
    """Its end is shown."""
    with pytest.raises(PatchMismatch) as caught:
        apply(b"a\nb\n", hunk(7, 8, "x\ny", "z"))
    assert "2: b" in caught.value.actual


def test_a_hunk_is_moved_to_the_one_place_where_its_code_stands() -> None:
    """Off by some lines is a usual fault of models."""
    read = {"a.py": b"a\nb\nc\nd\n"}.get
    found = anchored(Patch(hunks=(hunk(1, 1, "c\nd\n", "X\n"),), rationale="r"), read)
    assert (found.hunks[0].first_line, found.hunks[0].last_line) == (3, 4)
    assert patched(found, read) == {"a.py": b"a\nb\nX\n"}


@pytest.mark.parametrize("original", ["a\n", "zz\n", "\n"])
def test_an_ambiguous_or_absent_or_blank_original_moves_nowhere(original: str) -> None:
    """Two places, none, or a blank line that means nothing."""
    read = {"a.py": b"a\nb\na\n\nc\n"}.get
    with pytest.raises(PatchMismatch):
        anchored(Patch(hunks=(hunk(2, 2, original, "X\n"),), rationale=""), read)


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../b", "", "a//b", "a\\b", "a\0b", "."])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    """Before anything is read."""
    with pytest.raises(PatchError, match="no plain path"):
        apply(b"", hunk(1, 0, "", "x", filename=name))


def test_lines_end_at_newlines_only() -> None:
    """And come back together as the same text."""
    assert split_lines("a\r\nb\x0cc\rd\n\ne") == ["a\r\n", "b\x0cc\rd\n", "\n", "e"]
    assert split_lines("") == []


LINE = st.text("ab \t\x0c\r'é", max_size=4).filter(lambda line: not line.endswith("\r"))
FILES = st.tuples(
    st.lists(st.tuples(LINE, st.sampled_from(["\n", "\r\n"])), max_size=12),
    st.booleans(),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
)


@st.composite
def edits(draw: st.DrawFn) -> tuple[list[str], list[tuple[int, int, list[str]]], bytes]:
    """A file's lines and edits that do not touch each other, in ascending order."""
    pairs, ended, mark = draw(FILES)
    lines = [body + end for body, end in pairs]
    if lines and not ended and pairs[-1][0]:
        lines[-1] = pairs[-1][0]
    made, at = [], 1
    while at <= len(lines) and draw(st.booleans()):
        first = draw(st.integers(at, len(lines)))
        last = draw(st.integers(first - 1, min(first + 2, len(lines))))
        made.append((first, last, draw(st.lists(LINE, max_size=3))))
        at = last + 2
    return lines, made, mark


def bare(line: str) -> str:
    """A line without its end."""
    return line.removesuffix("\n").removesuffix("\r") if line.endswith("\n") else line


@given(edits())
@settings(deadline=None)
def test_any_edits_give_the_expected_lines(
    drawn: tuple[list[str], list[tuple[int, int, list[str]]], bytes],
) -> None:
    """Bodies as edited, untouched lines byte for byte, mark and final newline as before."""
    lines, made, mark = drawn
    hunks, expected = [], [bare(line) for line in lines]
    for first, last, new in made:
        old = "".join(bare(line) + "\n" for line in lines[first - 1 : last])
        hunks.append(hunk(first, last, old, "".join(line + "\n" for line in new)))
    for first, last, new in reversed(made):
        expected[first - 1 : last] = new
    if not hunks:
        return
    data = mark + "".join(lines).encode()
    after = apply(data, *hunks)
    assert after.startswith(mark)
    found = split_lines(after[len(mark) :].decode())
    if expected and lines and not lines[-1].endswith("\n") and expected[-1] == "":
        expected = expected[:-1]  # a blank last line without an end is no line
    assert [bare(line) for line in found] == expected
    if found and lines[-1].endswith("\n"):
        assert found[-1].endswith("\n")


@given(before=st.binary(max_size=60) | st.none(), after=st.binary(max_size=60) | st.none())
@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_git_takes_every_diff(tmp_path: Path, before: bytes | None, after: bytes | None) -> None:
    """Applied by git, the diff gives exactly the bytes after."""
    assert_git_applies(tmp_path, "some file.py", before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a\nb", b"a\nc"), (b"a\nb", b"a\nb\n"), (b"a\nb\n", b"a\nb"), (b"", b"x"), (None, b""),
        (b"x", b""), (b"x\n", None), (None, b"a\r\n"), (b"\xef\xbb\xbfa\n", b"\xef\xbb\xbfb\n"),
        (b"caf\xe9\n", b"caf\xe8\n"), (b"--- a\n+++ b\n", b"--- c\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.py", "with space.py", 'quo"te.py', "é.py"])
def test_git_takes_the_awkward_diffs(
    tmp_path: Path, name: str, before: bytes | None, after: bytes | None
) -> None:
    """Missing final newlines, empty files, creation, deletion, odd names."""
    assert_git_applies(tmp_path, name, before, after)


def assert_git_applies(folder: Path, name: str, before: bytes | None, after: bytes | None) -> None:
    """Write the file, apply the diff with git, compare."""
    path = folder / name
    path.unlink(missing_ok=True)
    if before is not None:
        path.write_bytes(before)
    diff = unified_diff({name: before}, {name: after})
    if before == after:
        assert diff == ""
        return
    subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"],
        cwd=folder, input=diff.encode("utf-8", "surrogateescape"), check=True, timeout=30,
        env={"PATH": "/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": str(folder.parent)},
    )  # fmt: skip
    assert (path.read_bytes() if path.exists() else None) == after
