"""One reflection's story as Markdown, for a person.

Every word that came from outside (notes, model, code, test output) stands in a code span or a
fence longer than any run of backticks in it, so nothing in it can become a heading, a link, a
picture or HTML. Control and direction-changing characters are shown, not obeyed.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from audit.durable import plain_name, write_whole
from audit.story import Attempt, Story

MAX_BLOCK = 40_000  # characters of one diff or one output; the end is what is kept of output
_TICKS = re.compile(r"`+")
_SPACE = re.compile(r"\s+")
# Line ends other than \n, controls, what reorders or hides text (Trojan Source, CVE-2021-42574).
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_LABELS = {
    "source": "came in as",
    "by": "asked by",
    "dry_run": "dry run",
    "timestamp": "written",
    "failing_test": "failing test",
    "tokens_in": "tokens in",
    "tokens_out": "tokens out",
    "cost_usd": "cost (USD)",
    "base_hash": "before",
    "result_hash": "after",
}
_PROSE = ("task_summary", "outcome", "reflection", "traceback")
_PROSE_TITLES = {
    "task_summary": "The task",
    "outcome": "The outcome",
    "reflection": "The reflection",
    "traceback": "The traceback",
}


def markdown_report(story: Story) -> str:
    """The report: what was reported, each attempt, the verdict, what it cost, and its records."""
    return "\n".join(_lines(story)).rstrip("\n") + "\n"


def save_report(folder: Path, story: Story) -> Path:
    """Write `<id>.md` into the folder, whole or not at all. Raises OSError."""
    path = folder / f"{plain_name(story.reflection)}.md"
    write_whole(path, markdown_report(story).encode("utf-8", "replace"))
    return path


def _lines(story: Story) -> Iterator[str]:
    what = "Modification" if story.kind == "modify" else "Reflection"
    yield from (f"# {what} {span(story.reflection)}", "")
    yield f"- verdict: **{_verdict(story.verdict)}**"
    facts = {"target": story.target, "evidence": story.evidence, "reason": story.reason}
    yield from _facts(facts)
    if story.kind == "modify":
        yield from _section("What was asked for", _asked(story))
    else:
        yield from _section("What was reported", _note(story.note))
    yield from _section("Diagnosis", _facts(story.diagnosis))
    for attempt in story.attempts:
        yield from _section(f"Attempt {attempt.number}", _attempt(attempt))
    yield from _section("What was applied", _applied(story))
    yield from _section("Cost", _facts(story.cost))
    yield from _section("Records in the trail", _steps(story))


def _section(title: str, body: Iterator[str]) -> Iterator[str]:
    lines = list(body)
    if lines:
        yield from ("", f"## {title}", "", *lines)


def _asked(story: Story) -> Iterator[str]:
    yield from _facts(story.asked)
    yield from ("", "The instruction:", "", *fence(story.note.get("task_summary", "")))


def _note(note: Mapping[str, str]) -> Iterator[str]:
    yield from _facts({name: text for name, text in note.items() if name not in _PROSE})
    for name in _PROSE:
        if note.get(name):
            yield from ("", f"{_PROSE_TITLES[name]}:", "", *fence(note[name]))


def _attempt(attempt: Attempt) -> Iterator[str]:
    yield from _facts({"engine": attempt.engine, "trial": attempt.result})
    for refusal in attempt.refusals:
        yield f"- refused by a gate: {span(refusal)}"
    for test in attempt.failed_tests[:50]:
        yield f"- failed: {span(test)}"
    if len(attempt.failed_tests) > 50:
        yield f"- and {len(attempt.failed_tests) - 50} more"
    if attempt.rationale:
        yield from ("", "Why:", "", *fence(attempt.rationale))
    if attempt.words:
        yield from ("", "The engine's words:", "", *fence(attempt.words))
    if attempt.diff:
        yield from ("", "The patch:", "", *fence(attempt.diff, "diff"))
    if attempt.output:
        yield from ("", "The end of the test output:", "", *fence(attempt.output, keep_end=True))
    if attempt.review:
        yield from ("", "What the engine learnt from it:", "", *fence(attempt.review))


def _applied(story: Story) -> Iterator[str]:
    yield from _facts(story.outcome)
    if story.diff:
        yield from ("", *fence(story.diff, "diff"))


def _steps(story: Story) -> Iterator[str]:
    for time, event, digest in story.steps:
        yield f"- {span(time)} {_verdict(event)} {span(digest[:16])}"


def _facts(facts: Mapping[str, str]) -> Iterator[str]:
    for name, text in facts.items():
        if text:
            yield f"- {_LABELS.get(name, name.replace('_', ' '))}: {span(text)}"


def _verdict(word: str) -> str:
    """An event name is ours, and is checked all the same: letters only."""
    return re.sub(r"[^a-z]+", " ", word).strip() or "unknown"


def span(text: str) -> str:
    """The text on one line, in a code span nothing in it can end."""
    line = _SPACE.sub(" ", _shown(text[:2000])).strip() + (" …" if len(text) > 2000 else "")
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def fence(text: str, language: str = "text", *, keep_end: bool = False) -> list[str]:
    """The text as a fenced block nothing in it can end; cut to 40,000 characters."""
    body = _shown(_cut(text.replace("\r\n", "\n"), keep_end=keep_end)).rstrip("\n")
    ticks = "`" * max(3, _longest_run(body) + 1)
    return [f"{ticks}{language}", *body.split("\n"), ticks]


def _cut(text: str, *, keep_end: bool) -> str:
    if len(text) <= MAX_BLOCK:
        return text
    said = f"… [{len(text) - MAX_BLOCK} characters cut]"
    return f"{said}\n{text[-MAX_BLOCK:]}" if keep_end else f"{text[:MAX_BLOCK]}\n{said}"


def _longest_run(text: str) -> int:
    return max(map(len, _TICKS.findall(text)), default=0)


def _shown(text: str) -> str:
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
