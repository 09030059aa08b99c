"""Signatures as `ssh-keygen -Y sign` makes them and `ssh-keygen -Y verify` checks them.

The format is OpenSSH's PROTOCOL.sshsig; only Ed25519 and SHA-512 are spoken here. Signing reads
`cryptography`, so nothing that the supervisor loads may import this.
"""

import base64
import hashlib
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MAGIC = b"SSHSIG"
VERSION = 1
KIND = b"ssh-ed25519"
HASH = b"sha512"
PRINCIPAL = "mendd"


class BadSignature(ValueError):
    """It is no signature, or not one over these bytes."""


@dataclass(frozen=True)
class Signer:
    """A public key: 32 bytes."""

    raw: bytes

    @property
    def text(self) -> str:
        """As `ssh-keygen` writes it: kind and base64."""
        return f"{KIND.decode()} {base64.b64encode(_wire(self.raw)).decode()}"

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` shows it."""
        digest = hashlib.sha256(_wire(self.raw)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def signer_of(key: Ed25519PrivateKey) -> Signer:
    """The public half."""
    return Signer(key.public_key().public_bytes_raw())


def sign(key: Ed25519PrivateKey, namespace: str, message: bytes) -> str:
    """The signature in base64, on one line; `armoured` makes the file ssh-keygen reads of it."""
    raw = signer_of(key).raw
    signature = _string(KIND) + _string(key.sign(_signed(namespace, message)))
    blob = MAGIC + struct.pack(">I", VERSION) + _string(_wire(raw))
    blob += _string(namespace.encode()) + _string(b"") + _string(HASH) + _string(signature)
    return base64.b64encode(blob).decode("ascii")


def verified(signature: str, namespace: str, message: bytes) -> Signer:
    """Who signed these bytes. Raises BadSignature; whether to trust them is another question."""
    try:
        raw, given, bare = _taken_apart(base64.b64decode(signature, validate=True))
    except (ValueError, struct.error) as error:
        raise BadSignature(f"it is no signature of the kind known here: {error}") from None
    if given != namespace.encode():
        raise BadSignature("it was made for another purpose")
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(bare, _signed(namespace, message))
    except (InvalidSignature, ValueError):
        raise BadSignature("it does not fit what is signed") from None
    return Signer(raw)


def armoured(signature: str) -> str:
    """The file that `ssh-keygen -Y verify -s` reads."""
    lines = [signature[at : at + 70] for at in range(0, len(signature), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def signers_in(text: str) -> frozenset[Signer]:
    """The keys of an `allowed_signers` file (ssh-keygen(1)), or of bare public keys.

    Raises ValueError for a line that is neither, or that has an option beside `namespaces`.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    return frozenset(_signer(words) for words in lines if not words[0].startswith("#"))


def allowed_line(signer: Signer, namespace: str) -> str:
    """One line of an `allowed_signers` file."""
    return f'{PRINCIPAL} namespaces="{namespace}" {signer.text}\n'


def _signer(words: list[str]) -> Signer:
    kind = KIND.decode()
    at = words.index(kind) if kind in words else -1
    options = [word for word in words[1:at] if not word.startswith('namespaces="')]
    try:
        if at not in (0, 1, 2) or options:
            raise ValueError("not of the form [mendd] [namespaces=...] ssh-ed25519 KEY")
        wire = base64.b64decode(words[at + 1], validate=True)
        if len(wire) != len(_wire(bytes(32))) or wire != _wire(wire[-32:]):
            raise ValueError("its key is no Ed25519 key")
    except (ValueError, IndexError) as error:
        raise ValueError(f"{' '.join(words)[:80]!r} names no signer: {error}") from None
    return Signer(wire[-32:])


def _wire(raw: bytes) -> bytes:
    return _string(KIND) + _string(raw)


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _signed(namespace: str, message: bytes) -> bytes:
    digest = hashlib.sha512(message).digest()
    return MAGIC + b"".join(map(_string, (namespace.encode(), b"", HASH, digest)))


def _taken_apart(blob: bytes) -> tuple[bytes, bytes, bytes]:
    """Raw public key, namespace and bare signature."""
    if blob[:6] != MAGIC or struct.unpack_from(">I", blob, 6)[0] != VERSION:
        raise ValueError("it does not begin as one")
    public, namespace, _, hashed, signature = _strings(blob[10:], 5)
    kind, raw = _strings(public, 2)
    signed_with, bare = _strings(signature, 2)
    if {kind, signed_with} != {KIND} or hashed != HASH:
        raise ValueError("only ssh-ed25519 with sha512 is known")
    return raw, namespace, bare


def _strings(data: bytes, count: int) -> list[bytes]:
    found = []
    for _ in range(count):
        (size,) = struct.unpack_from(">I", data)
        if len(data) < 4 + size:
            raise ValueError("it is cut short")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    if data:
        raise ValueError("something stands behind it")
    return found
