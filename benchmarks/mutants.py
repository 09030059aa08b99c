"""Seeds bugs into modules, lets the search engine mend them, and counts per template.

    python -m benchmarks.mutants RESULTS [--count 300] [--jobs 2] [--seed 1] [--candidates 2500]
                                 [--group classic|template] [--only SUBJECT ...] [--table]

RESULTS is a file of JSON lines: a run that was interrupted goes on where it stopped, and --table
only prints what it holds. Bugs are seeded in two ways that are reported apart: by classic mutation
operators (mutant_operators.py), which know nothing of the templates, and by the templates
themselves, which compares the templates with each other but flatters the engine. Modules and
held-back tests: mutant_subjects.py; verdicts: mutant_trial.py.
"""

import argparse
import ast
import collections
import concurrent.futures
import hashlib
import itertools
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.mutant_operators import Change, changes, replaced
from benchmarks.mutant_subjects import Prepared, Subject, subjects
from benchmarks.mutant_trial import Mutant, Row, measure
from daemon.engines.search.candidates import Area, Candidate, edits_of
from daemon.engines.search.edits import applied
from daemon.engines.search.program import Program
from daemon.engines.search.templates import TEMPLATES
from daemon.settings import SearchSettings
from sandbox.trial import Limits, Sandbox

ROOT = Path(__file__).resolve().parents[1]
GROUPS = ("classic", "template")
ASKED = ("exact", "passes", "wrong", "held", "none")
MOST_FUNCTIONS = 10  # of one subject that the templates seed bugs into: some have hundreds of edits
Rows = list[dict[str, object]]


def main() -> int:
    """Seed, mend, count."""
    asked = arguments()
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
    parser.add_argument("--table", action="store_true", help="print the table and leave")
    return parser.parse_args()


# measuring


