"""Checkpoints: signed statements of how many records there were, and the hash of the last.

They stand in `checkpoints.jsonl` beside the trail, one to a line, and go wherever the operator
wants them. Who has one shows with it that a tail was cut off or a chain written again. Signing
needs `cryptography`; this module is for workers and commands, not for the supervisor.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.durable import append_lines, write_whole
from audit.sshsig import BadSignature, Signer, allowed_line, sign, signers_in, verified

NAMESPACE = "mendd-checkpoint"
FILE, SIGNERS = "checkpoints.jsonl", "signers"
MOST_LINE_BYTES = 4096
_HASH = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_MEMBERS = {"count", "hash", "signature", "time"}


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """At `time` (UTC) the trail held `count` records, the last of which had this hash."""

    count: int
    hash: str
    time: str
    signature: str  # SSHSIG, base64 without line breaks

    def statement(self) -> bytes:
        """The bytes that are signed: three lines."""
        return f"mendd checkpoint\n{self.count} {self.hash}\n{self.time}\n".encode("ascii")

    def signer(self) -> Signer:
        """Who signed it. Raises audit.sshsig.BadSignature."""
        return verified(self.signature, NAMESPACE, self.statement())

    def contradicts(self, head: tuple[int, str]) -> bool:
        """Whether a trail that ends so was cut, or ends in another record than the signed one."""
        return head[0] < self.count or (head[0] == self.count and head[1] != self.hash)

    def line(self) -> bytes:
        """As it stands in the file, newline included."""
        return json.dumps(vars(self), sort_keys=True, separators=(",", ":")).encode() + b"\n"


class NotACheckpoint(ValueError):
    """A line is no checkpoint; says why."""


def signed(head: tuple[int, str], key: Ed25519PrivateKey, now: datetime) -> Checkpoint:
    """A checkpoint of this head (audit.trail.Trail.head)."""
    time = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    bare = Checkpoint(count=head[0], hash=head[1], time=time, signature="")
    signature = sign(key, NAMESPACE, bare.statement())
    return Checkpoint(count=head[0], hash=head[1], time=time, signature=signature)


def from_line(line: bytes) -> Checkpoint:
    """Read one back; whether the signature fits is asked later.

    Raises NotACheckpoint for a line that does not end in `}` (half of one, which a crash left), and
    BadSignature for any other that is not made like a checkpoint: nobody signed that.
    """
    if not line.rstrip(b"\n").endswith(b"}"):
        raise NotACheckpoint("it is half a line")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or value.keys() != _MEMBERS or not _well_formed(value):
        raise BadSignature("it is not made like one")
    return Checkpoint(**value)


def _well_formed(value: dict[str, Any]) -> bool:
    return (
        type(value["count"]) is int
        and 0 < value["count"] < 2**53
        and all(isinstance(value[name], str) for name in ("hash", "signature", "time"))
        and _HASH.fullmatch(value["hash"]) is not None
        and _TIME.fullmatch(value["time"]) is not None
    )


def newest(trail: Path) -> Checkpoint | None:
    """The last checkpoint beside this trail, or None where the last line is none."""
    try:
        with (trail.with_name(FILE)).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 2 * MOST_LINE_BYTES, 0))
            lines = file.read().split(b"\n")[:-1]
        return from_line(lines[-1]) if lines else None
    except (FileNotFoundError, NotACheckpoint, BadSignature):
        return None


def keep(trail: Path, checkpoint: Checkpoint) -> None:
    """Add it to the file beside the trail, and its signer to those known. Raises OSError."""
    _know(trail.with_name(SIGNERS), checkpoint.signer())
    append_lines(trail.with_name(FILE), checkpoint.line())


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number and content of each line that is not empty; lines are bounded in size."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MOST_LINE_BYTES + 1):
            number += 1
            if line.strip():
                yield number, line


def _know(path: Path, signer: Signer) -> None:
    """Note the key among those that sign here, for `mendd audit verify` and `ssh-keygen`."""
    try:
        text = path.read_text("utf-8")
        if signer in signers_in(text):
            return
    except FileNotFoundError:
        text = ""
    write_whole(path, (text + allowed_line(signer, NAMESPACE)).encode())
