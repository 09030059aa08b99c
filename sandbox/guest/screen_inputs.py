"""Inputs near the tests' own, to see whether patches that pass the tests behave alike.

The arguments a function was really called with are changed a little at a time. What all recorded
calls have in common (sorted lists, no negative numbers, an alphabet, elements below another
argument) is kept, since a function owes nothing to inputs outside its precondition.
"""

import copy
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

Call = dict[str, Any]
STEPS = (1, -1, 2, -2, 3, 5, 10)


def derived(calls: list[Call], count: int, seed: int) -> list[Call]:
    """The recorded calls first, then up to `count` neighbours, each different; deterministic."""
    rng = random.Random(seed)  # noqa: S311 - reproducible on purpose
    rules = list(_rules(calls))
    found = list(calls)
    seen = {_key(call) for call in calls}
    for _ in range(count * 6):
        if len(found) >= len(calls) + count or not calls:
            break
        try:
            call = _neighbour(rng, copy.deepcopy(rng.choice(calls)), calls)
            fits = all(rule(call) for rule in rules)
            key = _key(call)
        except Exception:  # noqa: BLE001, S112 - values of the tested code may refuse anything
            continue
        if fits and key not in seen:
            seen.add(key)
            found.append(call)
    return found


def _key(call: Call) -> str:
    return repr(call)[:4000]


def _neighbour(rng: random.Random, call: Call, calls: list[Call]) -> Call:
    """One or two arguments changed, or taken from another recorded call."""
    names = [name for name in call if name not in ("self", "cls")] or list(call)
    for name in rng.sample(names, min(len(names), rng.choice((1, 1, 2)))):
        if rng.random() < 0.15:
            call[name] = copy.deepcopy(rng.choice(calls).get(name, call[name]))
        else:
            call[name] = changed(rng, call[name])
            if rng.random() < 0.4:
                call[name] = changed(rng, call[name])
    return call


def changed(rng: random.Random, value: Any, depth: int = 0) -> Any:
    """A value of the same shape, a little different."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + rng.choice(STEPS) if rng.random() < 0.8 else rng.randint(0, abs(value) + 3)
    if isinstance(value, float):
        return value + rng.choice(STEPS) * rng.choice((0.5, 1.0, 0.25))
    if isinstance(value, str):
        return "".join(_sequence(rng, list(value), depth, list(value) or ["a"]))
    if isinstance(value, bytes):
        return bytes(x % 256 for x in _sequence(rng, list(value), depth, [97]))
    if isinstance(value, tuple):
        return _tuple(rng, value, depth)
    if isinstance(value, list):
        return _sequence(rng, value, depth, value)
    if isinstance(value, (set, frozenset)):
        return type(value)(_sequence(rng, sorted(value, key=repr), depth, list(value)))
    if isinstance(value, dict):
        return _mapping(rng, value, depth)
    return _object(rng, value, depth)


def _tuple(rng: random.Random, value: tuple[Any, ...], depth: int) -> tuple[Any, ...]:
    """A tuple keeps its length: more often a record than a list."""
    if not value or depth > 4:
        return value
    place = rng.randrange(len(value))
    return (*value[:place], changed(rng, value[place], depth + 1), *value[place + 1 :])


def _sequence(rng: random.Random, value: list[Any], depth: int, donors: list[Any]) -> list[Any]:
    items = list(value)
    kind = rng.choice(("drop", "drop", "double", "change", "change", "swap", "insert", "cut"))
    if not items:
        return [copy.deepcopy(rng.choice(donors))] if donors else items
    place = rng.randrange(len(items))
    if kind == "drop":
        del items[place]
    elif kind == "double":
        items.insert(rng.randrange(len(items) + 1), copy.deepcopy(items[place]))
    elif kind == "change" and depth < 4 and not isinstance(items[place], str):
        items[place] = changed(rng, items[place], depth + 1)
    elif kind == "insert":
        items.insert(place, copy.deepcopy(rng.choice(donors)))
    elif kind == "cut":
        items = items[: rng.randrange(len(items) + 1)]
    else:
        other = rng.randrange(len(items))
        items[place], items[other] = items[other], items[place]
    return items


def _mapping(rng: random.Random, value: dict[Any, Any], depth: int) -> dict[Any, Any]:
    if not value or depth > 4:
        return value
    result = dict(value)
    key = rng.choice(list(result))
    if rng.random() < 0.4:
        del result[key]
    else:
        result[key] = changed(rng, result[key], depth + 1)
    return result


def _object(rng: random.Random, value: Any, depth: int) -> Any:
    """An object of the tests' own: one attribute changed, or another object it leads to."""
    state = getattr(value, "__dict__", None)
    if not isinstance(state, dict) or not state or depth > 3 or isinstance(value, type):
        return value
    linked = [v for v in _linked(value) if type(v) is type(value) and v is not value]
    if linked and rng.random() < 0.5:
        return rng.choice(linked)
    name = rng.choice(sorted(state))
    held = state[name]
    if type(held) is type(value) or held is None:
        setattr(value, name, rng.choice([None, held, *linked[:3]]) if linked else held)
    elif isinstance(held, list) and linked and rng.random() < 0.5:
        setattr(value, name, [*held, rng.choice(linked)])
    else:
        setattr(value, name, changed(rng, held, depth + 1))
    return value