def run(asked: argparse.Namespace) -> None:
    """Measure until enough bugs were shown to the engine; every row is written at once."""
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    budget = SearchSettings(time_s=asked.time_s, candidates=asked.candidates)
    done = {str(row["key"]) for row in read(asked.results)}
    shown = sum(row["verdict"] in ASKED for row in read(asked.results))
    keeper = sandbox_in(folder / "keeper")
    try:
        for subject in subjects(asked.only):  # the images, once for all workers
            Prepared(subject, keeper, folder / "keeper").close()
        todo = (m for m in seeded(asked.seed, asked.only, asked.group) if m.key not in done)
        with concurrent.futures.ProcessPoolExecutor(
            asked.jobs, multiprocessing.get_context("spawn"), worker, (str(folder),)
        ) as pool, asked.results.open("a") as out:
            under_way = {
                pool.submit(work, mutant, budget)
                for mutant in itertools.islice(todo, asked.jobs)
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
    load = round(os.getloadavg()[0], 1)
    return {"at": round(time.time()), "load": load, "seed": asked.seed, "most": asked.candidates}


def say(shown: int, row: Row) -> None:
    """One line for whoever watches."""
    verdict = f"{row.verdict} ({row.worth})" if row.worth else row.verdict
    place = f"{row.subject}.{row.function}"
    print(
        f"{shown:4} {verdict:14} {row.seconds:6.1f} s  {row.operator:36} {place:40} {row.template}",
        flush=True,
    )


def sandbox_in(state: Path) -> Sandbox:
    """One slot: the engine gets one guest, and runs are never beside each other."""
    state.mkdir(parents=True, exist_ok=True)
    return Sandbox(
        docker_host=None, limits=Limits(timeout_s=30), slots=1, state=state, progress=lambda _: None
    )


class Bench:
    """What a worker process keeps between mutants: subjects, prepared when first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / f"worker-{os.getpid()}"
        self.sandbox = sandbox_in(self.folder)
        self.subjects = {subject.name: subject for subject in subjects()}
        self.prepared: dict[str, Prepared] = {}

    def of(self, name: str) -> Prepared:
        """The subject with its baseline."""
        if name not in self.prepared:
            self.prepared[name] = Prepared(self.subjects[name], self.sandbox, self.folder)
        return self.prepared[name]


BENCHES: list[Bench] = []


def worker(folder: str) -> None:
    """Set a worker process up."""
    BENCHES.append(Bench(Path(folder)))


def work(mutant: Mutant, budget: SearchSettings) -> Row:
    """Measure one mutant in a worker process."""
    return measure(mutant, BENCHES[0].of(mutant.subject), budget)


# seeding


def seeded(seed: int, only: Sequence[str], group: str | None) -> Iterator[Mutant]:
    """Bugs of both kinds by turns; operators by turns, then subjects, in the seed's order."""
    makers = {"classic": classic, "template": by_template}
    streams = [
        in_turn([each for s in subjects(only) for each in makers[name](s)], seed)
        for name in GROUPS
        if group in (None, name)
    ]
    seen: set[str] = set()
    for several in itertools.zip_longest(*streams):
        for mutant in several:
            if mutant is not None and mutant.key not in seen:
                seen.add(mutant.key)
                yield mutant


@dataclass(frozen=True)
class Sketch:
    """A mutant whose text is made when it is needed: there are tens of thousands."""

    operator: str
    subject: str
    make: Callable[[], Mutant | None]


def in_turn(found: list[Sketch], seed: int) -> Iterator[Mutant]:
    """One of each operator, and each time of another subject; then the next of each."""
    rng = random.Random(seed)  # noqa: S311
    waiting: dict[str, dict[str, list[Sketch]]] = {}
    for sketch in found:
        waiting.setdefault(sketch.operator, {}).setdefault(sketch.subject, []).append(sketch)
    queues = {}
    for operator in sorted(waiting):
        names = sorted(waiting[operator])
        rng.shuffle(names)
        for name in names:
            rng.shuffle(waiting[operator][name])
        rounds = itertools.zip_longest(*(waiting[operator][name] for name in names))
        queues[operator] = (each for several in rounds for each in several if each is not None)
    while queues:
        for operator in sorted(queues):
            made = (sketch.make() for sketch in queues[operator])
            mutant = next((mutant for mutant in made if mutant is not None), None)
            if mutant is None:
                del queues[operator]
            else:
                yield mutant


def classic(subject: Subject) -> Iterator[Sketch]:
    """Bugs by classic operators."""
    for filename in subject.files:
        for change in changes(subject.text(filename)):
            make = partial(changed, subject, filename, change)
            yield Sketch(change.operator, subject.name, make)


def by_template(subject: Subject) -> Iterator[Sketch]:
    """Bugs by the templates, in a sample of functions that is always the same."""
    programs = [Program(filename, subject.text(filename)) for filename in subject.files]
    areas = [area for program in programs for area in everything(program)]
    for area in random.Random(1).sample(areas, min(len(areas), MOST_FUNCTIONS)):  # noqa: S311
        for candidate in edits_of(area, TEMPLATES):
            make = partial(drawn, subject, candidate)
            yield Sketch(candidate.edit.template, subject.name, make)


def changed(subject: Subject, filename: str, change: Change) -> Mutant | None:
    """The change as a bug; None when it does not parse or changes nothing."""
    text = subject.text(filename)
    new = replaced(text, change.node, change.new)
    if not differs(text, new):
        return None
    return named("classic", change.operator, subject, filename, change.function, new)


def drawn(subject: Subject, candidate: Candidate) -> Mutant | None:
    """The edit as a bug; None when it does not parse or changes nothing."""
    program = candidate.program
    text = applied(program.text, candidate.edit.pieces)
    if not differs(program.text, text):
        return None
    function, template = candidate.function or "", candidate.edit.template
    return named("template", template, subject, program.filename, function, text)


def differs(before: str, after: str) -> bool:
    """Whether the code after parses and is another."""
    try:
        return ast.dump(ast.parse(after)) != ast.dump(ast.parse(before))
    except SyntaxError:
        return False


def named(
    group: str, operator: str, subject: Subject, filename: str, function: str, text: str
) -> Mutant:
    """A mutant with a key that is the same in every run."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    key = f"{group}:{subject.name}:{filename}:{digest}"
    return Mutant(key, group, operator, subject.name, filename, function, text)


def everything(program: Program) -> list[Area]:
    """All functions, all lines alike."""
    lines = dict.fromkeys(range(1, len(program.lines) + 1), 1.0)
    return [
        Area(program=program, function=node, suspicion=lines)
        for node in program.functions.values()
        if program.function_of(node) is None
    ]


def share_of_candidates(only: Sequence[str]) -> dict[str, float]:
    """Of all edits of all functions of the subjects: which part each template makes."""
    counts = collections.Counter(e.operator for s in subjects(only) for e in by_template(s))
    total = sum(counts.values())
    return {template: count / total for template, count in counts.items()}


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
    aside = collections.Counter(str(r["verdict"]) for r in rows if r["verdict"] not in ASKED)
    print(f"\nnot asked about: {dict(aside)}; {sum(float(str(r['seconds'])) for r in rows):.0f} s")


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
