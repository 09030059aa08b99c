"""Reading results: what our plugin writes counts, anything else makes the run forged."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.results import LINE_BYTES, Ending, Outcome, Results, strict_object

CANARY = "test_canary"


def test_line(name: str, phase: str = "call", outcome: str = "passed", **other: Any) -> Any:
    """A result line."""
    message = {"k": "test", "id": name, "p": phase, "o": outcome, "sub": None, "n": 1}
    return {**message, "x": False, "s": 0.1, "m": "", **other}


test_line.__test__ = False  # type: ignore[attr-defined]


def read(*messages: Any, canary: str | None = CANARY) -> Results:
    """Results after these lines."""
    results = Results(canary)
    for message in messages:
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        results.feed(line + b"\n")
    return results


def whole(name: str, outcome: str = "passed", **other: Any) -> list[Any]:
    """Three phases of a test."""
    return [
        test_line(name, "setup"),
        test_line(name, "call", outcome, **other),
        test_line(name, "teardown"),
    ]


START = [{"k": "ready"}, {"k": "begun"}, {"k": "collected", "ids": ["a", CANARY]}]
END = {"k": "finish", "exit": 0, "stopped": None}
CANARY_FAILS = whole(CANARY, "failed", m="as it must")


def test_a_plain_run_is_finished() -> None:
    """Outcomes, durations and ids, without the canary."""
    results = read(*START, *whole("a"), *CANARY_FAILS, END)
    assert results.judged(0) == (Ending.FINISHED, "")
    assert results.outcomes() == {"a": Outcome.PASSED}
    assert results.ids() == ("a",)
    assert results.durations() == {"a": pytest.approx(0.3)}
    assert results.messages() == {}


def test_bytes_may_come_in_any_pieces() -> None:
    """A line is read when it is whole."""
    data = b"".join(
        json.dumps(line).encode() + b"\n" for line in [*START, *whole("a"), *CANARY_FAILS, END]
    )
    results = Results(CANARY)
    for index in range(len(data)):
        results.feed(data[index : index + 1])
    assert results.judged(0)[0] is Ending.FINISHED


@pytest.mark.parametrize(
    ("phases", "outcome"),
    [
        ([("setup", "failed", False)], Outcome.ERROR),
        ([("setup", "skipped", False)], Outcome.SKIPPED),
        ([("setup", "skipped", True)], Outcome.XFAILED),
        ([("setup", "passed", False), ("call", "skipped", True)], Outcome.XFAILED),
        ([("setup", "passed", False), ("call", "passed", True)], Outcome.XPASSED),
        ([("setup", "passed", False), ("call", "failed", False)], Outcome.FAILED),
        ([("call", "passed", False), ("teardown", "failed", False)], Outcome.ERROR),
        ([("call", "failed", False), ("teardown", "failed", False)], Outcome.FAILED),
        ([("setup", "passed", False)], None),
    ],
)
def test_phases_make_one_outcome(
    phases: list[tuple[str, str, bool]], outcome: Outcome | None
) -> None:
    """None while the test has not come to an end."""
    lines = [test_line("a", phase, word, x=expected) for phase, word, expected in phases]
    assert read(*START, *lines).outcomes().get("a") is outcome


def test_a_failed_subtest_fails_its_test() -> None:
    """Even when the test's own report passed."""
    lines = [test_line("a", "setup"), test_line("a", outcome="failed", sub="i=1"), test_line("a")]
    assert read(*START, *lines).outcomes() == {"a": Outcome.FAILED}


def test_a_repeated_test_counts_by_its_last_try() -> None:
    """As rerun plugins do it, numbered."""
    lines = [test_line("a", outcome="failed"), test_line("a", n=2)]
    assert read(*START, *lines).outcomes() == {"a": Outcome.PASSED}


