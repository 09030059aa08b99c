"""A session is one JSON value that comes back the same, or not at all."""

import json
from typing import Any

import pytest

from daemon.experiment.session import NoSession, Session
from tests.unit.daemon.experiment.sessions import full, session, tried


def test_a_session_survives_the_store() -> None:
    """Every member comes back, tuples and all."""
    assert Session.from_json(json.loads(json.dumps(full().to_json()))) == full()


@pytest.mark.parametrize(
    "change",
    [
        {"next": "dance"},
        {"spent_usd": "much"},
        {"surprise": 1},
        {"tries": [{"outcome": "kept"}]},
        {"plan": {}},
        {"best": {"values": [1], "middle": "1", "noise": 0, "matches": 1}},
    ],
)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    """A member more, less or of another kind is no session."""
    with pytest.raises(NoSession, match="cannot be read"):
        Session.from_json({**full().to_json(), **change})


def test_what_no_store_can_hold_is_replaced() -> None:
    """A lone surrogate in a model's words must not lose the session."""
    odd = session(tried(1, "kept"), end_reason="a \udc80 b")

    assert Session.from_json(odd.to_json()).end_reason == "a ? b"


def test_the_end_forgets_the_edit_under_way() -> None:
    """It was not decided, so it is not counted."""
    over = full().ended("stopped", "by ada")

    assert (over.edit, over.decision, over.next, len(over.tries)) == (None, None, "finalize", 2)


def test_a_gate_that_could_not_run_is_refused_and_not_enforced() -> None:
    """It is counted and told loudly, and never a pass."""
    gates = session().gates.ran("policy").refused("suite", "no tests", ran=False)

    assert gates.enforced["policy"] is True
    assert gates.enforced["suite"] is False
    assert gates.rejections["suite"] == 2
    assert gates.last_reason == "suite: no tests"
