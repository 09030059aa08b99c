"""A sandbox that dies, in every way there is: an outage each time, never a test result."""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from reflections.store import State
from sandbox.errors import SandboxError
from sandbox.trial import Bench, Module, Sandbox
from tests.installation import CODE, FIXED, Installation, installation
from tests.soak.check import Check, Row, Setting
from tests.trials import a_bench, a_sandbox, impatient
from tests.wire import Wire, a_wire

TIMES, ROADS = 5, 4
LIMIT_S = 3.0
HANGS = "import time\n\ndef test_hangs():\n    time.sleep(60)\n"
BREAKS = ("cut", "refuse", "freeze", "sever", "mute")
"""Of tests/wire.py: the engine is gone, refuses, hangs; only streams end, only streams hang."""
MOST_STARTS = 8  # of containers in one mend of the shop


@dataclass(frozen=True)
class Scene:
    """A prepared trial that would hang, and everything that can be broken about it."""

    made: Sandbox  # over the wire
    direct: Sandbox  # not over it
    wire: Wire
    bench: Bench
    setting: Setting

    def later(self, act: Callable[[], object]) -> None:
        """Somewhere in the first second of the container's life."""
        self.wire.cut_at, self.wire.how = self.wire.starts + 1, act
        self.wire.after_s = self.setting.rng.uniform(0, 1)

    def each_container(self, act: Callable[[str], None]) -> None:
        """Done behind the sandbox's back to all that it has."""
        for container in self.direct._docker.containers(
            f"mendd.state={self.direct._launcher.label}"
        ):
            act(container)

    def without(self, *paths: str, command: tuple[str, ...] | None = None) -> Bench:
        """The same bench on an image from which something was deleted."""
        docker, bench = self.direct._docker, self.bench
        remove = ["/bin/sh", "-c", f"rm -rf {' '.join(paths)}"]
        container = docker.scratch(
            bench.image_id, {"mendd.state": self.direct._launcher.label}, command=remove
        )
        docker.start(container)
        assert docker.wait(container, 30) == 0, docker.log_tail(container)
        image = docker.commit(
            container, tag=f"mendd/broken:{secrets.token_hex(6)}", changes=["LABEL broken=yes"]
        )
        docker.remove(container)
        module: Module = replace(bench.module, command=command or bench.module.command)
        return Bench(bench._launcher, module, bench.tree, image, writable=bench.writable)


def no_python(scene: Scene) -> Bench:
    """The interpreter is gone from the image."""
    return scene.without("/usr/bin/python3*")


def no_pytest(scene: Scene) -> Bench:
    """So is the test runner."""
    return scene.without(
        "/usr/*/python3/dist-packages/*pytest*", "/usr/*/*/python3*/*-packages/*pytest*"
    )


def no_shell(scene: Scene) -> Bench:
    """So is the shell that the test command names."""
    return scene.without("/bin/sh", command=("/bin/sh", "-c", "exit 0"))


def no_image(scene: Scene) -> Bench:
    """Somebody cleaned up."""
    scene.direct._docker.remove_image(scene.bench.image_id)
    return scene.bench


def removed(scene: Scene) -> Bench:
    """`docker rm -f` under the trial."""
    scene.later(lambda: scene.each_container(scene.direct._docker.remove))
    return scene.bench


def killed(scene: Scene) -> Bench:
    """`docker kill` under the trial."""
    scene.later(lambda: scene.each_container(scene.direct._docker.kill))
    return scene.bench


def broken_before(how: str) -> Callable[[Scene], Bench]:
    """The engine goes before the container is made."""

    def act(scene: Scene) -> Bench:
        getattr(scene.wire, how)()
        return scene.bench

    return act


def broken_under(how: str) -> Callable[[Scene], Bench]:
    """The engine goes under the trial."""

    def act(scene: Scene) -> Bench:
        scene.later(getattr(scene.wire, how))
        return scene.bench

    return act


