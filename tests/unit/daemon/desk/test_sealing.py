"""Checkpoints at the end of a pass: signed when something is new, handed out, never in the way."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from audit.checkpoint import FILE, SIGNERS, newest
from audit.keys import key_made_once
from audit.sealed import verify_sealed
from audit.sshsig import signer_of, signers_in
from audit.trail import Trail
from daemon.config.config_file import load_settings
from daemon.desk.sealing import seal, signing_key
from daemon.settings import Settings
from daemon.trail import open_trail
from tests.fakes import ScriptedEngine
from tests.place import REPORT, RIGHT, Place

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


class Sealing:
    """A trail with settings, and what `seal` makes of it."""

    def __init__(self, folder: Path) -> None:
        (folder / "shop").mkdir()
        config = folder / "mendd.toml"
        config.write_text('state = "state"\n[[target]]\nname = "shop"\npath = "shop"\n')
        self.settings: Settings = load_settings(config)
        self.trail = open_trail(self.settings)
        self.environ: dict[str, str] = {}

    def set(self, **audit: Any) -> None:
        """Change settings of `[audit]`."""
        self.settings = replace(self.settings, audit=replace(self.settings.audit, **audit))

    def grow(self, count: int = 1) -> None:
        """New records."""
        for _ in range(count):
            self.trail.append("started")

    def seal(self, **more: int) -> int | None:
        """The count of the checkpoint that was made."""
        made = seal(self.settings, self.trail, self.environ, NOW, **more)
        return made and made.count

    @property
    def file(self) -> Path:
        """The checkpoints."""
        return self.trail.path.with_name(FILE)


@pytest.fixture
def here(tmp_path: Path) -> Sealing:
    """An installation with an empty trail."""
    return Sealing(tmp_path)


def test_a_checkpoint_is_signed_when_something_is_new(here: Sealing) -> None:
    """None over nothing, none twice over the same, and none when it is switched off."""
    assert here.seal() is None
    here.grow(3)
    assert here.seal() == 3
    assert here.seal() is None
    here.set(sign=False)
    here.grow()
    assert here.seal() is None
    assert verify_sealed(here.trail.path).sealed == 3


def test_within_a_pass_only_after_enough_records(here: Sealing) -> None:
    """`audit.sign_every`."""
    here.grow(4)
    assert here.seal(least=5) is None
    here.grow()
    assert here.seal(least=5) == 5


def test_the_worker_signs_at_its_end(place: Callable[..., Place]) -> None:
    """The whole road once: every record of the pass is sealed, and all checkpoints agree."""
    shop = place()
    shop.mend(ScriptedEngine(REPORT, [RIGHT]))

    found = verify_sealed(shop.shop.trail.path)

    assert found.chain.ok
    assert found.sealed == found.chain.records == len(shop.events())
    assert (shop.shop.state / "audit.key").stat().st_mode & 0o777 == 0o600


def test_the_worker_signs_within_a_long_pass(place: Callable[..., Place]) -> None:
    """Every so many records, not only at the end."""
    shop = place()
    settings = shop.shop.settings
    often = replace(settings, audit=replace(settings.audit, sign_every=1))
    shop.shop = replace(shop.shop, settings=often)
    shop.mend(ScriptedEngine(REPORT, [RIGHT]))

    assert verify_sealed(shop.shop.trail.path).checkpoints >= 1


def test_nothing_is_signed_while_the_kill_switch_is_on(place: Callable[..., Place]) -> None:
    """All has to be quiet at once; the next pass signs."""
    shop = place()
    shop.shop.trail.append("started")
    shop.shop.settings.kill_switch.write_text("stop")
    shop.work()

    assert newest(shop.shop.trail.path) is None


def test_a_trail_that_was_cut_or_rewritten_is_not_signed(
    here: Sealing, caplog: pytest.LogCaptureFixture
) -> None:
    """A signature over it would make it look well; the log names the record."""
    here.grow(5)
    assert here.seal() == 5
    lines = here.trail.path.read_bytes().splitlines(keepends=True)
    for cut in (4, 0):
        here.trail.path.write_bytes(b"".join(lines[:cut]))
        assert here.seal() is None
        assert "signed at record 5" in caplog.text
        caplog.clear()

    here.trail.path.unlink()
    Trail(here.trail.path).append("stopped")
    here.grow(4)
    assert here.seal() is None
    assert "signed at record 5" in caplog.text
    assert newest(here.trail.path).count == 5  # type: ignore[union-attr]


def test_the_key_is_a_setting_a_credential_or_made(here: Sealing, tmp_path: Path) -> None:
    """In this order; the ones that are used are noted among the signers."""
    own, credential = signing_key(here.settings, {}), tmp_path / "credentials" / "audit_key"
    given = key_made_once(credential)
    here.environ["CREDENTIALS_DIRECTORY"] = str(credential.parent)
    other = key_made_once(tmp_path / "other")

    here.grow()
    here.seal()
    assert verify_sealed(here.trail.path).chain.ok
    here.set(key="other")
    here.grow()
    here.seal()

    known = signers_in(here.trail.path.with_name(SIGNERS).read_text())
    assert known == {signer_of(given), signer_of(other)}
    assert signer_of(own) not in known
    assert verify_sealed(here.trail.path).checkpoints == 2


@pytest.mark.parametrize("content", [b"", b"no key"])
def test_a_bad_key_stops_nothing(
    here: Sealing, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what to do; nothing is overwritten."""
    (here.settings.state).mkdir()
    (here.settings.state / "audit.key").write_bytes(content)
    here.grow()

    assert here.seal() is None
    assert "move it away" in caplog.text
    assert (here.settings.state / "audit.key").read_bytes() == content


