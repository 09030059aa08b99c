"""A project with a configuration and a trail, for every command to work on."""

from pathlib import Path

import pytest

from tests.terminal import EVIL, Home


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Home:
    """A project with a configuration, its state folder empty."""
    (tmp_path / "mendd.toml").write_text(
        'state = ".mendd"\n[[target]]\nname = "shop"\npath = "shop"\n'
    )
    (tmp_path / "shop").mkdir()
    (tmp_path / ".mendd").mkdir()
    return Home(tmp_path, capsys)


@pytest.fixture
def recorded(home: Home) -> Home:
    """The same with a trail that tells of two reflections, one in hostile words."""
    trail = home.trail
    shop = {"target": "shop"}
    trail.append("started")
    note = {"task_summary": EVIL, "outcome": "failed"}
    trail.append("received", reflection="20261120T080000Z-aaaa", data=note, **shop)
    diff = f"--- a/cart.py\n+++ b/cart.py\n@@ -1 +1 @@\n-x = 1\n+{EVIL}\n"
    applied = {"files": ["cart.py"], "evidence": "proven", "certificate": "00", "diff": diff}
    trail.append("applied", reflection="20261120T080000Z-aaaa", data=applied, **shop)
    declined = {"reason": "not_a_bug: it works as intended"}
    trail.append("declined", reflection="20261120T090000Z-bbbb", data=declined, **shop)
    return home
