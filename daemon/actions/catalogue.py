"""Every action of mendd that an agent may use: the commands' own functions, with a schema.

What only looks, and what is done in a moment, is carried out here. What changes code stands in
deciding.py, the steps of experiments in daemon/experiment/asking.py.
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field, model_validator

from daemon.actions import looking
from daemon.actions.action import Action, Arguments
from daemon.actions.caller import Caller
from daemon.actions.deciding import CHANGING, MOST_ID, WHICH
from daemon.actions.noting import drop
from daemon.actions.registry import Registry

MOST_TEXT = 200_000
MOST_RECORDS = 200


class Nothing(Arguments):
    """No arguments."""


class AuditList(Arguments):
    """`audit_list`"""

    event: str | None = Field(
        None, max_length=40, description="only this event, e.g. applied, held or rejected"
    )
    reflection: str | None = Field(None, max_length=MOST_ID, description="only this reflection")
    target: str | None = Field(None, max_length=100, description="only this target")
    since: str | None = Field(
        None, max_length=40, description="30m, 2h, 3d, today, or a date and time"
    )
    last: int = Field(30, ge=1, le=MOST_RECORDS, description="the newest so many")


class OneReflection(Arguments):
    """`audit_report`"""

    id: str = Field(min_length=1, max_length=MOST_ID, description=WHICH)


class AuditShow(Arguments):
    """`audit_show`"""

    id: str = Field(min_length=1, max_length=MOST_ID, description=f"{WHICH}; or a record's number")


class AuditVerify(Arguments):
    """`audit_verify`"""

    head: str | None = Field(
        None, max_length=200, description="COUNT HASH as noted elsewhere, to compare with"
    )


class Reflect(Arguments):
    """`reflect`"""

    outcome: str = Field("", max_length=MOST_TEXT, description="how it ended; what went wrong")
    reflection: str = Field("", max_length=MOST_TEXT, description="what is thought about it")
    task: str = Field("", max_length=MOST_TEXT, description="what was being done")
    target: str | None = Field(
        None, max_length=100, description="the target it is about; needed when there are several"
    )
    test: str | None = Field(
        None, max_length=2000, description="the failing test, as pytest names it"
    )
    traceback: str | None = Field(None, max_length=MOST_TEXT, description="the traceback")
    labels: tuple[Annotated[str, Field(max_length=100)], ...] = Field(
        (), max_length=20, description="labels"
    )
    dry_run: bool = Field(False, description="check it and say what would become of it, no more")

    @model_validator(mode="after")
    def _says_something(self) -> "Reflect":
        if not (self.outcome or self.reflection or self.traceback):
            raise ValueError(
                "there is nothing to reflect on: send outcome, reflection or traceback"
            )
        return self


class Off(Arguments):
    """`off`"""

    reason: str = Field("", max_length=200, description="why; it is shown to whoever looks")


def agents_actions() -> Registry[Caller]:
    """All of them, and what installed packages offer under `mendd.actions`."""
    from daemon.experiment.asking import STATUS, STEPS

    registry = Registry([*LOOKING, STATUS, *ACTING, *STEPS, *CHANGING], noun="tool")
    registry.discover()
    return registry


def status(sent: Nothing, caller: Caller) -> dict[str, Any]:
    """What `mendd status` tells."""
    from daemon.commands.overview import overview

    return overview(caller.settings, datetime.now(UTC))


def audit_list(sent: AuditList, caller: Caller) -> dict[str, Any]:
    """The newest records that match."""
    found = looking.records(
        caller.settings, event=sent.event, reflection=sent.reflection, target=sent.target,
        since=sent.since, last=sent.last,
    )  # fmt: skip
    return {"records": [record.to_json() for record in found]}


def audit_show(sent: AuditShow, caller: Caller) -> dict[str, Any]:
    """All records of one reflection, or one record."""
    found = looking.records_of(caller.settings, sent.id)
    return {"records": [record.to_json() for record in found]}


def audit_verify(sent: AuditVerify, caller: Caller) -> dict[str, Any]:
    """Whether the chain is whole."""
    found = looking.chain(caller.settings, sent.head)
    return looking.chain_document(caller.settings, found)


def audit_report(sent: OneReflection, caller: Caller) -> dict[str, Any]:
    """The report on one reflection."""
    return vars(looking.saved_report(caller.settings, sent.id))


def reflect(sent: Reflect, caller: Caller) -> dict[str, Any]:
    """Drop a reflection; whose it is stands in the file's name, which the trail calls its source.

    Raises CommandError for what the inbox would refuse.
    """
    said = {
        "task_summary": sent.task,
        "outcome": sent.outcome,
        "reflection": sent.reflection,
        "target": sent.target,
        "test": sent.test,
        "traceback": sent.traceback,
        "labels": list(sent.labels),
    }
    data = json.dumps({name: value for name, value in said.items() if value}).encode()
    by = caller.by
    return drop("reflect.json", data, caller.settings, dry_run=sent.dry_run, by=by).to_json()


def off(sent: Off, caller: Caller) -> dict[str, Any]:
    """Throw the kill switch: stopping is always allowed."""
    from daemon.commands.switch import switch_document
    from daemon.killswitch import KillSwitch

    switch = KillSwitch(caller.settings.kill_switch)
    thrown = switch.throw(sent.reason, caller.by)
    return switch_document(switch, changed=thrown)


LOOKING: tuple[Action[Caller], ...] = (
    Action(
        name="status",
        description="What mendd is doing: the service, the kill switch, what is under way, what "
        "waits and why, today's spending, the last verdicts.",
        arguments=Nothing,
        execute=status,
        reads_only=True,
    ),
    Action(
        name="audit_list",
        description="The newest records of the audit trail, oldest first, filtered.",
        arguments=AuditList,
        execute=audit_list,
        reads_only=True,
    ),
    Action(
        name="audit_show",
        description="Everything the audit trail holds about one reflection, or one record.",
        arguments=AuditShow,
        execute=audit_show,
        reads_only=True,
    ),
    Action(
        name="audit_verify",
        description="Check that the audit trail is whole: every record follows on the one before.",
        arguments=AuditVerify,
        execute=audit_verify,
        reads_only=True,
    ),
    Action(
        name="audit_report",
        description="The report on one reflection, as Markdown.",
        arguments=OneReflection,
        execute=audit_report,
        reads_only=True,
    ),
)
ACTING: tuple[Action[Caller], ...] = (
    Action(
        name="reflect",
        description="Tell mendd that something went wrong: it looks for the bug, and mends it if "
        "its settings allow that. Say what you did, what happened, and what you think of it.",
        arguments=Reflect,
        execute=reflect,
    ),
    Action(
        name="off",
        description="The emergency stop: nothing is started, tried or applied any more until a "
        "person lifts it with 'mendd on'.",
        arguments=Off,
        execute=off,
    ),
)
