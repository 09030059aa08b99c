"""Checks the trail against its signed checkpoints, and says what that could not show."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from audit.checkpoint import FILE, SIGNERS, Checkpoint, NotACheckpoint, from_line, lines_of
from audit.sshsig import BadSignature, Signer, signers_in
from audit.verify import Verification, verify

NONE = (
    "no signed checkpoint was there: records cut off at the end, a last record that was changed, "
    "and a chain written again would not show (docs/audit.md)"
)
HERE = (
    "the checkpoints lie beside the trail: who may write there and use the key could have replaced "
    "both. An exported copy shows it (--checkpoints FILE, --signers FILE)"
)
BACK = "the known signers lie beside the trail, too; --signers FILE names them from elsewhere"


@dataclass(frozen=True, kw_only=True)
class Seals:
    """What the checkpoints said, before the trail was looked at."""

    good: tuple[Checkpoint, ...] = ()
    faults: tuple[str, ...] = ()  # a signature that does not fit, a signer nobody knows
    unreadable: int = 0  # half a checkpoint: a crash, or damage
    files: tuple[str, ...] = ()
    elsewhere: bool = False  # one of the files is not the one beside the trail


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """The chain and its seals. `unknown` says in sentences what this could not show."""

    chain: Verification
    checkpoints: int = 0
    sealed: int = 0  # records up to the newest good checkpoint
    sealed_at: str | None = None  # when that one was signed, UTC
    unreadable: int = 0
    files: tuple[str, ...] = ()
    unknown: tuple[str, ...] = field(default=())


def verify_sealed(
    trail: Path,
    *,
    head: tuple[int, str] | None = None,
    copies: Iterable[Path] = (),
    signers: Collection[Signer] | None = None,
) -> Sealed:
    """Check the chain against the checkpoints beside it and in the copies.

    `signers` are the keys to trust; None means those noted beside the trail. Raises OSError for
    what cannot be read, a copy that is missing included; ValueError for signers that are none.
    """
    trusted = _known(trail) if signers is None else frozenset(signers)
    seals = read_seals(trail, copies, trusted)
    heads = [(each.count, each.hash) for each in seals.good]
    chain = verify(trail, head=head, heads=heads)
    if chain.ok and seals.faults:
        chain = replace(chain, ok=False, reason=seals.faults[0])
    last = max(seals.good, key=lambda each: each.count, default=None)
    return Sealed(
        chain=chain,
        checkpoints=len(seals.good),
        sealed=last.count if last else 0,
        sealed_at=last.time if last else None,
        unreadable=seals.unreadable,
        files=seals.files,
        unknown=tuple(_unknown(chain, seals, last, head, signers is None)),
    )


def read_seals(trail: Path, copies: Iterable[Path], trusted: Collection[Signer]) -> Seals:
    """Every checkpoint in the file beside the trail and in the copies, its signature checked."""
    good: list[Checkpoint] = []
    faults: list[str] = []
    unreadable, files = 0, []
    beside, seen = trail.with_name(FILE), set[bytes]()
    outside = [copy for copy in copies if not _same(copy, beside)]
    for path in [*([beside] if beside.exists() else []), *outside]:
        files.append(str(path))
        for number, line in lines_of(path):
            if line in seen:
                continue
            seen.add(line)
            try:
                good.append(_trusted(from_line(line), trusted))
            except NotACheckpoint:
                unreadable += 1
            except BadSignature as error:
                faults.append(f"the checkpoint in line {number} of {path.name} is false: {error}")
    return Seals(
        good=tuple(good),
        faults=tuple(faults),
        unreadable=unreadable,
        files=tuple(files),
        elsewhere=bool(outside),
    )


def _trusted(checkpoint: Checkpoint, trusted: Collection[Signer]) -> Checkpoint:
    signer = checkpoint.signer()
    if signer not in trusted:
        raise BadSignature(f"nobody named its signer ({signer.fingerprint}) as one to trust")
    return checkpoint


def _known(trail: Path) -> frozenset[Signer]:
    try:
        return signers_in(trail.with_name(SIGNERS).read_text("utf-8"))
    except FileNotFoundError:
        return frozenset()


def _same(one: Path, other: Path) -> bool:
    return other.exists() and one.samefile(other)


def _unknown(
    chain: Verification,
    seals: Seals,
    last: Checkpoint | None,
    head: tuple[int, str] | None,
    signers_beside: bool,
) -> Iterable[str]:
    if last is None and head is None:
        yield NONE
    upto = max(last.count if last else 0, head[0] if head else 0)
    if upto and chain.records > upto:
        yield f"the last {chain.records - upto} records are younger than any head: only chained"
    if last is not None and head is None and not seals.elsewhere:
        yield HERE
    elif last is not None and seals.elsewhere and signers_beside:
        yield BACK
    if seals.unreadable:
        yield f"{seals.unreadable} lines are half a checkpoint (a crash, or damage): passed over"
