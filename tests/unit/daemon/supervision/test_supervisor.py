"""The supervisor with real processes, folders and timers; its workers are scripted."""

import shutil
import signal
import socket
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.config.config_file import SettingsError
from daemon.config.toml_reader import Fault
from daemon.settings import Settings
from daemon.supervision import supervisor
from daemon.supervision.clockwatch import ClockWatch
from daemon.supervision.schedule import LastRun
from tests.scripted_service import Running, duty_of, running, until

TAKES_ALL = "takes_all()"
WORKS_ON = """
if duty == "work":
    shows("trial", reflection="r-1", target="example")
    while True:
        time.sleep(0.05)
"""
IGNORES_SIGTERM = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def alive(pid: int) -> bool:
    """Whether the process still runs; one that ended and was not yet reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


class Wall:
    """A clock on the wall that a test sets."""

    ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


def at_work(service: Running) -> bool:
    """True once the scripted worker showed its stage."""
    return (service.state / "progress.json").exists()


def test_a_dropped_file_starts_a_worker_that_is_told_it_is_complete(tmp_path: Path) -> None:
    """Whoever closed the file, or renamed it in, has finished writing it."""
    with running(tmp_path, TAKES_ALL) as service:
        # Housekeeping comes after the first worker has ended: the next one is told the names.
        until(lambda: service.starts("housekeep"))
        (tmp_path / "note.json").write_text("{}")
        (tmp_path / "inbox" / "-odd name.json").write_text("{}")
        (tmp_path / "note.json").rename(tmp_path / "inbox" / "note.json")

        until(service.inbox_is_empty)
        told = {word for start in service.starts() for word in start if "complete" in word}

    assert told <= {"--complete=note.json", "--complete=-odd name.json"}
    assert told


def test_two_thousand_files_are_all_taken_in(tmp_path: Path) -> None:
    """However few events arrive, the scan finds the rest; workers do not run once per file."""
    with running(tmp_path, TAKES_ALL) as service:
        for number in range(2000):
            (tmp_path / "inbox" / f"{number}.json").write_text("{}")

        until(service.inbox_is_empty)
        starts = service.starts("work")

    assert len(starts) < 500
    assert max(len(start) for start in starts) <= 502


def test_files_that_came_while_the_service_was_down_are_found(tmp_path: Path) -> None:
    """No event tells of them."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "early.json").write_text("{}")

    with running(tmp_path, TAKES_ALL) as service:
        until(service.inbox_is_empty)


def test_a_deleted_inbox_is_made_anew_and_heard(tmp_path: Path) -> None:
    """watchdog alone stays deaf for ever, and says it is alive."""
    with running(tmp_path, TAKES_ALL) as service:
        until(lambda: service.starts("work"))
        shutil.rmtree(tmp_path / "inbox")
        until((tmp_path / "inbox").is_dir)
        (tmp_path / "inbox" / "late.json").write_text("{}")

        until(service.inbox_is_empty)


def test_an_order_starts_a_worker(tmp_path: Path) -> None:
    """A person approved something."""
    body = "for path in (state / 'orders').iterdir(): path.unlink()"
    with running(tmp_path, body) as service:
        until((tmp_path / "orders").is_dir)
        (tmp_path / "orders" / "1.json").write_text("{}")

        until(lambda: not any((tmp_path / "orders").iterdir()))
        assert service.starts("work")


def test_work_that_is_due_later_starts_a_worker_then(tmp_path: Path) -> None:
    """The worker left the time of its next retry in due.json."""
    body = "if duty == 'work': (state / 'due.json').write_text('{\"next\": null}')"
    (tmp_path / "due.json").write_text('{"next": "2020-01-01T00:00:00Z"}')
    with running(tmp_path, body) as service:
        until(lambda: "null" in (tmp_path / "due.json").read_text())
        seen = len(service.starts("work"))
        soon = datetime.now(UTC) + timedelta(seconds=0.5)
        (tmp_path / "due.json").write_text(f'{{"next": "{soon.isoformat()}"}}')

        until(lambda: len(service.starts("work")) > seen)


