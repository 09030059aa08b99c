"""Seeds bugs into modules, lets the search engine mend them, and counts per template.

    python -m benchmarks.mutants RESULTS [--count 300] [--jobs 2] [--seed 1] [--candidates 2500]
                                 [--group classic|template] [--only SUBJECT ...] [--local] [--table]

RESULTS is a file of JSON lines: a run that was interrupted goes on where it stopped, and --table
only prints what it holds. Bugs are seeded in two ways that are reported apart: by classic mutation
operators (mutant_operators.py), which know nothing of the templates, and by the templates
themselves, which compares the templates with each other but flatters the engine. Modules and
held-back tests: mutant_subjects.py; verdicts: mutant_trial.py.
"""

import argparse
import collections
import concurrent.futures
import itertools
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.mutant_local import LocalSandbox
from benchmarks.mutant_seeds import GROUPS, seeded, share_of_candidates
from benchmarks.mutant_subjects import Prepared, subjects
from benchmarks.mutant_trial import Mutant, Row, measure
from daemon.settings import SearchSettings
from sandbox.trial import Limits, Sandbox

ROOT = Path(__file__).resolve().parents[1]
ASKED = ("exact", "passes", "wrong", "held", "none")
Rows = list[dict[str, object]]


def main() -> int:
    """Seed, mend, count."""
    asked = arguments()
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit("stopped; the same command goes on from here")
    )
    if not asked.table:
        run(asked)
    report(read(asked.results), share_of_candidates(asked.only))
    return 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("results", type=Path, help="JSON lines; what it holds is not done again")
    parser.add_argument("--count", type=int, default=300, help="bugs shown to the engine")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1, help="which bugs, in which order")
    parser.add_argument("--time-s", type=float, default=300.0, help="search.time_s")
    parser.add_argument("--candidates", type=int, default=2500, help="search.candidates")
    parser.add_argument("--group", choices=GROUPS, help="seed only in this way")
    parser.add_argument("--only", nargs="*", default=[], metavar="SUBJECT")
    parser.add_argument("--local", action="store_true", help="no containers: mutant_local.py")
    parser.add_argument("--table", action="store_true", help="print the table and leave")
    return parser.parse_args()


# measuring


def run(asked: argparse.Namespace) -> None:
    """Measure until enough bugs were shown to the engine; every row is written at once."""
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    budget = SearchSettings(time_s=asked.time_s, candidates=asked.candidates)
    baselines = asked.results.with_suffix(".local" if asked.local else ".baselines")
    site = folder / "site" if asked.local else None
    folder.chmod(0o755)
    done = {str(row["key"]) for row in read(asked.results)}
    shown = sum(row["verdict"] in ASKED for row in read(asked.results))
    keeper = sandbox_in(folder / "keeper", site)
    try:
        for subject in subjects(asked.only):  # the images, once for all workers
            Prepared(subject, keeper, folder / "keeper", baselines).close()
        todo = (m for m in seeded(asked.seed, asked.only, asked.group) if m.key not in done)
        with (
            concurrent.futures.ProcessPoolExecutor(
                asked.jobs, multiprocessing.get_context("spawn"), worker, (folder, baselines, site)
            ) as pool,
            asked.results.open("a") as out,
        ):
            under_way = {
                pool.submit(work, mutant, budget) for mutant in itertools.islice(todo, asked.jobs)
            }
            while under_way:
                ended, under_way = concurrent.futures.wait(
                    under_way, return_when=concurrent.futures.FIRST_COMPLETED
                )
                for each in ended:
                    row = each.result()
                    shown += row.verdict in ASKED
                    out.write(json.dumps({**row.json(), **circumstances(asked)}) + "\n")
                    out.flush()
                    say(shown, row)
                    if shown < asked.count and (mutant := next(todo, None)) is not None:
                        under_way.add(pool.submit(work, mutant, budget))
    finally:
        keeper.prune(0)
        keeper.close()
        shutil.rmtree(folder, ignore_errors=True)


def circumstances(asked: argparse.Namespace) -> dict[str, object]:
    """When and under which load a row was measured."""
    return {
        "at": round(time.time()), "load": round(os.getloadavg()[0], 1), "seed": asked.seed,
        "most": asked.candidates, "local": asked.local,
    }  # fmt: skip


def say(shown: int, row: Row) -> None:
    """One line for whoever watches."""
    verdict = f"{row.verdict} ({row.worth})" if row.worth else row.verdict
    place = f"{row.subject}.{row.function}"
    print(
        f"{shown:4} {verdict:14} {row.seconds:6.1f} s  {row.operator:36} {place:40} {row.template}",
        flush=True,
    )


