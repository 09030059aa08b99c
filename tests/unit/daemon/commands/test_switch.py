"""`mendd off` and `mendd on`."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon import cli
from daemon.breakers import BREAKERS, Breakers
from daemon.commands import Exit
from daemon.desk.orders import Order, read_orders
from tests.terminal import Home


def test_off_says_why_and_on_lifts_it(home: Home) -> None:
    """There and back, with the reason shown again."""
    home.mendd("off", "deploying", "until", "noon")
    assert "deploying until noon" in (home.state / "KILL").read_text()

    assert "deploying until noon" in home.mendd("on")
    assert not (home.state / "KILL").exists()


def test_a_second_off_keeps_the_first_reason(home: Home) -> None:
    """Nobody's reason is overwritten."""
    home.mendd("off", "first")

    assert "first" in home.mendd("off", "second")
    assert home.json("off")["changed"] is False


def test_on_without_a_switch_is_done(home: Home) -> None:
    """Asking for what is so is no failure."""
    assert home.json("on") == {
        "kill_switch": "off", "path": str(home.state / "KILL"), "reason": None, "changed": False
    }  # fmt: skip


def test_a_faulty_configuration_does_not_keep_it_from_working(home: Home) -> None:
    """An emergency stop needs two keys, not a faultless file."""
    home.config.write_text('state = ".mendd"\nnonsense = 1\n')

    home.mendd("off", "now")

    assert (home.state / "KILL").exists()


def test_a_kill_switch_elsewhere_is_found_in_a_faulty_file(home: Home) -> None:
    """The path counts from the configuration's folder."""
    home.config.write_text('kill_switch = "STOP"\n[nonsense]\n')

    home.mendd("off")

    assert (home.folder / "STOP").exists()


def test_without_any_configuration_it_says_what_to_do_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unreadable TOML: the message names the way out."""
    (tmp_path / "m.toml").write_text("= = =")

    assert cli.main(["--config", str(tmp_path / "m.toml"), "off"]) == Exit.USAGE
    assert "By hand" in capsys.readouterr().err


def test_hostile_reasons_are_printed_harmless(home: Home) -> None:
    """Whoever may write the file may not command the terminal of who reads it."""
    (home.state / "KILL").write_text("\x1b]0;owned\x07stop\n")

    assert "\x1b" not in home.mendd("off") + home.mendd("on")


def test_on_ends_the_pauses_of_targets(home: Home) -> None:
    """By an order, so that it is on record; without a pause there is none."""
    home.mendd("on")
    assert not list((home.state / "orders").glob("*.json"))

    pause(home)
    assert "pause of shop" in home.mendd("on")

    ((_, order),) = read_orders(home.state)
    assert isinstance(order, Order) and order.kind == "resume"


def test_status_shows_a_pause_and_why(home: Home) -> None:
    """Until when, after how many failures, and the last of them."""
    pause(home)

    (paused,) = home.json("status")["paused"]
    said = home.mendd("status")

    assert (paused["target"], paused["failures"]) == ("shop", 5)
    assert "5 works in a row failed" in said and "no engine answers" in said


def pause(home: Home) -> None:
    settings = home.settings
    breakers = Breakers(settings.state / BREAKERS, settings.breaker, lambda: datetime.now(UTC))
    for _ in range(settings.breaker.failures):
        breakers.failed("shop", "no engine answers")
