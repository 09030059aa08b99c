"""`mendd audit verify`, `export` and `key`: the chain, and the signed checkpoints over it."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.actions import looking
from daemon.commands import CommandError, Exit
from daemon.commands.records import trail_path

if TYPE_CHECKING:
    from audit.sealed import Sealed
    from daemon.settings import Settings
    from daemon.show import Screen


def add_arguments(verifying: argparse.ArgumentParser) -> None:
    """What the trail is checked against."""
    verifying.add_argument("--head", help="COUNT HASH as noted earlier, or a file that holds it")
    verifying.add_argument(
        "--checkpoints",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="an exported copy of the checkpoints, beside those that lie here",
    )
    verifying.add_argument(
        "--signers", metavar="FILE", type=Path, help="whose to believe (what 'audit key' printed)"
    )


def verify_chain(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> int:
    """Exit code 0 when every record follows on the one before and meets every head, else 1."""
    found = looking.chain(
        settings, _head(options.head), copies=options.checkpoints, signers=options.signers
    )
    if options.json:
        screen.document(looking.chain_document(settings, found))
    else:
        _tell(found, trail_path(settings), screen)
    return Exit.DONE if found.chain.ok else Exit.NO


def export(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> int:
    """Add to the file the checkpoints it does not hold yet; `-` prints them all."""
    from audit.checkpoint import FILE
    from audit.durable import append_lines

    ours = _checkpoints(trail_path(settings).with_name(FILE))
    if options.file == "-":
        sys.stdout.write("".join(line.decode("ascii") for line in ours))
        return Exit.DONE
    file = Path(options.file).absolute()
    there = set(_checkpoints(file))
    lacking = [line for line in ours if line not in there]
    if lacking:
        append_lines(file, b"".join(lacking))
    if options.json:
        screen.document({"file": str(file), "added": len(lacking), "checkpoints": len(ours)})
    else:
        screen.say(f"{len(lacking)} of {len(ours)} checkpoints added to {file}")
    return Exit.DONE


def key(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> int:
    """The public keys that signed here; keep them where the trail's writer cannot change them."""
    from audit.checkpoint import NAMESPACE, SIGNERS
    from audit.sshsig import allowed_line, signers_in

    try:
        signers = signers_in(trail_path(settings).with_name(SIGNERS).read_text("utf-8"))
    except FileNotFoundError:
        message = "no checkpoint was signed here yet: the first pass with work makes the key"
        raise CommandError(message, Exit.NO) from None
    except ValueError as error:
        raise CommandError(str(error), Exit.WORLD) from None
    if options.json:
        screen.document({"signers": [{"key": s.text, "is": s.fingerprint} for s in signers]})
    else:
        sys.stdout.write("".join(allowed_line(signer, NAMESPACE) for signer in signers))
    return Exit.DONE


def _checkpoints(file: Path) -> list[bytes]:
    """The lines that are checkpoints, whole."""
    from audit.checkpoint import NotACheckpoint, from_line, lines_of
    from audit.sshsig import BadSignature

    found = []
    for _, line in lines_of(file) if file.exists() else ():
        try:
            found.append(from_line(line).line())
        except (NotACheckpoint, BadSignature):
            continue
    return found


def _tell(found: "Sealed", path: Path, screen: "Screen") -> None:
    chain = found.chain
    if chain.ok:
        screen.say(f"{path}: {chain}")
        if found.checkpoints:
            screen.say(
                f"{found.checkpoints} signed checkpoints agree, up to record {found.sealed} "
                f"({found.sealed_at})"
            )
    elif chain.first_bad is None:
        screen.say(f"{path} is unbroken, but {chain}")
    else:
        at = "" if chain.file in (None, path.name) else f" in {chain.file}"
        screen.say(f"{path} is broken at {chain}{at}")
        if chain.torn:
            screen.say("only the end is torn: the next record sets it aside, none is lost")
        elif chain.agreed:
            screen.say(f"a head or checkpoint agrees up to record {chain.agreed}")
        else:
            screen.say(f"the {chain.records} records before it are good; compare with a backup")
    for words in found.unknown:
        screen.say(f"not known: {words}")


def _head(given: str | None) -> str | None:
    """The head as written, or what the file of that name holds."""
    if given is None:
        return None
    try:
        return Path(given).read_text("utf-8") if Path(given).is_file() else given
    except (OSError, ValueError) as error:
        raise CommandError(f"--head: {error}") from None
