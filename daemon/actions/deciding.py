"""The actions that change code: decisions about patches, and instructions.

Each runs as the command it is (child.py): with a service that one carries the order out, without
one the command does.
"""

from typing import Annotated, Any

from pydantic import Field

from daemon.actions.action import Action, Arguments
from daemon.actions.caller import Caller
from daemon.actions.child import run_command

MOST_ID = 200
WHICH = "the reflection's id; any unambiguous part of its beginning or end will do"


class Approve(Arguments):
    """`approve`"""

    id: str = Field(min_length=1, max_length=MOST_ID, description=WHICH)
    choice: int = Field(0, ge=0, le=100, description="0: the preferred patch; 1 and on: a rival")
    wait: bool = Field(False, description="wait until a running service has done it")


class Decide(Arguments):
    """`reject`, `revert`"""

    id: str = Field(min_length=1, max_length=MOST_ID, description=WHICH)
    reason: str = Field("", max_length=2000, description="why; it goes into the audit trail")
    wait: bool = Field(False, description="wait until a running service has done it")


class Modify(Arguments):
    """`modify`"""

    instruction: str = Field(
        min_length=1, max_length=20_000, description="what shall be different, in plain words"
    )
    files: tuple[Annotated[str, Field(max_length=1000)], ...] = Field(
        (), max_length=20, description="files to work on, new ones too; none: told from the words"
    )
    target: str | None = Field(
        None, max_length=100, description="the target it is about; needed when there are several"
    )
    dry_run: bool = Field(False, description="show diff and trial, change nothing")
    branch: str = Field("", max_length=200, description="name of the new branch")
    max_retries: int | None = Field(
        None, ge=0, le=20, description="further attempts after one that failed"
    )
    wait: bool = Field(False, description="wait until a running service has done it")


def approve(sent: Approve, caller: Caller) -> Any:
    """Order that a held patch is applied."""
    return _ordered("approve", sent.id, sent.wait, caller, f"--choice={sent.choice}")


def reject(sent: Decide, caller: Caller) -> Any:
    """Order that a held patch is refused."""
    return _ordered("reject", sent.id, sent.wait, caller, f"--reason={sent.reason}")


def revert(sent: Decide, caller: Caller) -> Any:
    """Order that an applied patch is taken back."""
    return _ordered("revert", sent.id, sent.wait, caller, f"--reason={sent.reason}")


def modify(sent: Modify, caller: Caller) -> Any:
    """Carry out an instruction on a branch of its own."""
    given = {"--target": sent.target, "--branch": sent.branch, "--max-retries": sent.max_retries}
    options = [f"{name}={value}" for name, value in given.items() if value not in (None, "")]
    flags = [*["--dry-run"][: sent.dry_run], *["--wait"][: sent.wait]]
    call = ["modify", f"--by={caller.by}", *options, *flags, "--json", "--"]
    return run_command([*call, sent.instruction, *sent.files], caller)


def _ordered(order: str, id_: str, wait: bool, caller: Caller, *options: str) -> Any:
    waiting = ["--wait"] if wait else []
    return run_command(
        [order, f"--by={caller.by}", *options, *waiting, "--json", "--", id_], caller
    )


CHANGING: tuple[Action[Caller], ...] = (
    Action(
        name="approve",
        description="Apply a patch that is held, after it was proven again.",
        arguments=Approve,
        execute=approve,
        changes_code=True,
    ),
    Action(
        name="reject",
        description="Refuse a patch that is held.",
        arguments=Decide,
        execute=reject,
        changes_code=True,
    ),
    Action(
        name="revert",
        description="Take an applied patch back.",
        arguments=Decide,
        execute=revert,
        changes_code=True,
    ),
    Action(
        name="modify",
        description="Have an instruction carried out on a git branch of its own, with the whole "
        "suite in a sandbox: committed when it passes, nothing changed when it does not. One at a "
        "time, and only where the settings allow it.",
        arguments=Modify,
        execute=modify,
        changes_code=True,
    ),
)
