"""A person's orders: about held and applied patches, and for the other kinds of work.

Commands only write an order; the worker, sole owner of the store, carries it out. An order is
removed once its outcome is recorded.
"""

import json
import os
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

OrderKind = Literal["approve", "reject", "revert", "modify", "research", "learn", "resume"]
MOST_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Order:
    """One order; `choice` picks a rival of an ambiguous patch (0: the preferred one).

    `data` is what the other kinds of work need: an instruction, a step and its arguments. It is
    untrusted JSON; whoever carries the order out checks it.
    """

    kind: OrderKind
    id: str
    by: str
    time: str
    reason: str = ""
    choice: int = 0
    data: dict[str, Any] = field(default_factory=dict)


def give_order(state: Path, order: Order) -> Path:
    """Write the order whole, for the worker to find."""
    folder = state / "orders"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}.json"
    beside = folder / f".{path.stem}.part"  # no *.json: a half-written order is none yet
    with beside.open("w", encoding="utf-8") as file:
        json.dump(order.__dict__, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    return path


def read_orders(state: Path) -> list[tuple[Path, Order | str]]:
    """The orders that wait, oldest first; what is no order comes as the reason why."""
    paths = [path for path in (state / "orders").glob("*.json") if not path.is_symlink()]
    found = [(path, _order(path)) for path in paths]
    return sorted(found, key=lambda each: each[1].time if isinstance(each[1], Order) else "")


def _order(path: Path) -> Order | str:
    try:
        data = path.read_bytes()
        if len(data) > MOST_BYTES:
            return "larger than an order can be"
        order = Order(**json.loads(data))
        datetime.fromisoformat(order.time)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        return f"no order: {error}"
    texts = (order.id, order.by, order.reason)
    if order.kind not in get_args(OrderKind) or type(order.choice) is not int:
        return "no order: its kind or choice is unknown"
    if not isinstance(order.data, dict):
        return "no order: its data is no object"
    return order if all(isinstance(text, str) for text in texts) else "no order: a text is no text"
