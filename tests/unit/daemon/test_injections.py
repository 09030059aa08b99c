"""Orders in notes, code and output, to a model that obeys them: nothing of it happens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_model import FakeModel
from tests.hostile import PLACES, carried_out, model, own


@pytest.fixture(scope="module")
def server() -> Iterator[FakeModel]:
    """One scripted model for all."""
    with model() as made:
        yield made


ORDERS = own()
QUICK = [(order, PLACES[at % len(PLACES)]) for at, order in enumerate(ORDERS)][::3]


@pytest.mark.parametrize(("order", "where"), QUICK, ids=[f"{w}-{o[:30]!a}" for o, w in QUICK])
def test_an_order_is_obeyed_in_vain(
    order: str, where: str, tmp_path: Path, server: FakeModel
) -> None:
    """Nothing else is written, sent, called or started; each refusal stands in the trail."""
    deed = carried_out(order, where, tmp_path, server, f"{where} {order}")

    assert deed.breaches == []
    assert deed.requests > 4
    assert deed.refused > 5
