"""`mendd run` as a process: its lock, its signals, its log; the workers are scripted."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.desk.lock import held_by
from tests.scripted_service import DEADLINE_S, until, worker_command

HOME = Path(__file__).parents[3]
CONFIG = """
state = "."
[[target]]
name = "example"
path = "target"
[inbox]
scan_s = 0.3
path = "inbox"
"""
RUN = """
import json, sys
from pathlib import Path
from daemon.config.config_file import SettingsError
from daemon.service import serve
try:
    sys.exit(serve(Path(sys.argv[1]), log_json=True, worker_command=json.loads(sys.argv[2])))
except SettingsError as error:
    sys.exit(f"faulty: {error}")
"""
TAKES_ALL = "takes_all()\nfor p in state.glob('two/*'): p.unlink()"


class Process:
    """One `mendd run` and its log."""

    def __init__(self, state: Path, body: str) -> None:
        self._log = state / f"log-{os.urandom(4).hex()}"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    RUN,
                    str(state / "mendd.toml"),
                    json.dumps(worker_command(state, body)),
                ],
                cwd=HOME,
                stderr=log,
            )

    def log(self) -> str:
        """Everything it said."""
        return self._log.read_text()

    def says(self, words: str) -> None:
        """Wait until the log says so."""
        until(lambda: words in self.log(), f"{words!r} in the log")

    def send(self, number: signal.Signals) -> None:
        """A real signal."""
        self.process.send_signal(number)

    def ends(self) -> int:
        """Its exit code."""
        return self.process.wait(DEADLINE_S)


@contextlib.contextmanager
def mendd_run(state: Path, body: str = TAKES_ALL) -> Iterator[Process]:
    """A service process, killed at the end if it still runs."""
    if not (state / "mendd.toml").exists():
        (state / "mendd.toml").write_text(CONFIG)
    (state / "target").mkdir(exist_ok=True)
    process = Process(state, body)
    try:
        yield process
    finally:
        process.process.kill()
        process.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_exit_code_zero(tmp_path: Path, number: signal.Signals) -> None:
    """Gracefully, with the lock given back."""
    with mendd_run(tmp_path) as service:
        service.says("watching")
        service.send(number)

        assert service.ends() == 0
        assert held_by(tmp_path / "service.lock") is None


def test_the_second_sigterm_is_in_a_hurry(tmp_path: Path) -> None:
    """A worker that would take stop_s to end is killed at once."""
    body = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
(state / "deaf").touch()
if duty == "work":
    time.sleep(3600)
"""
    (tmp_path / "mendd.toml").write_text(CONFIG + "[service]\nstop_s = 3600.0\n")
    with mendd_run(tmp_path, body) as service:
        until((tmp_path / "deaf").exists)
        service.send(signal.SIGTERM)
        service.says("stopping")
        service.send(signal.SIGTERM)

        assert service.ends() == 0


def test_a_second_instance_says_who_runs_and_leaves(tmp_path: Path) -> None:
    """One per state folder; the first is not disturbed."""
    with mendd_run(tmp_path) as first:
        first.says("watching")
        with mendd_run(tmp_path) as second:
            assert second.ends() == 3
            said = second.log()
        (tmp_path / "inbox" / "note.json").write_text("{}")
        until(lambda: not any((tmp_path / "inbox").iterdir()))

    assert f"process {first.process.pid}, since 20" in said
    assert "Stop that one first" in said


def test_after_sigkill_the_next_one_starts(tmp_path: Path) -> None:
    """The kernel gives the lock back, whatever the file says."""
    with mendd_run(tmp_path) as first:
        first.says("watching")
        first.send(signal.SIGKILL)
        first.ends()
    with mendd_run(tmp_path) as second:
        second.says("watching")


def test_sighup_takes_a_good_file_and_refuses_a_bad_one(tmp_path: Path) -> None:
    """The faults stand in the log with their lines."""
    with mendd_run(tmp_path) as service:
        service.says("watching")
        (tmp_path / "mendd.toml").write_text(CONFIG + "\n[inbxo]\npath = 'x'\n")
        service.send(signal.SIGHUP)
        service.says("refused")
        (tmp_path / "mendd.toml").write_text(CONFIG.replace('"inbox"', '"two"'))
        service.send(signal.SIGHUP)
        service.says("the new configuration is in use")
        (tmp_path / "two" / "note.json").write_text("{}")
        until(lambda: not any((tmp_path / "two").iterdir()))
        log = service.log()

    assert "inbxo" in log
    assert all(json.loads(line)["message"] for line in log.splitlines())


@pytest.mark.parametrize("every", ["often", "61 * * * *"])
def test_a_bad_crontab_line_is_a_fault_of_the_configuration(tmp_path: Path, every: str) -> None:
    """Found at the start, not at midnight."""
    (tmp_path / "mendd.toml").write_text(CONFIG + f'[service]\nevery = "{every}"\n')
    with mendd_run(tmp_path) as service:
        assert service.ends() == 1
        assert "service.every" in service.log()


def test_an_unusable_state_folder_is_said(tmp_path: Path) -> None:
    """And is exit code 3: the world is not as needed."""
    (tmp_path / "file").touch()
    config = CONFIG.replace('state = "."', 'state = "file/state"')
    (tmp_path / "mendd.toml").write_text(config)
    with mendd_run(tmp_path) as service:
        assert service.ends() == 3
        assert "cannot be used" in service.log()


def test_the_idle_service_loads_nothing_heavy(tmp_path: Path) -> None:
    """The worker needs pydantic, TinyDB, Docker and the model's package; the service must not."""
    script = (
        "import sys, daemon.service\n"
        "heavy = {'pydantic', 'tinydb', 'docker', 'anthropic', 'rich', 'requests', 'httpx2'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=HOME, capture_output=True, text=True, check=False
    )

    assert done.stderr == "\n"


def test_workers_keep_the_accepted_settings_while_the_file_is_broken(tmp_path: Path) -> None:
    """They are handed the copy that was accepted; an edit without a reload is pointed out."""
    with mendd_run(tmp_path) as service:
        service.says("watching")
        (tmp_path / "mendd.toml").write_text("broken = ")
        service.says("changed; reload to use it")
        service.send(signal.SIGHUP)
        service.says("refused")
        (tmp_path / "inbox" / "note.json").write_text("{}")
        until(lambda: not any((tmp_path / "inbox").iterdir()))
        starts = (tmp_path / "starts.jsonl").read_text().splitlines()

    arguments = json.loads(starts[-1])["arguments"]
    assert arguments[:4] == [
        "--config",
        str(tmp_path / "mendd.toml"),
        "--accepted",
        str(tmp_path / "accepted.toml"),
    ]
    assert (tmp_path / "accepted.toml").read_text() == CONFIG
