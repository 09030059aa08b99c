"""A model that is away makes nobody search again what was searched."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from daemon.engines import Case, Declined, EngineError, NoPatch
from reflections.store import State
from tests.fakes import ScriptedEngine, ScriptedSession
from tests.place import CODE, FIXED, REPORT, RIGHT, Place

NOTHING = NoPatch(reason="no edit passes", suspicious=("shop.py:2 return sum(prices[1:])",))
HOUR = timedelta(hours=1)


class DeadModel(ScriptedEngine):
    """A model that nobody reaches."""

    def __init__(self) -> None:
        super().__init__(REPORT, [], name="claude")

    def open(self, case: Case) -> ScriptedSession:
        """There is no answer."""
        self.cases.append(case)
        raise EngineError("the model does not answer")


def waiting(place: Callable[..., Place]) -> tuple[Place, ScriptedEngine, DeadModel]:
    """A work whose search found nothing, and whose model is away."""
    here = place()
    search, model = ScriptedEngine(REPORT, [NOTHING] * 9), DeadModel()
    here.mend(search, model)
    assert here.shop.store.all()[0].state is State.WAITING
    return here, search, model


def test_the_search_runs_once_however_long_the_model_is_away(place: Callable[..., Place]) -> None:
    """It took its two minutes again with every try, each hour, for each work."""
    here, search, model = waiting(place)

    for _ in range(3):
        here.now += HOUR
        here.work()

    assert len(search.cases) == 1
    assert len(model.cases) == 4
    assert here.events().count("failed") == 4


def test_the_model_hears_what_the_search_found_when_it_is_back(place: Callable[..., Place]) -> None:
    """The hints are as good as new."""
    here, search, _ = waiting(place)
    model = ScriptedEngine(REPORT, [RIGHT], name="claude")
    here.engines = [search, model]

    here.now += HOUR
    here.work()

    assert here.file.read_text() == FIXED
    assert len(search.cases) == 1
    assert "no edit passes" in model.cases[0].advice
    assert "prices[1:]" in model.cases[0].advice


def test_a_changed_module_is_searched_again(place: Callable[..., Place]) -> None:
    """What was found out holds for that snapshot only."""
    here, search, _ = waiting(place)

    here.file.write_text(CODE + "\n\nMORE = 1\n")
    here.now += HOUR
    here.work()

    assert len(search.cases) == 2


def test_another_budget_is_searched_with(place: Callable[..., Place]) -> None:
    """More time may find more."""
    here, search, _ = waiting(place)
    more = replace(here.shop.settings.search, time_s=600.0)
    here.shop = replace(here.shop, settings=replace(here.shop.settings, search=more))

    here.now += HOUR
    here.work()

    assert len(search.cases) == 2


def test_what_the_search_declines_is_kept_too(place: Callable[..., Place]) -> None:
    """No test, no place: it says the same an hour later."""
    here = place()
    no = Declined(category="not_enough_information", reason="no function is named")
    search, model = ScriptedEngine(no, []), DeadModel()
    here.mend(search, model)

    here.now += HOUR
    here.work()

    assert (len(search.cases), len(model.cases)) == (1, 2)


def test_a_record_that_makes_no_sense_is_passed_over(place: Callable[..., Place]) -> None:
    """Nothing depends on it."""
    here, search, _ = waiting(place)
    (work,) = here.shop.store.all()
    kept = {**work.data["searched"], "verdict": "odd"}
    here.shop.store.update(work, data={**work.data, "searched": kept})

    here.now += HOUR
    here.work()

    assert len(search.cases) == 2
