"""Signing keys (Ed25519): made once in a file of their own, or given by the operator; never sent.

A file holds the 32 bytes of the seed, or a private key as `ssh-keygen -t ed25519 -N ''` writes it.
"""

import os
import secrets
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from audit.durable import make_folder, sync_folder

SEED_BYTES = 32
MOST_BYTES = 4096


class BadKey(ValueError):
    """A key is none; says which and what to do."""


def key_made_once(path: Path) -> Ed25519PrivateKey:
    """The key in this file, which is made where there is none. Raises OSError, BadKey.

    Of several processes that make it at once, all get the same.
    """
    try:
        return key_in(path)
    except FileNotFoundError:
        _make(path)
        return key_in(path)


def key_in(path: Path) -> Ed25519PrivateKey:
    """The key in this file; a symbolic link is not followed. Raises OSError, BadKey."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:  # noqa: PTH123 - from the descriptor
        data = file.read(MOST_BYTES + 1)
    if len(data) == SEED_BYTES:
        return Ed25519PrivateKey.from_private_bytes(data)
    try:
        key = load_ssh_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey(f"{path} is no Ed25519 key without a passphrase ({error}): {REMEDY}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path} is a key of another kind than Ed25519: {REMEDY}")
    return key


REMEDY = "move it away and a new one is made"


def _make(path: Path) -> None:
    """Whole or not at all: written beside and linked, so a crash leaves no half a key."""
    make_folder(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.unlink(missing_ok=True)
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(fd, "wb") as file:  # noqa: PTH123 - from the descriptor
            file.write(secrets.token_bytes(SEED_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(beside)
    except FileExistsError:
        return  # somebody else made it meanwhile
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)
