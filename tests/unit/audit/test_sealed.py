"""The tamper matrix with checkpoints: eight attacks, 300 times each, and two verifiers."""

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoint import FILE, NAMESPACE, SIGNERS, Checkpoint, from_line, keep, signed
from audit.sealed import BACK, HERE, NONE, verify_sealed
from audit.sshsig import allowed_line, signer_of, signers_in
from audit.trail import Trail, verify
from tests.tampering import ATTACKS, NOON, Good, good_trail, rewrite_from, truncate

SHELL = Path(__file__).parents[3] / "audit" / "checkpoints.sh"
SEED = 20261120
RECORDS = 24


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Good:
    """A trail of several files, with four checkpoints."""
    rng = random.Random(SEED)  # noqa: S311 -- repeatable on purpose
    folder = tmp_path_factory.mktemp("good")
    return good_trail(folder, rng, records=RECORDS, seals=4)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each.__name__)
def test_every_attack_is_found_at_the_exact_record(good, attack, tmp_path):
    """300 times each. What the chain alone cannot see, it does not see: the stated limit."""
    rng = random.Random(SEED)  # noqa: S311 -- repeatable on purpose
    for _ in range(300):
        files = [list(lines) for lines in good.files.values()]
        expected = attack(files, rng, good)
        path = good.written(tmp_path, files)

        alone, sealed = verify(path), verify_sealed(path).chain

        assert (alone.ok, alone.first_bad) == (expected.alone is None, expected.alone)
        assert (sealed.ok, sealed.first_bad) == (False, expected.sealed)
        assert sealed.agreed < sealed.first_bad


def test_a_good_trail_meets_its_checkpoints_and_says_what_is_not_known(good, tmp_path):
    """All agree; that they lie beside the trail is said, and what came after them."""
    path = good.written(tmp_path)
    found = verify_sealed(path)
    assert (found.chain.ok, found.checkpoints, found.sealed) == (True, 4, RECORDS)
    assert found.sealed_at == "2026-11-20T12:00:00Z"
    assert found.unknown == (HERE,)

    Trail(path).append("started")
    assert "last 1 records" in verify_sealed(path).unknown[0]
    (tmp_path / FILE).unlink()
    assert verify_sealed(path).unknown == (NONE,)
    assert verify_sealed(path, head=verify(path).head_hash and Trail(path).head()).unknown == ()


def test_a_copy_elsewhere_shows_what_was_cut_with_its_checkpoints(good, tmp_path):
    """Who cuts the trail and the checkpoints beside it is found by the exported copy."""
    files = [list(lines) for lines in good.files.values()]
    rng = random.Random(3)  # noqa: S311 -- repeatable on purpose
    cut = truncate(files, rng, good).sealed
    (tmp_path / "here").mkdir()
    path = good.written(tmp_path / "here", files)
    lines = good.beside[FILE].splitlines(keepends=True)
    kept = [line for line in lines if from_line(line).count < cut]
    path.with_name(FILE).write_bytes(b"".join(kept))
    copy, signers = tmp_path / "copy.jsonl", signers_in(good.beside[SIGNERS].decode())
    copy.write_bytes(good.beside[FILE])

    assert verify_sealed(path).chain.ok, "the limit that is stated"
    assert verify_sealed(path, copies=[copy]).chain.first_bad == cut
    whole = good.written(tmp_path / "here")
    assert verify_sealed(whole, copies=[copy]).unknown == (BACK,)
    assert verify_sealed(whole, copies=[copy], signers=signers).unknown == ()


def test_a_rewritten_chain_is_bracketed_by_the_checkpoints(good, tmp_path):
    """The reason names the last record that was still the one that was signed."""
    files = [list(lines) for lines in good.files.values()]
    rng = random.Random(5)  # noqa: S311 -- repeatable on purpose
    rewrite_from(files, rng, good)
    found = verify_sealed(good.written(tmp_path, files)).chain

    assert found.first_bad in good.counts
    assert f"after record {found.agreed} was changed" in found.reason


def test_a_forger_with_a_key_of_his_own_is_found(good, tmp_path):
    """A checkpoint is believed only from a known signer, however well it is signed."""
    path = good.written(tmp_path)
    key = Ed25519PrivateKey.generate()
    known = path.with_name(SIGNERS).read_bytes()
    keep(path, signed(Trail(path).head(), key, NOON))
    path.with_name(SIGNERS).write_bytes(known)

    found = verify_sealed(path).chain

    assert not found.ok
    assert "nobody named its signer" in found.reason
    assert found.first_bad is None
    path.with_name(SIGNERS).unlink()
    assert not verify_sealed(path).chain.ok, "nobody known: not checked, so no pass"


