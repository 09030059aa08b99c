"""Patches that undo each other, or come again and again, wait for a person."""

from datetime import datetime, timedelta
from pathlib import Path

from daemon.road.history import History, PastEdit, oscillation
from sandbox.patch import Hunk, Patch

LESS = "    return a < b\n"
MORE = "    return a <= b\n"


def hunk(original: str, replacement: str) -> Hunk:
    return Hunk(
        filename="a.py", first_line=2, last_line=2, original=original, replacement=replacement
    )


def edit(name: str, time: datetime, original: str, replacement: str, region: str = "f") -> PastEdit:
    return PastEdit(
        patch_id=name,
        time=time.isoformat(),
        region=region,
        original=original,
        replacement=replacement,
    )


def asked(change: Hunk, past: list[PastEdit], most: int = 3) -> str | None:
    patch = Patch(hunks=(change,), rationale="")
    return oscillation(patch, {change: "f"}, {"a.py": past}, most=most)


def test_a_first_patch_is_free() -> None:
    """Nothing behind it, nothing against it."""
    assert asked(hunk(LESS, MORE), []) is None


def test_undoing_an_earlier_patch_is_oscillation(now: datetime) -> None:
    """Going back to what a patch replaced is a matter for a person, however long ago."""
    past = [edit("p1", now - timedelta(days=300), LESS, MORE)]

    assert asked(hunk(MORE, LESS), past) == "it would undo patch p1 in a.py"


def test_a_patch_that_was_taken_back_does_not_come_again(now: datetime) -> None:
    """What made the service unhealthy once is not tried a second time by itself."""
    past = [edit("p1", now - timedelta(days=2), LESS, MORE)]

    assert asked(hunk(LESS, MORE), past) == "it is the same as patch p1 in a.py"


def test_the_nth_edit_of_one_region_is_frozen(now: datetime) -> None:
    """Three patches of one function did not make it right; a fourth will not either."""
    past = [edit(f"p{n}", now - timedelta(days=9), f"x{n}", f"y{n}") for n in range(3)]

    assert asked(hunk(LESS, MORE), past) == "f in a.py was already patched 3 times"
    assert asked(hunk(LESS, MORE), past, most=4) is None


def test_history_remembers_per_file_and_survives_a_torn_line(tmp_path: Path, now: datetime) -> None:
    """Edits come back in order; half a line at the end hides nothing else."""
    history = History(tmp_path)
    first, second = edit("p1", now, "a", "b"), edit("p2", now, "b", "c")
    history.remember("app", "a.py", [first])
    history.remember("app", "a.py", [second])
    with next(tmp_path.rglob("*.jsonl")).open("a") as file:
        file.write('{"patch_id": "p3", "ti')

    assert history.edits("app", "a.py") == [first, second]
    assert history.edits("app", "b.py") == []


def test_a_torn_last_line_takes_no_later_edit_with_it(tmp_path: Path, now: datetime) -> None:
    """A power cut in the middle of a line; what is remembered after it stands on its own."""
    history = History(tmp_path)
    history.remember("shop", "a.py", [edit("p1", now, LESS, MORE)])
    (file,) = tmp_path.rglob("*.jsonl")
    file.write_bytes(file.read_bytes() + b'{"patch_id": "p2", "ti')

    history.remember("shop", "a.py", [edit("p3", now, MORE, "x\n")])

    assert [each.patch_id for each in history.edits("shop", "a.py")] == ["p1", "p3"]
