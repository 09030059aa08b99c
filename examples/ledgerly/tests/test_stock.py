"""Stock."""

import pytest

from ledgerly.stock import NotEnough, Stock


@pytest.fixture
def stock():
    stock = Stock()
    stock.deliver("tea", 40)
    stock.deliver("tea", 5, "shelf")
    stock.deliver("rice", 12)
    return stock


def test_goods_are_counted_by_place_and_together(stock):
    assert stock.count("tea", "shelf") == 5
    assert stock.total("tea") == 45
    assert stock.count("salt", "cellar") == 0


def test_goods_are_sold_from_the_shelf(stock):
    stock.sell("tea", 2)

    assert stock.count("tea", "shelf") == 3


def test_no_more_is_sold_than_there_is(stock):
    with pytest.raises(NotEnough, match="9 x tea wanted, 5 on shelf"):
        stock.sell("tea", 9)


def test_goods_are_moved(stock):
    stock.move("rice", 4, "store room", "cellar")

    assert (stock.count("rice", "store room"), stock.count("rice", "cellar")) == (8, 4)


def test_restocking_brings_goods_to_the_shelf(stock):
    stock.restock("tea", 3)

    assert (stock.count("tea", "store room"), stock.count("tea", "shelf")) == (37, 8)


def test_the_store_room_can_be_emptied(stock):
    stock.restock("rice", 12)

    assert (stock.count("rice", "store room"), stock.count("rice", "shelf")) == (0, 12)


def test_restocking_more_than_there_is_moves_nothing(stock):
    with pytest.raises(NotEnough):
        stock.restock("rice", 13)

    assert (stock.count("rice", "store room"), stock.count("rice", "shelf")) == (12, 0)


def test_only_what_is_missing_is_ordered(stock):
    assert stock.to_order({"tea": 50, "rice": 12, "salt": 6}) == {"salt": 6, "tea": 5}
