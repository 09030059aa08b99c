"""`mendd check` on the trail's end, its checkpoints and the signing key."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from audit.keys import key_made_once
from daemon.commands.check_trail import trail_findings
from daemon.desk.sealing import seal
from tests.terminal import Home

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def found(home: Home) -> dict[str, Any]:
    """Every finding by its name."""
    return {each.name: each for each in trail_findings(home.settings)}


@pytest.fixture
def signed(recorded: Home) -> Home:
    """Four records and a checkpoint over them."""
    seal(recorded.settings, recorded.trail, {}, NOW)
    return recorded


def test_looking_makes_no_key(recorded: Home) -> None:
    """Before the first checkpoint all is well, and nothing is there yet."""
    findings = found(recorded)

    assert {each.level for each in findings.values()} == {"ok"}
    assert "none signed yet" in findings["checkpoints"].detail
    assert not (recorded.state / "audit.key").exists()


def test_a_trail_that_was_cut_is_seen_at_once(signed: Home) -> None:
    """Without reading all of it."""
    assert "signed up to record 4" in found(signed)["checkpoints"].detail
    lines = signed.trail.path.read_bytes().splitlines(keepends=True)
    signed.trail.path.write_bytes(b"".join(lines[:-1]))

    assert found(signed)["checkpoints"].level == "bad"


def test_a_key_that_others_may_read_is_weak(signed: Home) -> None:
    """With what to do about it."""
    (signed.state / "audit.key").chmod(0o640)

    assert "chmod 600" in found(signed)["signing key"].remedy


def test_keys_and_exports_that_are_not_there_are_named(signed: Home, tmp_path: Path) -> None:
    """A key that was named is not made; an exported file should have been."""
    with signed.config.open("a") as file:
        file.write('\n[audit]\nkey = "given.key"\nexport = "heads.jsonl"\n')
    assert found(signed)["signing key"].level == "bad"
    assert found(signed)["checkpoints"].level == "weak"

    key_made_once(signed.folder / "given.key")
    (signed.folder / "heads.jsonl").touch()
    assert {each.level for each in found(signed).values()} == {"ok"}
    (signed.folder / "given.key").write_bytes(b"none")
    assert found(signed)["signing key"].level == "bad"