WAYS: dict[str, Callable[[Scene], Bench]] = {
    **{f"engine before a trial: {how}": broken_before(how) for how in BREAKS[:3]},
    **{f"engine under a trial: {how}": broken_under(how) for how in BREAKS},
    "container removed under a trial": removed,
    "container killed under a trial": killed,
    "image missing": no_image,
    "python deleted": no_python,
    "pytest deleted": no_pytest,
    "shell deleted": no_shell,
}


def dead(setting: Setting) -> Iterator[Row]:
    """Each way, in the sandbox alone; then the engine's ways under whole mends."""
    with impatient():
        for what, way in WAYS.items():
            yield deaths(setting, what, way)
        for how in BREAKS:
            yield roads(setting, how)


def deaths(setting: Setting, what: str, way: Callable[[Scene], Bench]) -> Row:
    """One way, again and again; every outcome but an exception of the sandbox's is a break."""
    broken, told = 0, set()
    for number in range(times := setting.times(TIMES)):
        setting.say(f"{what} {number}")
        with scene_of(setting) as scene:
            bench = way(scene)
            try:
                told.add(bench.run(timeout_s=LIMIT_S).ending.value)
                broken += 1
            except SandboxError as fault:
                told.add(type(fault).__name__)
            if bench.image_id != scene.bench.image_id:
                scene.direct._docker.remove_image(bench.image_id)
    return Row(what, times, broken, "told: " + ", ".join(sorted(told)))


@contextlib.contextmanager
def scene_of(setting: Setting) -> Iterator[Scene]:
    """A fresh one; what it leaves is removed past the wire."""
    with (
        a_sandbox(setting.folder) as direct,
        a_wire() as wire,
        contextlib.closing(
            Sandbox(
                docker_host=wire.address, limits=direct._launcher.limits, slots=2,
                state=setting.folder / "state", progress=lambda _: None,
            )
        ) as made,
    ):  # fmt: skip
        text = HANGS + f"# {secrets.token_hex(8)}\n"
        bench = a_bench(made, setting.folder, {"test_a.py": text})
        yield Scene(made, direct, wire, bench, setting)
        bench.close()
        wire.cut()


def roads(setting: Setting, how: str) -> Row:
    """A whole mend, whose engine goes at a random container; then it comes back."""
    broken, waited = 0, 0
    for number in range(times := setting.times(ROADS)):
        setting.say(f"road, {how} {number}")
        folder = setting.folder / f"road-{how}-{number}"
        folder.mkdir()
        with installation(folder) as here, a_wire() as wire:
            here.write("test_slow.py", "import time\n\ndef test_slow():\n    time.sleep(1)\n")
            wire.cut_at, wire.how = setting.rng.randint(1, MOST_STARTS), getattr(wire, how)
            wire.after_s = setting.rng.uniform(0, 1)
            here.mend("timeout_s = 10", f'[sandbox]\ndocker_host = "{wire.address}"')
            waits, mended = waiting(here), applied_once(here)
            waited += waits
            here.configure("timeout_s = 10")
            here.now += timedelta(hours=1)
            here.work()
            untouched = wire.starts < wire.cut_at or mended
            broken += not (waits or untouched) or not applied_once(here)
    return Row(f"mends, engine: {how}", times, broken, f"{waited} interrupted, the rest mended")


def waiting(here: Installation) -> bool:
    """An outage by the record: nothing changed, no attempt used up, nothing said of a patch."""
    events = [record.event for record in here.records]
    still = [each for each in here.open_work if each.state is State.WAITING and not each.attempts]
    said = {"applied", "rejected", "declined", "held", "frozen", "ignored"} & set(events)
    return len(still) == 1 and not said and "failed" in events and here.read() == CODE.encode()


def applied_once(here: Installation) -> bool:
    """By the record, and in the file."""
    fixed = here.read() == FIXED.encode()
    return fixed and [record.event for record in here.records].count("applied") == 1


CHECKS = (
    Check(
        "sandbox.dead",
        "an outage every time: no test result, no patch applied, no attempt used up",
        dead,
    ),
)
