"""What a patch must satisfy before it is tried: one function per gate, cheap first.

Each gate answers None or a `Refusal` whose reason an engine can act on. Nothing is run here; what
only shows when code runs (a wrong value, a vanished test) is the trial's and the verdict's
business (daemon/verdict.py).
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from daemon.checks import policy, prompt_file, shape, special_case
from daemon.checks.parsing import Change, DoesNotParse, change, same_meaning
from daemon.checks.scope import Scope
from daemon.settings import TargetSettings
from sandbox.patch import Patch, PatchError, patched, split_lines


class Readable(Protocol):
    """The unpatched module; daemon/road/source.py has the real one."""

    def read(self, filename: str) -> bytes | None:
        """The bytes of a file, or None when there is none."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Which gate said no, and why, in words an engine can act on."""

    gate: str
    reason: str
    syntax: bool = False  # this host's Python cannot parse it; the target's may know better


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A patch on its way through the gates. Files are read only once the scope gate is passed."""

    patch: Patch
    source: Readable
    target: TargetSettings
    scope: Scope
    failing_tests: Sequence[str] = ()  # the source of the tests it shall make pass
    asked_for: bool = False  # a person asked for this very change

    @cached_property
    def after(self) -> Mapping[str, bytes]:
        """The files as the patch leaves them. Raises PatchError when it does not fit."""
        return patched(self.patch, self.source.read)

    @cached_property
    def before(self) -> Mapping[str, bytes | None]:
        """The same files as they are; None for one the patch creates."""
        return {filename: self.source.read(filename) for filename in self.after}

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """The Python files, parsed on both sides. Raises DoesNotParse."""
        return tuple(
            change(filename, self.before[filename], data)
            for filename, data in self.after.items()
            if filename.endswith((".py", ".pyi"))
        )


Gate = Callable[[Candidate], Refusal | None]


def check(
    patch: Patch,
    source: Readable,
    *,
    target: TargetSettings,
    scope: Scope,
    failing_tests: Sequence[str] = (),
    asked_for: bool = False,
) -> Refusal | None:
    """The first gate's refusal, or None when the patch may be tried."""
    candidate = Candidate(
        patch=patch, source=source, target=target, scope=scope, failing_tests=failing_tests,
        asked_for=asked_for,
    )  # fmt: skip
    answers = (gate(candidate) for gate in GATES)
    try:
        return next((refusal for refusal in answers if refusal is not None), None)
    except RecursionError:
        return Refusal(gate="shape", reason="the code nests too deeply to be judged; write it flat")


def in_scope(candidate: Candidate) -> Refusal | None:
    """Only files that the target's settings allow, never what judges the patch."""
    if not candidate.patch.hunks:
        return Refusal(gate="shape", reason="the patch has no hunk; propose at least one change")
    for filename in candidate.patch.filenames:
        complaint = candidate.scope.complaint(filename)
        if complaint is not None:
            return Refusal(gate="scope", reason=complaint)
    return None


def few_files(candidate: Candidate) -> Refusal | None:
    """No more files than one patch may touch."""
    count, most = len(candidate.patch.filenames), candidate.target.max_files
    if count <= most:
        return None
    return Refusal(
        gate="scope", reason=f"the patch touches {count} files; at most {most} are allowed"
    )


def written_out(candidate: Candidate) -> Refusal | None:
    """Every line is meant as code: no placeholder, no Markdown, no merge marker."""
    lines = (shape.lazy_line(hunk) for hunk in candidate.patch.hunks)
    return _refusal("shape", next((line for line in lines if line is not None), None))


def fits(candidate: Candidate) -> Refusal | None:
    """The hunks name lines that exist and hold what the patch says they hold."""
    try:
        return None if candidate.after else Refusal(gate="shape", reason="the patch is empty")
    except PatchError as error:
        return Refusal(gate="shape", reason=str(error))


def small_files(candidate: Candidate) -> Refusal | None:
    """No file beyond the size limit, neither as it is nor as the patch leaves it."""
    most = candidate.target.max_kib
    for filename, data in candidate.after.items():
        size = max(len(data), len(candidate.before[filename] or b""))
        if size > most * 1024:
            reason = f"{filename} has {size // 1024 + 1} KiB; at most {most} are allowed for a file"
            return Refusal(gate="scope", reason=reason)
    return None


def only_rules(candidate: Candidate) -> Refusal | None:
    """In the target's prompt file only learned rules change, and only between their marks."""
    name = candidate.target.prompt
    if not name or name not in candidate.after:
        return None
    complaint = prompt_file.complaint(candidate.before[name], candidate.after[name])
    return _refusal("prompt", complaint and f"{name}: {complaint}")


def changes_something(candidate: Candidate) -> Refusal | None:
    """At least one file differs in more than layout and comments."""
    if candidate.after == candidate.before:
        return Refusal(gate="shape", reason="the patch changes nothing: same text as before")
    return None


def parses(candidate: Candidate) -> Refusal | None:
    """Python files parse, as far as this host's Python can say; layout alone is no repair."""
    try:
        changes = candidate.changes
    except DoesNotParse as error:
        return Refusal(gate="shape", reason=str(error), syntax=True)
    alike = (each.before is not None and same_meaning(each.before, each.after) for each in changes)
    if changes and len(changes) == len(candidate.after) and all(alike):
        return Refusal(
            gate="shape", reason="the patch changes only layout or comments; the code is the same"
        )
    return None


def few_lines(candidate: Candidate) -> Refusal | None:
    """No more changed lines than one patch may have; a replaced line counts once."""
    most = candidate.target.max_lines
    count = sum(changed_lines(each.original, each.replacement) for each in candidate.patch.hunks)
    if count <= most:
        return None
    return Refusal(
        gate="scope",
        reason=f"the patch changes {count} lines; at most {most} are allowed: make it smaller",
    )


def whole(candidate: Candidate) -> Refusal | None:
    """No function lost its code, and nothing reads other than it runs."""
    for each in candidate.changes:
        complaint = shape.hidden_text(each) or shape.emptied(each)
        if complaint is not None:
            return Refusal(gate="shape", reason=complaint)
    return None


def decent(candidate: Candidate) -> Refusal | None:
    """The patch adds nothing from the denied lists."""
    complaint = policy.complaint(
        candidate.changes, candidate.target.deny, asked_for=candidate.asked_for
    )
    return _refusal("policy", complaint)


def general(candidate: Candidate) -> Refusal | None:
    """The patch does not recognise the failing test's own input."""
    complaint = special_case.complaint(candidate.changes, candidate.failing_tests)
    return _refusal("policy", complaint)


GATES: tuple[Gate, ...] = (
    in_scope,
    few_files,
    written_out,
    fits,
    only_rules,
    small_files,
    changes_something,
    parses,
    few_lines,
    whole,
    decent,
    general,
)


def changed_lines(before: str, after: str) -> int:
    """How many lines differ; a line put in another's place counts once."""
    one, other = split_lines(before), split_lines(after)
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    return sum(
        max(last - first, new_last - new_first)
        for kind, first, last, new_first, new_last in matcher.get_opcodes()
        if kind != "equal"
    )


def _refusal(gate: str, complaint: str | None) -> Refusal | None:
    return None if complaint is None else Refusal(gate=gate, reason=complaint)