FORGED = {
    "unknown id": [*START, test_line("b")],
    "result before collection": [test_line("a")],
    "second result": [*START, test_line("a"), test_line("a")],
    "number left out": [*START, test_line("a", n=2)],
    "collected twice": [*START, {"k": "collected", "ids": ["a"]}],
    "id that is no text": [{"k": "collected", "ids": [1]}],
    "empty id": [{"k": "collected", "ids": [""]}],
    "endless id": [{"k": "collected", "ids": ["x" * 2000]}],
    "unknown kind": [{"k": "bonus"}],
    "no kind": [{}],
    "kind that is a list": [{"k": []}],
    "extra key": [{"k": "ready", "more": 1}],
    "runner missing too late": [*START, {"k": "missing", "m": "it reads as an outage"}],
    "missing key": [{"k": "finish", "exit": 0}],
    "bool for a number": [{"k": "finish", "exit": True, "stopped": None}],
    "unknown phase": [*START, test_line("a", "later")],
    "unknown outcome": [*START, test_line("a", outcome="great")],
    "negative time": [*START, test_line("a", s=-1)],
    "endless message": [*START, test_line("a", m="x" * 10_000)],
    "line after the last": [*START, END, test_line("a")],
    "collection error too late": [*START, {"k": "collect_error", "id": "c", "m": ""}],
    "NaN": [b'{"k":"finish","exit":NaN,"stopped":null}'],
    "Infinity": [b'{"k":"finish","exit":-Infinity,"stopped":null}'],
    "duplicate key": [b'{"k":"ready","k":"ready"}'],
    "deep nesting": [b'{"k":' + b"[" * 200_000 + b"}"],
    "lone surrogate": [b'{"k":"missing","m":"\\ud800"}'],
    "bytes that are no UTF-8": [b'{"k":"missing","m":"\xff"}'],
    "huge number": [b'{"k":"finish","exit":' + b"9" * 5000 + b',"stopped":null}'],
    "a list": [b"[]"],
    "nothing": [b""],
    "a long line": [b" " * (LINE_BYTES + 1)],
}


@pytest.mark.parametrize("what", FORGED)
def test_lines_that_our_plugin_never_writes(what: str) -> None:
    """Each is named, and nothing after it is read."""
    results = read(*FORGED[what], {"k": "collected", "ids": ["later"]})
    assert results.forged
    assert "later" not in results.collected


def test_an_endless_line_is_refused_before_it_ends() -> None:
    """Memory stays bounded."""
    results = Results(None)
    for _ in range(LINE_BYTES // 65536 + 2):
        results.feed(b"x" * 65536)
    assert results.forged


@pytest.mark.parametrize(
    ("lines", "status", "ending"),
    [
        ([*START, *whole("a")], 0, Ending.CRASHED),
        ([*START, *whole("a"), *CANARY_FAILS, END], 1, Ending.FORGED),
        ([*START, *whole("a"), *whole(CANARY), END], 0, Ending.FORGED),
        ([*START, *whole("a"), END], 0, Ending.FORGED),
        ([*START, *CANARY_FAILS, END], 0, Ending.FORGED),
        ([*START[:2], {"k": "collected", "ids": ["a"]}, *whole("a"), END], 0, Ending.FORGED),
        ([*START[:2], {**END, "exit": 5}], 5, Ending.NO_TESTS),
        ([*START, {**END, "exit": 2}], 2, Ending.CRASHED),
        ([*START, {**END, "exit": 3}], 3, Ending.CRASHED),
        ([*START, {**END, "exit": 4}], 4, Ending.CRASHED),
    ],
)
def test_exit_code_and_results_must_agree(lines: list[Any], status: int, ending: Ending) -> None:
    """Exit code 0 alone is no evidence."""
    assert read(*lines).judged(status)[0] is ending


def test_a_run_cut_short_tells_how_far_it_came() -> None:
    """The test that was under way is named."""
    assert "0 of 2 tests done, during a" in read(*START).under_way()
    assert read().under_way() == "while collecting"


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_raise(data: bytes) -> None:
    """It either understands or says forged."""
    results = Results(CANARY)
    results.feed(data + b"\n")
    results.outcomes(), results.messages(), results.under_way()


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.integers() | st.booleans()
    )
)
def test_plain_objects_survive(value: dict[str, Any]) -> None:
    """What json writes, the strict reader reads."""
    assert strict_object(json.dumps(value).encode()) == value