@pytest.mark.parametrize("member", ["count", "hash", "time", "signature"])
def test_a_changed_checkpoint_is_false(good, member, tmp_path):
    """No member can be changed without the signature showing it."""
    path = good.written(tmp_path)
    lines = good.beside[FILE].splitlines(keepends=True)
    other = {"count": 3, "hash": "0" * 64, "time": "2026-11-20T12:00:01Z", "signature": "AAAA"}
    changed = Checkpoint(**{**vars(from_line(lines[0])), member: other[member]})
    path.with_name(FILE).write_bytes(changed.line() + b"".join(lines[1:]))

    found = verify_sealed(path).chain

    assert not found.ok
    assert "line 1 of checkpoints.jsonl is false" in found.reason


def test_half_a_checkpoint_is_passed_over_and_said(good, tmp_path):
    """A crash while one was written spoils no other."""
    path = good.written(tmp_path)
    with path.with_name(FILE).open("ab") as file:
        file.write(b'{"count":9,')
    keep(path, signed(Trail(path).head(), Ed25519PrivateKey.from_private_bytes(bytes(32)), NOON))

    found = verify_sealed(path)

    assert found.chain.ok
    assert (found.checkpoints, found.unreadable) == (5, 1)
    assert "1 lines are half a checkpoint" in found.unknown[-1]


def test_a_sealed_record_cut_in_its_middle_is_no_crash(good, tmp_path):
    """Half a line is harmless only where nothing was signed there."""
    path = good.written(tmp_path)
    path.write_bytes(path.read_bytes()[:-9])

    found = verify_sealed(path).chain

    assert verify(path).torn
    assert (found.first_bad, found.torn) == (RECORDS, False)
    assert f"once held {RECORDS} records" in found.reason


def test_a_copy_that_is_missing_is_no_pass(good, tmp_path):
    """What was asked to be looked at and cannot be is an error."""
    with pytest.raises(FileNotFoundError):
        verify_sealed(good.written(tmp_path), copies=[tmp_path / "nowhere"])


def shell(path, checkpoints=None, signers=None):
    """What bash, jq and ssh-keygen say: (ok, words)."""
    command = [str(SHELL), path, checkpoints or path.with_name(FILE), path.with_name(SIGNERS)]
    if signers:
        command[-1] = signers
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


def needs_ssh():
    """OpenSSH is not everywhere; in CI its absence is a failure."""
    if shutil.which("ssh-keygen") is None and not os.environ.get("CI"):
        pytest.skip("ssh-keygen is not installed")


@pytest.mark.parametrize("attack", [None, *ATTACKS], ids=lambda each: getattr(each, "__name__", ""))
def test_ssh_keygen_and_the_shell_agree(good, attack, tmp_path):
    """Verdict and record, without any mendd code (1,000 trails: tests/soak/trail.py)."""
    needs_ssh()
    rng = random.Random(7)  # noqa: S311 -- repeatable on purpose
    for _ in range(2):
        files = [list(lines) for lines in good.files.values()]
        if attack:
            attack(files, rng, good)
        path = good.written(tmp_path, files)

        found, (ok, said) = verify_sealed(path).chain, shell(path)

        assert ok == found.ok, said
        if not ok:  # the script tells a fault of the chain before what a checkpoint says
            first = verify(path).first_bad or found.first_bad
            assert said.startswith((f"record {first} ", f"record {first}:")), said
        else:
            assert said == f"{found}; 4 checkpoints agree\n"


def test_ssh_keygen_refuses_a_signer_who_is_not_named(good, tmp_path):
    """As our own verifier does."""
    needs_ssh()
    path = good.written(tmp_path)
    other = tmp_path / "others"
    other.write_text(allowed_line(signer_of(Ed25519PrivateKey.generate()), NAMESPACE))

    assert shell(path)[0]
    assert shell(path, signers=other) == (False, "checkpoint 1 is false\n")
    assert not verify_sealed(path, signers=signers_in(other.read_text())).chain.ok


def test_the_shell_script_passes_nothing_it_could_not_look_at(good, tmp_path):
    """No checkpoints, no signers, no trail: never a pass."""
    needs_ssh()
    path = good.written(tmp_path)

    assert not shell(path, checkpoints=tmp_path / "nowhere")[0]
    assert not shell(path, signers=tmp_path / "nowhere")[0]
    for file in [*tmp_path.glob("trail*.jsonl")]:
        file.unlink()
    assert not shell(path)[0]


@pytest.mark.parametrize("byte", [1, 32, 125, 255])
def test_a_byte_of_a_checkpoint_matters_to_both_judges(good, byte, tmp_path):
    """Bytes that JSON readers take differently once made jq pass over what we refused."""
    needs_ssh()
    rng = random.Random(byte)  # noqa: S311 -- repeatable on purpose
    for _ in range(3):
        path = good.written(tmp_path)
        content = bytearray(good.beside[FILE])
        content[rng.randrange(len(content))] = byte
        path.with_name(FILE).write_bytes(content)

        assert verify_sealed(path).chain.ok == shell(path)[0]


def test_the_shell_script_is_about_thirty_lines():
    """Short enough to be read before it is trusted."""
    assert len(SHELL.read_text().splitlines()) <= 35
