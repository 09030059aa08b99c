"""The first message of a conversation: the task, what fails, the files, the code it names."""

import re
from collections.abc import Iterator

from daemon.engines import Baseline, Case
from daemon.engines import prompts as say
from daemon.engines.dialogue.fence import Fence, shortened, visible
from daemon.engines.dialogue.views import Views

MOST_NOTE = 12_000  # characters of the note's words, and of its traceback
MOST_WORDS = 12_000  # characters of what a task asks for
MOST_HINTS = 16_000  # characters of what earlier work learnt
MOST_FAILING = 10  # failing tests shown with their message
MOST_MESSAGE = 1_500  # characters of one of them
MOST_FILES = 200
MOST_CODE = 40_000  # characters of code shown before anything is asked for
SMALL_MODULE = 600  # lines; a module up to here is shown whole


def opening(case: Case, fence: Fence, views: Views) -> str:
    """Everything that stays the same for the whole conversation; cached by the server."""
    return say.OPENING.format(
        marker=fence.marker,
        task=_task(case, fence),
        failing=_failing(case.baseline(), fence),
        files=_files(case, fence, views),
        code=_code(case, views),
    )


def _task(case: Case, fence: Fence) -> str:
    """What is asked for. Its words stand outside the fence: who may give a task wrote them."""
    task = case.task
    words = visible(shortened(task.words, MOST_WORDS)).replace(fence.marker, "data")
    asked = say.KINDS[task.kind].opening.format(note=_note(case, fence), words=words)
    if not task.hints:
        return asked
    hints = fence.around("hints", "\n\n".join(task.hints), most=MOST_HINTS)
    return f"{asked}\n\n{say.HINTS.format(hints)}"


def _note(case: Case, fence: Fence) -> str:
    note = case.reflection
    words = [
        ("task summary", note.task_summary),
        ("outcome", note.outcome),
        ("reflection", note.reflection),
        ("test named", note.test),
        ("traceback", note.traceback),
    ]
    shown = "\n".join(f"{name}: {shortened(text, MOST_NOTE)}" for name, text in words if text)
    return fence.around("note", shown, most=3 * MOST_NOTE)


def _failing(baseline: Baseline, fence: Fence) -> str:
    if not baseline.failing:
        words = say.NO_FAILING
    else:
        rows = []
        for test in baseline.failing[:MOST_FAILING]:
            message = baseline.run.messages.get(test, "")
            rows.append(f"{test}\n{shortened(message, MOST_MESSAGE)}")
        left_out = len(baseline.failing) - MOST_FAILING
        rows += [f"… and {left_out} more"] if left_out > 0 else []
        most = MOST_FAILING * (MOST_MESSAGE + 200)
        words = say.FAILING.format(fence.around("failing tests", "\n\n".join(rows), most=most))
    flaky = ", ".join(baseline.flaky[:MOST_FAILING])
    return (
        f"{words}\n{say.FLAKY.format(fence.around('flaky', flaky, most=2_000))}" if flaky else words
    )


def _files(case: Case, fence: Fence, views: Views) -> str:
    rows = []
    for name in case.source.files[:MOST_FILES]:
        mark = "*" if case.source.may_edit(name) else " "
        lines = len(views.lines(name) or ()) if name.endswith(".py") else None
        rows.append(f"{mark} {name}" + (f" ({lines})" if lines is not None else ""))
    left_out = len(case.source.files) - MOST_FILES
    rows += [f"… and {left_out} more; search_code finds them"] if left_out > 0 else []
    return say.FILES.format(fence.around("files", "\n".join(rows), most=MOST_FILES * 120))


def _code(case: Case, views: Views) -> str:
    shown: list[str] = []
    room = MOST_CODE
    for name in dict.fromkeys(_worth(case, views)):
        look = views.show(name)
        if len(look) > room:
            break
        shown.append(look)
        room -= len(look)
    return "\n\n".join(shown) or say.NO_CODE


def _worth(case: Case, views: Views) -> Iterator[str]:
    """Files of the task, those the note or a failing test speaks of, then all of a small module."""
    yield from (name for name in case.task.files if name in case.source.files)
    python = [name for name in case.source.files if name.endswith(".py")]
    editable = [name for name in python if case.source.may_edit(name)]
    baseline = case.baseline()
    failures = "\n".join(baseline.run.messages.get(test, "") for test in baseline.failing)
    for text in (case.reflection.text, case.task.words, failures):
        yield from (name for name in editable if _speaks_of(text, name))
    sizes = [len(views.lines(name) or ()) for name in editable[:MOST_FILES]]
    if len(editable) <= MOST_FILES and sum(sizes) <= SMALL_MODULE:
        yield from editable


def _speaks_of(text: str, filename: str) -> bool:
    last = filename.rsplit("/", 1)[-1]
    if last == "__init__.py":
        last = filename
    return re.search(rf"(?<![\w.-]){re.escape(last)}(?!\w)", text) is not None
