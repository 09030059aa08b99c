"""What a trial came to, read from lines that untrusted code could have written.

Every line must be exactly one of the shapes below; anything else makes the run FORGED with a
reason. A result counts only if it was collected before, comes once, and fits its test's order.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

LINE_BYTES = 1 << 20
ID_BYTES = 1100
MESSAGE_BYTES = 7000
MAX_TESTS = 50_000  # no more fit into a report, whose lines have 84 bytes or more
PHASES = ("setup", "call", "teardown")
SHAPES: dict[str, dict[str, tuple[type, ...]]] = {
    "ready": {},
    "begun": {},
    "missing": {"m": (str,)},
    "collected": {"ids": (list,)},
    "collect_error": {"id": (str,), "m": (str,)},
    "promise": {"id": (str,), "tests": (list,)},
    "test": {
        "id": (str,), "p": (str,), "o": (str,), "sub": (str, type(None)), "n": (int,),
        "x": (bool,), "s": (int, float), "m": (str,),
    },
    "finish": {"exit": (int,), "stopped": (str, type(None))},
}  # fmt: skip


class Ending(StrEnum):
    """How a run ended; all of these say something about the tests or the code, none about us."""

    FINISHED = "finished"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    FLOODED = "output flood"
    FORGED = "forged report"
    CRASHED = "crashed"
    NO_TESTS = "no tests"


class Outcome(StrEnum):
    """What became of one test."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One trial's result. Only FINISHED means that every collected test has an outcome.

    (Except when `first` tests failed: then `detail` says that the rest did not run.)
    """

    ending: Ending
    outcomes: Mapping[str, Outcome]
    messages: Mapping[str, str]  # bounded failure text or skip reason per test id
    durations: Mapping[str, float]  # seconds, all phases of a test together
    output: str  # the end of what was printed
    seconds: float  # from handing over the job to its end, as the harness measured it
    detail: str  # why it ended so, in one line; empty when there is nothing to say
    collected: tuple[str, ...]  # in the order in which they were to run
    promised: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    """Of files that could not be collected: the tests their text holds, and which may be idle."""


class Forged(Exception):
    """A line that our plugin would never have written."""


@dataclass(slots=True)
class _Test:
    """The phases of one test so far."""

    phases: dict[tuple[str, str | None, int], tuple[str, bool]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def outcome(self) -> Outcome | None:
        """One word for all phases; None while it has not come to an end."""
        last: dict[tuple[str, str | None], tuple[str, bool]] = {}
        for (phase, sub, _), result in self.phases.items():
            last[phase, sub] = result
        failed = {phase for (phase, _), (word, _) in last.items() if word == "failed"}
        if "call" in failed:
            return Outcome.FAILED
        if failed:
            return Outcome.ERROR
        main = last.get(("call", None)) or last.get(("setup", None))
        if main is None or (("call", None) not in last and main[0] == "passed"):
            return None
        word, expected = main
        if word == "skipped":
            return Outcome.XFAILED if expected else Outcome.SKIPPED
        return Outcome.XPASSED if expected else Outcome.PASSED


class Results:
    """Reads the lines of one run as they arrive."""

    def __init__(self, canary: str | None) -> None:
        """`canary` is the id that must fail; None for a command, which has none."""
        self.canary = canary
        self.ready = self.begun = False
        self.missing: str | None = None
        self.forged: str | None = None
        self.finish: dict[str, Any] | None = None
        self.collected: dict[str, _Test] = {}
        self.collect_errors: dict[str, str] = {}
        self.promised: dict[str, dict[str, bool]] = {}
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take some bytes; after the first forged line nothing more is read."""
        if self.forged:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            for line in lines:
                self._take(parsed(line))
            if len(self._rest) > LINE_BYTES:
                raise Forged(f"a line of more than {LINE_BYTES} bytes")
        except Forged as fault:
            self.forged = str(fault)

    def _take(self, message: dict[str, Any]) -> None:
        if self.finish is not None:
            raise Forged("a line after the last word")
        kind = message["k"]
        if kind in ("ready", "begun"):
            if getattr(self, kind):
                raise Forged(f"{kind} a second time")
            setattr(self, kind, True)
        elif kind == "missing":
            if self.collected or self.collect_errors:
                raise Forged("a test runner that is missing after it began")
            self.missing = message["m"]
        elif kind == "collected":
            self._collect(message["ids"])
        elif kind == "collect_error":
            self._collect_error(message)
        elif kind == "promise":
            self.promised[message["id"]] = dict(map(_promise, message["tests"]))
        elif kind == "test":
            self._result(message)
        else:
            self.finish = message

    def _collect(self, ids: list[Any]) -> None:
        for name in ids:
            if not isinstance(name, str) or not name or len(name) > ID_BYTES:
                raise Forged("a collected id that is no id")
            if name in self.collected:
                raise Forged(f"collected twice: {name}")
            self.collected[name] = _Test()
        if len(self.collected) > MAX_TESTS:
            raise Forged(f"more than {MAX_TESTS} tests")

    def _collect_error(self, message: dict[str, Any]) -> None:
        if self.collected:
            raise Forged("a collection error after collection")
        self.collect_errors[message["id"] or "collection"] = message["m"]

    def _result(self, message: dict[str, Any]) -> None:
        name, phase, word = message["id"], message["p"], message["o"]
        test = self.collected.get(name)
        if test is None:
            raise Forged(f"a result for a test that was not collected: {name[:200]}")
        if phase not in PHASES or word not in ("passed", "failed", "skipped"):
            raise Forged(f"no such phase or outcome: {phase[:20]} {word[:20]}")
        number = message["n"]
        key, before = (phase, message["sub"], number), (phase, message["sub"], number - 1)
        if key in test.phases or (number != 1 and before not in test.phases):
            raise Forged(f"a second result for the {phase} of {name[:200]}")
        if not 0 <= message["s"] < 1e6:
            raise Forged("an impossible duration")
        test.phases[key] = (word, message["x"])
        test.seconds += message["s"]
        if message["m"]:
            test.messages.append(message["m"])

    # what it all comes to

    def outcomes(self) -> dict[str, Outcome]:
        """Every test that came to an end, and every file that could not be collected."""
        found: dict[str, Outcome] = dict.fromkeys(self.collect_errors, Outcome.ERROR)
        for name, test in self.collected.items():
            outcome = test.outcome()
            if outcome is not None and name != self.canary:
                found[name] = outcome
        return found

    def messages(self) -> dict[str, str]:
        """Failure texts and skip reasons."""
        found = dict(self.collect_errors)
        for name, test in self.collected.items():
            if test.messages and name != self.canary:
                found[name] = "\n".join(test.messages)[-MESSAGE_BYTES:]
        return found

    def durations(self) -> dict[str, float]:
        """Seconds per test that has run."""
        return {
            name: test.seconds
            for name, test in self.collected.items()
            if test.phases and name != self.canary
        }

    def ids(self) -> tuple[str, ...]:
        """The collected ids without the canary."""
        return tuple(name for name in self.collected if name != self.canary)

    def judged(self, status: int) -> tuple[Ending, str]:
        """The ending of a child that ended by itself with this exit status."""
        if self.finish is None:
            return Ending.CRASHED, f"the test process ended with {status} before its last word"
        code = self.finish["exit"]
        if code != status:
            return Ending.FORGED, f"reported exit code {code}, ended with {status}"
        if code in (3, 4):
            return Ending.CRASHED, "pytest could not run (internal or usage error); see the output"
        if not self.ids() and not self.collect_errors:
            return Ending.NO_TESTS, "no test was collected"
        if self.finish["stopped"]:
            return Ending.FINISHED, "stopped early: a test that had to pass failed"
        return self._complete(code)

    def _complete(self, code: int) -> tuple[Ending, str]:
        """Whether every collected test has an outcome, and the canary the right one."""
        left = [name for name, test in self.collected.items() if test.outcome() is None]
        if left and code == 2:
            return Ending.CRASHED, f"the test session was interrupted before {left[0]}"
        if left and left != [self.canary]:
            return Ending.FORGED, f"finished without a result for {left[0]}"
        if self.canary and self.ids():
            canary = self.collected.get(self.canary)
            if canary is None or canary.outcome() is not Outcome.FAILED:
                return (
                    Ending.FORGED,
                    "the test that must fail did not: results are not to be trusted",
                )
        return Ending.FINISHED, ""

    def under_way(self) -> str:
        """How far a run came that was cut off."""
        done = sum(test.outcome() is not None for test in self.collected.values())
        for name, test in self.collected.items():
            if test.outcome() is None:
                return f"{done} of {len(self.collected)} tests done, during {name}"
        return "while collecting" if not self.collected else "after the last test"