def test_a_clock_that_is_set_back_stops_no_timer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scans were due a day later then, and work that was due in a second as well."""
    wall = Wall()
    monkeypatch.setattr(supervisor, "ClockWatch", lambda: ClockWatch(wall=wall))
    due = "(state / 'due.json').write_text('{\"next\": \"2999-01-01T00:00:00+00:00\"}')\n"
    with running(tmp_path, due) as service:
        until(lambda: len(service.starts("work")) == 1 and (tmp_path / "due.json").exists())
        schedule = service.service._schedule

        wall.ahead_s = -86_400.0

        until(lambda: len(service.starts("work")) == 2, "a look at what waits")
        assert service.service._schedule is not schedule


def test_a_file_that_workers_leave_does_not_start_one_at_every_scan(tmp_path: Path) -> None:
    """Half-written, or not ours to touch: it is looked at again after a pause, or when changed."""
    with running(tmp_path, "", retry_s=3600.0, retry_most_s=3600.0) as service:
        until(lambda: service.starts("work"))
        (tmp_path / "inbox" / "half.json").write_text("{")
        until(lambda: service.service._crew.agenda.left_behind)
        before = len(service.starts("work"))
        time.sleep(1.0)
        between = len(service.starts("work"))

        (tmp_path / "inbox" / "half.json").write_text("{ more")
        until(lambda: len(service.starts("work")) > between)

    assert between == before


def test_a_worker_that_always_crashes_neither_spins_nor_is_given_up(tmp_path: Path) -> None:
    """Every crash is on record with its stage, pauses grow, and the notes stay."""
    body = """
if duty == "work":
    shows("propose", reflection="r-1", target="example")
    if not (state / "mended").exists():
        os.kill(os.getpid(), signal.SIGSEGV)
    takes_all()
    (state / "progress.json").unlink()
"""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "poison.json").write_text("{}")
    with running(tmp_path, body) as service:
        until(lambda: len(service.events("failed")) >= 3)
        assert not service.inbox_is_empty()
        (tmp_path / "mended").touch()
        until(service.inbox_is_empty)
        failures = service.events("failed")
        settled = service.starts("settle")

    assert [failure["again_in_s"] for failure in failures[:3]] == [0.2, 0.4, 0.8]
    assert failures[0]["reason"] == "ended with signal SIGSEGV"
    assert failures[0]["stage"] == "propose"
    assert settled


def test_a_worker_that_cannot_be_started_is_recorded(tmp_path: Path) -> None:
    """Python itself may be gone after an upgrade."""
    with running(tmp_path, "") as service:
        service.service._crew._command = ["/nowhere/python"]
        (tmp_path / "inbox" / "note.json").write_text("{}")

        until(lambda: service.events("failed"))

    assert "could not be started" in str(service.events("failed")[0]["reason"])


def test_a_silent_worker_is_ended_and_recorded(tmp_path: Path) -> None:
    """It shows life, then hangs and ignores SIGTERM."""
    body = (
        IGNORES_SIGTERM
        + """
if duty == "work" and not (state / "hung").exists():
    (state / "hung").touch()
    shows("trial")
    time.sleep(3600)
"""
    )
    with running(tmp_path, body, stall_s=1.0) as service:
        until(lambda: service.events("failed"))
        until(lambda: len(service.starts("work")) >= 2)

    failure = service.events("failed")[0]
    assert failure["reason"] == "it was silent for too long"
    assert failure["stage"] == "trial"


def test_a_silent_worker_that_ends_by_itself_when_asked_is_recorded_all_the_same(
    tmp_path: Path,
) -> None:
    """Its exit code says "stopped", but nobody wanted it to stop."""
    body = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))\n" + "time.sleep(3600)"
    with running(tmp_path, body, stall_s=1.0) as service:
        until(lambda: service.events("failed"))

    assert service.events("failed")[0]["reason"] == "it was silent for too long"


def test_a_lock_that_cannot_be_opened_is_an_obstacle_not_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody ran a command as root and left the file behind: said once, tried again."""
    (tmp_path / "work.lock").symlink_to("elsewhere")
    with running(tmp_path, TAKES_ALL) as service:
        until(lambda: "no worker can start now" in caplog.text)
        time.sleep(1.2)
        (tmp_path / "work.lock").unlink()
        until(lambda: service.starts("work"))

    assert caplog.text.count("no worker can start now") == 1


