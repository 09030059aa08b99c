"""What a conversation costs: counted, reserved before, never above the cap."""

from dataclasses import replace
from typing import Any

import pytest

from daemon.engines import EngineError
from tests.fake_model import Answer, status, tool, usage
from tests.shop import report


def test_spending_is_counted_with_both_caches(desk: Any, talk: Any) -> None:
    """Input, both cache counters and output, at the prices set; every try is a call."""
    counted = Answer(content=[report()], usage=usage(1000, 200, read=10_000, write=4000))
    session, _ = talk([status(529, "0"), counted])

    session.diagnose()

    spent = session.spending
    assert (spent.calls, spent.input_tokens, spent.output_tokens) == (2, 1000, 200)
    assert (spent.cache_read_tokens, spent.cache_write_tokens) == (10_000, 4000)
    expected = (1000 * 4 + 10_000 * 0.2 + 4000 * 5 + 200 * 20) / 1_000_000
    assert spent.cost_usd == pytest.approx(expected)
    assert desk.budget.spent("note-1").usd == pytest.approx(expected)
    assert desk.budget.spent("note-1").tokens == 15_200


def test_the_budget_ends_a_conversation_before_the_call_that_would_pass_it(
    desk: Any, talk: Any
) -> None:
    """Never above the cap; nothing is sent any more."""
    from daemon.budget import ReflectionBudgetSpent

    look = {"content": [tool("view_code", filename="shop/cart.py")], "repeat": True}
    look["content"][0]["id"] = ""
    look["usage"] = usage(2000, 1500)
    desk.limits = replace(desk.limits, reflection_usd=0.25)
    session, server = talk([look])

    with pytest.raises(ReflectionBudgetSpent, match="nothing was sent"):
        session.diagnose()

    assert 0.1 < desk.budget.spent("note-1").usd <= 0.25
    assert session.spending.calls == len(server.requests)


def test_a_broken_answer_keeps_its_reservation(desk: Any, talk: Any) -> None:
    """It may have been billed in full."""
    session, _ = talk([{"fault": "cut"}], retries=0)

    with pytest.raises(EngineError):
        session.diagnose()

    assert desk.budget.spent("note-1").usd >= 2000 * 20 / 1_000_000
    assert session.spending.calls == 1


def test_an_answer_that_never_began_keeps_the_price_of_what_was_sent(desk: Any, talk: Any) -> None:
    """The connection was lost in silence: no output can have been billed."""
    session, _ = talk([{"fault": "slow", "seconds": 30}], retries=0, timeout_s=0.3)

    with pytest.raises(EngineError):
        session.diagnose()

    spent = desk.budget.spent("note-1")
    assert 0 < spent.usd < 0.04
    assert 0 < spent.tokens < 8000


def test_an_error_answer_gives_its_reservation_back(desk: Any, talk: Any) -> None:
    """Errors are not billed."""
    session, _ = talk([status(500, "0")] * 3)

    with pytest.raises(EngineError):
        session.diagnose()

    assert desk.budget.spent("note-1").usd == 0


def test_a_server_that_counts_nothing_uses_up_what_was_reserved(desk: Any, talk: Any) -> None:
    """Without usage nobody knows better."""
    session, _ = talk([Answer(content=[report()], usage=None)])

    session.diagnose()

    assert desk.budget.spent("note-1").tokens > 2000
