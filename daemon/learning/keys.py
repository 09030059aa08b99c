"""This installation's key for recipes (Ed25519): made once, kept in the state folder, never sent.

The public half, as `ed25519:` and base64, is what other installations write into `learning.trust`.
"""

import base64
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.keys import BadKey, key_made_once

__all__ = ["BadKey", "holds", "own_key", "public_key", "public_text"]

PREFIX = "ed25519:"


def own_key(state: Path) -> Ed25519PrivateKey:
    """The key in `state/learning.key`; made at the first call. Raises OSError, BadKey."""
    return key_made_once(state / "learning.key")


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
