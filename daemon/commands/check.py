"""`mendd check`: the doctor. Every finding is ok, weak or bad, and comes with its remedy."""

import argparse
from typing import TYPE_CHECKING

from daemon.commands import Exit, add_json, settings_of
from daemon.commands.finding import Finding, bad

if TYPE_CHECKING:
    from daemon.settings import Settings

EXAMPLE = """\
  mendd check
  mendd check --baseline      also run every target's tests in the sandbox
  mendd check --online        also ask the model's server (costs nothing)
  mendd check --alerts        also send a test alert through every channel
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to look at beside the quick things."""
    parser.add_argument("--baseline", action="store_true", help="run the targets' tests, twice")
    parser.add_argument("--online", action="store_true", help="ask whether the model is reachable")
    parser.add_argument("--alerts", action="store_true", help="send a test alert everywhere")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Look at everything; 1 when something is bad, 2 for the configuration, 3 for the engine."""
    from daemon.config.config_file import SettingsError

    try:
        settings = settings_of(options)
    except SettingsError as error:
        remedy = "mend the file; 'mendd init PATH' writes a good one"
        where = f"{error.file}: " if error.file else ""
        findings = [bad("config", "fault", f"{where}{f}", remedy) for f in error.faults]
        _tell(options, findings)
        return Exit.USAGE
    findings = look(options, settings)
    _tell(options, findings)
    return code_of(findings)


def look(options: argparse.Namespace, settings: "Settings") -> list[Finding]:
    """Every finding; the slow ones only when asked for."""
    from daemon.commands.check_alerts import alert_findings
    from daemon.commands.check_engine import baselines, engine_findings
    from daemon.commands.check_folders import folder_findings
    from daemon.commands.check_model import model_findings
    from daemon.commands.check_targets import target_findings

    findings = [*folder_findings(settings)]
    for target in settings.targets:
        findings += target_findings(target, settings)
    findings += model_findings(settings, online=options.online)
    findings += alert_findings(settings, send=options.alerts)
    findings += engine_findings(settings)
    if options.baseline and not _engine_is_gone(findings):
        findings += baselines(settings)
    return findings


def code_of(findings: list[Finding]) -> Exit:
    """The exit code these findings mean."""
    if _engine_is_gone(findings):
        return Exit.WORLD
    return Exit.NO if any(finding.level == "bad" for finding in findings) else Exit.DONE


def _engine_is_gone(findings: list[Finding]) -> bool:
    return any(f.area == "sandbox" and f.name == "engine" and f.level == "bad" for f in findings)


def _tell(options: argparse.Namespace, findings: list[Finding]) -> None:
    from daemon.show import Screen

    screen = Screen()
    counts = {level: sum(f.level == level for f in findings) for level in ("ok", "weak", "bad")}
    if options.json:
        screen.document(
            {
                "ok": counts["bad"] == 0,
                "counts": counts,
                "findings": [vars(finding) for finding in findings],
            }
        )
        return
    rows = [
        (f.level, f"{f.area}: {f.name}", f.detail + (f"\n→ {f.remedy}" if f.remedy else ""))
        for f in findings
    ]
    screen.table(("", "what", "finding"), rows)
    screen.say(f"\n{counts['ok']} ok, {counts['weak']} weak, {counts['bad']} bad")
