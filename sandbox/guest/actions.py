"""Imports files that declare actions and calls each action once with its own example.

    ACTIONS = [{"name": …, "description": …, "parameters": {…}, "execute": f, "example": {…}}]

The job names the files to `check`, and `others` whose actions only lend their names. One line a
file; whether the schemas are any good is for the host to say, which has a validator. The last
line says that everything was looked at: an import that ends the process is no pass.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any

from .channel import Channel

FIELDS = ("name", "description", "parameters", "execute", "example")
MOST_ACTIONS = 200  # of one file
MOST_SCHEMA = 65536  # bytes of JSON
MOST_ANSWER = 262144
MOST_FAULT = 4000  # characters


def main(job: dict[str, Any], channel: Channel) -> int:
    """Look at every file, others first; 0 when all were looked at, whatever was found."""
    sys.path.insert(0, os.getcwd())
    channel.send({"k": "started"})
    for path in job["others"]:
        channel.send({"k": "other", "path": path, "names": names_in(path)})
    for path in job["check"]:
        channel.send(checked(path))
    channel.send({"k": "done", "files": len(job["check"])})
    return 0


def names_in(path: str) -> list[str]:
    """The names a file declares; none of one that cannot be read, for it is not on trial."""
    try:
        return [str(field(each, "name"))[:100] for each in declared(path)]
    except BaseException:  # noqa: BLE001 - SystemExit too
        return []


def checked(path: str) -> dict[str, Any]:
    """What one file declares, or the first thing that is wrong with it."""
    try:
        actions = [tried(action, number) for number, action in enumerate(declared(path))]
    except Wrong as fault:
        return {"k": "file", "path": path, "fault": str(fault)[-MOST_FAULT:]}
    except BaseException:  # noqa: BLE001 - an import may raise anything, SystemExit too
        where = "importing it raised:\n" + traceback.format_exc(limit=-8)[-MOST_FAULT:]
        return {"k": "file", "path": path, "fault": where}
    return {"k": "file", "path": path, "actions": actions}


class Wrong(Exception):
    """What does not fit the contract, in words."""


def declared(path: str) -> list[Any]:
    """The file's ACTIONS. Raises Wrong, and whatever importing it raises."""
    module = importlib.import_module(module_name(path))
    actions = getattr(module, "ACTIONS", None)
    if not isinstance(actions, (list, tuple)):
        raise Wrong("it has no ACTIONS: a list of actions is wanted at module level")
    if len(actions) > MOST_ACTIONS:
        raise Wrong(f"it declares more than {MOST_ACTIONS} actions")
    return list(actions)


def module_name(path: str) -> str:
    """The dotted name by which the tests would import the file."""
    full = os.path.realpath(path)
    roots = [os.path.realpath(entry) for entry in sys.path if entry]
    roots = [root for root in roots if full.startswith(root + os.sep)]
    inside = os.path.relpath(full, max(roots, key=len)) if roots else path
    parts = inside[: -len(".py")].split(os.sep)
    if not all(part.isidentifier() for part in parts):
        raise Wrong("its path is no module name, so nothing can import it")
    return ".".join(parts[:-1] if parts[-1] == "__init__" and parts[1:] else parts)


def tried(action: Any, number: int) -> dict[str, Any]:
    """One action's declaration as JSON, after its dry call. Raises Wrong."""
    name = field(action, "name")
    label = f"action {repr(name)[:100]}" if name is not None else f"action number {number}"
    missing = [each for each in FIELDS if field(action, each) is None]
    if missing:
        raise Wrong(f"{label} lacks {', '.join(missing)}")
    told = {each: field(action, each) for each in FIELDS if each != "execute"}
    as_json(told, f"{label}: name, description, parameters and example", MOST_SCHEMA)
    if not isinstance(told["example"], dict):
        raise Wrong(f"{label}: example is no dict of arguments")
    if not callable(field(action, "execute")):
        raise Wrong(f"{label}: execute cannot be called")
    as_json(called(action, label), f"{label}: what the dry call returned", MOST_ANSWER)
    return told


def called(action: Any, label: str) -> Any:
    """What the action returns for its example; a coroutine is run to its end."""
    arguments = json.loads(json.dumps(field(action, "example")))  # as an agent would send them
    try:
        answer = field(action, "execute")(**arguments)
        if hasattr(answer, "__await__"):
            import asyncio

            answer = asyncio.run(awaited(answer))
    except BaseException:  # noqa: BLE001 - SystemExit too
        fault = traceback.format_exc(limit=-8)[-MOST_FAULT // 2 :]
        raise Wrong(f"{label}: the dry call with its example raised:\n{fault}") from None
    return answer


async def awaited(answer: Any) -> Any:
    """The result of anything that can be awaited."""
    return await answer


def field(action: Any, name: str) -> Any:
    """A member of a dict, or an attribute of an object; None where there is none."""
    return action.get(name) if isinstance(action, dict) else getattr(action, name, None)


def as_json(value: Any, what: str, most: int) -> None:
    """Raises Wrong for what is no JSON, or too much of it."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as fault:
        raise Wrong(f"{what} cannot be written as JSON: {fault}") from None
    if len(text) > most:
        raise Wrong(f"{what}: {len(text)} bytes of JSON, more than {most}")
