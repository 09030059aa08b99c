"""Compares a repaired program with the reference on inputs near the tests' own.

Run as a process of its own, so that a hanging or crashing repair hurts nothing:

    python collection_judge.py REPAIRED.py REFERENCE.py < {"function": ..., "tests": [...]}

Prints "equal", or on how many inputs the two differ and the first of them. Inputs the reference
refuses (any exception) or takes too long for are left out.
"""

import ast
import contextlib
import copy
import importlib.util
import io
import json
import random
import signal
import sys
from collections.abc import Iterator
from typing import Any

TRIES = 300
LIMIT_S = 0.3


def calls(function: str, tests: list[str]) -> Iterator[list[Any]]:
    """The arguments of the tests' own calls, where they are literals."""
    for test in tests:
        for node in ast.walk(ast.parse(test)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == function:
                with contextlib.suppress(ValueError):
                    yield [ast.literal_eval(argument) for argument in node.args]


def near(value: Any, r: random.Random) -> Any:
    """A value of the same kind, changed a little."""
    if isinstance(value, bool) or value is None:
        return value if r.random() < 0.8 else not value
    if isinstance(value, int):
        return r.choice([value, value + 1, max(value - 1, min(value, 0)), value * 2, value // 2])
    if isinstance(value, float):
        return r.choice([value, value + 0.5, value * 2, value / 2])
    if isinstance(value, dict):
        return {k: near(v, r) for k, v in value.items() if r.random() < 0.9}
    if not isinstance(value, (str, list, tuple, set)):
        return value
    items: list[Any] = list(value)
    if items and r.random() < 0.6:
        del items[r.randrange(len(items))]
    if items and r.random() < 0.6:
        items.insert(r.randrange(len(items) + 1), r.choice(items))
    if len(items) > 1 and r.random() < 0.4:
        one, other = r.randrange(len(items)), r.randrange(len(items))
        items[one], items[other] = items[other], items[one]
    if isinstance(value, str):
        return "".join(items)
    return type(value)(near(item, r) if r.random() < 0.3 else item for item in items)


def outcome(function: Any, arguments: list[Any]) -> Any:
    """What a call gives: ("value", text) or ("error", name)."""

    def late(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    try:
        value = function(*copy.deepcopy(arguments))
        if isinstance(value, float):
            return "value", float(f"{value:.9g}")
        return "value", value if isinstance(value, (int, str, list, tuple)) else repr(value)
    except BaseException as fault:  # noqa: BLE001 - a repair may raise anything, SystemExit too
        return "error", type(fault).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def load(path: str) -> Any:
    """The module a file holds."""
    spec = importlib.util.spec_from_file_location(path.removesuffix(".py"), path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Compare and print."""
    given = json.load(sys.stdin)
    with contextlib.redirect_stdout(io.StringIO()):
        repaired, reference = (getattr(load(p), given["function"]) for p in sys.argv[1:3])
        seeds = list(calls(given["function"], given["tests"]))
        r = random.Random(1)  # noqa: S311 - the same inputs each time
        compared, differing = 0, []
        for _ in range(TRIES if seeds else 0):
            arguments = [near(value, r) for value in r.choice(seeds)]
            wanted = outcome(reference, arguments)
            if wanted[0] == "error":
                continue
            compared += 1
            got = outcome(repaired, arguments)
            if got != wanted:
                differing.append((arguments, got[1], wanted[1]))
    if not differing:
        print("equal" if compared else "nothing compared")
        return
    shown = min(differing, key=lambda each: len(repr(each)))
    print(f"{len(differing)}/{compared}, e.g. {shown!r}"[:150])


if __name__ == "__main__":
    main()
