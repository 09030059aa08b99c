"""Every longer reliability check, one after the other, as a table.

    python -m tests.soak [NAME ...] [--seed N] [--scale X] [--json FILE] [--list]

NAME is a check or the first part of its name (`sandbox`). The same seed gives the same run, as far
as processes and the clock allow. Ends with 1 when a promise did not hold or a check could not run.
"""

import argparse
import importlib
import json
import logging
import os
import pkgutil
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import tests.soak
from tests.soak.check import CannotRun, Check, Row, Setting

SEED = 20261120
WIDTHS = (44, 9, 7)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every check clears up
    logging.disable(logging.CRITICAL)  # of faults that are made on purpose
    asked = parse(arguments)
    checks = chosen(found(), asked.names)
    if asked.list:
        tell("\n".join(f"{check.name:26} {check.criterion}" for check in checks))
        return 0
    told = circumstances(asked)
    tell(", ".join(f"{name} {value}" for name, value in told.items()))
    ended: list[dict[str, object]] = []
    for check in checks:
        ended.append(carry_out(check, asked))
        if asked.json:  # after each: a run that is broken off has its figures
            asked.json.write_text(json.dumps({**told, "checks": ended}, indent=2) + "\n")
    failed = [str(each["name"]) for each in ended if each["verdict"] != "held"]
    tell(f"\n{len(ended) - len(failed)} of {len(ended)} held", *failed)
    return 1 if failed or not ended else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--scale", type=float, default=1.0, help="0.1: a tenth as often")
    parser.add_argument("--json", type=Path, help="also write everything to this file")
    parser.add_argument("--list", action="store_true", help="only name the checks")
    return parser.parse_args(arguments)


def found() -> list[Check]:
    """Every check of the package's modules, by name."""
    modules = [
        importlib.import_module(f"tests.soak.{each.name}")
        for each in pkgutil.iter_modules(tests.soak.__path__)
        if each.name != "__main__"
    ]
    checks = [check for module in modules for check in getattr(module, "CHECKS", ())]
    return sorted(checks, key=lambda check: check.name)


def chosen(checks: Sequence[Check], names: Sequence[str]) -> list[Check]:
    """Those named, or all; a name that fits nothing is an error."""
    fits = [[check for check in checks if check.name.startswith(name)] for name in names]
    if unknown := [name for name, fit in zip(names, fits, strict=True) if not fit]:
        sys.exit(f"no check is called {', '.join(unknown)}; --list names them")
    wanted = {check.name for fit in fits for check in fit}
    return [check for check in checks if check.name in wanted or not names]


def carry_out(check: Check, asked: argparse.Namespace) -> dict[str, object]:
    """Run one check and print its rows as they come."""
    tell(f"\n{check.name}: {check.criterion}")
    began = time.monotonic()
    rows: list[Row] = []
    verdict, reason = "held", ""
    with tempfile.TemporaryDirectory(prefix="mendd-soak-") as folder:
        rng = random.Random(f"{asked.seed} {check.name}")  # noqa: S311 -- repeatable on purpose
        setting = Setting(rng, Path(folder), asked.scale, progress)
        try:
            for row in check.run(setting):
                rows.append(row)
                tell(line(row))
        except CannotRun as fault:
            verdict, reason = "not run", str(fault)
        except Exception:  # noqa: BLE001 -- one broken check must not hide the others
            verdict, reason = "broken", traceback.format_exc()
    if verdict == "held" and (not rows or any(row.broken for row in rows)):
        verdict, reason = "broken", "" if rows else "it tried nothing"
    seconds = time.monotonic() - began
    tell(f"  {verdict}, {seconds:.0f} s{': ' + reason if reason else ''}")
    return {
        "name": check.name, "criterion": check.criterion, "verdict": verdict, "reason": reason,
        "seconds": round(seconds, 1), "rows": [asdict(row) for row in rows],
    }  # fmt: skip


def line(row: Row) -> str:
    """A row as text."""
    what, tried, broken = WIDTHS
    return f"  {row.what:{what}} {row.tried:>{tried}} {row.broken:>{broken}} broken  {row.figure}"


def circumstances(asked: argparse.Namespace) -> dict[str, object]:
    """With what, where and when: a published figure can be had again."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seed": asked.seed,
        "scale": asked.scale,
        "commit": said("git", "rev-parse", "--short", "HEAD"),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "docker": said("docker", "version", "--format", "{{.Server.Version}}"),
        "runc": said("runc", "--version").split("\n", maxsplit=1)[0].removeprefix("runc version "),
        "cores": os.cpu_count(),
    }


def said(*command: str) -> str:
    """A program's answer, or that there is none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "absent"
    return done.stdout.strip() or "no answer"


def progress(text: str) -> None:
    """On a terminal, over the last one."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K  {text}")


def tell(*lines: str) -> None:
    """To whoever reads, at once."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
