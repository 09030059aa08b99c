"""Trust and pauses with real containers, and with no engine at all."""

from datetime import timedelta
from pathlib import Path

import pytest

from reflections.store import State
from tests.installation import CODE, FIXED, NOTE, installation

pytestmark = pytest.mark.docker
# The Docker SDK leaves the sockets of refused connections to the garbage collector.
LEAKY = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_a_failure_that_comes_back_is_held_the_second_time(tmp_path: Path) -> None:
    """Mended by itself; broken again and noted again, the proven patch waits for a person."""
    with installation(tmp_path) as here:
        here.mend(note={**NOTE, "timestamp": "2026-11-20T08:00:00Z"})
        assert here.read() == FIXED.encode()

        here.write("shop.py", CODE)
        here.now += timedelta(days=1)
        here.mend(note={**NOTE, "timestamp": "2026-11-21T08:00:00Z"})

        (work,) = here.open_work
        assert work.came_back_of and work.state in (State.HELD, State.FROZEN)
        assert here.read() == CODE.encode()
        assert [record.event for record in here.records].count("came_back") == 1


@LEAKY
def test_without_an_engine_the_target_is_paused_and_goes_on_by_itself(tmp_path: Path) -> None:
    """Each worker is a new one, as after a restart; one good try ends the pause."""
    dead = f'[sandbox]\ndocker_host = "unix://{tmp_path}/none.sock"\n[breaker]\nfailures = 2\n'
    with installation(tmp_path) as here:
        here.mend(rest=dead)
        here.now += timedelta(minutes=5)
        here.work()
        assert here.last("breaker")["step"] == "paused"
        failed = [record.event for record in here.records].count("failed")

        here.now += timedelta(minutes=5)
        here.work()
        assert [record.event for record in here.records].count("failed") == failed

        here.configure()
        here.now += timedelta(minutes=15)
        here.work()

        assert here.read() == FIXED.encode()
        assert here.last("breaker")["step"] == "closed"
