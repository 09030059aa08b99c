"""`mendd audit verify`, `export` and `key` with signed checkpoints."""

import os
from datetime import UTC, datetime

import pytest

from audit.checkpoint import FILE
from audit.sshsig import signers_in
from daemon.commands import Exit
from daemon.desk.sealing import seal
from tests.terminal import Home

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def signed(recorded: Home) -> Home:
    """Four records and a checkpoint over them."""
    seal(recorded.settings, recorded.trail, {}, NOW)
    return recorded


def cut(home: Home) -> None:
    """Take the last record away."""
    lines = home.trail.path.read_bytes().splitlines(keepends=True)
    home.trail.path.write_bytes(b"".join(lines[:-1]))


def test_without_checkpoints_it_says_what_it_cannot_know(recorded: Home) -> None:
    """Unbroken is not the same as whole."""
    said = recorded.mendd("audit", "verify")

    assert "4 records, unbroken" in said
    assert "not known: no signed checkpoint was there" in said


def test_checkpoints_are_used_by_themselves(signed: Home) -> None:
    """A cut tail is named at the first record that is gone."""
    said = signed.mendd("audit", "verify")
    assert "1 signed checkpoints agree, up to record 4 (2026-11-20T09:00:00Z)" in said

    cut(signed)
    signed.mendd("audit", "verify", code=Exit.NO)
    found = signed.json("audit", "verify", code=Exit.NO)
    assert (found["ok"], found["first_bad"], found["sealed"]) == (False, 4, 4)
    assert "once held 4 records" in found["reason"]


def test_an_exported_copy_and_signers_from_elsewhere(signed: Home) -> None:
    """What was exported before shows what was cut together with the checkpoints here."""
    copy, signers = signed.folder / "copy.jsonl", signed.folder / "signers"
    assert "1 of 1 checkpoints added" in signed.mendd("audit", "export", str(copy))
    assert "0 of 1 checkpoints added" in signed.mendd("audit", "export", str(copy))
    assert signed.mendd("audit", "export").encode() == copy.read_bytes()
    signers.write_text(signed.mendd("audit", "key"))
    assert len(signers_in(signers.read_text())) == 1
    against = ["--checkpoints", str(copy), "--signers", str(signers)]
    assert "not known" not in signed.mendd("audit", "verify", *against)

    cut(signed)
    (signed.trail.path.with_name(FILE)).unlink()
    assert "3 records, unbroken" in signed.mendd("audit", "verify")
    assert signed.json("audit", "verify", *against, code=Exit.NO)["first_bad"] == 4


def test_the_configured_export_is_looked_at_too(signed: Home) -> None:
    """And when it is not there, that is said."""
    with signed.config.open("a") as file:
        file.write('\n[audit]\nexport = "heads.jsonl"\n')
    assert "heads.jsonl (audit.export) is not there" in signed.mendd("audit", "verify")

    (signed.folder / "heads.jsonl").write_bytes(signed.trail.path.with_name(FILE).read_bytes())
    signed.trail.path.with_name(FILE).unlink()
    cut(signed)
    signed.mendd("audit", "verify", code=Exit.NO)


def test_a_false_checkpoint_is_a_no(signed: Home) -> None:
    """The chain is whole, and still somebody changed something."""
    file = signed.trail.path.with_name(FILE)
    file.write_bytes(file.read_bytes().replace(b"T09:00:00Z", b"T09:00:01Z"))

    said = signed.mendd("audit", "verify", code=Exit.NO)

    assert "is unbroken, but the checkpoint in line 1 of checkpoints.jsonl is false" in said


def test_before_the_first_checkpoint_there_is_no_key(recorded: Home) -> None:
    """Looking makes none."""
    recorded.mendd("audit", "key", code=Exit.NO)

    assert "no checkpoint was signed here yet" in recorded.said
    assert "audit.key" not in os.listdir(recorded.state)  # noqa: PTH208


@pytest.mark.parametrize(
    ("option", "code"),
    [
        (["--checkpoints", "nowhere"], Exit.WORLD),
        (["--signers", "mendd.toml"], Exit.USAGE),
        (["--head", "12"], Exit.USAGE),
    ],
)
def test_what_cannot_be_looked_at_is_no_pass(signed: Home, option: list[str], code: int) -> None:
    """A check that did not run never reads as one that passed."""
    name, value = option
    given = value if name == "--head" else str(signed.folder / value)

    assert signed.mendd("audit", "verify", name, given, code=code) == ""
    assert signed.said.startswith("mendd: ")
