"""`mendd research`: metric experiments, step by step or by themselves."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands import CommandError, Exit, add_json, settings_of
from daemon.commands.switch import person

if TYPE_CHECKING:
    from daemon.actions.caller import Caller

EXAMPLE = """\
  mendd research setup                       the target's first metric: baseline and noise
  mendd research loop                        go on by itself: edit, run, decide, until its end
  mendd research status --watch              what happens, as it happens

  mendd research setup --run "python bench.py" --metric steps --pattern 'steps: (\\d+)' \\
        --file search.py --iterations 5
  mendd research edit --hypothesis "a set is searched at once" --patch idea.diff
  mendd research run; mendd research decide; mendd research finalize
"""
STEPS = {
    "setup": "begin a session: freeze the evaluation, measure baseline and noise",
    "edit": "one edit with its hypothesis: yours (--patch), else an engine's",
    "run": "run the metric's command with the edit in the sandbox",
    "decide": "keep it if it is better, confirmed, and no gate objects; else revert it",
    "finalize": "end the session: report, plot, verdict",
    "status": "what a session has come to, running or finished",
    "loop": "let the session go on by itself until its end",
    "stop": "stop the session and put it away",
}
MOST_BYTES = 4 << 20
NUMBERS = {
    "iterations": (int, "edits tried at most"),
    "run_s": (float, "seconds one run may take"),
    "spend_usd": (float, "dollars that may be spent on models"),
    "plateau": (int, "edits in a row without gain that end it"),
    "epsilon": (float, "share of bold edits, 0 to 1"),
    "seed": (int, "same seed, same bold iterations"),
    "noise_runs": (int, "runs of the unmodified code that measure the noise"),
    "confirm_runs": (int, "repeated runs of an edit that seems better"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One step."""
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    for name, line in STEPS.items():
        step = steps.add_parser(name, help=line, description=line)
        step.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS)
        if name == "setup":
            _add_setup(step)
        else:
            step.add_argument("session", nargs="?", default="", help="id; none: the open session")
        if name == "edit":
            step.add_argument("--hypothesis", default="", help="why it should better the metric")
            step.add_argument("--patch", type=Path, metavar="FILE", help="unified diff of the edit")
        if name == "stop":
            step.add_argument("--reason", default="", help="why")
        if name == "status":
            step.add_argument("--watch", action="store_true", help="its events, until Ctrl-C")
        else:
            step.add_argument("--by", help="in whose name (default: the user's)")
            step.add_argument(
                "--arguments", type=Path, metavar="FILE", help="JSON of the step, as agents send it"
            )
        add_json(step)


def _add_setup(step: argparse.ArgumentParser) -> None:
    step.add_argument("--target", default="", help="which target (needed when there are several)")
    step.add_argument("--metric", default="", help="which of its metrics; else a name")
    step.add_argument("--run", default="", metavar="COMMAND", dest="command_line",
                      help="command that prints the metric")  # fmt: skip
    step.add_argument("--pattern", default="", help="regular expression with one group: the number")
    step.add_argument("--direction", default="", choices=("lower", "higher"), help="what is better")
    step.add_argument("--file", action="append", default=[], dest="files", help="where to edit")
    step.add_argument("--frozen", action="append", default=[], help="glob of what is never edited")
    step.add_argument("--words", default="", help="anything an engine should know")
    for name, (kind, words) in NUMBERS.items():
        step.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="N", help=words)


def run(options: argparse.Namespace) -> int:
    """Order the step, or look."""
    from daemon.actions.caller import Caller

    caller = Caller(settings=settings_of(options), by=getattr(options, "by", None) or person())
    if options.step == "status":
        return _status(options, caller)
    from daemon.experiment.asking import asked

    answer = asked(options.step, _arguments(options), caller)
    if options.step == "loop" and answer["done"]:
        from daemon.commands.research_loop import follow

        answer = {**answer, **follow(answer["session"], caller, quiet=options.json)}
    _tell(answer, options)
    return Exit.DONE if answer["done"] else Exit.NO


def _arguments(options: argparse.Namespace) -> dict[str, Any]:
    """What the options say, in the form of the step's arguments. Raises CommandError."""
    if options.arguments:
        return _checked(options.step, _json(_text(options.arguments)))
    if options.step != "setup":
        given = {"session": options.session}
        if options.step == "stop":
            given["reason"] = options.reason
        if options.step == "edit":
            return _checked("edit", {**given, **_edit(options)})
        return _checked(options.step, given)
    import shlex

    try:
        command = shlex.split(options.command_line)
    except ValueError as error:
        raise CommandError(f"--run {options.command_line!r}: {error}") from None
    names = ("target", "metric", "pattern", "direction", "files", "frozen", "words", *NUMBERS)
    given = {name: getattr(options, name) for name in names}
    kept = {name: value for name, value in given.items() if value is not None}
    return _checked("setup", {**kept, "command": command})


def _edit(options: argparse.Namespace) -> dict[str, Any]:
    if options.patch is None:
        return {"hypothesis": options.hypothesis}
    from daemon.experiment.diffs import BadDiff, hunks_in

    if not options.hypothesis.strip():
        raise CommandError("say with --hypothesis why the edit should better the metric")
    try:
        hunks = hunks_in(_text(options.patch))
    except BadDiff as error:
        raise CommandError(f"{options.patch}: {error}") from None
    return {"hypothesis": options.hypothesis, "hunks": hunks}


def _checked(step: str, sent: Any) -> dict[str, Any]:
    from daemon.actions.action import BadArguments
    from daemon.experiment.asking import STEPS as ACTIONS

    action = next(each for each in ACTIONS if each.name == f"research_{step}")
    try:
        return action.checked(sent).model_dump()
    except BadArguments as error:
        more = f"'mendd research {step} --help' lists the options"
        raise CommandError(f"nothing was ordered:\n{error.faults}\n{more}") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"--arguments is no JSON: {error}") from None


def _text(path: Path) -> str:
    """A file's text, bounded. Raises CommandError."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise CommandError(f"{path} is larger than {MOST_BYTES >> 20} MiB")
    return data.decode("utf-8", "surrogateescape")


def _status(options: argparse.Namespace, caller: "Caller") -> int:
    from daemon.experiment.asking import told

    answer = told(options.session, caller)
    _tell(answer, options)
    if options.watch:
        from daemon.commands.research_loop import watch

        watch(answer["session"], caller, as_json=options.json)
    return Exit.DONE


def _tell(answer: Mapping[str, Any], options: argparse.Namespace) -> None:
    from daemon.commands.research_view import tell
    from daemon.show import Screen

    screen = Screen()
    if not options.json:
        tell(answer, screen)
    elif options.step == "status" and options.watch:
        sys.stdout.write(json.dumps(answer) + "\n")
    else:
        screen.document(dict(answer))
