"""`mendd verify`: replay a certificate in the sandbox, without a model."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands import CommandError, Exit, add_json, settings_of

if TYPE_CHECKING:
    from audit.certificate import Certificate
    from audit.record import Record
    from daemon.road.replay import Replay
    from daemon.settings import Settings

EXAMPLE = """\
  mendd verify 20261120T0918            by the reflection's (abbreviated) id
  mendd verify ./certificate.json       a certificate from elsewhere
exit codes: 0 verified, 1 it came out differently, 3 it could not be replayed (unverified)
"""
CODES = {"verified": Exit.DONE, "differs": Exit.NO, "unverified": Exit.WORLD}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which certificate."""
    parser.add_argument("certificate", metavar="ID|FILE", help="a reflection's id, or a file")
    parser.add_argument("--target", help="replay it on this target (default: the one it names)")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Replay it and say what was compared."""
    from audit.certificate import load
    from daemon.commands.progress_line import ProgressLine

    settings = settings_of(options)
    certificate = load(_file(options.certificate, settings))
    line = ProgressLine()
    try:
        result = _replayed(certificate, options.target, settings, line.show)
    finally:
        line.clear()
    _tell(options, certificate, result)
    return CODES[result.verdict]


def _file(given: str, settings: "Settings") -> Path:
    """The certificate's file. Raises CommandError."""
    from audit.durable import plain_name
    from daemon.commands.records import full_id, reflection_ids, trail_path

    path = Path(given)
    if path.suffix == ".json" or "/" in given:
        if not path.is_file():
            raise CommandError(f"{path} is no file; name a certificate, or a reflection's id")
        return path
    folder = settings.state / "audit" / "certificates"
    names = [each.stem for each in sorted(folder.glob("*.json"))] if folder.is_dir() else []
    known = {plain_name(id_): id_ for id_ in reflection_ids(trail_path(settings))}
    by_id = {known.get(name, name): name for name in names}
    return folder / f"{by_id[full_id(given, by_id, 'certificate')]}.json"


def _replayed(
    certificate: "Certificate", target_name: str | None, settings: "Settings", show: Any
) -> "Replay":
    """The replay, in a sandbox whose containers no worker of this state folder takes away."""
    from audit.verify import records_in
    from daemon.commands.records import trail_path
    from daemon.desk.lock import only_one
    from daemon.desk.workshop import killed_all, open_sandbox
    from daemon.killswitch import KillSwitch, StopSignal
    from daemon.road.replay import Replay, replay
    from sandbox.errors import SandboxError

    target = settings.target(target_name or certificate.target)
    if target is None:
        known = ", ".join(each.name for each in settings.targets)
        reason = f"no target is called {target_name or certificate.target!r} (known: {known})"
        return Replay(verdict="unverified", reason=reason)
    switch = KillSwitch(settings.kill_switch)
    if switch.on():
        raise CommandError("the kill switch is on; nothing was started ('mendd on')", Exit.STOPPED)
    records: list[Record] = list(
        records_in(trail_path(settings), reflection=certificate.id, event="applied")
    )
    place = settings.state / "replay"
    with only_one(place / "replay.lock"):
        apart = dataclasses.replace(settings, state=place)
        sandbox = open_sandbox(apart, lambda detail: show("replaying", detail))
        stop = StopSignal(switch, lambda: killed_all(sandbox))
        stop.listen()
        try:
            sandbox.sweep()
            show("replaying", certificate.id)
            return replay(
                certificate, target, sandbox, records=records, folder=place / "tree", stop=stop
            )
        except SandboxError as error:
            if stop.is_set():
                code = Exit.STOPPED if stop.killed else Exit.INTERRUPTED
                raise CommandError("stopped before the replay was over", code) from None
            return Replay(verdict="unverified", reason=f"the sandbox could not work: {error}")
        finally:
            sandbox.close()


def _tell(options: argparse.Namespace, certificate: "Certificate", result: "Replay") -> None:
    from daemon.show import Screen

    screen = Screen()
    if options.json:
        screen.document(
            {
                "verdict": result.verdict,
                "reason": result.reason,
                "reflection": certificate.id,
                "certificate": certificate.hash,
                "evidence": certificate.evidence,
                "checks": [vars(check) for check in result.checks],
            }
        )
        return
    words = {True: "ok", False: "differs", None: "note"}
    if result.checks:
        rows = [(words[check.ok], check.name, check.detail) for check in result.checks]
        screen.table(("", "compared", "finding"), rows)
        screen.say()
    screen.heading(f"{certificate.id}: {result.verdict}: {result.reason}")
