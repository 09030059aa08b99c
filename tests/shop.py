"""The shop: a small module with one bug, and the calls a model makes about it."""

from datetime import UTC, datetime
from typing import Any

from daemon.engines import BugReport
from reflections.note import Reflection
from tests.fake_model import Block, FakeModel, tool

CART = '''\
"""A shopping cart."""

RATE = 0.2


class Cart:
    def __init__(self) -> None:
        self.prices: list[float] = []

    def add(self, price: float) -> None:
        self.prices.append(price)

    def total(self) -> float:
        return sum(self.prices[1:])


def tax(amount: float) -> float:
    return amount * RATE
'''
TESTS = """\
from shop.cart import Cart


def test_total():
    cart = Cart()
    cart.add(2)
    assert cart.total() == 2
"""
FAILING = "tests/test_cart.py::test_total"
NOTE = Reflection(
    id="note-1",
    timestamp=datetime(2026, 11, 20, tzinfo=UTC),
    task_summary="add up a cart",
    outcome="failed",
    reflection="cart.py: total() forgets the first price",
)


REPORT = BugReport(filename="shop/cart.py", function="Cart.total", summary="skips the first price")


def report(**changes: Any) -> Block:
    """The right report, or a wrong one."""
    arguments: dict[str, Any] = {
        "filename": "shop/cart.py",
        "function": "Cart.total",
        "summary": "skips the first price",
        "severity": "high",
        "failing_test": FAILING,
    }
    return tool("log_bug_report", **(arguments | changes))


def hunk(**changes: Any) -> Block:
    """The right hunk, or a wrong one."""
    arguments: dict[str, Any] = {
        "filename": "shop/cart.py",
        "start_line": 14,
        "end_line": 14,
        "original_code": "        return sum(self.prices[1:])",
        "new_code": "        return sum(self.prices)",
        "rationale": "every price counts",
    }
    return tool("propose_code_patch", **(arguments | changes))


def results(server: FakeModel, request: int) -> list[Block]:
    """The tool results of one request's last message."""
    blocks = server.requests[request]["messages"][-1]["content"]
    return [block for block in blocks if block["type"] == "tool_result"]


def said(server: FakeModel, request: int = 0) -> str:
    """All text of one request's last message."""
    blocks = server.requests[request]["messages"][-1]["content"]
    return "\n".join(block.get("text") or block["content"] for block in blocks)


def without(block: Block, name: str) -> Block:
    """The call with one argument left out."""
    left = {key: value for key, value in block["input"].items() if key != name}
    return {**block, "input": left}
