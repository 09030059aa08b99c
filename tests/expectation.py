"""What must hold after every step, told from what people did and what the trail says of it.

The trail is read like a story: each record must be allowed by those before it. What it comes to,
the module's text and every work's state, is compared with the module and the store.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from audit.record import Record
from audit.trail import verify
from daemon.changes.journal import open_changes
from reflections.store import Store
from tests.little_shop import FUNCTIONS, module_text, parsed
from tests.little_world import World

OPEN, CLOSED, APPROVED = "open", "closed", "approved"
FOR_A_PERSON = ("held", "frozen")
ENDS = (*FOR_A_PERSON, CLOSED)


@dataclass
class Fate:
    """One work, as the trail tells it."""

    function: str
    state: str = OPEN
    before: str = OPEN  # what it was before it was approved


@dataclass
class Expectation:
    """The model. `hear` and `compare` raise AssertionError with what does not fit."""

    world: World
    lines: dict[str, str] = field(default_factory=lambda: {n: f.bug for n, f in FUNCTIONS.items()})
    comments: list[str] = field(default_factory=list)
    fates: dict[str, Fate] = field(default_factory=dict)
    patches: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # function, old, new
    standing: set[str] = field(default_factory=set)
    opened_by: dict[str, set[str]] = field(default_factory=dict)  # file name: works
    told: set[str] = field(default_factory=set)  # file names that the trail speaks of
    heard: int = 0

    # The story.

    def hear(self, records: Iterable[Record]) -> list[str]:
        """Follow the records that are new; their events."""
        events = []
        for record in records:
            if record.seq <= self.heard:
                continue
            self.heard = record.seq
            events.append(record.event)
            follow = getattr(self, f"_{record.event}", None)
            if follow:
                follow(record)
        return events

    def _received(self, record: Record) -> None:
        name, work = str(record.data["source"]), str(record.data["work"])
        self.told.add(name)
        if record.data["how"] in ("new", "came_back"):
            self.opened_by.setdefault(name, set()).add(work)
            assert len(self.opened_by[name]) == 1, f"{name} became two works"
        function = str(record.data["reflection"]).partition(" ")[0]
        self.fates.setdefault(work, Fate(function))

    def _ignored(self, record: Record) -> None:
        self.told.add(str(record.data["source"]))

    def _approved(self, record: Record) -> None:
        fate = self.fates[str(record.reflection)]
        assert fate.state in (*FOR_A_PERSON, APPROVED), f"approved while {fate.state}"
        if fate.state != APPROVED:
            fate.before, fate.state = fate.state, APPROVED

    def _ordered(self, record: Record) -> None:
        fate = self.fates.get(str(record.reflection))
        if fate is None or record.data.get("order") != "approve" or fate.state != APPROVED:
            return
        afresh = "afresh" in str(record.data["outcome"])
        fate.state = OPEN if afresh else fate.before

    def _applied(self, record: Record) -> None:
        patch, fate = str(record.data["patch"]), self.fates[str(record.reflection)]
        assert patch not in self.patches, f"{patch} was applied twice"
        assert fate.state not in (*FOR_A_PERSON, CLOSED), f"applied while {fate.state}"
        old, new = changed_line(str(record.data["diff"]))
        assert self.lines[fate.function] == old, f"{patch} was made for {old}"
        self.patches[patch] = (fate.function, old, new)
        self.standing.add(patch)
        self.lines[fate.function] = new
        fate.state = CLOSED

    def _reverted(self, record: Record) -> None:
        patch = str(record.data["patch"])
        assert patch in self.standing, f"{patch} was taken back and did not stand"
        self.standing.remove(patch)
        function, old, _ = self.patches[patch]
        self.lines[function] = old

    def _recovered(self, record: Record) -> None:
        if "stays as it is" in str(record.data["what"]):  # a person's edit over a half-done change
            self.lines, _ = parsed(self.world.file.read_text())
        if record.data["change"] in self.patches:  # recorded before, now the store has it too
            self.fates[str(record.reflection)].state = CLOSED

    def _rejected(self, record: Record) -> None:
        self._close(record)

    def _declined(self, record: Record) -> None:
        self._close(record)

    def _close(self, record: Record) -> None:
        fate = self.fates[str(record.reflection)]
        assert fate.state != CLOSED, f"closed twice: {record.reflection}"
        fate.state = CLOSED

    def _held(self, record: Record) -> None:
        self._stop(record, "held")

    def _frozen(self, record: Record) -> None:
        self._stop(record, "frozen")

    def _stop(self, record: Record, state: str) -> None:
        fate = self.fates[str(record.reflection)]
        assert fate.state not in ENDS, f"{record.event} after it was {fate.state}"
        fate.state = state

    def _failed(self, record: Record) -> None:
        self.fates[str(record.reflection)].state = "waiting"

    # What it must have come to.

    def compare(self, before: dict[str, str], *, disturbed: bool, off: bool) -> dict[str, str]:
        """Module, store and inbox beside the story; the store's states.

        `before` are the states before the pass. After a disturbed one the store may lag behind
        the trail (recorded first, stored last); an end comes about with the next pass then, and is
        not recorded again. Only new work is stored first: what a disturbed pass left untold stays
        so while the switch is on, for nothing is taken in then.
        """
        assert verify(self.world.state / "audit" / "trail.jsonl").ok
        self.compare_module()
        found = self.states()
        for id_, state in found.items():
            fate = self.fates.get(id_)
            if fate is None:
                untold = disturbed or (off and id_ in before)
                assert untold, f"{id_} is in the store and nothing tells of it"
            elif disturbed and state == before.get(id_, OPEN):
                if fate.state not in ENDS:  # recorded and not stored: it is done again
                    fate.state = fate.before = state
            else:
                assert state == fate.state, f"{id_} is {state}, by the trail {fate.state}"
        for id_, fate in self.fates.items():
            if id_ not in found:
                assert fate.state == CLOSED, f"{id_} is gone and was {fate.state}"
        return found

    def compare_module(self) -> None:
        """The file is a known version, and once nothing is half done exactly the expected one."""
        text = self.world.file.read_text()
        lines, comments = parsed(text)
        assert text == module_text(lines, comments), f"half a file:\n{text}"
        for name, line in lines.items():
            known = FUNCTIONS[name]
            assert line in (known.bug, known.right, known.rival), f"{name} returns {line}"
        assert comments == self.comments, "a person's edit is lost"
        if not open_changes(self.world.state / "journal"):
            assert text == module_text(self.lines, self.comments), "not what the trail tells"
            assert {path.name for path in self.world.module.iterdir()} == {
                "shop.py", "test_shop.py",
            }  # fmt: skip

    def states(self) -> dict[str, str]:
        """The state of every open work; archived works are not open and are there once."""
        store = Store(self.world.state)
        try:
            found = {work.id: work.state.value for work in store.all()}
            archived = [each["id"] for each in store.archived(10_000)]
        finally:
            store.close()
        assert len(archived) == len(set(archived)), "archived twice"
        assert not set(found) & set(archived), "open and archived"
        return found

    def all_told(self, good: Iterable[str], bad: Iterable[str]) -> None:
        """After an undisturbed pass nothing lies in the inbox without a word in the trail."""
        waiting = {path.name for path in self.world.inbox.iterdir() if path.is_file()}
        assert not {name for name in waiting if not name.endswith(".part")}, waiting
        assert set(good) <= self.told, f"no word of {set(good) - self.told}"
        rejected = self.world.inbox / "rejected"
        for name in bad:  # its record may be lost to a crash, the file and its reason are not
            stem = name.removesuffix(".json")  # and a number, where a crash came in between
            kept = [*rejected.glob(name), *rejected.glob(f"{stem}-*.json")]
            assert kept and all(Path(f"{each}.reason").exists() for each in kept), name


def changed_line(diff: str) -> tuple[str, str]:
    """What the one changed line returned, and returns now."""
    rows = diff.splitlines()
    old, new = ([r[12:] for r in rows if r.startswith(f"{sign}    return ")] for sign in "-+")
    assert len(old) == len(new) == 1, diff
    return old[0], new[0]