def parsed(line: bytes) -> dict[str, Any]:
    """One line as one of the known shapes, or Forged."""
    message = strict_object(line)
    kind = message.get("k")
    shape = SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None or set(message) != {"k", *shape}:
        raise Forged("a line of no known shape")
    for key, types in shape.items():
        value = message[key]
        if type(value) not in types or (isinstance(value, str) and len(value) > MESSAGE_BYTES):
            raise Forged(f"a line whose {key} is no {types[0].__name__}, or too long")
    return message


def strict_object(line: bytes) -> dict[str, Any]:
    """A JSON object without duplicate keys, NaN, lone surrogates or deep nesting."""
    if len(line) > LINE_BYTES:
        raise Forged(f"a line of more than {LINE_BYTES} bytes")
    try:
        text = line.decode("utf-8")
        message = json.loads(text, object_pairs_hook=_once, parse_constant=_refused)
        json.dumps(message, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as fault:
        raise Forged(f"a line that is no plain JSON: {str(fault)[:100]}") from fault
    if not isinstance(message, dict):
        raise Forged("a line that is no JSON object")
    return message


def _promise(pair: Any) -> tuple[str, bool]:
    """One test that a file's text holds, and whether it may be skipped or expected to fail."""
    if not isinstance(pair, list) or [type(part) for part in pair] != [str, bool]:
        raise Forged("a promise that is none")
    return pair[0], pair[1]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")
