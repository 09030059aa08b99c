"""Every step of the store as the last one: crashes and full disks at each system call in turn."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reflections.errors import StoreUnwritable
from reflections.reflection import Reflection
from reflections.store import Store

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
CALLS = ("fsync", "replace", "write", "open", "truncate", "mkdir")


class Crash(BaseException):
    """The process ends here, as far as the store is concerned."""


def note(id_: str) -> Reflection:
    """A note whose text is its id."""
    return Reflection(id=id_, timestamp=NOW, task_summary="", outcome="failed", reflection=id_)


def add(store: Store, id_: str) -> None:
    """Take such a note in."""
    store.add(note(id_), kind="bug", signature=f"mark of {id_}", now=NOW)


def finish(store: Store, id_: str) -> None:
    """Finish this work if it is open."""
    work = store.get(id_)
    if work is not None:
        store.finish(work, verdict="applied", reason="", now=NOW)


def batch(store: Store) -> None:
    """Take in two notes with one write."""
    with store.batch():
        add(store, "c")
        add(store, "d")


ACTS: dict[str, Callable[[Store], object]] = {
    "add": lambda store: add(store, "c"),
    "join": lambda store: add(store, "a"),
    "finish": lambda store: finish(store, "a"),
    "ignore": lambda store: store.ignored(note("c"), "no keyword", NOW),
    "batch": batch,
}


@contextmanager
def failing_at(number: int, fault: Callable[[], BaseException]) -> Iterator[list[str]]:
    """The call with this number (from 0) among CALLS raises before it does anything."""
    made: list[str] = []
    real = {name: getattr(os, name) for name in CALLS}

    def replacement(name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            made.append(name)
            if len(made) == number + 1:
                raise fault()
            return real[name](*args, **kwargs)

        return call

    for name in CALLS:
        setattr(os, name, replacement(name))
    try:
        yield made
    finally:
        for name in CALLS:
            setattr(os, name, real[name])


def records(folder: Path) -> list[str]:
    """Every id, open or archived, as a fresh process finds them."""
    store = Store(folder)
    try:
        return sorted([work.id for work in store.all()] + [each["id"] for each in store.archived()])
    finally:
        store.close()


def prepared(folder: Path) -> Store:
    """A store with one open and one archived piece of work."""
    store = Store(folder)
    add(store, "a")
    add(store, "b")
    finish(store, "b")
    return store


@pytest.mark.parametrize("act", ACTS)
def test_a_crash_at_any_call_leaves_old_or_new(tmp_path: Path, act: str) -> None:
    """Nothing lost, nothing twice; doing it again completes it."""
    crashes = 0
    for number in range(100):
        folder = tmp_path / str(number)
        store = prepared(folder)
        try:
            with failing_at(number, Crash):
                ACTS[act](store)
        except Crash:
            crashes += 1
        else:
            break
        finally:
            store.close()
        assert {"a", "b"} <= set(records(folder))
        again = Store(folder)
        ACTS[act](again)
        again.close()
        found = records(folder)
        assert len(found) == len(set(found))
        expected = {"a", "b"} | {"add": {"c"}, "ignore": {"c"}, "batch": {"c", "d"}}.get(act, set())
        assert set(found) == expected
    assert crashes >= 3


@pytest.mark.parametrize("act", ACTS)
def test_a_full_disk_at_any_call_is_named_and_changes_nothing_by_half(
    tmp_path: Path, act: str
) -> None:
    """StoreUnwritable and nothing else; the same store goes on when there is space again."""
    failures = 0
    for number in range(100):
        folder = tmp_path / str(number)
        store = prepared(folder)
        try:
            with failing_at(number, lambda: OSError(28, "No space left on device")) as made:
                ACTS[act](store)
        except StoreUnwritable:
            failures += 1
        if len(made) <= number:
            store.close()
            break
        assert {"a", "b"} <= set(records(folder))
        ACTS[act](store)
        store.close()
        found = records(folder)
        assert len(found) == len(set(found))
    assert failures >= 3
