"""Whether an engine's answer fits the module; what does not fit is said in words to send back."""

from daemon.checks.scope import Scope
from daemon.engines import BugReport, Source
from daemon.road.locate import UnreadableSource, find, near_misses, parse
from sandbox.patch import Patch, PatchError, PatchMismatch, anchored, patched


def report_complaint(report: BugReport, source: Source, scope: Scope) -> str | None:
    """What is wrong with a bug report: file unknown or protected, function not in the AST."""
    if report.filename not in source.files:
        return _unknown_file(report.filename, source)
    complaint = scope.complaint(report.filename)
    if complaint:
        return complaint
    text = source.text(report.filename)
    if text is None:
        return f"{report.filename} is no text that Python could read"
    return _function_complaint(report, text)


def patch_complaint(patch: Patch, source: Source) -> str | None:
    """What keeps a patch from being applied to the snapshot, with the real lines."""
    try:
        patched(anchored(patch, source.read), source.read)
    except (PatchMismatch, PatchError) as error:
        return str(error)
    return None


def _unknown_file(filename: str, source: Source) -> str:
    last = filename.rsplit("/", 1)[-1]
    same = [name for name in source.files if name.rsplit("/", 1)[-1] == last]
    python = [name for name in source.files if name.endswith(".py") and source.may_edit(name)]
    known = ", ".join((same or python)[:20])
    return f"there is no file {filename!r} in the target; did you mean one of: {known}"


def _function_complaint(report: BugReport, text: str) -> str | None:
    if report.function is None:
        return None
    try:
        tree = parse(text, report.filename)
    except UnreadableSource:
        return None  # a file that does not parse may be the very bug
    if find(tree, report.function):
        return None
    names = ", ".join(near_misses(tree, report.function)) or "none"
    return f"{report.filename} has no function {report.function!r}; its names are: {names}"
