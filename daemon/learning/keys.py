"""This installation's signing key (Ed25519): made once, kept in the state folder, never sent.

The public half, as `ed25519:` and base64, is what other installations write into `learning.trust`.
"""

import base64
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.durable import make_folder, sync_folder

PREFIX = "ed25519:"
SEED_BYTES = 32


class BadKey(ValueError):
    """A key is none; says which and what to do."""


def own_key(state: Path) -> Ed25519PrivateKey:
    """The key in `state/learning.key`; made at the first call. Raises OSError, BadKey."""
    path = state / "learning.key"
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return _made(path)
    with open(fd, "rb") as file:  # noqa: PTH123 - from the descriptor
        seed = file.read(SEED_BYTES + 1)
    if len(seed) != SEED_BYTES:
        raise BadKey(f"{path} is no key of 32 bytes; move it away and a new one is made")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _made(path: Path) -> Ed25519PrivateKey:
    make_folder(path.parent)
    key = Ed25519PrivateKey.generate()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(fd, "wb") as file:  # noqa: PTH123 - from the descriptor
        file.write(key.private_bytes_raw())
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
    return key


def public_text(key: Ed25519PrivateKey) -> str:
    """The public half as other installations know it."""
    return PREFIX + base64.b64encode(key.public_key().public_bytes_raw()).decode("ascii")


def public_key(text: str) -> Ed25519PublicKey:
    """The key of `ed25519:…`. Raises BadKey."""
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        if not text.startswith(PREFIX):
            raise ValueError("it does not begin with ed25519:")
        return Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as error:
        message = f"{text[:80]!r} is no public key ({error}); 'mendd learning key' shows one"
        raise BadKey(message) from None


def holds(text: str, signature: str, data: bytes) -> bool:
    """Whether the signature (base64) of this key is good for these bytes. Raises BadKey."""
    try:
        public_key(text).verify(base64.b64decode(signature, validate=True), data)
    except (InvalidSignature, ValueError) as error:
        if isinstance(error, BadKey):
            raise
        return False
    return True
