"""Attacks on a trail's files, each with the record at which it must show."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoint import FILE, SIGNERS, keep, signed
from audit.files import closed_files
from audit.record import GENESIS, Record, from_line
from audit.trail import Rotation, Trail

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOSTILE = '","hash":"' + "0" * 64 + '","prev":"'
Lines = list[list[bytes]]  # the lines of each file in order


@dataclass(frozen=True)
class Shown:
    """The first bad record for the chain alone (None: not seen), and with the checkpoints."""

    alone: int | None
    sealed: int | None


@dataclass(frozen=True)
class Good:
    """A good trail in memory: `files` by name in order, and where checkpoints were signed."""

    files: dict[str, list[bytes]]
    beside: dict[str, bytes]  # checkpoints.jsonl and signers
    counts: tuple[int, ...]

    @property
    def records(self) -> int:
        """How many."""
        return sum(map(len, self.files.values()))

    def first_sealed(self, number: int) -> int | None:
        """The first checkpoint at this record or after it."""
        return next((count for count in self.counts if count >= number), None)

    def written(self, folder: Path, files: Sequence[Sequence[bytes]] | None = None) -> Path:
        """Put it, or these lines in its place, into the folder; the trail's path."""
        for old in folder.iterdir():
            old.unlink()
        for name, lines in zip(self.files, files or self.files.values(), strict=True):
            (folder / name).write_bytes(b"".join(lines))
        for name, content in self.beside.items():
            (folder / name).write_bytes(content)
        return folder / "trail.jsonl"


def good_trail(
    folder: Path, rng: random.Random, *, records: int, seals: int, kib: float = 2.0
) -> Good:
    """A trail of several files with checkpoints at random records and at the last."""
    trail = Trail(folder / "trail.jsonl", clock=lambda: NOON, rotation=Rotation(mib=kib / 1024))
    key = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
    counts = sorted({*rng.sample(range(1, records), min(seals, records) - 1), records})
    for number in range(1, records + 1):
        data = {"n": number, "text": f"ä\t\x7f\U0001f600 {HOSTILE}", "hash": "0" * 64, "f": 0.1}
        trail.append("trial", reflection=f'r-{number}",', target="shop", data=data)
        if number in counts:
            keep(trail.path, signed(trail.head(), key, NOON))
    files = [*closed_files(trail.path), trail.path]
    return Good(
        files={file.name: file.read_bytes().splitlines(keepends=True) for file in files},
        beside={name: (folder / name).read_bytes() for name in (FILE, SIGNERS)},
        counts=tuple(counts),
    )


def place(files: Lines, index: int) -> tuple[int, int]:
    """File and line of the record with this index."""
    for number, lines in enumerate(files):
        if index < len(lines):
            return number, index
        index -= len(lines)
    raise IndexError(index)


def forged(line: bytes, prev: str | None = None) -> bytes:
    """The record with other content (or another `prev`), hashed again."""
    record = from_line(line[:-1])
    changed = replace(record, data={"n": "forged"}) if prev is None else replace(record, prev=prev)
    return changed.sealed().line()


def edit(files: Lines, rng: random.Random, good: Good) -> Shown:
    """A byte of a record, not hashed again."""
    index = rng.randrange(good.records)
    file, at = place(files, index)
    files[file][at] = files[file][at].replace(b'"target":"shop"', b'"target":"shoq"')
    return Shown(index + 1, index + 1)


def delete(files: Lines, rng: random.Random, good: Good) -> Shown:
    """A record before the last."""
    index = rng.randrange(good.records - 1)
    file, at = place(files, index)
    del files[file][at]
    return Shown(index + 1, index + 1)


def insert(files: Lines, rng: random.Random, good: Good) -> Shown:
    """A well-formed record that follows on the one before it, put in before another."""
    index = rng.randrange(good.records - 1)
    file, at = place(files, index)
    files[file].insert(at, forged(files[file][at]))
    sealed = index + 1 if index + 1 in good.counts else index + 2
    return Shown(index + 2, sealed)


def reorder(files: Lines, rng: random.Random, good: Good) -> Shown:
    """Two records change places."""
    one, other = sorted(rng.sample(range(good.records), 2))
    (f1, a1), (f2, a2) = place(files, one), place(files, other)
    files[f1][a1], files[f2][a2] = files[f2][a2], files[f1][a1]
    return Shown(one + 1, one + 1)


def truncate(files: Lines, rng: random.Random, good: Good) -> Shown:
    """Everything from some record on is gone, whole files with it."""
    index = rng.randrange(good.records)
    file, at = place(files, index)
    del files[file][at:]
    for later in files[file + 1 :]:
        later.clear()
    return Shown(None, index + 1)


def rewrite_last(files: Lines, rng: random.Random, good: Good) -> Shown:
    """The last record says something else, and is hashed again."""
    files[-1][-1] = forged(files[-1][-1])
    return Shown(None, good.records)


def rewrite_from(files: Lines, rng: random.Random, good: Good) -> Shown:
    """Some record says something else, and the chain is made again from there."""
    index = rng.randrange(good.records)
    file, at = place(files, index)
    files[file][at] = forged(files[file][at])
    chain_again(files, index + 1)
    return Shown(None, good.first_sealed(index + 1))


def swap_files(files: Lines, rng: random.Random, good: Good) -> Shown:
    """Two files change their names."""
    one, other = sorted(rng.sample(range(len(files)), 2))
    first = sum(map(len, files[:one])) + 1
    files[one], files[other] = files[other], files[one]
    return Shown(first, first)


def chain_again(files: Lines, start: int) -> None:
    """Every record from this index on follows on the one before it once more."""
    prev = GENESIS
    for index in range(sum(map(len, files))):
        file, at = place(files, index)
        if index >= start:
            files[file][at] = forged(files[file][at], prev)
        prev = record_at(files, index).hash


def record_at(files: Lines, index: int) -> Record:
    """The record with this index."""
    file, at = place(files, index)
    return from_line(files[file][at][:-1])


Attack = Callable[[Lines, random.Random, Good], Shown]
ATTACKS: tuple[Attack, ...] = (
    edit,
    delete,
    insert,
    reorder,
    truncate,
    rewrite_last,
    rewrite_from,
    swap_files,
)
