"""A person's orders go the same road as everything else, and never take the worker with them."""

import shutil
from collections.abc import Callable
from dataclasses import replace

from daemon.desk.obey import carry_out_orders
from daemon.desk.orders import Order, give_order
from reflections.store import State
from tests.fakes import ScriptedEngine
from tests.place import CODE, REPORT, RIGHT, Place, proposal


def test_a_rival_has_to_pass_the_gates_before_it_is_applied(place: Callable[..., Place]) -> None:
    """Only the preferred patch went through them when it was proposed."""
    here = place()
    rival = "    return eval('sum(prices)')\n"
    here.mend(ScriptedEngine(REPORT, [proposal("    return sum(prices)\n", rival)]))
    (held,) = here.shop.store.all()

    here.order("approve", held.id, choice=1)

    assert here.file.read_text() == CODE
    assert here.last("gate_refused")["gate"] == "policy"
    assert here.shop.store.all()[0].state is State.HELD


def test_an_approval_respects_what_is_protected_by_now(place: Callable[..., Place]) -> None:
    """The settings may have changed while the patch was held."""
    here = place('autonomy = "propose"')
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    (held,) = here.shop.store.all()
    settings = here.shop.settings
    target = replace(settings.targets[0], protect=("shop.py",))
    here.shop = replace(here.shop, settings=replace(settings, targets=(target,)))

    here.order("approve", held.id)

    assert here.file.read_text() == CODE
    assert here.last("gate_refused")["gate"] == "scope"


def test_a_choice_that_does_not_exist_loses_no_patch(place: Callable[..., Place]) -> None:
    """It started the work afresh, and threw the held patch away."""
    here = place('autonomy = "propose"')
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    (held,) = here.shop.store.all()

    here.order("approve", held.id, choice=3)

    assert here.last("ordered")["outcome"] == "still held: there is no choice 3"
    assert here.shop.store.all() == [held]


def test_no_order_is_begun_while_the_kill_switch_is_on(place: Callable[..., Place]) -> None:
    """Not even before the worker's own watch has seen it; the order waits."""
    here = place('autonomy = "propose"')
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    (held,) = here.shop.store.all()
    here.shop.kill_switch.throw("enough", "me")
    given = Order(kind="reject", id=held.id, by="ada", time=here.now.isoformat())
    path = give_order(here.shop.state, given)

    carry_out_orders(here.shop)

    assert path.exists()
    assert here.shop.store.all() == [held]


def test_a_held_patch_stays_with_the_target_it_was_made_for(place: Callable[..., Place]) -> None:
    """The note named none, as there was only one; by now another looks like it."""
    here = place('autonomy = "propose"')
    here.mend(ScriptedEngine(REPORT, [RIGHT]))
    (held,) = here.shop.store.all()
    settings = here.shop.settings
    twin = here.folder / "twin"
    shutil.copytree(here.module, twin)
    (here.module / "shop.py").rename(here.module / "till.py")
    twins = (*settings.targets, replace(settings.targets[0], name="twin", path=twin))
    here.shop = replace(here.shop, settings=replace(settings, targets=twins))

    here.order("approve", held.id)

    assert (twin / "shop.py").read_text() == CODE
    assert here.last("ordered")["outcome"].startswith("still held")