def test_a_worker_that_shows_life_may_take_its_time(tmp_path: Path) -> None:
    """Silence counts, not duration."""
    body = """
if duty == "work" and not (state / "done").exists():
    for step in range(12):
        shows("trial")
        time.sleep(0.2)
    (state / "done").touch()
"""
    with running(tmp_path, body, stall_s=1.5) as service:
        until((tmp_path / "done").exists)

        assert not service.events("failed")


def test_the_watchdog_starves_while_a_silent_worker_cannot_be_ended(tmp_path: Path) -> None:
    """systemd then restarts the whole service; with a lively worker it is fed."""
    name = str(tmp_path / "notify")
    environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "100000"}
    body = IGNORES_SIGTERM + "if duty == 'work': time.sleep(3600)"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name)
        systemd.settimeout(30)
        with running(tmp_path, body, environment=environment, stall_s=1.5) as service:
            until(lambda: service.starts("work"))
            until(lambda: systemd.recv(1000) == b"WATCHDOG=1")
            worker = until(lambda: service.service._crew.worker)
            until(lambda: worker.why_ended)
            # Silent and told to end, not yet killed: from here on no food until it is gone.
            systemd.setblocking(False)
            drain(systemd)
            hungry = 0
            while service.service._crew.worker is worker:
                hungry += drain(systemd).count(b"WATCHDOG=1")
                time.sleep(0.02)

    # The look at the worker and its end are two moments: one meal may fall between them.
    assert hungry <= 1


def test_the_watchdog_starves_while_the_loop_hangs(tmp_path: Path) -> None:
    """Its threads live on: timers fire, folders are watched. Only the loop itself feeds."""
    name = str(tmp_path / "notify")
    environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "100000"}
    hangs, goes_on = threading.Event(), threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name)
        systemd.settimeout(30)
        with running(tmp_path, TAKES_ALL, environment=environment) as service:
            until(lambda: systemd.recv(1000) == b"WATCHDOG=1")
            looks = service.service._look_for_work

            def stuck() -> None:
                hangs.set()
                goes_on.wait(30)
                looks()

            service.service._look_for_work = stuck  # type: ignore[method-assign]
            assert hangs.wait(30)
            systemd.setblocking(False)
            drain(systemd)
            time.sleep(0.5)  # five times the period
            hungry = drain(systemd)
            goes_on.set()
            systemd.settimeout(30)
            until(lambda: systemd.recv(1000) == b"WATCHDOG=1")

    assert b"WATCHDOG=1" not in hungry


def drain(listener: socket.socket) -> list[bytes]:
    """All datagrams that wait."""
    words: list[bytes] = []
    while True:
        try:
            words.append(listener.recv(1000))
        except BlockingIOError:
            return words


@pytest.mark.parametrize("kind", ["file", "dangling link", "folder", "unreadable"])
def test_the_kill_switch_ends_the_worker_and_what_it_started(tmp_path: Path, kind: str) -> None:
    """Even one that ignores SIGTERM; then the leftovers are cleared, nothing else is started."""
    body = (
        IGNORES_SIGTERM
        + """
if duty == "work":
    child = os.fork()
    if not child:
        (state / "child").write_text(str(os.getpid()))
        time.sleep(3600)
    while not (state / "child").exists():
        time.sleep(0.01)
"""
        + WORKS_ON
    )
    switch = tmp_path / "KILL"
    with running(tmp_path, body) as service:
        until(lambda: at_work(service))
        pid = service.pid()
        child = int(until(lambda: (tmp_path / "child").read_text()))
        throw(switch, kind)

        killed = until(lambda: service.events("killed"))[0]
        until(lambda: service.starts("settle"))
        (tmp_path / "inbox" / "later.json").write_text("{}")
        time.sleep(0.6)
        starts = [duty_of(start) for start in service.starts()]

    assert not alive(pid)
    assert not alive(child)
    assert starts == ["work", "settle"]
    assert killed["under_way"] == {"stage": "trial", "detail": ""}
    assert service.events("resumed") == []
    assert len(service.events("killed")) == 1


def throw(switch: Path, kind: str) -> None:
    """Throw the switch the way people do."""
    match kind:
        case "file":
            switch.write_text("release freeze\n")
        case "dangling link":
            switch.symlink_to("nowhere")
        case "folder":
            switch.mkdir()
        case "unreadable":
            switch.touch(mode=0)


