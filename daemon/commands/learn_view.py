"""What `mendd learn` shows: findings, the diff, how it ended, and the rules with their counts."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from daemon.commands import CommandError, Exit
from daemon.show import Screen

if TYPE_CHECKING:
    from daemon.commands.modify_run import End
    from daemon.prompting.preview import Row
    from daemon.settings import Settings, TargetSettings
    from reflections.transcripts.transcript import Transcript


def show_preview(
    sessions: "Sequence[Transcript]",
    target: "TargetSettings",
    settings: "Settings",
    options: argparse.Namespace,
) -> None:
    """Findings and the diff that would be tried."""
    from daemon.prompting.preview import preview
    from daemon.prompting.section import Damaged

    try:
        found = preview(sessions, target, settings, datetime.now(UTC))
    except Damaged as error:
        raise CommandError(f"{target.prompt}: {error}", Exit.NO) from None
    if options.json:
        told = findings(sessions, settings)
        Screen().document({"sessions": told, "words": list(found.words), "diff": found.diff})
        return
    show_findings(sessions, settings)
    Screen().say("\n".join(found.words) or "no bad habit was found")
    if found.diff:
        Screen().diff(found.diff)


def show_end(
    sessions: "Sequence[Transcript]",
    end: "End",
    settings: "Settings",
    options: argparse.Namespace,
) -> None:
    """Findings and what became of them."""
    if options.json:
        told = findings(sessions, settings)
        Screen().document(
            {"id": end.id, "verdict": end.verdict, "reason": end.reason, "sessions": told}
        )
        return
    show_findings(sessions, settings)
    if not end.verdict:
        Screen().say(f"{end.id}: ordered; the service works on it ('--wait' follows it)")
        return
    Screen().say(f"{end.id}: {end.verdict}{f': {end.reason}' if end.reason else ''}")
    if end.data.get("diff"):
        Screen().diff(str(end.data["diff"]))


def findings(sessions: "Sequence[Transcript]", settings: "Settings") -> list[dict[str, Any]]:
    """What the detectors see, as plain values."""
    from daemon.prompting.habits import detectors
    from reflections.transcripts.detect import detect

    habits = detectors(settings.learn)
    return [
        {
            "file": session.source,
            "format": session.format,
            "messages": len(session.messages),
            "habits": [
                {
                    "habit": seen.pattern,
                    "count": seen.count,
                    "examples": [vars(example) for example in seen.examples],
                }
                for seen in detect(session, habits)
            ],
        }
        for session in sessions
    ]


def show_findings(sessions: "Sequence[Transcript]", settings: "Settings") -> None:
    """A table for a person."""
    rows = [
        (told["file"], habit["habit"], str(habit["count"]), f"{each['message']}: {each['excerpt']}")
        for told in findings(sessions, settings)
        for habit in told["habits"]
        for each in habit["examples"]
    ]
    if rows:
        Screen().table(("session", "habit", "times", "message"), rows)


def show_rules(
    targets: "Sequence[TargetSettings]", settings: "Settings", options: argparse.Namespace
) -> None:
    """Every rule with its wins and losses."""
    from daemon.prompting.preview import rules_of

    now = datetime.now(UTC)
    rows = [row for target in targets for row in rules_of(target, settings, now)]
    if options.json:
        Screen().document({"rules": [rule_json(row) for row in rows]})
        return
    if not rows:
        Screen().say("no rule was learned yet")
        return
    headings = ("rule", "file", "standing", "sure", "before", "since", "rarer", "replays", "text")
    Screen().table(headings, [_cells(row) for row in rows])


def rule_json(row: "Row") -> dict[str, Any]:
    """A rule as plain values; `before` and `since` count sessions with the habit and without."""
    record = row.record
    return {
        "target": row.target,
        "prompt": row.prompt,
        "rule": record.id,
        "text": record.text,
        "by_model": record.by_model,
        "standing": record.standing,
        "since": record.since,
        "confidence": record.confidence,
        "before": {"losses": row.before[0], "wins": row.before[1] - row.before[0]},
        "after": {"losses": row.after[0], "wins": row.after[1] - row.after[0]},
        "chance_rarer": round(row.chance, 3),
        "replays": {"wins": record.wins, "losses": record.losses, "ties": record.ties},
        "why": record.why,
    }


def _cells(row: "Row") -> tuple[str, ...]:
    record = row.record
    return (
        record.id,
        f"{row.target}/{row.prompt}",
        record.standing,
        f"{record.confidence:.2f}",
        f"{row.before[0]}/{row.before[1]}",
        f"{row.after[0]}/{row.after[1]}",
        f"{row.chance:.2f}",
        f"{record.wins}-{record.losses}-{record.ties}",
        record.text,
    )
