"""Signatures that ssh-keygen understands, and nothing else taken for one."""

import base64
import os
import random
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.keys import BadKey, key_in, key_made_once
from audit.sshsig import (
    BadSignature,
    allowed_line,
    armoured,
    sign,
    signer_of,
    signers_in,
    verified,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MESSAGE = b"mendd checkpoint\n1 00\n"
needs_ssh = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None and not os.environ.get("CI"), reason="no ssh-keygen here"
)


def test_what_was_signed_verifies_and_names_its_signer():
    """The same key, the same words, the same purpose."""
    assert verified(sign(KEY, "purpose", MESSAGE), "purpose", MESSAGE) == signer_of(KEY)


def test_any_other_bit_purpose_or_words_are_refused():
    """Every bit of the signature, and what is signed."""
    signature = sign(KEY, "purpose", MESSAGE)
    blob = base64.b64decode(signature)
    for bit in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            signer = verified(base64.b64encode(changed).decode(), "purpose", MESSAGE)
        except BadSignature:
            continue
        pytest.fail(f"bit {bit} does not matter: {signer}")
    for namespace, message in (("other", MESSAGE), ("purpose", MESSAGE + b"\n")):
        with pytest.raises(BadSignature):
            verified(signature, namespace, message)


def test_noise_is_no_signature():
    """Whatever comes in, the answer is a refusal."""
    rng = random.Random(1)  # noqa: S311 -- repeatable on purpose
    blob = base64.b64decode(sign(KEY, "purpose", MESSAGE))
    for _ in range(2000):
        noise = blob[: rng.randrange(len(blob))] + rng.randbytes(rng.randrange(20))
        with pytest.raises(BadSignature):
            verified(base64.b64encode(noise).decode(), "purpose", MESSAGE)
    for text in ("", "ä", "AAAA", "=" * 8):
        with pytest.raises(BadSignature):
            verified(text, "purpose", MESSAGE)


@needs_ssh
def test_ssh_keygen_verifies_ours_and_we_verify_its(tmp_path):
    """Both ways, with a key that ssh-keygen made."""
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"]
    subprocess.run(made, check=True)
    key = key_in(tmp_path / "key")
    (tmp_path / "words").write_bytes(MESSAGE)
    (tmp_path / "signers").write_text(allowed_line(signer_of(key), "purpose"))
    (tmp_path / "ours").write_text(armoured(sign(key, "purpose", MESSAGE)))

    verify = ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", "mendd", "-n", "purpose"]
    done = subprocess.run(
        [*verify, "-s", "ours"], cwd=tmp_path, input=MESSAGE, check=True, capture_output=True
    )
    assert signer_of(key).fingerprint in done.stdout.decode()

    theirs = ["ssh-keygen", "-Y", "sign", "-f", "key", "-n", "purpose", "words"]
    subprocess.run(theirs, cwd=tmp_path, check=True, capture_output=True)
    lines = (tmp_path / "words.sig").read_text().splitlines()
    assert verified("".join(lines[1:-1]), "purpose", MESSAGE) == signer_of(key)
    assert signers_in((tmp_path / "key.pub").read_text()) == {signer_of(key)}


@needs_ssh
def test_a_key_with_a_passphrase_is_refused(tmp_path):
    """Nobody is there to type it."""
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", tmp_path / "key"]
    subprocess.run(made, check=True)

    with pytest.raises(BadKey, match="without a passphrase"):
        key_in(tmp_path / "key")


def test_signers_are_read_strictly():
    """A line that limits a key in a way we do not know is refused, not read as without limit."""
    text = signer_of(KEY).text
    good = f'# ours\n\nmendd {text}\n{text} comment\nmendd namespaces="x" {text}\n'
    assert signers_in(good) == {signer_of(KEY)}
    for bad in (
        "mendd",
        "ssh-ed25519",
        f"mendd cert-authority {text}",
        f'mendd valid-before="20260101" {text}',
        "mendd ssh-ed25519 AAAA",
        "mendd ssh-rsa AAAA",
    ):
        with pytest.raises(ValueError, match="names no signer"):
            signers_in(bad)


def test_a_key_is_made_once_and_only_for_its_owner(tmp_path):
    """The second call finds the first one's key; nobody else may read it."""
    first = key_made_once(tmp_path / "a" / "key")

    assert signer_of(key_made_once(tmp_path / "a" / "key")) == signer_of(first)
    assert (tmp_path / "a" / "key").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in (tmp_path / "a").iterdir()] == ["key"]


def test_a_file_that_is_no_key_is_not_overwritten(tmp_path):
    """A half, an empty, a foreign key: refused with what to do."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    path = tmp_path / "key"
    for content in (b"", b"x" * 31, b"x" * 33, other):
        path.write_bytes(content)
        with pytest.raises(BadKey, match="move it away"):
            key_made_once(path)
        assert path.read_bytes() == content
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        key_made_once(path)
