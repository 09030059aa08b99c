"""The doctor's look at the sandbox: the container engine, and the targets' tests inside it."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from daemon.commands.finding import Finding, Level, bad, ok, weak

if TYPE_CHECKING:
    from daemon.commands.progress_line import ProgressLine
    from daemon.settings import Settings, TargetSettings
    from sandbox.trial import Sandbox

AREA = "sandbox"
MOST_NAMED = 5


def engine_findings(settings: "Settings") -> Iterator[Finding]:
    """What the sandbox says of its engine, in the doctor's words."""
    from daemon.desk.workshop import open_sandbox
    from sandbox.errors import SandboxError

    try:
        sandbox = open_sandbox(settings, lambda _: None)
        found = sandbox.check()
        sandbox.close()
    except (SandboxError, ValueError) as error:
        yield bad(AREA, "engine", str(error), "start Docker, or correct the [sandbox] settings")
        return
    levels: dict[bool | None, Level] = {True: "ok", None: "weak", False: "bad"}
    for each in found:
        yield Finding(
            area=AREA,
            name=each.name,
            level=levels[each.ok],
            detail=each.detail,
            remedy="" if each.ok else each.remedy,
        )


def baselines(settings: "Settings") -> Iterator[Finding]:
    """Every target's tests on its unpatched copy, with the progress on stderr.

    Its containers carry a mark of their own, so that no worker's start sweeps them away.
    """
    from daemon.commands.progress_line import ProgressLine
    from daemon.desk.workshop import open_sandbox

    line, stage = ProgressLine(), [""]
    apart = dataclasses.replace(settings, state=settings.state / "check")
    sandbox = open_sandbox(apart, lambda detail: line.show(stage[0], detail))
    try:
        sandbox.sweep()
        for target in settings.targets:
            stage[0] = f"baseline of {target.name}"
            line.show(stage[0], "snapshot")
            yield _baseline(target, settings, sandbox, line)
    finally:
        line.clear()
        sandbox.close()


def _baseline(
    target: "TargetSettings", settings: "Settings", sandbox: "Sandbox", line: "ProgressLine"
) -> Finding:
    from daemon.road.baseline import UnusableBaseline, baseline
    from daemon.road.module import module_of
    from sandbox.errors import SandboxError

    area = f"target {target.name}"
    try:
        bench = sandbox.prepare(module_of(target))
        try:
            line.show(area, "running the suite twice")
            found = baseline(
                bench,
                settings.state / "baselines",
                lambda: bench.run(timeout_s=target.timeout_s),
                now=datetime.now(UTC),
            )
        finally:
            bench.close()
    except UnusableBaseline as error:
        return bad(area, "baseline", str(error), "mend the suite or its settings, then try again")
    except SandboxError as error:
        return bad(area, "baseline", str(error), "see the sandbox's findings above")
    count = f"{len(found.outcomes)} tests"
    if found.flaky:
        names = ", ".join(found.flaky[:MOST_NAMED])
        return weak(
            area, "baseline", f"{count}, {len(found.flaky)} flaky: {names}",
            "flaky tests are never counted; mend them to have them guard patches",
        )  # fmt: skip
    if found.failing:
        names = ", ".join(found.failing[:MOST_NAMED])
        return ok(area, "baseline", f"{count}, {len(found.failing)} fail now: {names}")
    return ok(area, "baseline", f"{count}, all pass")
