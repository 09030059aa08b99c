"""watchdog, kept from going deaf."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchdog.events import FileSystemEvent
from watchdog.observers.inotify import InotifyObserver

from daemon.supervision.watcher import Folder, Watcher

WAIT_S = 30.0


class Heard:
    """Collects events; `raises` makes it a bad listener."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.more = threading.Event()
        self.raises = False

    def __call__(self, event: FileSystemEvent) -> None:
        self.names.append(Path(str(event.dest_path or event.src_path)).name)
        self.more.set()
        if self.raises:
            raise RuntimeError("a bad listener")

    def of(self, name: str) -> bool:
        """Wait for an event about this name."""
        while name not in self.names:
            self.more.clear()
            if name in self.names:
                break
            if not self.more.wait(WAIT_S):
                return False
        return True


def until(begun_anew: Callable[[], bool]) -> None:
    """Look again and again, as scans do."""
    end = time.monotonic() + WAIT_S
    while not begun_anew():
        assert time.monotonic() < end, "it never noticed"
        time.sleep(0.01)


@pytest.fixture
def heard() -> Heard:
    """A listener."""
    return Heard()


@pytest.fixture
def watcher(tmp_path: Path, heard: Heard) -> Iterator[Watcher]:
    """Watches inbox/, which is ours, and elsewhere/, which is not; both are missing."""
    watcher = Watcher(
        Folder(path=tmp_path / "inbox", heard=heard, ours=True),
        Folder(path=tmp_path / "elsewhere", heard=heard),
    )
    yield watcher
    watcher.stop()


def test_our_folder_is_made_and_heard(watcher: Watcher, tmp_path: Path, heard: Heard) -> None:
    """A second check finds nothing to do."""
    assert watcher.check()
    assert not watcher.check()

    (tmp_path / "inbox" / "note.json").touch()

    assert heard.of("note.json")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_appears_later_is_heard_from_then_on(
    watcher: Watcher, tmp_path: Path, heard: Heard
) -> None:
    """The kill switch may live in a folder that nobody has made yet."""
    watcher.check()
    (tmp_path / "elsewhere").mkdir()

    assert watcher.check()
    (tmp_path / "elsewhere" / "KILL").touch()

    assert heard.of("KILL")


def test_a_folder_deleted_and_made_again_is_heard(
    watcher: Watcher, tmp_path: Path, heard: Heard
) -> None:
    """Its inode tells; where the new one has the old one's number, the next look does.

    The kernel's word that the old one is gone may come after the first look.
    """
    watcher.check()
    shutil.rmtree(tmp_path / "inbox")
    (tmp_path / "inbox").mkdir()
    until(watcher.check)

    (tmp_path / "inbox" / "note.json").touch()

    assert heard.of("note.json")


def test_a_folder_replaced_by_rename_is_heard(
    watcher: Watcher, tmp_path: Path, heard: Heard
) -> None:
    """inotify would go on watching the old one under its new name."""
    watcher.check()
    (tmp_path / "inbox").rename(tmp_path / "old")
    (tmp_path / "inbox").mkdir()

    assert watcher.check()
    (tmp_path / "inbox" / "note.json").touch()

    assert heard.of("note.json")


def test_a_raising_listener_does_not_deafen(
    watcher: Watcher, tmp_path: Path, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    """watchdog's own thread would end for ever."""
    watcher.check()
    heard.raises = True
    (tmp_path / "inbox" / "first.json").touch()
    assert heard.of("first.json")
    (tmp_path / "inbox" / "second.json").touch()

    assert heard.of("second.json")
    assert "a bad listener" in caplog.text


def test_a_dead_observer_is_replaced(watcher: Watcher, tmp_path: Path, heard: Heard) -> None:
    """Whatever ended it."""
    watcher.check()
    observer = watcher._observer
    assert observer is not None
    observer.stop()
    observer.join(WAIT_S)

    assert watcher.check()
    (tmp_path / "inbox" / "note.json").touch()

    assert heard.of("note.json")


def test_without_inotify_there_are_still_scans(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The limit of watches is the user's, not mendd's: it is said once."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(InotifyObserver, "schedule", full)

    assert not watcher.check()
    assert not watcher.check()

    assert caplog.text.count("only scanned, not watched") == 1
