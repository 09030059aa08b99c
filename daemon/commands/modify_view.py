"""Shows what an instruction is about before work begins, and what came of it."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from daemon.commands import Exit
from daemon.commands.modify_run import End

if TYPE_CHECKING:
    from daemon.modifying.instruction import Instruction
    from daemon.settings import Settings
    from daemon.show import Screen

GOOD = ("applied", "explained")
HEADINGS = {
    "applied": "done: the change is a commit on a branch of its own",
    "explained": "dry run: this change passes; nothing was changed",
    "held": "held: the change waits for you",
    "frozen": "frozen: a person has to look",
    "rejected": "not done: no attempt passed; nothing was changed",
    "declined": "declined; nothing was changed",
    "waiting": "put off: mendd could not work on it now; nothing was changed",
}


def show_plan(wanted: "Instruction", options: argparse.Namespace) -> None:
    """The files, and why each of them; beside the answer where that is JSON."""
    from daemon.show import Screen

    screen = Screen(sys.stderr if options.json else None)
    screen.heading(f"{wanted.target}: {wanted}")
    rows = [(each.filename, each.function or "", each.why) for each in wanted.files]
    screen.table(("file", "function", "why"), rows)


def show_end(
    wanted: "Instruction", end: End, settings: "Settings", options: argparse.Namespace
) -> int:
    """Print the outcome; its exit code."""
    from daemon.show import Screen

    screen = Screen()
    if options.json:
        screen.document(document(wanted, end, settings))
    elif not end.verdict:
        screen.say(f"{end.id}: ordered; the service carries it out ('--wait' shows the outcome)")
    else:
        _tell(wanted, end, settings, screen)
    return exit_code(end)


def exit_code(end: End) -> int:
    """0 done, ordered, or proven and waiting for approval; 1 not done; 3 put off."""
    if not end.verdict or end.verdict in GOOD or (end.verdict == "held" and end.patch):
        return Exit.DONE
    return Exit.WORLD if end.verdict == "waiting" else Exit.NO


def document(wanted: "Instruction", end: End, settings: "Settings") -> dict[str, Any]:
    """The outcome as one JSON document; `done` is false while the service is at it."""
    from daemon.commands.modify import document as asked

    data = end.data
    return {
        "id": end.id,
        **asked(wanted),
        "dry_run": wanted.dry_run,
        "done": bool(end.verdict),
        "verdict": end.verdict or None,
        "reason": end.reason,
        "attempts": data.get("attempts"),
        "cycles": data.get("cycles"),
        "branch": _branch(end),
        "commit": data.get("commit"),
        "diff": data.get("diff") or "",
        "report": _report(end, settings),
    }


def _tell(wanted: "Instruction", end: End, settings: "Settings", screen: "Screen") -> None:
    screen.say()
    screen.heading(HEADINGS.get(end.verdict, end.verdict))
    diff = str(end.data.get("diff") or "")
    if diff and end.verdict != "rejected":
        screen.diff(diff)
        screen.say()
    branch = _branch(end) or ""
    attempts = end.data.get("attempts")
    screen.facts(
        [
            ("reason", end.reason if end.verdict not in GOOD else ""),
            ("attempts", str(attempts) if attempts else ""),
            ("branch", branch),
            ("commit", str(end.data.get("commit") or "")),
            ("report", _report(end, settings) or ""),
            *_next(wanted, end, branch, settings),
        ]
    )


def _next(
    wanted: "Instruction", end: End, branch: str, settings: "Settings"
) -> list[tuple[str, str]]:
    """What a person may do with it now."""
    target = settings.target(wanted.target)
    if end.verdict == "applied" and branch and target:
        return [
            ("merge it", f"git -C {target.path} merge {branch}"),
            ("drop it", f"mendd revert {end.id}"),
        ]
    if end.verdict == "held" and end.patch:
        return [("apply it", f"mendd approve {end.id}"), ("drop it", f"mendd reject {end.id}")]
    if end.verdict == "waiting":
        again = f"by itself at {end.data.get('next_try', '?')}, if the service runs"
        return [("tried again", again), ("drop it", f"mendd reject {end.id}")]
    return []


def _branch(end: End) -> str | None:
    name = end.data.get("branch")
    return str(name).removeprefix("refs/heads/") if name else None


def _report(end: End, settings: "Settings") -> str | None:
    path = settings.state / "audit" / "reports" / f"{end.id}.md"
    return str(path) if end.verdict and path.exists() else None
