"""The six tools of a conversation, each declared once: words, arguments, what a call is answered.

The words stand with the arguments they are about, apart from what is said in prompts.py: a model
reads them as one schema. Servers get only what every strict one compiles (no ranges, no
patterns), and local servers do not even hold to that. So every call is checked again here, and
what does not fit is said in words.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import Field, model_validator

from daemon.actions.action import Action, ActionError, Arguments
from daemon.actions.registry import Registry
from daemon.actions.render import tools
from daemon.engines import DeclineCategory, Severity
from daemon.engines import prompts as say
from daemon.engines.dialogue.conversation import Reply, ToolCall
from daemon.engines.dialogue.views import Views

MOST_CODE = 40_000  # characters of one piece of code
MOST_WORDS = 4_000  # characters of a summary, a reason, a rationale
MOST_NAME = 1_000  # characters of a file's or a function's name
LAST_LINE = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Turn:
    """With what a call is answered: the code that may be seen, and the tool that is waited for."""

    views: Views
    wanted: str


class LogBugReport(Arguments):
    """`log_bug_report`"""

    filename: str = Field(
        min_length=1,
        max_length=MOST_NAME,
        description="file to be repaired, relative to the module's root, with / between folders",
    )
    function: str | None = Field(
        None,
        max_length=MOST_NAME,
        description='qualified name as in the code ("Class.method", "outer.inner"), or null for '
        "module level",
    )
    summary: str = Field(
        min_length=1,
        max_length=MOST_WORDS,
        description="what goes wrong, when, and what would be right; two or three sentences",
    )
    severity: Severity = Field(description="low, medium, high or critical")
    failing_test: str | None = Field(
        None,
        max_length=2000,
        description="pytest id of a test that fails now because of this bug, or null",
    )


class ProposeCodePatch(Arguments):
    """`propose_code_patch`: one hunk; `end_line == start_line - 1` inserts."""

    filename: str = Field(
        min_length=1,
        max_length=MOST_NAME,
        description="file to change, relative to the module's root",
    )
    start_line: int = Field(ge=1, le=LAST_LINE, description="first line to replace, counted from 1")
    end_line: int = Field(
        ge=0,
        le=LAST_LINE,
        description="last line to replace, included; start_line - 1 inserts before start_line",
    )
    original_code: str = Field(
        max_length=MOST_CODE, description="exact current text of those lines, without line numbers"
    )
    new_code: str = Field(
        max_length=MOST_CODE,
        description="text that shall stand there instead, whole and with its indentation",
    )
    rationale: str = Field(
        max_length=MOST_WORDS,
        description="why this repairs the cause, in one or two sentences",
    )

    @model_validator(mode="after")
    def _range_is_one(self) -> "ProposeCodePatch":
        if self.end_line < self.start_line - 1:
            raise ValueError("end_line must be at least start_line - 1 (which inserts)")
        return self


class WriteReproductionTest(Arguments):
    """`write_reproduction_test`"""

    test_code: str = Field(
        min_length=1,
        max_length=MOST_CODE,
        description="a whole pytest file with its imports; functions named test_…",
    )
    explanation: str = Field(
        max_length=MOST_WORDS, description="why it fails now and what a pass will prove"
    )


class ViewCode(Arguments):
    """`view_code`"""

    filename: str = Field(
        min_length=1, max_length=MOST_NAME, description="file of the module, relative to its root"
    )
    start_line: int | None = Field(
        None, ge=1, le=LAST_LINE, description="first line to see, or null for the start"
    )
    end_line: int | None = Field(
        None, ge=1, le=LAST_LINE, description="last line to see, or null for the end"
    )


class SearchCode(Arguments):
    """`search_code`"""

    text: str = Field(
        min_length=1, max_length=200, description="text to find, at most 200 characters"
    )
    filename: str | None = Field(
        None,
        max_length=MOST_NAME,
        description="only in files of this name (* and ? allowed), or null for all",
    )


class Decline(Arguments):
    """`decline`"""

    category: DeclineCategory = Field(
        description="not_a_bug, not_in_target, not_enough_information or unsafe"
    )
    reason: str = Field(
        min_length=1,
        max_length=MOST_WORDS,
        description="why, in a sentence a person can check",
    )


def view_code(sent: ViewCode, turn: Turn) -> Reply:
    """The numbered lines."""
    shown = turn.views.show(sent.filename, sent.start_line or 1, sent.end_line)
    return Reply(text=shown, wrong=turn.views.lines(sent.filename) is None)


def search_code(sent: SearchCode, turn: Turn) -> Reply:
    """The lines that hold the text."""
    return Reply(text=turn.views.search(sent.text, sent.filename))


def understood(sent: Decline, turn: Turn) -> Reply:
    """Declining is always in turn."""
    return Reply(text=say.TAKEN_DECLINE)


def not_now(name: str) -> Any:
    """The answer of a tool that ends a phase to a call in another one; its phase takes it else."""
    return lambda sent, turn: Reply(text=say.NOT_NOW.format(name, turn.wanted), wrong=True)


TOOLS: Registry[Turn] = Registry(
    [
        Action(
            name="log_bug_report",
            description="Say what is broken and where, after you have read the code that is to "
            "blame. This ends the diagnosis.",
            arguments=LogBugReport,
            execute=not_now("log_bug_report"),
        ),
        Action(
            name="propose_code_patch",
            description="Propose one hunk: the lines start_line to end_line of a file shall be "
            "replaced by new_code. All hunks of one patch belong into one answer, one call each. "
            "Hunks of a patch may not overlap. To insert before start_line, send end_line = "
            "start_line - 1 and an empty original_code. To delete lines, send an empty new_code.",
            arguments=ProposeCodePatch,
            execute=not_now("propose_code_patch"),
        ),
        Action(
            name="write_reproduction_test",
            description="Write a pytest file that fails now because of the reported bug, and will "
            "pass once it is repaired. Only when you are asked for one.",
            arguments=WriteReproductionTest,
            execute=not_now("write_reproduction_test"),
        ),
        Action(
            name="view_code",
            description="See the numbered lines of a file of the module. At most 400 lines at a "
            "time.",
            arguments=ViewCode,
            execute=view_code,
        ),
        Action(
            name="search_code",
            description="Find lines that hold a text, in all files or in some. Plain text, no "
            "pattern.",
            arguments=SearchCode,
            execute=search_code,
        ),
        Action(
            name="decline",
            description="End the work: there is nothing here that should be mended, or not enough "
            "is known.",
            arguments=Decline,
            execute=understood,
        ),
    ],
    noun="tool",
)


def definitions(*, strict: bool) -> list[dict[str, Any]]:
    """The tools as the API wants them, always all of them: a changed list would lose the cache."""
    return tools(TOOLS, strict=strict)


def checked(call: ToolCall) -> Arguments | Reply:
    """The call's arguments, or the reply that says what did not fit and what to send."""
    try:
        return TOOLS.get(call.name).checked(call.arguments)
    except ActionError as error:
        return Reply(text=str(error), wrong=True)


def answered(call: ToolCall, arguments: Arguments, turn: Turn) -> Reply:
    """What a call by itself is answered with: a look, or that it is not its turn."""
    reply: Reply = TOOLS.get(call.name).execute(arguments, turn)
    return reply
