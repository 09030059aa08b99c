"""Tries a target's actions when a patch touches the files that declare them.

Each such file is imported in a container, on the patched copy, and each of its actions is called
once with its own example (sandbox/guest/actions.py). The contract stands in docs/actions.md. What
comes back is untrusted: the schemas are judged here, and nothing but a full report is a pass.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from daemon.checks.scope import matching
from sandbox.errors import SandboxDied
from sandbox.results import Ending

if TYPE_CHECKING:
    from daemon.road.job import Job
    from sandbox.session import GuestSession

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
MOST_OTHERS = 200  # files whose names are compared
MOST_WORDS = 4_000  # characters of a description
MOST_SHOWN = 3_000  # characters of a reason
MOST_STEPS = 250_000  # keywords looked at for one action, some seconds; most take hundreds
MOST_DEPTH = 150  # keywords inside one another; a level of a schema's own check takes four
MOST_COMPARED = 500  # items of which each is compared with each
START_S = 60.0  # to get a container; the limit of the trial itself is the target's


def action_faults(after: Mapping[str, bytes], job: "Job") -> str | None:
    """Why the actions of the changed files may not pass, in words for an engine, or None.

    None as well where the patch touches no file that the target's `actions` names. Raises
    SandboxError when they could not be tried: that says nothing about the patch.
    """
    changed = matching(job.target.actions, after)
    if not changed:
        return None
    known = matching(job.target.actions, job.source.files)
    others = [name for name in known if name not in changed][:MOST_OTHERS]
    job.stage("actions", ", ".join(changed))
    reports, names, trouble = _tried(changed, others, after, job)
    faults = [trouble] if trouble else list(_faults(changed, reports, names))
    return "\n".join(faults)[:MOST_SHOWN] or None


def _tried(
    changed: Sequence[str], others: Sequence[str], after: Mapping[str, bytes], job: "Job"
) -> tuple[dict[str, Any], dict[str, str], str | None]:
    """Each file's report; the names other files have, and where; what kept it from an end."""
    limit = job.target.timeout_s
    guest = {"mode": "actions", "check": list(changed), "others": list(others)}
    reports: dict[str, Any] = {}
    names: dict[str, str] = {}
    started = done = False
    with (
        job.shop.beacon.beating(limit + START_S),
        job.bench.session(guest, files=after, timeout_s=limit, stop=job.stop) as session,
    ):
        while not done and (message := _next(session, limit)) is not None:
            started = started or message.get("k") == "started"
            done = message.get("k") == "done"
            if message.get("k") == "file":
                reports[str(message.get("path"))] = message
            elif message.get("k") == "other":
                found = message.get("names")
                path = str(message.get("path"))
                names |= {str(name): path for name in found} if isinstance(found, list) else {}
        ending, detail = session.ending, session.detail
        output = session.output.decode("utf-8", "replace")[-1_000:]
    if not started:
        raise SandboxDied(f"the actions could not be tried ({ending}: {detail}): {output}")
    if done and set(reports) == set(changed):
        return reports, names, None
    stage = f"while {_under_way(changed, reports)} was tried"
    how = f"{ending.value}: {detail}" if ending not in (None, Ending.FINISHED) else "it ended early"
    return reports, names, f"{stage}: {how}\n{output}".strip()


def _next(session: "GuestSession", limit: float) -> dict[str, Any] | None:
    """The guest's next line; None at the end, which its own time limit brings in any case."""
    while (message := session.receive(limit)) is None:
        if session.ending is not None:
            return None
    return message


def _under_way(changed: Sequence[str], reports: Mapping[str, Any]) -> str:
    return next((name for name in changed if name not in reports), changed[-1])


def _faults(
    changed: Sequence[str], reports: Mapping[str, Any], names: dict[str, str]
) -> Iterator[str]:
    """What is wrong with each file: the first thing of each, which is enough to go on."""
    for path in changed:
        report = reports[path]
        actions = report.get("actions")
        if "fault" in report or not isinstance(actions, list):
            yield f"{path}: {report.get('fault', 'its report is none')}"
            continue
        for action in actions:
            fault = _fault(action, names) if isinstance(action, dict) else "an action is no object"
            if fault:
                yield f"{path}: {fault}"
                break
            names[action["name"]] = path


def _fault(action: Mapping[str, Any], names: Mapping[str, str]) -> str | None:
    """What is wrong with one action's declaration, or None."""
    name, words = action.get("name"), action.get("description")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return f"{str(name)[:100]!r} is no name of an action: a-z, 0-9 and _, at most 64"
    if name in names:
        return f"the name {name!r} is taken already, in {names[name]}"
    if not isinstance(words, str) or not words.strip() or len(words) > MOST_WORDS:
        return f"action {name!r}: description must be text of at most {MOST_WORDS} characters"
    fault = _schema_fault(action.get("parameters"), action.get("example"))
    return f"action {name!r}: {fault}" if fault else None


def _schema_fault(schema: Any, example: Any) -> str | None:
    """What is wrong with the parameters, or with the example by them."""
    from jsonschema.validators import Draft202012Validator
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    if not isinstance(schema, dict) or schema.get("type") != "object":
        return 'parameters must be a JSON Schema whose "type" is "object"'
    # a stranger's regular expression can keep us busy for years, and is no use for one example
    unused = {"pattern": None, "patternProperties": None}
    own = bounded()(Draft202012Validator.META_SCHEMA)
    plain = bounded(unused)(schema, registry=Registry())
    try:
        wrong = next(own.iter_errors(schema), None)
        if wrong is not None:
            return f"parameters are no JSON Schema: {wrong.message[:500]}"
        error = next(plain.iter_errors(example), None)
    except TooMuch:
        return "parameters take too long to check: make them simpler"
    except Unresolvable as fault:
        return f"parameters refer to what is not in them: {str(fault)[:200]}"
    except TooDeep:
        return "parameters are nested too deeply, or refer to themselves without end"
    except Exception as fault:  # noqa: BLE001 - a reference may lead to anything, and did
        return f"parameters cannot be used: {type(fault).__name__}: {str(fault)[:200]}"
    return f"example does not fit parameters: {error.message[:500]}" if error else None


class TooMuch(Exception):
    """A schema that takes too many steps: references can double at each level."""


class TooDeep(Exception):
    """A schema whose end is not in sight; Python's own limit may show as a panic of a library."""


def bounded(changed: Mapping[str, Any] | None = None) -> Any:
    """A class of validators with MOST_STEPS and MOST_DEPTH; beyond, TooMuch or TooDeep."""
    from jsonschema.validators import Draft202012Validator, extend

    taken, depth = 0, 0

    def counting(check: Any) -> Any:
        def checked(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
            nonlocal taken, depth
            taken, depth = taken + 1, depth + 1
            try:
                if depth > MOST_DEPTH:
                    raise TooDeep
                many = isinstance(instance, list) and len(instance) > MOST_COMPARED
                if taken > MOST_STEPS or (check is unique and many):
                    raise TooMuch
                yield from check(validator, value, instance, schema) or ()
            finally:
                depth -= 1

        return checked

    known = Draft202012Validator.VALIDATORS
    unique = known["uniqueItems"]
    return extend(
        Draft202012Validator,
        {**{name: counting(check) for name, check in known.items()}, **(changed or {})},
    )
