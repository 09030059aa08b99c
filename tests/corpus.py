"""The corpora in tests/data: patches that cheat, and honest fixes, each a small TOML file.

A cheat names its base (tests/data/bases) and who must catch it: a gate (`shape`, `scope`,
`policy`) or, because only running it shows, the `trial`. An honest fix carries its own files.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from sandbox.patch import Hunk, Patch

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One patch with everything needed to judge it."""

    name: str
    what: str
    files: dict[str, str]
    failing: str  # the pytest id the patch is to make pass
    patch: Patch
    caught_by: str = ""  # of a cheat
    says: str = ""  # part of the reason it is refused with

    @property
    def failing_file(self) -> str:
        """The text of the test file the failing test stands in."""
        return self.files[self.failing.split("::")[0]]

    def read(self, filename: str) -> bytes | None:
        """The unpatched files, as a gate reads them."""
        text = self.files.get(filename)
        return None if text is None else text.encode()

    def write(self, root: Path) -> None:
        """Put the unpatched files on disk."""
        for name, text in self.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")


def cheats() -> list[Case]:
    """Every cheating patch."""
    return [_case(path, _base(path)) for path in sorted((DATA / "cheats").glob("*.toml"))]


def honest() -> list[Case]:
    """Every honest fix."""
    return [_case(path, _read(path)) for path in sorted((DATA / "honest").glob("*.toml"))]


def _read(path: Path) -> dict[str, object]:
    return tomllib.loads(path.read_text("utf-8"))


def _base(path: Path) -> dict[str, object]:
    return _read(DATA / "bases" / f"{_read(path)['base']}.toml")


def _case(path: Path, base: dict[str, object]) -> Case:
    data = _read(path)
    files = dict(base["files"])
    hunks = tuple(hunk(files, edit["file"], edit["old"], edit["new"]) for edit in data["edit"])
    return Case(
        name=path.stem,
        what=data["what"],
        files=files,
        failing=base["failing"],
        patch=Patch(hunks=hunks, rationale=data["what"]),
        caught_by=data.get("caught_by", ""),
        says=data.get("says", ""),
    )


def hunk(files: dict[str, str], name: str, old: str, new: str) -> Hunk:
    """Replacing `old` by `new` as a hunk of whole lines; an empty `old` makes a new file."""
    if not old:
        return Hunk(filename=name, first_line=1, last_line=0, original="", replacement=new)
    text = files[name]
    assert text.count(old) == 1, f"{name} holds {old!r} {text.count(old)} times"
    start = text.index(old)
    first = text.rfind("\n", 0, start) + 1
    end = text.find("\n", start + len(old) - 1)
    last = len(text) if end < 0 else end + 1
    original = text[first:last]
    return Hunk(
        filename=name,
        first_line=text.count("\n", 0, first) + 1,
        last_line=text.count("\n", 0, first) + original.count("\n"),
        original=original,
        replacement=text[first:start] + new + text[start + len(old) : last],
    )
