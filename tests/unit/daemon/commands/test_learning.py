"""`mendd learning`: recipes and scores are shown, written, taken in."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.learning.book import RecipeBook
from daemon.learning.keys import own_key, public_text
from tests.terminal import Home
from tests.unit.daemon.learning.test_recipes import RECIPE


@pytest.fixture
def held(home: Home) -> Home:
    """A project in which one recipe held."""
    with RecipeBook.changing(home.state) as book:
        book.put(replace(RECIPE, wins=2))
    return home


def refusal(home: Home, *arguments: str, code: int) -> str:
    """What stderr says of a command that is refused."""
    home.mendd("learning", *arguments, code=code)
    return home.said


def learning_section(home: Home, text: str) -> None:
    """Add a [learning] section to the configuration."""
    home.config.write_text(f"{home.config.read_text()}\n[learning]\n{text}\n")


def test_recipes_are_listed(held: Home) -> None:
    """On one line each; as JSON with everything."""
    assert "2/0" in held.mendd("learning", "list")
    assert held.json("learning", "list")[0]["id"] == RECIPE.id


def test_empty_books_say_so(home: Home) -> None:
    """No table without rows."""
    assert "no recipe yet" in home.mendd("learning", "list")
    assert "no engine has finished" in home.mendd("learning", "scores")
    assert home.json("learning", "scores") == []


def test_the_key_is_shown_and_stays(home: Home) -> None:
    """What others put into learning.trust."""
    shown = home.mendd("learning", "key").strip()

    assert shown.startswith("ed25519:")
    assert home.json("learning", "key") == {"key": shown}


def test_a_bundle_goes_out_and_comes_in_elsewhere(held: Home, tmp_path: Path) -> None:
    """Signed there; refused here until its key is trusted."""
    file = tmp_path / "recipes.json"
    assert "1 recipes written" in held.mendd("learning", "export", str(file))
    other = tmp_path / "other"
    key = public_text(own_key(held.state))
    held.state.rename(other)
    assert "does not name" in refusal(held, "import", str(file), code=1)
    learning_section(held, f'trust = ["{key}"]')

    assert held.json("learning", "import", str(file)) == {"file": str(file), "new": 1}
    assert held.json("learning", "list")[0]["trust"] == "untested"
    assert held.json("learning", "import", str(file))["new"] == 0


def test_nothing_leaves_where_nothing_may(held: Home, tmp_path: Path) -> None:
    """`share = "nothing"` is obeyed, and `sync` needs peers."""
    learning_section(held, 'share = "nothing"')

    assert "no recipe leaves" in refusal(held, "export", str(tmp_path / "x"), code=2)
    assert "names nobody" in refusal(held, "sync", code=2)
    assert not (tmp_path / "x").exists()


def test_a_faulty_bundle_is_a_message(held: Home, tmp_path: Path) -> None:
    """Whatever the file is; and one that is not there is another message."""
    file = tmp_path / "bad.json"
    file.write_text(json.dumps({"format": "x"}))

    assert "was not taken in" in refusal(held, "import", str(file), code=1)
    assert "bad2.json" in refusal(held, "import", str(tmp_path / "bad2.json"), code=3)


@pytest.mark.parametrize("step", ["retest", "sync"])
def test_while_the_kill_switch_is_on_nothing_is_tried_or_exchanged(held: Home, step: str) -> None:
    """Both went on as if nothing were."""
    learning_section(held, 'peers = ["https://127.0.0.1:1"]')
    held.mendd("off", "enough")

    assert "the kill switch is on" in refusal(held, step, code=4)
