"""`mendd status`: what runs, what is under way, what waits and why, what was decided last."""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from daemon.commands import Exit, add_json, settings_of

if TYPE_CHECKING:
    from daemon.settings import Settings
    from daemon.show import Screen

EXAMPLE = """\
  mendd status
  mendd status --watch            until Ctrl-C
  mendd status --json | jq '.work[] | select(.state == "held") | .id'
"""
EVERY_S = 1.0
CLEAR = "\x1b[H\x1b[2J\x1b[3J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Once, or again and again."""
    parser.add_argument("--watch", action="store_true", help="show it again whenever it changes")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Show the status; with --watch and --json, one document a line."""
    from daemon.commands.overview import overview
    from daemon.show import Screen

    settings, screen = settings_of(options), Screen()
    if options.watch:
        _watch(options, settings, screen)
        return Exit.DONE
    found = overview(settings, datetime.now(UTC))
    if options.json:
        screen.document(found)
    else:
        tell(found, screen)
    return Exit.DONE


def tell(found: Mapping[str, Any], screen: "Screen") -> None:
    """The status for people: facts, then open work, then the last verdicts."""
    screen.facts(_facts(found))
    work = found["work"]
    if isinstance(work, list) and work:
        screen.say()
        screen.table(("state", "id", "target", "next", "why"), [_row(each) for each in work])
    concerns = found["concerns"]
    if isinstance(concerns, list) and concerns:
        screen.say()
        _tell_concerns(concerns, screen)
    last = found["last"]
    if isinstance(last, list) and last:
        screen.say()
        _tell_last(last, screen)
    _advise(found, screen)


def _watch(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> None:
    """Until Ctrl-C; a terminal is redrawn, a pipe gets a new block for each change."""
    from daemon.commands.overview import overview

    before: dict[str, Any] = {}
    try:
        while True:
            found = overview(settings, datetime.now(UTC))
            now = {name: value for name, value in found.items() if name != "time"}
            if now != before or screen.terminal:
                _again(options, found, screen)
                before = now
            sys.stdout.flush()
            time.sleep(EVERY_S)
    except KeyboardInterrupt:
        return


def _again(options: argparse.Namespace, found: dict[str, Any], screen: "Screen") -> None:
    if options.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    if screen.terminal:
        sys.stdout.write(CLEAR)
    tell(found, screen)
    if not screen.terminal:
        screen.say()


def _facts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    inbox, budget = found["inbox"], found["budget"]
    rejected = f", {inbox['rejected']} rejected (see its rejected/)" if inbox["rejected"] else ""
    facts = [
        ("service", _running(found["service"])),
        ("worker", _running(found["worker"])),
        ("kill switch", _switch(found["kill_switch"])),
        ("stopped", _stopped(found["kill_switch"])),
        ("under way", _under_way(found["under_way"])),
        *(("paused", _pause(each)) for each in found["paused"]),
        ("inbox", f"{inbox['waiting']} waiting{rejected}"),
        ("orders", f"{found['orders']} waiting" if found["orders"] else ""),
        ("today", _spent(budget)),
        ("state", found["state"]),
    ]
    for name in ("work", "concerns", "last"):
        if isinstance(found[name], Mapping):
            facts.append((f"{name}: trouble", found[name]["trouble"]))
    return facts


def _running(holder: Mapping[str, Any]) -> str:
    from daemon.show import local_time

    if holder["running"] is None:
        return f"cannot be told: {holder['trouble']}"
    if not holder["running"]:
        return "not running"
    since = f" since {local_time(holder['since'])}" if holder["since"] else ""
    return f"running (process {holder['pid'] or '?'}{since})"


def _switch(switch: Mapping[str, Any]) -> str:
    if not switch["on"]:
        return "not set"
    return f"ON: {switch['reason'] or 'no reason given'} ({switch['path']})"


def _stopped(switch: Mapping[str, Any]) -> str:
    from daemon.show import local_time, one_line

    if not switch["since"]:
        return ""
    at = switch["stopped"]
    of = f"{at['reflection']}: " if at and at["reflection"] else ""
    detail = f" ({one_line(at['detail'], 80)})" if at and at.get("detail") else ""
    what = f"{of}{at.get('stage')}{detail}; it is taken up again" if at else "nothing was under way"
    return f"since {local_time(switch['since'])}; {what}"


def _under_way(progress: Mapping[str, Any] | None) -> str:
    from daemon.show import how_long, one_line

    if progress is None:
        return ""
    since = datetime.fromisoformat(progress["since"])
    seconds = (datetime.now(UTC) - since).total_seconds()
    of = f"{progress['reflection']}: " if progress["reflection"] else ""
    detail = f" ({one_line(progress['detail'], 80)})" if progress["detail"] else ""
    return f"{of}{progress['stage']}{detail}, for {how_long(seconds)}"


def _pause(paused: Mapping[str, Any]) -> str:
    from daemon.show import local_time, one_line

    why = one_line(paused["reason"], 100)
    what = f"{paused['failures']} works in a row failed or were rejected"
    return f"{paused['target']} until {local_time(paused['until'])}, as {what}; the last: {why}"


def _spent(budget: Mapping[str, Any]) -> str:
    if budget["spent_usd"] is None:
        return f"the budget cannot be read: {budget['trouble']}"
    return f"${budget['spent_usd']:.2f} of ${budget['limit_usd']:.2f} spent on models (UTC day)"


def _row(work: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    from daemon.show import local_time, one_line

    next_try = local_time(work["next_try"]) if work["next_try"] else ""
    choices = f" ({work['choices']} choices)" if work["choices"] > 1 else ""
    why = one_line(f"{work['reason'] or work['task']}{choices}", 160)
    return work["state"], work["id"], work["target"] or "-", next_try or "-", why


def _tell_concerns(concerns: list[dict[str, Any]], screen: "Screen") -> None:
    """What to look at and what to do; waiting work stands in its own table already."""
    from daemon.show import one_line

    rows = [
        (each["severity"], each["target"] or "-", one_line(f"{each['words']}", 160), each["remedy"])
        for each in concerns
        if each["kind"] != "waits"
    ]
    if rows:
        screen.table(("concern", "target", "what", "what to do"), rows)


def _tell_last(last: list[dict[str, Any]], screen: "Screen") -> None:
    from daemon.show import local_time

    rows = [
        (local_time(each["time"]), each["verdict"], each["reflection"] or "-", each["what"])
        for each in last
    ]
    screen.table(("last", "verdict", "reflection", "what"), rows)


def _advise(found: Mapping[str, Any], screen: "Screen") -> None:
    """The next step, where there is an obvious one."""
    work = found["work"] if isinstance(found["work"], list) else []
    held = [each for each in work if each["state"] in ("held", "frozen")]
    idle = found["service"]["running"] is False and found["worker"]["running"] is False
    ready = any(each["state"] == "open" for each in work) or found["inbox"]["waiting"]
    if found["kill_switch"]["on"]:
        screen.say("\n'mendd on' lifts the kill switch")
    elif idle and ready:
        screen.say("\nno service runs; 'mendd run --once' works on what waits")
    with_patch = [each["id"] for each in held if each["choices"]]
    if with_patch:
        screen.say(
            f"\n'mendd approve {with_patch[0]} --show' shows the patch; then approve or reject"
        )
    elif held:
        id_ = held[0]["id"]
        screen.say(f"\n'mendd approve {id_}' starts it afresh, 'mendd reject {id_}' closes it")
