"""`mendd learning`: recipes that won, their exchange with other installations, engines' scores."""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.commands import CommandError, Exit, add_json, settings_of

if TYPE_CHECKING:
    from daemon.settings import Settings
    from daemon.show import Screen

EXAMPLE = """\
  mendd learning list                    recipes, and how often each held
  mendd learning scores                  how well each engine does at each kind of work
  mendd learning key                     what others put into learning.trust
  mendd learning export recipes.json     signed, scrubbed, checked
  mendd learning import recipes.json     untested until proven here
  mendd learning retest                  try what was imported, in the sandbox
  mendd learning sync                    push to and pull from learning.peers now
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do."""
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    for name, words in STEPS.items():
        step = steps.add_parser(name, help=words, description=words)
        if name in ("export", "import"):
            step.add_argument("file", metavar="FILE", help="the bundle ('-': standard streams)")
        add_json(step)


STEPS = {
    "list": "show the recipes",
    "scores": "show how well each engine does",
    "key": "show the public key of this installation",
    "export": "write a signed bundle of what held here",
    "import": "take a bundle of a trusted installation in, untested",
    "retest": "try imported recipes in the sandbox",
    "sync": "exchange bundles with the peers now",
}


def run(options: argparse.Namespace) -> int:
    """Do the step."""
    from daemon.learning.keys import BadKey
    from daemon.show import Screen

    settings, screen = settings_of(options), Screen()
    steps = {
        "list": _list,
        "scores": _scores,
        "key": _key,
        "export": _export,
        "import": _import,
        "retest": _retest,
        "sync": _sync,
    }
    try:
        return steps[options.step](options, settings, screen)
    except BadKey as error:
        raise CommandError(str(error), Exit.WORLD) from None


def _list(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> int:
    from daemon.learning.book import RecipeBook
    from daemon.show import one_line

    recipes = list(RecipeBook.open(settings.state).recipes.values())
    if options.json:
        screen.document([recipe.to_json() for recipe in recipes])
    elif recipes:
        rows = [
            (r.id, r.trust, r.kind, f"{r.wins}/{r.losses}", one_line(r.shape.before, 40) or "-",
             one_line(r.shape.after, 40) or "-")
            for r in recipes
        ]  # fmt: skip
        screen.table(("recipe", "trust", "kind", "held/failed", "before", "after"), rows)
    else:
        screen.say("no recipe yet: each patch that is applied adds one")
    return Exit.DONE


def _scores(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> int:
    from daemon.learning.scores import up_to_date

    scores = [score.shown() for score in up_to_date(settings.state).scores.values()]
    if options.json:
        screen.document(scores)
    elif scores:
        head = ("engine", "kind", "target", "tries", "success", "came back", "seconds", "cost")
        rows = [
            (s["engine"], s["kind"], s["target"] or "-", str(s["tries"]), f"{s['success']:.0%}",
             str(s["came_back"]), f"{s['seconds']:.1f}", f"${s['cost_usd']:.3f}")
            for s in scores
        ]  # fmt: skip
        screen.table(head, rows)
    else:
        screen.say("no engine has finished a try yet")
    return Exit.DONE


def _key(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> int:
    from daemon.learning.keys import own_key, public_text

    text = public_text(own_key(settings.state))
    if options.json:
        screen.document({"key": text})
    else:
        screen.say(text)
    return Exit.DONE


def _export(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> int:
    from audit.durable import write_whole
    from daemon.learning.exchange import packed

    if settings.learning.share == "nothing":
        raise CommandError('learning.share is "nothing": no recipe leaves this installation')
    bundle = packed(settings, datetime.now(UTC))
    if options.file == "-":
        sys.stdout.write(bundle.data.decode("ascii") + "\n")
        return Exit.DONE
    write_whole(Path(options.file).absolute(), bundle.data)
    told = {"file": options.file, "recipes": bundle.count, "kept_back": bundle.kept_back}
    _tell(options, screen, told, f"{bundle.count} recipes written to {options.file}")
    return Exit.DONE


def _import(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> int:
    from daemon.learning.bundle import MOST_BYTES, BadBundle
    from daemon.learning.exchange import take_in

    if options.file == "-":
        data = sys.stdin.buffer.read(MOST_BYTES + 1)
    else:
        with Path(options.file).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    try:
        new = take_in(data, settings)
    except BadBundle as error:
        raise CommandError(f"{options.file} was not taken in: {error}", Exit.NO) from None
    words = f"{new} new recipes; 'mendd learning retest' tries them"
    _tell(options, screen, {"file": options.file, "new": new}, words)
    return Exit.DONE


def _retest(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> int:
    from daemon.commands.progress_line import progress_shown
    from daemon.desk.lock import only_one
    from daemon.desk.workshop import open_workshop
    from daemon.learning.retest import retest

    refuse_if_stopped(settings)
    with only_one(settings.state / "work.lock"), progress_shown(settings.state):
        shop = open_workshop(settings, os.environ)
        try:
            outcomes = retest(settings.state, shop.sandbox, shop.beacon.detail, shop.stop)
            if shop.stop.asked():
                words = f"stopped after {len(outcomes)} recipes; the others stay untested"
                raise CommandError(words, Exit.STOPPED)
        finally:
            shop.sandbox.close()
            shop.beacon.end()
    told = [{"recipe": id_, "outcome": words} for id_, words in outcomes.items()]
    if options.json:
        screen.document(told)
    elif told:
        screen.table(("recipe", "outcome"), [(each["recipe"], each["outcome"]) for each in told])
    else:
        screen.say("nothing to try: no untested recipe brings a demonstration")
    return Exit.DONE


def _sync(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> int:
    from daemon.learning.exchange import exchange

    if not settings.learning.peers:
        raise CommandError("learning.peers names nobody to exchange recipes with")
    refuse_if_stopped(settings)
    outcome = exchange(settings, os.environ, datetime.now(UTC))
    words = f"{outcome.sent} recipes sent, {outcome.taken} new ones taken in"
    _tell(options, screen, outcome.to_json(), words)
    for where, why in outcome.refused.items():
        sys.stderr.write(f"mendd: {where}: {why}\n")
    return Exit.WORLD if outcome.refused else Exit.DONE


def refuse_if_stopped(settings: "Settings") -> None:
    """While the kill switch is on nothing is run and nothing is sent. Raises CommandError."""
    from daemon.killswitch import KillSwitch

    if KillSwitch(settings.kill_switch).on():
        words = "the kill switch is on: no recipe is tried or exchanged ('mendd on')"
        raise CommandError(words, Exit.STOPPED)


def _tell(options: argparse.Namespace, screen: "Screen", told: dict[str, Any], words: str) -> None:
    if options.json:
        screen.document(told)
        return
    screen.say(words)
    for id_, why in told.get("kept_back", {}).items():
        screen.say(f"kept back {id_}: {why}")