def test_every_checkpoint_goes_to_the_exported_file(here: Sealing, tmp_path: Path) -> None:
    """Once each, those from before the setting as well."""
    here.grow()
    here.seal()
    here.set(export="kept/heads.jsonl")
    here.grow()
    here.seal()
    here.seal()

    assert (tmp_path / "kept" / "heads.jsonl").read_bytes() == here.file.read_bytes()


def test_a_receiver_that_is_away_gets_them_later(
    here: Sealing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A command that fails stops nothing, and the other receiver has its own."""
    got = tmp_path / "got"
    program = "import sys; sys.exit('away') if not sys.argv[1:] else open(sys.argv[1], 'ab').write"
    code = f"{program}(sys.stdin.buffer.read())"
    here.set(export="heads.jsonl", export_command=(sys.executable, "-c", code))
    here.grow()
    assert here.seal() == 1
    assert "ended with 1: away" in caplog.text
    assert (tmp_path / "heads.jsonl").read_bytes() == here.file.read_bytes()

    here.set(export_command=(sys.executable, "-c", code, str(got)))
    here.seal()
    here.grow()
    here.seal()
    assert got.read_bytes() == here.file.read_bytes()
    assert len(json.loads((here.file.parent / "exported.json").read_text())) == 2


def test_an_exported_file_is_no_way_to_write_elsewhere(
    here: Sealing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A symbolic link or a pipe in its place is refused."""
    (tmp_path / "heads.jsonl").symlink_to(tmp_path / "precious")
    here.set(export="heads.jsonl")
    here.grow()
    here.seal()
    (tmp_path / "heads.jsonl").unlink()
    (tmp_path / "heads.jsonl").mkdir()
    here.seal()

    assert caplog.text.count("not exported") == 2
    assert not (tmp_path / "precious").exists()


def test_an_export_onto_itself_does_not_grow_for_ever(here: Sealing) -> None:
    """Named by mistake, it is the file that is there already."""
    here.set(export="state/audit/checkpoints.jsonl")
    for _ in range(3):
        here.grow()
        here.seal()

    assert len(here.file.read_bytes().splitlines()) == 3


def test_the_trail_is_closed_as_the_settings_say(here: Sealing) -> None:
    """`audit.rotate_mib`; checkpoints go on across files."""
    here.set(rotate_mib=0.001)
    trail = open_trail(here.settings)
    for _ in range(20):
        trail.append("started")
        here.seal()

    found = verify_sealed(trail.path)
    assert (found.chain.records, found.checkpoints) == (20, 20)
    assert len(list(trail.path.parent.glob("trail-*.jsonl"))) == 3
