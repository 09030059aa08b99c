"""Kept edits lie over the snapshot; all of them together are one patch."""

import pytest

from daemon.experiment.overlay import as_one_patch, laid_over
from sandbox.patch import Hunk, Patch, PatchError, patched


class Files:
    """A source of a few files."""

    def __init__(self, **files: bytes) -> None:
        self.kept = {f"{name}.py": data for name, data in files.items()}
        self.files = tuple(self.kept)

    def read(self, filename: str) -> bytes | None:
        return self.kept.get(filename)

    def text(self, filename: str) -> str | None:
        data = self.read(filename)
        return None if data is None else data.decode()

    def may_edit(self, filename: str) -> bool:
        return filename in self.kept


def line(number: int, old: str, new: str, name: str = "a.py") -> Patch:
    hunk = Hunk(filename=name, first_line=number, last_line=number, original=old, replacement=new)
    return Patch(hunks=(hunk,), rationale="")


SOURCE = Files(a=b"one\r\ntwo\r\nthree\r\n")


def test_each_patch_stands_upon_the_ones_before() -> None:
    """Line ends stay as they are; nothing below changes."""
    overlay = laid_over(SOURCE, [line(1, "one\n", "0\n1\n"), line(3, "two\n", "2\n")])

    assert overlay.read("a.py") == b"0\r\n1\r\n2\r\nthree\r\n"
    assert SOURCE.read("a.py") == b"one\r\ntwo\r\nthree\r\n"


def test_new_files_are_seen_and_may_be_edited_again() -> None:
    """A kept edit may have made one."""
    new = Hunk(filename="b.py", first_line=1, last_line=0, original="", replacement="x = 1\n")
    overlay = laid_over(SOURCE, [Patch(hunks=(new,), rationale="")])

    assert overlay.files == ("a.py", "b.py")
    assert overlay.text("b.py") == "x = 1\n"
    assert overlay.may_edit("b.py")


def test_what_does_not_fit_any_more_is_an_error() -> None:
    """The module changed where an edit was kept."""
    with pytest.raises(PatchError):
        laid_over(SOURCE, [line(1, "gone\n", "x\n")])


@pytest.mark.parametrize(
    "after",
    [
        {"a.py": b"0\r\ntwo\r\n3\r\n4\r\n"},
        {"a.py": b"two\r\nthree\r\n"},
        {"a.py": b"one\r\ntwo\r\nthree\r\n", "c.py": b"new = 1\n"},
        {"a.py": "one\r\n# ä\r\nthree\r\n".encode()},
    ],
)
def test_one_patch_leads_to_the_same_bytes(after: dict[str, bytes]) -> None:
    """Whatever the edits were, their sum is exact."""
    made = patched(as_one_patch(SOURCE, after, "all"), SOURCE.read)

    assert {**{n: SOURCE.read(n) for n in after}, **made} == after