def test_lifting_the_switch_resumes_the_work(tmp_path: Path) -> None:
    """Both ends are on record once, with the reason and what was under way."""
    body = "if (state / 'go').exists(): takes_all()\nelse:" + WORKS_ON.replace("\n", "\n    ")
    with running(tmp_path, body) as service:
        (tmp_path / "inbox" / "note.json").write_text("{}")
        until(lambda: at_work(service))
        (tmp_path / "KILL").write_text("release freeze\n")
        until(lambda: service.events("killed"))
        (tmp_path / "go").touch()
        (tmp_path / "KILL").unlink()

        until(service.inbox_is_empty)
        until(lambda: service.events("resumed"))

    (killed,) = service.events("killed")
    assert killed["reason"] == "release freeze"
    assert len(service.events("resumed")) == 1
    assert not service.events("failed")


def test_a_worker_that_stops_before_the_service_looks_is_under_way_on_record(
    tmp_path: Path,
) -> None:
    """It sees the switch by itself, tidies up what it said it was at, and ends with 4."""
    body = """
if duty == "work":
    shows("trial", reflection="r-1", target="example")
    (state / "shown").touch()
    while not (state / "elsewhere" / "KILL").exists():
        time.sleep(0.001)
    (state / "progress.json").unlink()
    sys.exit(4)
"""
    switch = tmp_path / "elsewhere" / "KILL"  # no event tells of it: the service looks late
    with running(tmp_path, body, kill_switch=switch) as service:
        until((tmp_path / "shown").exists)
        time.sleep(1)
        switch.parent.mkdir()
        switch.touch()
        until(lambda: service.events("killed"))

    (killed,) = service.events("killed")
    assert killed["under_way"] == {"stage": "trial", "detail": ""}


def test_a_worker_stopped_before_it_says_anything_is_on_record(tmp_path: Path) -> None:
    """A scheduled run that the switch cut short at its first breath did not end in silence."""
    body = "if duty == 'work':\n    (state / 'begun').touch()\n    time.sleep(60)\n"
    with running(tmp_path, body) as service:
        until((tmp_path / "begun").exists)
        (tmp_path / "KILL").touch()
        until(lambda: service.events("killed"))

    (killed,) = service.events("killed")
    assert killed["under_way"] == {"stage": "start", "detail": "work"}


def test_a_switch_that_was_on_at_the_start_is_recorded_once(tmp_path: Path) -> None:
    """Over three starts: thrown before, still there, lifted while the service was down."""
    (tmp_path / "KILL").write_text("freeze\n")
    for _ in range(2):
        with running(tmp_path, "") as service:
            until(lambda: service.starts("settle"))
            until(lambda: service.events("killed"))
            assert not service.starts("work")
    (tmp_path / "KILL").unlink()
    with running(tmp_path, "") as service:
        until(lambda: service.starts("work"))

    assert len(service.events("killed")) == 1
    assert len(service.events("resumed")) == 1


def test_a_switch_in_a_folder_of_its_own_is_polled_before_the_folder_exists(
    tmp_path: Path,
) -> None:
    """No event can tell of a folder that nobody watches yet."""
    switch = tmp_path / "elsewhere" / "KILL"
    with running(tmp_path, WORKS_ON, kill_switch=switch) as service:
        until(lambda: at_work(service))
        switch.parent.mkdir()
        switch.touch()

        until(lambda: service.events("killed"))


def test_sigterm_lets_the_worker_end_by_itself(tmp_path: Path) -> None:
    """It has stop_s to come to an end; no failure is recorded."""
    body = (
        """
if duty == "work":
    signal.signal(signal.SIGTERM, lambda *_: ((state / "ended").touch(), sys.exit(0)))
"""
        + WORKS_ON
    )
    with running(tmp_path, body) as service:
        until(lambda: at_work(service))

    assert (tmp_path / "ended").exists()
    assert not service.events("failed")
    assert not service.starts("settle")
    assert service.events("stopped")


