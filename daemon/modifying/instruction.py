"""A person's instruction as a value, checked on its way in: an order file is outside data."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

from daemon.modifying.infer import Chosen
from daemon.settings import EngineName

MOST_WORDS = 8_000  # characters
MOST_FILES = 50
MOST_RETRIES, MOST_CYCLES = 20, 10
_BRANCH = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._/-]{0,98}[A-Za-z0-9_-])?")


class BadInstruction(ValueError):
    """It cannot be an instruction; the message says what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """What a person asks for. None means: as the settings say."""

    words: str
    target: str
    by: str
    since: str  # UTC, RFC 3339: when it was given
    files: tuple[Chosen, ...] = ()
    branch: str = ""
    dry_run: bool = False
    engine: str = ""
    retries: int | None = None  # further attempts after one that failed
    cycles: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `instruction_from` reads them back."""
        return {**asdict(self), "files": [asdict(each) for each in self.files]}

    def __str__(self) -> str:
        """The instruction on one line, cut to what a message can hold."""
        line = " ".join(self.words.split())
        return line if len(line) <= 80 else f"{line[:79]}…"


def instruction_from(data: Mapping[str, Any]) -> Instruction:
    """The instruction in a JSON object. Raises BadInstruction."""
    words = _text(data, "words", MOST_WORDS).strip()
    if not words:
        raise BadInstruction("the instruction is empty")
    dry_run = data.get("dry_run", False)
    if not isinstance(dry_run, bool):
        raise BadInstruction("dry_run is neither true nor false")
    return Instruction(
        words=words,
        target=_text(data, "target", 100),
        by=_text(data, "by", 200),
        since=_text(data, "since", 100),
        files=_files(data.get("files", [])),
        branch=branch_name(_text(data, "branch", 200)),
        dry_run=dry_run,
        engine=_engine(_text(data, "engine", 20)),
        retries=_number(data, "retries", MOST_RETRIES),
        cycles=_number(data, "cycles", MOST_CYCLES),
    )


def branch_name(name: str) -> str:
    """The name as git takes it for a branch; "" stays "". Raises BadInstruction."""
    bad = ("..", "//", "/.", ".lock/", "./", "@{")
    if name and (
        not _BRANCH.fullmatch(name)
        or any(part in name for part in bad)
        or name.endswith((".lock", "/"))
        or name == "HEAD"
        or name.startswith("refs/")
    ):
        raise BadInstruction(
            f"{name!r} cannot name a branch; use letters, digits, '-', '_', '.' and '/', "
            "for instance mendd/empty-input"
        )
    return name


def _text(data: Mapping[str, Any], name: str, most: int) -> str:
    value = data.get(name) or ""
    if not isinstance(value, str):
        raise BadInstruction(f"{name} is no text")
    if len(value) > most:
        raise BadInstruction(f"{name} is longer than {most} characters")
    if "\0" in value or _has_surrogates(value):
        raise BadInstruction(f"{name} holds characters that are no text")
    return value


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _files(value: Any) -> tuple[Chosen, ...]:
    if not isinstance(value, list) or len(value) > MOST_FILES:
        raise BadInstruction(f"files is no list of at most {MOST_FILES}")
    return tuple(_chosen(each) for each in value)


def _chosen(value: Any) -> Chosen:
    if not isinstance(value, dict):
        raise BadInstruction("a file is no object with a filename")
    filename = _text(value, "filename", 1024)
    function = _text(value, "function", 1000) or None
    return Chosen(filename=filename, why=_text(value, "why", 2000), function=function)


def _engine(name: str) -> str:
    if name and name not in get_args(EngineName):
        raise BadInstruction(f"there is no engine {name!r}; use {', '.join(get_args(EngineName))}")
    return name


def _number(data: Mapping[str, Any], name: str, most: int) -> int | None:
    value = data.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= most:
        raise BadInstruction(f"{name} has to be a number from 0 to {most}")
    return value
