"""One more reflection with a million archived against one with none: time and memory, one run.

    python benchmarks/archive.py [--archived 1000000] [--rounds 30]

Each case runs in processes of its own, turn by turn, on the same disk: open the store, add a note,
finish it, look it up. Time covers opening to closing; memory is the process's peak.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Fill one archive, measure both in turns, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archived", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--one", nargs=2, metavar=("FOLDER", "ID"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        one_more(Path(args.one[0]), args.one[1])
        return
    with tempfile.TemporaryDirectory(prefix="mendd-archive-") as folder:
        compare(Path(folder), args.archived, args.rounds)


def compare(folder: Path, archived: int, rounds: int) -> None:
    """Run the two cases alternately and print a table."""
    empty, full = folder / "empty", folder / "full"
    filled_s = fill(full, archived)
    size = sum(path.stat().st_size for path in (full / "archive").glob("*.jsonl"))
    indexed_s = float(measured(full, "first")["seconds"])
    measured(empty, "first")
    os.sync()  # what the filling left to be written would slow both cases, unevenly
    results: dict[Path, list[dict[str, float]]] = {empty: [], full: []}
    for number in range(rounds):
        for case in (empty, full) if number % 2 else (full, empty):
            results[case].append(measured(case, f"more-{number}"))
    index = (full / "archive" / "index" / "index.sqlite3").stat().st_size
    print(
        f"{archived:,} archived ({size / 2**20:.0f} MiB, written in {filled_s:.0f} s); "
        f"index made in {indexed_s:.0f} s, {index / 2**20:.0f} MiB; {rounds} rounds each"
    )
    print(f"{'':22}{'none':>10}{'many':>10}{'ratio':>8}")
    row(
        "open to close, ms",
        [[each["seconds"] * 1000 for each in results[c]] for c in (empty, full)],
    )
    row("add + finish, ms", [[each["work"] * 1000 for each in results[c]] for c in (empty, full)])
    row("peak memory, MiB", [[each["mib"] for each in results[c]] for c in (empty, full)])


def row(name: str, cases: list[list[float]]) -> None:
    """One line of the table: the medians and their ratio."""
    none, many = (statistics.median(values) for values in cases)
    print(f"{name:22}{none:10.2f}{many:10.2f}{many / none:8.2f}")


def measured(folder: Path, id_: str) -> dict[str, float]:
    """One more reflection in a fresh process; what it took."""
    command = [sys.executable, __file__, "--one", str(folder), id_]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, check=True, env=environment)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def one_more(folder: Path, id_: str) -> None:
    """Open the store, add, finish, look up; print seconds and peak memory as JSON."""
    from reflections.store import Store

    note = reflection(id_)
    began = time.perf_counter()
    store = Store(folder)
    store.find_archived("nobody")
    opened = time.perf_counter()
    added = store.add(note, kind="bug", signature=note.digest[::-1], now=NOW)
    store.finish(added.work, verdict="rejected", reason="benchmark", now=NOW)
    assert store.find_archived(added.work.id) is not None
    worked = time.perf_counter()
    store.close()
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": ended - began, "work": worked - opened, "mib": peak}))


def reflection(id_: str):  # type: ignore[no-untyped-def]
    """A note of ordinary length."""
    from reflections.reflection import Reflection

    return Reflection(
        id=id_, timestamp=NOW, task_summary="split the bill", outcome="failed",
        reflection=f"The parts do not add up to the whole in case {id_}; rounding is wrong.",
        source=f"{id_}.json",
    )  # fmt: skip


def fill(folder: Path, archived: int) -> float:
    """Write the lines of an archive of ten years, as the store would have."""
    from reflections.work import Work

    began = time.perf_counter()
    (folder / "archive").mkdir(parents=True)
    note = reflection("ID-HERE")
    work = Work(id=note.id, reflection=note, kind="bug", signature="SIGNATURE", opened=NOW)
    line = json.dumps({"id": note.id, "digest": "DIGEST", "signature": "SIGNATURE",
                       "verdict": "rejected", "reason": "", "finished": NOW.isoformat(),
                       "work": work.to_json(), "extra": {}}) + "\n"  # fmt: skip
    months = [f"{year}-{month:02}" for year in range(2016, 2026) for month in range(1, 13)]
    for at, month in enumerate(months):
        with (folder / "archive" / f"{month}.jsonl").open("w") as file:
            for number in range(at, archived, len(months)):
                mark = sha256(str(number).encode()).hexdigest()
                file.write(line.replace("ID-HERE", f"r{number}").replace("DIGEST", mark)
                           .replace("SIGNATURE", mark[::-1]))  # fmt: skip
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
