"""Turns the `propose_code_patch` calls of one answer into a patch, or says what does not fit.

All such calls of one answer are one patch. If one of them does not fit, none is taken, and each
gets its own reply: the bad ones with the real lines, the good ones with "held back".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.engines import Case
from daemon.engines import prompts as say
from daemon.engines.dialogue.conversation import Reply
from daemon.engines.dialogue.fence import Fence
from daemon.engines.dialogue.tools import ProposeCodePatch
from daemon.engines.dialogue.views import Views
from sandbox.patch import Hunk, Patch, PatchError, PatchMismatch, anchored

MARK = "[redacted:"
MOST_SHOWN = 4_000  # characters of the model's own code quoted back


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """One reply per call, in order; the patch when every hunk fits."""

    replies: tuple[Reply, ...]
    patch: Patch | None = None


def assemble(calls: Sequence[ProposeCodePatch], case: Case, views: Views, fence: Fence) -> Assembly:
    """The patch these calls make, anchored to the real lines."""
    complaints = [_complaint(call, case, views, fence) for call in calls]
    if any(complaints):
        return _refused(complaints)
    rationale = "\n".join(dict.fromkeys(call.rationale.strip() for call in calls))
    patch = Patch(hunks=tuple(_hunk(call) for call in calls), rationale=rationale)
    complaint = case.check_patch(patch)
    if complaint is not None:
        words = say.PATCH_WRONG.format(complaint, say.RESEND)
        return _refused([words, *[None] * (len(calls) - 1)])
    taken = Reply(text=say.TAKEN_PATCH)
    return Assembly(replies=(taken,) * len(calls), patch=anchored(patch, case.source.read))


def _refused(complaints: Sequence[str | None]) -> Assembly:
    replies = (Reply(text=words or say.HELD_BACK, wrong=True) for words in complaints)
    return Assembly(replies=tuple(replies))


def _complaint(call: ProposeCodePatch, case: Case, views: Views, fence: Fence) -> str | None:
    """What is wrong with one hunk by itself, with the real lines and what to send instead."""
    name = call.filename
    lines = views.lines(name)
    new_file = name not in case.source.files
    if lines is None and not (new_file and _writes_new_file(call)):
        return views.missing(name)
    if not new_file and not case.source.may_edit(name):
        return say.NO_EDIT.format(name)
    if MARK in call.original_code + call.new_code:
        return say.HIDDEN
    return _misplaced(call, case, views, fence)


def _misplaced(call: ProposeCodePatch, case: Case, views: Views, fence: Fence) -> str | None:
    try:
        anchored(Patch(hunks=(_hunk(call),), rationale=""), case.source.read)
    except PatchMismatch as error:
        return _real_lines(call, error.found_at, views, fence)
    except PatchError as error:
        return say.PATCH_WRONG.format(error, say.RESEND)
    return None


def _real_lines(call: ProposeCodePatch, found_at: Sequence[int], views: Views, fence: Fence) -> str:
    """What stands where the hunk says, or the end of the file when it says further."""
    known = len(views.lines(call.filename) or ())
    beyond = max(call.end_line, call.start_line - 1)
    if beyond > known:
        end = views.show(call.filename, max(1, known - 10), known)
        return say.OUT_OF_RANGE.format(call.filename, known, beyond, end, say.RESEND)
    places = ", ".join(str(line) for line in found_at[:5])
    sent = fence.around("your original_code", call.original_code, most=MOST_SHOWN)
    real = views.around(call.filename, call.start_line, call.end_line)
    found = say.FOUND_AT.format(places) if places else ""
    place = (call.start_line, call.end_line, call.filename)
    return say.MISMATCH.format(*place, sent, real, found, say.RESEND)


def _writes_new_file(call: ProposeCodePatch) -> bool:
    return (call.start_line, call.end_line, call.original_code) == (1, 0, "")


def _hunk(call: ProposeCodePatch) -> Hunk:
    return Hunk(
        filename=call.filename,
        first_line=call.start_line,
        last_line=call.end_line,
        original=call.original_code.replace("\r\n", "\n"),
        replacement=call.new_code.replace("\r\n", "\n"),
    )