def sandbox_in(state: Path, site: Path | None) -> Sandbox | LocalSandbox:
    """One slot: the engine gets one guest, and runs are never beside each other."""
    state.mkdir(parents=True, exist_ok=True)
    if site is not None:
        return LocalSandbox(site, 120.0)
    return Sandbox(
        docker_host=None,
        limits=Limits(timeout_s=120),
        slots=1,
        state=state,
        progress=lambda _: None,
    )


class Bench:
    """What a worker process keeps between mutants: subjects, prepared when first needed."""

    def __init__(self, folder: Path, baselines: Path, site: Path | None) -> None:
        self.baselines = baselines
        self.folder = folder / f"worker-{os.getpid()}"
        self.sandbox = sandbox_in(self.folder, site)
        self.subjects = {subject.name: subject for subject in subjects()}
        self.prepared: dict[str, Prepared] = {}

    def of(self, name: str) -> Prepared:
        """The subject with its baseline."""
        if name not in self.prepared:
            self.prepared[name] = Prepared(
                self.subjects[name], self.sandbox, self.folder, self.baselines
            )
        return self.prepared[name]


BENCHES: list[Bench] = []


def worker(folder: Path, baselines: Path, site: Path | None) -> None:
    """Set a worker process up."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    BENCHES.append(Bench(folder, baselines, site))


def work(mutant: Mutant, budget: SearchSettings) -> Row:
    """Measure one mutant in a worker process."""
    return measure(mutant, BENCHES[0].of(mutant.subject), budget)


# reporting


def read(results: Path) -> Rows:
    """The rows there are; a torn last line is left out."""
    rows = []
    if results.exists():
        for line in results.read_text().split("\n"):
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
    return rows


def report(rows: Rows, share: dict[str, float]) -> None:
    """Totals, then per seeding operator, per subject, and per mending template."""
    for title, field in (("group", "group"), ("seeded by", "operator"), ("module", "subject")):
        print(f"\n| {title} | bugs | {' | '.join(ASKED)} | repaired | wrong of applied |")
        print("|---" * (len(ASKED) + 4) + "|")
        names = sorted({(str(r["group"]), str(r[field])) for r in rows if r["verdict"] in ASKED})
        for group, name in names:
            part = [r for r in rows if r["group"] == group and r[field] == name]
            label = name if field == "group" else f"{name} [{group}]"
            print(f"| {label} | {cells(part)} |")
    mending(rows, share)
    wrong = [row for row in rows if "wrong" in (row["verdict"], row["worth"])]
    partly = sum(bool(row.get("left_red")) for row in wrong)
    print(f"\nof {len(wrong)} wrong patches, applied or held, {partly} left shown tests red")
    aside = collections.Counter(str(r["verdict"]) for r in rows if r["verdict"] not in ASKED)
    print(f"not asked about: {dict(aside)}; {sum(float(str(r['seconds'])) for r in rows):.0f} s")


def cells(part: Rows) -> str:
    """The counts and the two rates of one row of the table."""
    counts = collections.Counter(str(row["verdict"]) for row in part)
    bugs = sum(counts[verdict] for verdict in ASKED)
    right = counts["exact"] + counts["passes"]
    wrong = counts["wrong"] / max(1, right + counts["wrong"])
    numbers = " | ".join(str(counts[verdict]) for verdict in ASKED)
    return f"{bugs} | {numbers} | {right / max(1, bugs):.0%} | {wrong:.0%}"


def mending(rows: Rows, share: dict[str, float]) -> None:
    """Per template of the patch: what it brought, beside its part of all candidates."""
    kinds = ("exact", "passes", "wrong", "held right", "held wrong")
    print(f"\n| mended by | {' | '.join(kinds)} | share of candidates |")
    print("|---" * (len(kinds) + 2) + "|")
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for row in rows:
        if row["template"]:
            worth = "wrong" if row["worth"] == "wrong" else "right"
            kind = f"held {worth}" if row["verdict"] == "held" else str(row["verdict"])
            counts[str(row["template"])][kind] += 1
    for name in sorted({*counts, *share}, key=lambda n: (-sum(counts[n].values()), n)):
        numbers = " | ".join(str(counts[name][kind]) for kind in kinds)
        part = f"{share[name]:.1%}" if name in share else "-"
        print(f"| {name} | {numbers} | {part} |")


if __name__ == "__main__":
    sys.exit(main())
