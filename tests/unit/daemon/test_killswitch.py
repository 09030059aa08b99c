"""The kill switch as people and accidents leave it."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from daemon.killswitch import KillSwitch, KillSwitchError, StopSignal, harmless

WAIT_S = 30.0


@pytest.fixture
def switch(tmp_path: Path) -> KillSwitch:
    """A switch that is off."""
    return KillSwitch(tmp_path / "KILL")


def test_nothing_there_is_off(switch: KillSwitch) -> None:
    """No file, no stop; a folder that does not exist yet is no file either."""
    assert not switch.on()
    assert not KillSwitch(switch.path / "not" / "there").on()


@pytest.mark.parametrize("kind", ["file", "dangling link", "folder", "fifo", "unreadable"])
def test_whatever_stands_there_is_on(switch: KillSwitch, kind: str) -> None:
    """A person in a hurry touches, links or makes a folder: all of it stops."""
    match kind:
        case "file":
            switch.path.touch()
        case "dangling link":
            switch.path.symlink_to("nowhere")
        case "folder":
            switch.path.mkdir()
        case "fifo":
            os.mkfifo(switch.path)
        case "unreadable":
            switch.path.touch(mode=0)

    assert switch.on()
    assert isinstance(switch.reason(), str)


def test_a_path_that_cannot_be_looked_at_is_on(tmp_path: Path) -> None:
    """A loop of links, a name too long, a file in place of the folder: doubt counts as on."""
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()

    assert KillSwitch(tmp_path / "loop" / "KILL").on()
    assert KillSwitch(tmp_path / ("x" * 300)).on()
    assert KillSwitch(tmp_path / "file" / "KILL").on()
    assert KillSwitch(Path("a\0b")).on()


def test_the_reason_is_the_first_line_that_says_something(switch: KillSwitch) -> None:
    """Leading blank lines are passed over, later lines are not shown."""
    switch.path.write_text("\n  \nrelease freeze\nmore\n")

    assert switch.reason() == "release freeze"


def test_a_hostile_reason_is_harmless_on_a_terminal(switch: KillSwitch) -> None:
    """No escape sequence, no bidirectional override, no endless line, no bad bytes."""
    switch.path.write_bytes(b"\x1b[2J\x1b]0;owned\x07\xe2\x80\xaestop\xff" + b"x" * 100_000)

    reason = switch.reason()

    assert reason.startswith("[2J]0;ownedstop\ufffdxxx")
    assert len(reason) == 200
    assert reason.isprintable()


def test_the_reason_is_never_read_through_a_link(switch: KillSwitch, tmp_path: Path) -> None:
    """A link stops, but what it points to is not shown to anybody."""
    (tmp_path / "secret").write_text("do not show")
    switch.path.symlink_to("secret")

    assert switch.on()
    assert switch.reason() == ""


def test_throwing_says_why_and_who_and_keeps_the_first_reason(switch: KillSwitch) -> None:
    """The second to throw it changes nothing."""
    assert switch.throw("release\nfreeze", "alice") is True
    assert switch.throw("me too", "bob") is False

    assert switch.reason() == "release (by alice)"
    assert [path.name for path in switch.path.parent.iterdir()] == ["KILL"]


def test_throwing_never_writes_through_a_link(switch: KillSwitch, tmp_path: Path) -> None:
    """A dangling link is on already; its far end stays missing."""
    switch.path.symlink_to("elsewhere")

    assert switch.throw("stop", "alice") is False
    assert not (tmp_path / "elsewhere").exists()


def test_throwing_makes_the_missing_folder(tmp_path: Path) -> None:
    """The first thing somebody does with a new configuration may be to stop it."""
    switch = KillSwitch(tmp_path / "new" / "KILL")

    switch.throw("", "")

    assert switch.reason() == "no reason given (by somebody)"


def test_a_switch_that_cannot_be_thrown_says_what_to_do(tmp_path: Path) -> None:
    """Silence would look like success."""
    (tmp_path / "file").touch()

    with pytest.raises(KillSwitchError, match="stop the service"):
        KillSwitch(tmp_path / "file" / "KILL").throw("stop", "alice")


@pytest.mark.parametrize("kind", ["file", "link", "empty folder"])
def test_lifting_removes_what_stands_there(switch: KillSwitch, kind: str) -> None:
    """And lifting what is off says so."""
    match kind:
        case "file":
            switch.path.touch()
        case "link":
            switch.path.symlink_to("nowhere")
        case "empty folder":
            switch.path.mkdir()

    assert switch.lift() is True
    assert not switch.on()
    assert switch.lift() is False


def test_a_folder_with_something_in_it_is_left_to_a_person(switch: KillSwitch) -> None:
    """mendd deletes no folder it did not make."""
    switch.path.mkdir()
    (switch.path / "keep").touch()

    with pytest.raises(KillSwitchError, match="by hand"):
        switch.lift()

    assert (switch.path / "keep").exists()


def test_watching_calls_back_once(switch: KillSwitch) -> None:
    """From a thread, when the switch is thrown."""
    called = threading.Event()
    thread = switch.watch(called.set, every_s=0.01)

    switch.throw("stop", "alice")

    assert called.wait(WAIT_S)
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_the_stop_signal_kills_before_it_tells(switch: KillSwitch) -> None:
    """Whoever waits for the signal finds the containers already killed."""
    order: list[str] = []
    stop = StopSignal(switch, lambda: order.append(f"killed, told: {stop.is_set()}"))
    stop.listen(signals=False)

    switch.throw("stop", "alice")

    assert stop.wait(WAIT_S)
    assert stop.killed
    assert order == ["killed, told: False"]


def test_a_worker_that_waits_hears_sigterm(tmp_path: Path) -> None:
    """The handler must not deadlock with the main thread inside wait()."""
    script = (
        "import pathlib, sys\n"
        "from daemon.killswitch import KillSwitch, StopSignal\n"
        f"stop = StopSignal(KillSwitch(pathlib.Path({str(tmp_path / 'KILL')!r})))\n"
        "stop.listen()\n"
        "print('ready', flush=True)\n"
        "while not stop.wait(0.0005): pass\n"
        "sys.exit(7 if not stop.killed else 8)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert process.stdout is not None
    process.stdout.readline()

    process.send_signal(signal.SIGTERM)

    assert process.wait(WAIT_S) == 7
    process.stdout.close()


def test_a_full_disk_still_leaves_a_switch(
    switch: KillSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without room for the reason, an empty file is enough."""

    def full(_path: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)

    assert switch.throw("stop", "alice") is True
    assert switch.on()
    assert stat.S_ISREG(switch.path.lstat().st_mode)


def test_harmless_text_has_one_short_line() -> None:
    """Used for the reason and for names of people."""
    assert harmless("") == ""
    assert harmless("a\x00b\x9bc\u2028d") == "abc"
