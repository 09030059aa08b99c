"""What may be asked about sessions, each thing once: for agents as actions, for people by command.

`STEPS` are the steps; `asked` orders one and answers with the session's status, `told` only looks.
For an agent a step runs as the command it is, like everything else that works on a target.
"""

import json
import tempfile
import uuid
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from daemon.actions.action import Action, Arguments
from daemon.actions.caller import Caller
from daemon.experiment.session import KEY, NoSession, kept_in, session_of
from daemon.experiment.status import status
from daemon.experiment.wishes import Edited, Named, Setup, Stopped
from reflections.reflection import generated_id
from reflections.store import State, Store, Work

MOST_FINISHED = 200
MOST_SENT = 1000 << 10  # bytes of a step; an order may have a little more
DONE = "done"

Told = dict[str, Any]


def asked(step: str, sent: Mapping[str, Any], caller: Caller, *, wait: bool = True) -> Told:
    """Order a step, have it carried out, and answer with its outcome and the session's status.

    Raises CommandError where it cannot be ordered.
    """
    from daemon.commands import CommandError
    from daemon.commands.ordering import give

    arguments = dict(sent)
    given_id = str(arguments.pop("session", "") or "")
    id_ = new_id() if step == "setup" else one_session(given_id, caller)
    options = Namespace(by=caller.by, wait=wait, json=True)
    data = {"step": step, "arguments": arguments}
    if len(json.dumps(data)) > MOST_SENT:
        raise CommandError(f"the {step} is larger than {MOST_SENT >> 10} KiB; make it smaller")
    outcome = give("research", id_, options, caller.settings, data=data)
    words = outcome.words or "ordered; the service carries it out"
    done = outcome.words is None or words.startswith(DONE)
    return {**(found(id_, caller) or {"session": id_}), "done": done, "outcome": words}


def told(given_id: str, caller: Caller) -> Told:
    """A session's status; without an id the open one's, else the one finished last.

    Raises CommandError.
    """
    return found(one_session(given_id, caller, finished=True), caller) or {}


def found(id_: str, caller: Caller) -> Told | None:
    """The status of an open or finished session."""
    tell = sessions(caller).get(id_)
    return tell() if tell else None


def sessions(caller: Caller) -> dict[str, Callable[[], Told]]:
    """Every known session by its id: the open ones first, then those that were finished last."""
    state = caller.settings.state
    if not (state / "store.json").exists():
        return {}
    store = Store(state)
    try:
        opened = {work.id: partial(_open, work) for work in store.all() if KEY in work.data}
        records = [r for r in store.archived(MOST_FINISHED) if KEY in r["work"]["data"]]
    finally:
        store.close()
    return {**{record["id"]: partial(_finished, record) for record in records}, **opened}


def _open(work: Work) -> Told:
    state = {State.OPEN: "running"}.get(work.state, work.state.value)
    reason = work.data.get("reason")
    try:
        return {**status(session_of(work), id_=work.id, state=state), "waits": reason}
    except NoSession as error:
        return {"session": work.id, "state": state, "trouble": str(error)}


def _finished(record: Mapping[str, Any]) -> Told:
    ended = {"verdict": record["verdict"], "reason": record["reason"]}
    try:
        return {**status(kept_in(record), id_=record["id"], state="finished"), **ended}
    except NoSession as error:
        return {"session": record["id"], "state": "finished", **ended, "trouble": str(error)}


def one_session(given_id: str, caller: Caller, *, finished: bool = False) -> str:
    """The one session that is meant. Raises CommandError."""
    from daemon.commands import CommandError
    from daemon.commands.records import full_id

    known = sessions(caller)
    if given_id:
        return full_id(given_id, known, "session")
    opened = [id_ for id_, tell in known.items() if tell()["state"] != "finished"]
    if len(opened) == 1:
        return opened[0]
    if opened:
        raise CommandError(f"{len(opened)} sessions are open: {', '.join(opened)}; say which one")
    if finished and known:
        return next(iter(known))
    raise CommandError("no session is open; 'mendd research setup' begins one")


def new_id() -> str:
    """An id for a new session."""
    return generated_id(uuid.uuid4().hex, received=datetime.now(UTC))


# -- for agents ----------------------------------------------------------------------------------


def by_command(step: str, sent: Arguments, caller: Caller) -> Any:
    """A step as the command it is. Raises ActionError."""
    from daemon.actions.child import run_command

    with _file(sent.model_dump()) as arguments:
        call = ["research", step, f"--by={caller.by}", f"--arguments={arguments}", "--json"]
        return run_command(call, caller)


@contextmanager
def _file(arguments: Mapping[str, Any]) -> Iterator[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(arguments, file)
        file.flush()
        yield file.name


def _step(name: str, description: str, arguments: type[Arguments], *, lands: bool) -> Action[Any]:
    return Action(
        name=f"research_{name}",
        description=description,
        arguments=arguments,
        execute=partial(by_command, name),
        changes_code=lands,
    )


STEPS: tuple[Action[Any], ...] = (
    _step(
        "setup",
        "Begin a session of metric experiments: its evaluation is frozen, and the unmodified code "
        "is measured several times in the sandbox. Then: edit, run, decide, again and again.",
        Setup,
        lands=False,
    ),
    _step(
        "edit",
        "Make one focused edit with one hypothesis in the session's copy; without hunks an engine "
        "thinks of it. Nothing in the target changes.",
        Edited,
        lands=False,
    ),
    _step("run", "Run the metric's command with the edit in the sandbox.", Named, lands=False),
    _step(
        "decide",
        "Keep the edit, as a commit on the session's own branch, if it is better by more than the "
        "noise, confirmed by repeated runs, and no gate objects; else revert it.",
        Named,
        lands=True,
    ),
    _step("finalize", "End the session: report, plot, verdict.", Named, lands=True),
    _step("loop", "Let the session go on by itself until its end.", Named, lands=True),
    _step("stop", "Stop the session and put it away, with its report.", Stopped, lands=True),
)
STATUS: Action[Any] = Action(
    name="research_status",
    description="What a session of metric experiments has come to, running or finished: baseline, "
    "noise, best, every edit with its outcome, what each gate could and did refuse.",
    arguments=Named,
    execute=lambda sent, caller: told(sent.session, caller),
    reads_only=True,
)
