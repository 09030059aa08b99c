"""A state machine of everything that may happen to mendd, beside a model of what must hold.

Hypothesis draws the steps and shrinks what breaks. Each worker's pass is a real process on a real
state folder (tests/little_world.py); tests/expectation.py says what must hold after it.
"""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from audit.trail import Trail
from daemon.changes.journal import open_changes
from daemon.desk.orders import Order, OrderKind, give_order
from daemon.worker import DONE, NO_WORLD, STOPPED
from sandbox.errors import EngineUnavailable
from tests.expectation import Expectation
from tests.little_shop import FUNCTIONS, NOWHERE, module_text, parsed
from tests.little_world import FORMS, World, note_text, throw
from tests.mischief import Mischief, dies, fills_up

STEP = st.one_of(st.integers(1, 30), st.integers(1, 150))
PASSES_TO_THE_END = 12
BAD = (b"{", b"\xff\xfe\x00", b"\x00\x01", b"[1, 2, 3]")
FAULTS = ("crash", "disk full", "docker dies", "edited meanwhile", "switched meanwhile")
PASSES = ("tick", "undisturbed", *FAULTS)
ENDINGS = (DONE, NO_WORLD, STOPPED, -9)


class Mendd(RuleBasedStateMachine):
    """One installation and its people, its faults and its workers."""

    tally: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="mendd-machine-"))
        self.world = World(self.folder)
        self.model = Expectation(self.world)
        self.good: list[str] = []
        self.bad: list[str] = []
        self.texts: list[str] = []
        self.states: dict[str, str] = {}
        self.untold = list(FUNCTIONS)
        self.number = 0
        self.broken = False

    # What people and programs drop.

    @rule(function=st.sampled_from([*FUNCTIONS, NOWHERE]))
    def drop(self, function: str) -> None:
        """A note; on a failure that was told before it is the second, third … note."""
        self.drop_on(function)

    def drop_on(self, function: str) -> None:
        """A note on this function."""
        self.untold = [each for each in self.untold if each != function]
        known = FUNCTIONS.get(function)
        words = known.words if known else f"{NOWHERE} in shop.py nothing works"
        self._drop_text(note_text(words, self.number, self.world.now))

    @precondition(lambda self: self.texts)
    @rule(which=st.integers(0, 9))
    def drop_again(self, which: int) -> None:
        """The very same note under another name."""
        self._drop_text(self.texts[which % len(self.texts)])

    @rule()
    def drop_good_news(self) -> None:
        """Nothing to be done about it."""
        text = json.dumps({"outcome": f"all {self.number} tests passed", "reflection": "fine"})
        self._drop_text(text)

    @rule(content=st.sampled_from(BAD), half=st.booleans())
    def drop_badly(self, content: bytes, half: bool) -> None:
        """What is no note, or not one yet."""
        name = self._name()
        if half:
            (self.world.inbox / f"{name}.part").write_bytes(content)
            return
        (self.world.inbox / name).write_bytes(content)
        self.bad.append(name)

    # What people order and do.

    @rule(kind=st.sampled_from(["approve", "reject", "revert"]), choice=st.integers(0, 2),
          which=st.integers(0, 9))  # fmt: skip
    def order(self, kind: OrderKind, choice: int, which: int) -> None:
        """About any work that ever was, or one that never was."""
        known = ["no-such-work", *self.model.fates, *self.states]  # open ones first
        id_ = known[-1 - which % len(known)]
        when = self.world.now.isoformat()
        order = Order(kind=kind, id=id_, by="ada", time=when, reason="so", choice=choice)
        give_order(self.world.state, order)
        self.tally[kind] += 1

    @rule(function=st.sampled_from([None, *FUNCTIONS]))
    def edit(self, function: str | None) -> None:
        """A person saves the file: with a comment, or with an old bug back in it."""
        if function and not open_changes(self.world.state / "journal"):
            self.model.lines[function] = FUNCTIONS[function].bug
            text = module_text(self.model.lines, self.model.comments)
            self.world.file.write_text(text)
        else:
            self.model.comments.insert(0, commented(self.world.file, self._name()))
        self.tally["edit"] += 1

    # The world.

    @rule(gone=st.booleans())
    def docker(self, gone: bool) -> None:
        """Goes or comes back."""
        self.world.docker = not gone
        self.tally["docker gone" if gone else "docker back"] += 1

    @rule(hours=st.sampled_from([0.02, 0.3, 5, 30]))
    def clock(self, hours: float) -> None:
        """Time goes on."""
        self.world.now += timedelta(hours=hours)
        self.tally["clock"] += 1

    @rule(form=st.sampled_from(FORMS))
    def off(self, form: str) -> None:
        """The kill switch, between two passes."""
        if not self.world.switch.on():
            throw(self.world.switch.path, form)
            self.tally["off"] += 1

    @precondition(lambda self: self.world.switch.on())
    @rule()
    def on(self) -> None:
        """Lifted."""
        self.world.switch.lift()
        self.tally["on"] += 1

    # Workers.

    @rule()
    def tick(self) -> None:
        """A worker's pass, undisturbed by us."""
        self._pass("tick")

    @rule(at=STEP)
    def crash(self, at: int) -> None:
        """SIGKILL at one step of the pass; the next pass is the restart."""
        self._pass("crash", at, dies)

    @rule(at=STEP)
    def disk_full(self, at: int) -> None:
        """From one step to the end of the pass."""
        self._pass("disk full", at, fills_up)

    @rule(at=STEP)
    def docker_dies(self, at: int) -> None:
        """In the middle of a pass, for the rest of it."""
        self._pass("docker dies", at, no_engine)

    @rule(at=STEP)
    def edited_meanwhile(self, at: int) -> None:
        """A person saves the file while the worker is at it."""
        edited = self.folder / "comment"
        edited.unlink(missing_ok=True)
        name = self._name()

        def saves(mischief: Mischief) -> None:
            edited.write_text(commented(self.world.file, name))

        self._pass("edited meanwhile", at, saves, before=lambda: self._take_comment(edited))

    @rule(at=STEP, form=st.sampled_from(FORMS))
    def switched_meanwhile(self, at: int, form: str) -> None:
        """The kill switch in the middle of a pass: no version of the file comes after it."""
        if self.world.switch.on():
            return
        seen = self.folder / "seen.json"
        versions: list[str] = []

        def look() -> None:
            text = self.world.file.read_text()
            if text not in versions[-1:]:
                versions.append(text)

        def thrown(mischief: Mischief) -> None:
            throw(self.world.switch.path, form)
            seen.write_text(json.dumps(versions))

        seen.unlink(missing_ok=True)
        self._pass("switched meanwhile", at, thrown, look=look)
        if seen.exists():
            text = self.world.file.read_text()
            assert text in json.loads(seen.read_text()), f"changed after the switch:\n{text}"

    def teardown(self) -> None:
        """The world is mended, and everything comes to its end."""
        try:
            if not self.broken:
                self._to_the_end()
        finally:
            shutil.rmtree(self.folder)

    # How.

    def _to_the_end(self) -> None:
        self.world.docker = True
        self.world.switch.lift()
        for _ in range(PASSES_TO_THE_END):
            self.world.now += timedelta(hours=5)
            self._pass("tick")
            if not {"open", "waiting"} & set(self.states.values()):
                return
        raise AssertionError(f"it does not come to its end: {self.states}")

    def _pass(
        self, what: str, at: int = 0, act: Callable[[Mischief], None] = dies, *,
        look: Callable[[], None] | None = None, before: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """One worker, and whether everything is as it must be after it."""
        if at and self.untold:  # so that there is something to disturb
            self.drop_on(self.untold[0])
        mark = self.folder / "happened"
        mark.unlink(missing_ok=True)
        mischief = Mischief(at, act, mark)
        mischief.looks = [look] if look else []
        off, lines = self.world.switch.on(), self._lines()
        names = [path.name for path in self.world.inbox.iterdir() if path.is_file()]
        self.broken = True
        code = self.world.worker(complete=names, mischief=mischief if at else None)
        happened = mark.exists()
        self.tally[what if happened or not at else "undisturbed"] += 1
        assert code in ENDINGS and (code != -9 or act is dies), f"a worker ended with {code}"
        before()
        trail = Trail(self.world.state / "audit" / "trail.jsonl")
        said = self.model.hear(trail.records())
        disturbed = happened or code != DONE
        self.states = self.model.compare(self.states, disturbed=disturbed, off=off)
        if off:
            assert "trial" not in said and "approved" not in said, f"worked when off: {said}"
            assert self._lines() == lines or "recovered" in said, "changed when off"
        if not disturbed and not off:
            assert not open_changes(self.world.state / "journal")
            self.model.all_told(self.good, self.bad)
        self.broken = False

    def _lines(self) -> dict[str, str]:
        return parsed(self.world.file.read_text())[0]

    def _take_comment(self, kept: Path) -> None:
        if kept.exists():
            self.model.comments.insert(0, kept.read_text())

    def _drop_text(self, text: str) -> None:
        name = self._name()
        (self.world.inbox / name).write_text(text)
        self.texts.append(text)
        self.good.append(name)
        self.tally["drop"] += 1

    def _name(self) -> str:
        self.number += 1
        return f"{self.number}.json"


def commented(file: Path, name: str) -> str:
    """Save the file with one more comment, as an editor does; the comment."""
    comment = f"by ada, {name}"
    beside = file.with_name(".by-ada")
    beside.write_text(f"# {comment}\n{file.read_text()}")
    beside.replace(file)
    return comment


def no_engine(mischief: Mischief) -> None:
    """The engine does not answer any more."""
    mischief.engine_gone.append(EngineUnavailable("no engine answers"))


def drive(examples: int, steps: int, number: int, *, shrink: bool = True) -> Counter[str]:
    """So many runs of so many steps; how often what was done. Raises what was found."""
    Mendd.tally = Counter()
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    machine: Any = seed(number)(type("Mendd", (Mendd,), {}))
    run_state_machine_as_test(machine, settings=chosen)
    return Mendd.tally
