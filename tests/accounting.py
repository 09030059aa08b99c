"""What must hold when all work of a round is done: each note once, nothing by half.

Every function answers in words what does not.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from audit.errors import TrailError
from audit.record import Record
from audit.sealed import verify_sealed
from audit.trail import Trail
from reflections.errors import ReflectionsError
from reflections.store import Store
from tests.drops import ENDINGS, FRUITS, Drop, about, code
from tests.instant import COST_USD
from tests.rounds import Round


def faults(here: Round) -> list[str]:
    """Everything that does not hold when all work is done, in words."""
    found = [f"not done: {name}" for name in here.unfinished()]
    trail = Trail(here.state / "audit" / "trail.jsonl")
    verdict = verify_sealed(trail.path)
    if not verdict.chain.ok or verdict.chain.torn:
        found.append(f"the chain: {verdict.chain}")
    records = list(trail.records())
    found += module_faults(here)
    for drop in here.drops:
        found += [
            f"{drop.kind} {drop.fruit}: {fault}" for fault in note_faults(here, drop, records)
        ]
    patches = Counter(each.data["patch"] for each in records if each.event == "applied")
    found += [f"{patch} applied {count} times" for patch, count in patches.items() if count > 1]
    if here.git:
        found += git_faults(here, len(patches))
    return found + budget_faults(here)


def faults_in_the_end(
    here: Round, clock: Callable[[], datetime] | None = None
) -> tuple[list[str], list[int]]:
    """Let workers end what is left, then judge; the faults, and the workers' exit codes."""
    codes: list[int] = []
    try:
        codes = here.finish(clock)
        return faults(here), codes
    except (ReflectionsError, TrailError, OSError, ValueError) as error:  # it cannot even be read
        return [f"{type(error).__name__}: {error}"], codes


def module_faults(here: Round) -> list[str]:
    """Files that are not what their note came to; leftovers."""
    mended = {
        fruit for drop in here.drops if ENDINGS.get(drop.kind) == "applied" for fruit in drop.fruits
    }
    wrong = [
        f"{fruit}.py is {here.read(fruit)!r}"
        for fruit in FRUITS
        if here.read(fruit) != code(fruit, mended=fruit in mended)
    ]
    known = {f"{start}{fruit}.py" for fruit in FRUITS for start in ("", "test_")} | {".git"}
    left = {path.name for path in here.module.iterdir()} - known
    return wrong + [f"left in the module: {name}" for name in sorted(left)]


def note_faults(here: Round, drop: Drop, records: Sequence[Record]) -> list[str]:
    """What became of one dropped file: each of its notes accounted for, once."""
    if drop.kind == "unreadable":
        kept = list((here.settings.inbox_path / "rejected").glob(f"{drop.fruit}*.json"))
        told = sum(each.event == "unreadable" for each in records)
        return [] if len(kept) == 1 and told else [f"rejected {len(kept)} times, told {told}"]
    store = Store(here.state)
    finished = [each for each in store.archived(1000) if about(drop, each["work"]["reflection"])]
    opened = [each for each in store.all() if about(drop, each.reflection.to_json())]
    store.close()
    endings = [each["verdict"] for each in finished] + [each.state.value for each in opened]
    expected = ENDINGS[drop.kind]
    found = [] if endings == [expected] else [f"ended {endings} instead of {expected}"]
    ids = {each["id"] for each in finished} | {each.id for each in opened}
    times = sum(each.reflection in ids and each.event == expected for each in records)
    if expected == "ignored":  # told again, the same, where a crash came before its file went
        return found if times else [*found, "its end is not in the trail"]
    heard = {each.reflection for each in records if each.event == "received" and hears(each, drop)}
    if len(heard) != len(drop.notes):
        found.append(f"{len(heard)} of {len(drop.notes)} notes received")
    if times != 1:
        found.append(f"{expected} is in the trail {times} times")
    if expected == "applied":
        kept = [here.state / "audit" / "certificates" / f"{each}.json" for each in ids]
        kept += [here.state / "audit" / "reports" / f"{each}.md" for each in ids]
        found += [f"no {path.name}" for path in kept if not path.is_file()]
    return found


def hears(record: Record, drop: Drop) -> bool:
    """Whether a record of a note is of one of these."""
    return record.data["task_summary"] == drop.notes[0]["task_summary"]


def git_faults(here: Round, patches: int) -> list[str]:
    """One commit for each patch, and files, index and branch alike."""
    commits = here.git_says("log", "--author=mendd", "--format=%h").split()
    status = here.git_says("status", "--porcelain")
    found = [f"{len(commits)} commits for {patches} patches"] if len(commits) != patches else []
    locks = [path.name for path in (here.module / ".git").rglob("*.lock")]
    return found + ([f"git status: {status}"] if status else []) + locks


def budget_faults(here: Round) -> list[str]:
    """Calls that were made and are in no book."""
    books = here.state / "budget.json"
    days = json.loads(books.read_bytes())["days"] if books.exists() else {}
    spent, made = sum(days.values()), len(here.calls.read_bytes())
    enough = spent >= made * COST_USD - 1e-9
    return [] if enough else [f"{made} calls, but only ${spent} in the books"]


def unrecorded(here: Round) -> list[str]:
    """Files that were changed and stand neither in the trail nor in the journal, right now."""
    trail = Trail(here.state / "audit" / "trail.jsonl")
    told = {name for each in trail.records(event="applied") for name in each.data["files"]}
    for path in (here.state / "journal").glob("*.json"):
        told |= set(json.loads(path.read_bytes())["applied"]["files"])
    changed = {f"{fruit}.py" for fruit in FRUITS if here.read(fruit) != code(fruit)}
    return sorted(changed - told)