def _linked(value: Any) -> list[Any]:
    """The objects reachable from this one through attributes, lists and dicts (bounded)."""
    seen: dict[int, Any] = {}
    waiting = [value]
    while waiting and len(seen) < 60:
        thing = waiting.pop(0)
        if id(thing) in seen:
            continue
        if hasattr(thing, "__dict__") and not isinstance(thing, type):
            seen[id(thing)] = thing
            waiting += list(vars(thing).values())
        elif isinstance(thing, (list, tuple, set)):
            waiting += list(thing)
        elif isinstance(thing, dict):
            waiting += [*thing.keys(), *thing.values()]
    return list(seen.values())


Rule = Callable[[Call], bool]


def _rules(calls: list[Call]) -> Iterator[Rule]:
    """What holds for every recorded call, and is therefore kept."""
    for name in calls[0] if calls else ():
        values = [call[name] for call in calls if name in call]
        yield from _value_rules(name, values)
        for other in calls[0]:
            if other != name:
                yield from _pair_rules(name, other, calls)


def _value_rules(name: str, values: list[Any]) -> Iterator[Rule]:
    plain = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(plain) == len(values) and plain:
        low = min(plain)
        bound = 1 if low >= 1 else 0 if low >= 0 else None
        if bound is not None:
            yield lambda call: call[name] >= bound
    if values and all(isinstance(v, (list, tuple, str)) for v in values):
        if all(len(v) > 0 for v in values):
            yield lambda call: len(call[name]) > 0
        yield from _element_rules(name, values)


def _element_rules(name: str, values: list[Any]) -> Iterator[Rule]:
    if all(_sorted(v) for v in values) and any(len(v) > 2 for v in values):
        yield lambda call: _sorted(call[name])
    if all(isinstance(v, str) for v in values):
        alphabet = set("".join(values))
        yield lambda call: set(call[name]) <= alphabet
        return
    if all(len(set(map(repr, v))) == len(v) for v in values) and any(len(v) > 3 for v in values):
        yield lambda call: len(set(map(repr, call[name]))) == len(call[name])
    numbers = [x for v in values for x in v if isinstance(x, (int, float))]
    if numbers and min(numbers) >= 0:
        low = 1 if min(numbers) >= 1 else 0
        yield lambda call: all(x >= low for x in call[name] if isinstance(x, (int, float)))


def _sorted(value: Any) -> bool:
    try:
        return all(a <= b for a, b in itertools.pairwise(value))
    except TypeError:
        return False


def _pair_rules(name: str, other: str, calls: list[Call]) -> Iterator[Rule]:
    """`name < other` for numbers; elements or length of `name` below the number `other`."""

    def holds(test: Callable[[Any, Any], bool]) -> bool:
        return all(_safely(test, call.get(name), call.get(other)) for call in calls)

    tests: tuple[Callable[[Any, Any], bool], ...] = (
        lambda a, b: _number(a) and _number(b) and a < b,
        lambda a, b: _number(a) and _number(b) and a <= b,
        lambda a, b: isinstance(a, list) and _number(b) and all(x < b for x in a),
        lambda a, b: isinstance(a, list) and _number(b) and all(x <= b for x in a),
        lambda a, b: isinstance(a, list) and _number(b) and b < len(a),
        lambda a, b: isinstance(a, list) and _number(b) and b <= len(a),
    )
    for test in tests:
        if len(calls) >= 3 and holds(test):
            yield lambda call, test=test: _safely(test, call[name], call[other])  # type: ignore[misc]


def _safely(test: Callable[[Any, Any], bool], first: Any, second: Any) -> bool:
    try:
        return bool(test(first, second))
    except TypeError:
        return False


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
