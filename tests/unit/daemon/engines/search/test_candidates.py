"""Candidates in order, made when their turn comes."""

import ast
from collections.abc import Iterator
from itertools import islice

from daemon.engines.search.candidates import Area, by_score, candidates, edits_of
from daemon.engines.search.edits import Edit, applied
from daemon.engines.search.program import Program
from daemon.engines.search.spot import Spot
from daemon.engines.search.templates import TEMPLATES, Template

TEXT = """\
def total(prices, rate):
    result = 0
    for price in prices[1:]:
        if price > 0 and rate:
            result += price * rate
    return result


def mean(values):
    return total(values, 1) / len(values)
"""


def areas() -> list[Area]:
    """Both functions, each line as suspicious as its number tells."""
    program = Program("m.py", TEXT)
    return [
        Area(
            program=program,
            function=function,
            suspicion={
                line: 0.3 + 0.1 * (line % 4)
                for line in range(function.lineno + 1, (function.end_lineno or 0) + 1)
            },
        )
        for function in program.functions.values()
    ]


def test_the_order_is_that_of_all_edits_sorted() -> None:
    """By falling score, equals in the order of the code: as if all had been made first."""
    everything = [each for area in areas() for each in edits_of(area, TEMPLATES)]

    found = [(each.score, each.edit) for each in by_score(areas(), TEMPLATES)]

    everything.sort(key=lambda each: -each.score)
    assert found == [(each.score, each.edit) for each in everything]
    assert len(found) > 500


def test_no_code_comes_twice() -> None:
    """Compared without its layout."""
    found = list(candidates(areas()))

    texts = {ast.dump(ast.parse(applied(TEXT, each.edit.pieces))) for each in found}
    assert len(texts) == len(found)
    assert ast.dump(ast.parse(TEXT)) not in texts


def test_unlikely_edits_are_not_made_before_their_turn() -> None:
    """The first candidates come without asking a template that cannot beat them."""

    def never(spot: Spot) -> Iterator[Edit]:
        raise AssertionError("asked too early")
        yield

    unlikely = Template(name="unlikely", edits=never, nodes=(ast.AST,), prior=0.05)

    found = list(islice(candidates(areas(), (*TEMPLATES, unlikely)), 20))

    assert len(found) == 20
