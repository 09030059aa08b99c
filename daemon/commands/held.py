"""Finds the held or frozen work an order is about, in a store that is only read."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from daemon.commands import CommandError, Exit
from daemon.commands.records import full_id, reflection_ids, trail_path

if TYPE_CHECKING:
    from daemon.settings import Settings
    from reflections.store import Work


def held_work(given: str, settings: "Settings", *, open_kinds: Collection[str] = ()) -> "Work":
    """The held work with this (abbreviated) id; work of `open_kinds` need not be held.

    Raises CommandError with what there is.
    """
    from reflections.store import State, Store

    store = Store(settings.state)
    try:
        works = {work.id: work for work in store.all()} if _exists(settings) else {}
    finally:
        store.close()
    waiting = (State.HELD, State.FROZEN)
    held = [w.id for w in works.values() if w.state in waiting or w.kind in open_kinds]
    try:
        return works[full_id(given, held, "held patch")]
    except CommandError as error:
        raise _why_not(given, works, settings) or error from None


def _exists(settings: "Settings") -> bool:
    return (settings.state / "store.json").exists()


def _why_not(given: str, works: dict[str, "Work"], settings: "Settings") -> CommandError | None:
    """A better answer where the id is known, but nothing is held under it."""
    try:
        id_ = full_id(given, [*works, *reflection_ids(trail_path(settings))], "reflection")
    except CommandError:
        return None
    if id_ in works:
        work = works[id_]
        if work.state.value in ("held", "frozen"):
            return None
        state = f"is {work.state.value}: nothing is held yet ('mendd status' says more)"
    else:
        state = f"is finished ('mendd audit show {id_}' says how)"
    return CommandError(f"{id_} {state}", Exit.NO)
