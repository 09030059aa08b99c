"""The kill switch against the real worker, with a real container at work."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from daemon.killswitch import KillSwitch
from sandbox.launch import state_label
from tests.end_to_end.conftest import SHOP, TOTAL_NOTE, Site

pytestmark = pytest.mark.docker

SLOW = "import time\n\n\ndef test_slow():\n    time.sleep({seconds})\n"


def containers(site: Site, *, running: bool = False) -> list[str]:
    """The containers of this installation, running or not."""
    which = "-q" if running else "-aq"
    done = subprocess.run(
        ["docker", "ps", which, "--filter", f"label=mendd.state={state_label(site.state)}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def at_a_trial(site: Site) -> Path:
    """The service with a worker whose container runs the slow suite; the worker's /proc entry."""
    (site.module / "test_slow.py").write_text(SLOW.format(seconds=60))
    site.start()
    site.drop(TOTAL_NOTE)
    site.wait(
        lambda: "baseline" in progress(site) and bool(containers(site, running=True)),
        "a run under way",
    )
    return Path("/proc") / str(site.worker_pid())


def progress(site: Site) -> str:
    """The stage under way, as text; empty when there is none."""
    try:
        return str(json.loads((site.state / "progress.json").read_text())["stage"])
    except (OSError, ValueError):
        return ""


def test_the_switch_removes_containers_and_lifting_it_mends_after_all(site: Site) -> None:
    """Nothing runs and nothing is applied while it is on; nothing is lost either."""
    worker = at_a_trial(site)

    KillSwitch(site.state / "KILL").throw("release freeze", "a test")
    thrown = time.perf_counter()
    site.wait(lambda: not containers(site, running=True), "no running container")
    still_s = time.perf_counter() - thrown
    site.wait(lambda: not worker.exists(), "no worker")
    quiet_s = time.perf_counter() - thrown
    site.wait(lambda: not containers(site), "all containers removed")
    clean_s = time.perf_counter() - thrown

    killed = site.wait_for("killed")["data"]
    assert "release freeze" in killed["reason"]
    assert killed["under_way"]["stage"] == "baseline"
    assert (site.module / "shop.py").read_text() == SHOP
    assert not site.records("applied")
    # No promise about time is tested; the figure stands in the report of a run with -rP.
    print(  # noqa: T201
        f"after the switch: {still_s:.2f} s no container runs, {quiet_s:.2f} s no worker either,"
        f" {clean_s:.2f} s everything removed"
    )

    (site.module / "test_slow.py").write_text(SLOW.format(seconds=0))
    site.mendd("on")
    site.wait_for("applied")
    assert len(site.records("resumed")) == 1
    assert site.trail_is_whole()


def test_stopping_the_service_leaves_no_container(site: Site) -> None:
    """SIGTERM in the middle of a run; the next start takes the note up again."""
    at_a_trial(site)

    assert site.stop() == 0

    assert not containers(site)
    (site.module / "test_slow.py").write_text(SLOW.format(seconds=0))
    site.start()
    site.wait_for("applied")
    assert site.trail_is_whole()


def test_after_the_service_was_killed_the_next_one_clears_up(site: Site) -> None:
    """SIGKILL to the supervisor and its worker: the containers are found by their label."""
    worker = at_a_trial(site)
    assert site.process is not None
    site.kill(site.process.pid)
    site.kill(int(worker.name))
    site.process.wait()
    assert containers(site)
    left = set(containers(site))

    (site.module / "test_slow.py").write_text(SLOW.format(seconds=0))
    site.start()
    site.wait(lambda: not left & set(containers(site)), "the leftovers gone")
    site.wait_for("applied")
    assert site.trail_is_whole()