def test_a_worker_that_does_not_stop_is_killed_and_cleared_up_after(tmp_path: Path) -> None:
    """Its containers must not outlive the service."""
    with running(tmp_path, IGNORES_SIGTERM + WORKS_ON, stop_s=0.3) as service:
        until(lambda: at_work(service))
        pid = service.pid()

    assert not alive(pid)
    assert [duty_of(start) for start in service.starts()] == ["work", "settle"]
    assert not service.events("failed")


def test_a_reload_takes_the_new_settings_whole(tmp_path: Path) -> None:
    """Here another inbox; the worker under way is left alone."""
    with running(
        tmp_path, "takes_all()\nfor p in (state / 'two').iterdir(): p.unlink()"
    ) as service:
        until(lambda: service.starts("work"))
        service.configuration.reads = lambda: replace(service.settings, inbox_path=tmp_path / "two")
        service.send(signal.SIGHUP)
        until((tmp_path / "two").is_dir)
        (tmp_path / "two" / "note.json").write_text("{}")

        until(lambda: not any((tmp_path / "two").iterdir()))


@pytest.mark.parametrize("fault", ["unknown key", "crontab", "state"])
def test_a_broken_reload_is_refused_and_the_old_settings_stay(
    tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With every fault in the log."""
    with running(tmp_path, TAKES_ALL) as service:

        def load() -> Settings:
            if fault == "unknown key":
                raise SettingsError(service.settings.file, [Fault(3, "inbx", "unknown key")])
            if fault == "crontab":
                timing = replace(service.settings.service, every="often")
                return replace(service.settings, service=timing)
            return replace(service.settings, state=tmp_path / "other")

        until(lambda: service.starts("work"))
        service.configuration.reads = load
        service.send(signal.SIGHUP)
        until(lambda: "refused" in caplog.text)
        (tmp_path / "inbox" / "note.json").write_text("{}")
        until(service.inbox_is_empty)

    assert "the old one stays" in caplog.text
    assert {"unknown key": "line 3: inbx", "crontab": "often", "state": "restart"}[
        fault
    ] in caplog.text


def test_scheduled_runs_missed_while_down_are_recorded_and_made_up_for(tmp_path: Path) -> None:
    """With a crontab line files wait for their time, orders do not."""
    never_soon = "0 0 1 1 *"
    LastRun(tmp_path).honoured(never_soon, datetime(2023, 6, 1, tzinfo=UTC))

    with running(tmp_path, "", every=never_soon) as service:
        until(lambda: service.starts("work"))
        (missed,) = until(lambda: service.events("missed"))
        (tmp_path / "inbox" / "note.json").write_text("{}")
        time.sleep(0.6)
        before = len(service.starts("work"))
        (tmp_path / "orders" / "1.json").write_text("{}")
        until(lambda: len(service.starts("work")) > before)

    assert missed["count"] >= 3
    assert missed["first"] == "2024-01-01T00:00:00Z"
    assert before == 1


def test_another_worker_is_waited_for(tmp_path: Path) -> None:
    """`mendd run --once` or an approval may hold the work lock in another process."""
    from daemon.desk.lock import only_one

    with only_one(tmp_path / "work.lock"), running(tmp_path, TAKES_ALL) as service:
        (tmp_path / "inbox" / "note.json").write_text("{}")
        time.sleep(0.6)

        assert service.starts() == []


def test_a_trail_that_cannot_be_written_does_not_stop_the_kill_switch(tmp_path: Path) -> None:
    """The records wait until it can."""
    trail = tmp_path / "audit" / "trail.jsonl"
    trail.mkdir(parents=True)
    with running(tmp_path, WORKS_ON) as service:
        until(lambda: at_work(service))
        pid = service.pid()
        (tmp_path / "KILL").touch()
        until(lambda: not alive(pid))
        trail.rmdir()
        until(lambda: service.events("killed"))

    assert service.events("started")


def test_housekeeping_is_done_once_a_day(tmp_path: Path) -> None:
    """A new installation begins with it, once the work is done; no thread is left by it."""
    before = threading.active_count()
    with running(tmp_path, "") as service:
        until(lambda: service.starts("housekeep"))
        until(lambda: not LastRun(tmp_path).housekeeping_due(datetime.now(UTC)))
        service.service._fire("housekeep")
        time.sleep(0.5)

    assert len(service.starts("housekeep")) == 1
    assert threading.active_count() <= before
