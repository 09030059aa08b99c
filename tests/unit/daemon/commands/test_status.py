"""`mendd status`: each part by itself, whatever state the others are in."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit.trail import Trail
from daemon.desk.lock import only_one
from daemon.desk.progress import Beacon
from reflections.reflection import Reflection
from reflections.store import State, Store
from tests.terminal import EVIL, ROOT, Home


@pytest.fixture
def working(recorded: Home, now: datetime) -> Home:
    """A store with held and waiting work."""
    store = Store(recorded.state)
    for name, state, more in (
        ("held-1", State.HELD, {"patch": {}, "rivals": [{}], "reason": "ambiguous: 2 patches"}),
        ("wait-1", State.WAITING, {"reason": f"no engine: {EVIL}"}),
    ):
        note = Reflection(
            id=name, timestamp=now, task_summary=name, outcome="failed", reflection=name
        )
        work = store.add(note, kind="bug", signature=name, now=now).work
        later = now + timedelta(hours=1) if state is State.WAITING else None
        data = {**more, "patch": {"hunks": []}} if "patch" in more else more
        store.update(work, state=state, data=data, not_before=later)
    store.close()
    return recorded


def test_an_empty_state_is_told(home: Home) -> None:
    """Right after init."""
    found = home.json("status")

    assert found["service"]["running"] is False
    assert found["work"] == []
    assert found["kill_switch"]["on"] is False
    assert "not running" in home.mendd("status")


def test_open_work_is_listed_with_its_reason_and_next_try(working: Home) -> None:
    """Held and waiting, with why and when."""
    found = {work["id"]: work for work in working.json("status")["work"]}

    assert found["held-1"]["choices"] == 2
    assert found["wait-1"]["next_try"] == "2026-11-20T10:00:00.000Z"
    assert found["held-1"]["target"] == "shop"
    shown = working.mendd("status")
    assert "ambiguous: 2 patches" in shown
    assert "mendd approve held-1 --show" in shown


def test_held_work_without_a_patch_is_not_said_to_have_one(recorded: Home, now: datetime) -> None:
    """There is nothing to show; what can be done is to start afresh or to close it."""
    store = Store(recorded.state)
    note = Reflection(
        id="bare-1", timestamp=now, task_summary="t", outcome="failed", reflection="r"
    )
    work = store.add(note, kind="bug", signature="s", now=now).work
    store.update(work, state=State.HELD, data={"reason": "no failing test"})
    store.close()

    shown = recorded.mendd("status")

    assert "--show" not in shown
    assert "'mendd approve bare-1' starts it afresh, 'mendd reject bare-1' closes it" in shown


def test_the_last_verdicts_are_shown(recorded: Home) -> None:
    """Newest first."""
    assert [each["verdict"] for each in recorded.json("status")["last"]] == ["declined", "applied"]


def test_hostile_reasons_are_harmless(working: Home) -> None:
    """On a terminal too."""
    for shown in (working.mendd("status"), working.on_terminal("status")):
        assert "\x1b]0;" not in shown
        assert "\u202e" not in shown


def test_what_is_under_way_is_shown_while_a_worker_lives(home: Home) -> None:
    """A progress file without its worker is only a leftover."""
    beacon = Beacon(home.state)
    beacon.work("r-1", "shop")
    beacon.stage("trial", "cart.py")

    assert home.json("status")["under_way"] is None
    with only_one(home.state / "work.lock"):
        found = home.json("status")
        assert found["under_way"]["stage"] == "trial"
        assert found["worker"]["pid"] == os.getpid()
        assert "r-1: trial (cart.py)" in home.mendd("status")


def test_the_kill_switch_is_shown_with_its_reason(home: Home) -> None:
    """And how to lift it."""
    home.mendd("off", "deploying")

    shown = home.mendd("status")

    assert "ON: deploying" in shown
    assert "mendd on" in shown


def test_what_the_switch_stopped_is_shown_until_it_is_lifted(home: Home) -> None:
    """The worker is gone by then; the trail knows what it was at, and since when it is off."""
    home.mendd("off", "deploying")
    trail = Trail(home.state / "audit" / "trail.jsonl")
    under_way = {"stage": "trial", "detail": f"cart.py{EVIL}"}
    since = "2026-11-20T08:00:00Z"
    trail.append(
        "killed", reflection="r-1", target="shop", data={"since": since, "under_way": under_way}
    )

    shown, found = home.mendd("status"), home.json("status")["kill_switch"]

    assert "stopped" in shown and "r-1: trial (cart.py" in shown
    assert found["since"] == since and found["stopped"]["stage"] == "trial"
    assert found["stopped"]["reflection"] == "r-1"

    trail.append("resumed")  # an earlier spell says nothing about this one
    assert home.json("status")["kill_switch"]["stopped"] is None


def test_a_switch_with_a_trail_that_cannot_be_read_is_shown_all_the_same(home: Home) -> None:
    """A folder stands in its place."""
    home.mendd("off", "deploying")
    (home.state / "audit" / "trail.jsonl").mkdir(parents=True)

    assert "ON: deploying" in home.mendd("status")


def test_the_budget_of_today_is_shown(home: Home) -> None:
    """From the books the engine keeps."""
    day = datetime.now(UTC).date().isoformat()
    (home.state / "budget.json").write_text(json.dumps({"days": {day: 1.25}, "reflections": {}}))

    assert home.json("status")["budget"]["spent_usd"] == 1.25
    assert "$1.25 of $10.00" in home.mendd("status")


@pytest.mark.parametrize(("file", "part"), [("store.json", "work"), ("budget.json", "budget")])
def test_a_broken_part_says_so_and_the_rest_is_told(file: str, part: str, home: Home) -> None:
    """A status is asked for when something is wrong."""
    (home.state / file).write_text("{{{")

    found = home.json("status")

    assert found[part]["trouble"]
    assert found["kill_switch"]["on"] is False
    home.mendd("status")


def test_waiting_and_rejected_files_are_counted(home: Home) -> None:
    """Files of the inbox, their reasons left out."""
    rejected = home.state / "inbox" / "rejected"
    rejected.mkdir(parents=True)
    for name in ("a.json", "rejected/b.json", "rejected/b.json.reason", ".c.tmp"):
        (home.state / "inbox" / name).write_text("")

    assert home.json("status")["inbox"]["waiting"] == 1
    assert home.json("status")["inbox"]["rejected"] == 1


def test_watch_ends_well_with_ctrl_c(home: Home) -> None:
    """One JSON document a line, only when something changed; exit code 0."""
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon.cli", "--config", str(home.config), "status", "--watch",
         "--json"],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    Path(home.state / "KILL").touch()
    second = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)

    assert (first["kill_switch"]["on"], second["kill_switch"]["on"]) == (False, True)
    assert rest == ""
    assert process.returncode == 0
