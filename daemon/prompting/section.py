"""The marked section of a prompt file: where mendd's rules stand, one a line, and nothing else.

Pure: text in, rules or hunks out. What stands outside the two marks is never touched.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sandbox.patch import Hunk
from sandbox.text import line_body, split_lines

BEGIN = "<!-- mendd: learned rules -->"
END = "<!-- mendd: end of learned rules -->"
LONGEST_RULE = 400
ID = re.compile(r"[a-z][a-z0-9-]{0,39}")
WORDS = re.compile(rf"[A-Za-z][A-Za-z0-9 .,:;'()/_-]{{0,{LONGEST_RULE - 1}}}")
"""What a rule may consist of: plain words, no markup, no code, no line break."""
_LINE = re.compile(
    rf"- (?P<text>{WORDS.pattern}) <!-- mendd:(?P<id>{ID.pattern})(?P<model> by a model)? -->"
)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One learned rule as it stands in the file; `by_model`: a model found the words."""

    id: str
    text: str
    by_model: bool = False

    @property
    def line(self) -> str:
        """The rule as a line of Markdown, without its end."""
        return f"- {self.text} <!-- mendd:{self.id}{' by a model' if self.by_model else ''} -->"


class Damaged(ValueError):
    """The marks do not pair, or the file is no text in UTF-8; says what to do."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """The lines from mark to mark, counted from 1, both ends included; the rules between."""

    first: int
    last: int
    rules: tuple[Rule, ...]


def rule_on(line: str) -> Rule | None:
    """The rule that stands on a line, or None."""
    found = _LINE.fullmatch(line_body(line).rstrip())
    if found is None:
        return None
    return Rule(id=found["id"], text=found["text"], by_model=bool(found["model"]))


def find(text: str) -> Section | None:
    """The section; None where the file has none. Raises Damaged.

    A person may edit rules or take them out. Lines between the marks that are no rule are left
    as they are.
    """
    if "\0" in text:
        raise Damaged("it holds NUL characters, as UTF-16 text does; save it as UTF-8")
    lines = split_lines(text)
    begins = [n for n, line in enumerate(lines, 1) if line_body(line).strip() == BEGIN]
    ends = [n for n, line in enumerate(lines, 1) if line_body(line).strip() == END]
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise Damaged(
            f"the marks of the learned rules do not pair ({len(begins)} x {BEGIN}, {len(ends)} x "
            f"{END}); put one before and one after them by hand"
        )
    first, last = begins[0], ends[0]
    rules = (rule_on(line) for line in lines[first : last - 1])
    return Section(first=first, last=last, rules=tuple(rule for rule in rules if rule))


def rules_in(text: str) -> dict[str, Rule]:
    """The rules of a file by id, none without a section. Raises Damaged."""
    section = find(text)
    return {rule.id: rule for rule in section.rules} if section else {}


def delta(
    filename: str, text: str | None, *, add: Sequence[Rule], remove: Collection[str] = ()
) -> tuple[Hunk, ...]:
    """The hunks that put rules in and take rules out; none when there is nothing to do.

    `text` is the file's, None where there is no file yet. A rule whose id stands there already is
    not put in again. Raises Damaged.
    """
    section = find(text) if text is not None else None
    known = {rule.id for rule in section.rules} if section else set()
    new = [rule for rule in dict.fromkeys(add) if rule.id not in known]
    if section is None:
        return (_whole_section(filename, text, new),) if new else ()
    lines = split_lines(text or "")
    hunks = [
        _line_hunk(filename, number, line_body(lines[number - 1]), "")
        for number in range(section.first + 1, section.last)
        if (rule := rule_on(lines[number - 1])) and rule.id in remove
    ]
    if new:
        body = line_body(lines[section.last - 1])
        grown = "".join(f"{rule.line}\n" for rule in new) + body + "\n"
        hunks.append(_line_hunk(filename, section.last, body, grown))
    return tuple(hunks)


def _whole_section(filename: str, text: str | None, rules: Sequence[Rule]) -> Hunk:
    """The section with its marks, at the end of the file after an empty line."""
    lines = split_lines(text or "")
    gap = "\n" if lines and line_body(lines[-1]).strip() else ""
    block = "\n".join([BEGIN, *(rule.line for rule in rules), END])
    return Hunk(
        filename=filename,
        first_line=len(lines) + 1,
        last_line=len(lines),
        original="",
        replacement=f"{gap}{block}\n",
    )


def _line_hunk(filename: str, number: int, old: str, new: str) -> Hunk:
    return Hunk(
        filename=filename,
        first_line=number,
        last_line=number,
        original=f"{old}\n",
        replacement=new,
    )
