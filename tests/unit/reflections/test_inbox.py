"""The inbox: complete ordinary files come in, everything else is set aside, nothing is lost."""

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reflections.errors import InboxUnusable
from reflections.inbox import Arrival, Inbox

LIMIT = 1024
LATER = timedelta(hours=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty inbox."""
    path = tmp_path / "inbox"
    path.mkdir()
    return path


@pytest.fixture
def inbox(folder: Path) -> Inbox:
    """The inbox of that folder, with a small size limit."""
    return Inbox(folder, max_bytes=LIMIT, settle_s=2)


def arrivals(
    inbox: Inbox, *complete: str, wait: Callable[[float], object] = lambda _: None,
    later: timedelta = LATER,
) -> dict[str, Arrival]:  # fmt: skip
    """What is ready, by name; an hour after everything was dropped unless said otherwise."""
    now = datetime.now(UTC) + later
    return {each.name: each for each in inbox.arrivals(complete=complete, now=now, wait=wait)}


def test_a_settled_file_comes_in_whole(inbox: Inbox, folder: Path) -> None:
    """Its bytes, its name, and when it got its final form."""
    (folder / "a.txt").write_bytes(b"it failed")
    found = arrivals(inbox)["a.txt"]
    assert (found.data, found.rejection) == (b"it failed", None)
    assert abs(found.received - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_file_named_complete_needs_no_second_look(inbox: Inbox, folder: Path) -> None:
    """An event told that it was closed or renamed: no waiting."""
    (folder / "a.txt").write_text("x")
    found = arrivals(inbox, "a.txt", wait=_not_called, later=timedelta(0))
    assert list(found) == ["a.txt"]


def test_a_fresh_file_is_looked_at_twice(inbox: Inbox, folder: Path) -> None:
    """Unchanged at the second look, `settle_s` later, it is taken."""
    (folder / "a.txt").write_text("x")
    waited: list[float] = []
    assert list(arrivals(inbox, wait=waited.append, later=timedelta(0))) == ["a.txt"]
    assert waited == [2]


def test_a_file_that_grows_between_the_looks_is_left(inbox: Inbox, folder: Path) -> None:
    """Half a note is no note; it is taken when it lies still."""
    (folder / "a.txt").write_text("half")

    def grows(_: float) -> None:
        (folder / "a.txt").write_text("half and whole")

    assert arrivals(inbox, wait=grows, later=timedelta(0)) == {}
    assert arrivals(inbox)["a.txt"].data == b"half and whole"


def test_a_stop_while_waiting_ends_the_look(inbox: Inbox, folder: Path) -> None:
    """`Event.wait` gives True when the daemon is to stop."""
    (folder / "a.txt").write_text("x")
    assert arrivals(inbox, wait=lambda _: True, later=timedelta(0)) == {}


def test_a_file_still_open_for_writing_is_left(inbox: Inbox, folder: Path) -> None:
    """`agent > note.txt` creates an empty file at once and fills it at the end."""
    path = folder / "a.txt"
    with path.open("w") as file:
        assert arrivals(inbox) == {}
        file.write("at last")
    assert arrivals(inbox)["a.txt"].data == b"at last"


def test_a_file_with_an_old_mtime_but_a_fresh_ctime_is_looked_at_twice(
    inbox: Inbox, folder: Path
) -> None:
    """Copying tools set mtime back; the change time cannot be set."""
    (folder / "a.txt").write_text("x")
    os.utime(folder / "a.txt", (1, 1))
    waited: list[float] = []
    arrivals(inbox, wait=waited.append, later=timedelta(0))
    assert waited == [2]


def test_names_of_unfinished_files_are_passed_over(inbox: Inbox, folder: Path) -> None:
    """Dot files, *.tmp, *.part, back-up names and rejected/ are nobody's notes."""
    for name in (".a.txt", "a.tmp", "a.json.part", "a~", "b.swp"):
        (folder / name).write_text("x")
    (folder / "rejected").mkdir()
    assert not inbox.waiting()
    assert arrivals(inbox) == {}


def test_waiting_is_true_while_anything_lies_there(inbox: Inbox, folder: Path) -> None:
    """Also what will only be rejected must be looked at by a worker."""
    assert not inbox.waiting()
    (folder / "x").mkdir()
    assert inbox.waiting()


def test_waiting_does_not_raise_without_a_folder(tmp_path: Path) -> None:
    """The supervisor asks often; a missing or unreadable folder is not its death."""
    assert not Inbox(tmp_path / "none", max_bytes=1, settle_s=1).waiting()


def test_a_missing_folder_is_made_again(tmp_path: Path) -> None:
    """Somebody deleted the inbox while the daemon ran."""
    inbox = Inbox(tmp_path / "gone" / "inbox", max_bytes=LIMIT, settle_s=1)
    assert arrivals(inbox) == {}
    assert (tmp_path / "gone" / "inbox").is_dir()


def test_a_file_in_place_of_the_folder_is_said_clearly(tmp_path: Path) -> None:
    """The world is not as needed: an exception that says what to do."""
    (tmp_path / "inbox").write_text("x")
    with pytest.raises(InboxUnusable, match="must be a folder"):
        arrivals(Inbox(tmp_path / "inbox", max_bytes=1, settle_s=1))


def test_special_files_are_rejected_without_being_opened(inbox: Inbox, folder: Path) -> None:
    """Symlinks (also dangling), pipes, sockets, devices, hard links, folders, huge files."""
    secret = folder.parent / "secret"
    secret.write_text("root:x:0")
    (folder / "link.txt").symlink_to(secret)
    (folder / "dangling.txt").symlink_to("/nowhere")
    os.mkfifo(folder / "pipe.txt")
    os.link(secret, folder / "hard.txt")
    (folder / "sub.txt").mkdir()
    (folder / "sub.txt" / "inner.txt").write_text("kept")
    (folder / "huge.txt").write_bytes(b"x" * (LIMIT + 1))
    (folder / "sparse.txt").touch()
    os.truncate(folder / "sparse.txt", 1 << 40)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket.txt"))
        found = arrivals(inbox)
    reasons = {name: each.rejection or "" for name, each in found.items()}
    assert {name: reason.split(";")[0] for name, reason in reasons.items()} == {
        "link.txt": "it is a symbolic link", "dangling.txt": "it is a symbolic link",
        "pipe.txt": "it is a pipe", "socket.txt": "it is a socket",
        "hard.txt": "the file has 2 names (hard links)", "sub.txt": "it is a folder",
        "huge.txt": "the file has 1025 bytes, the limit is 1 KiB",
        "sparse.txt": "the file has 1099511627776 bytes, the limit is 1 KiB",
    }  # fmt: skip
    assert all(each.data == b"" for each in found.values())
    for each in found.values():
        inbox.reject(each, each.rejection or "")
    assert not inbox.waiting()
    assert secret.read_text() == "root:x:0"
    assert (folder / "rejected" / "link.txt").is_symlink()
    assert (folder / "rejected" / "sub.txt" / "inner.txt").read_text() == "kept"
    assert "symbolic link" in (folder / "rejected" / "link.txt.reason").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device files")
def test_a_device_is_rejected(inbox: Inbox, folder: Path) -> None:
    """Reading /dev/zero would not end."""
    try:
        os.mknod(folder / "zero.txt", 0o020666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("this root may not make device files")
    assert "a device" in (arrivals(inbox)["zero.txt"].rejection or "")


def test_a_maildir_style_link_is_given_time(inbox: Inbox, folder: Path) -> None:
    """link() then unlink() is how careful writers drop: two names, but not for long."""
    (folder.parent / "own").write_text("x")
    os.link(folder.parent / "own", folder / "a.txt")

    def unlinks(_: float) -> None:
        (folder.parent / "own").unlink()

    assert arrivals(inbox, "a.txt", wait=unlinks, later=timedelta(0)) == {}
    assert arrivals(inbox)["a.txt"].data == b"x"


def test_an_unreadable_file_is_rejected_with_the_systems_words(
    inbox: Inbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read all, so the refusal is played; renaming needs no right to read."""
    (folder / "a.txt").write_text("x")
    real = os.open

    def refuses(path: object, flags: int, *args: object, **kwargs: object) -> int:
        if path == "a.txt":
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, *args, **kwargs)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuses)
        found = arrivals(inbox)["a.txt"]
    assert found.rejection == "it cannot be opened: Permission denied"


def test_done_removes_exactly_the_file_that_was_read(inbox: Inbox, folder: Path) -> None:
    """A file that was replaced since is another note and stays."""
    (folder / "a.txt").write_text("first")
    (folder / "b.txt").write_text("second")
    found = arrivals(inbox)
    (folder / "b.txt").write_text("second, longer")
    for each in found.values():
        inbox.done(each)
    inbox.done(found["a.txt"])
    assert [path.name for path in folder.iterdir()] == ["b.txt"]


def test_rejected_names_never_clash(inbox: Inbox, folder: Path) -> None:
    """The second bad note of a name lies beside the first; both keep their words."""
    for text in ("one", "two", "three"):
        (folder / "a.b.txt").write_text(text)
        inbox.reject(arrivals(inbox)["a.b.txt"], f"reason {text}")
    rejected = folder / "rejected"
    assert sorted(path.name for path in rejected.iterdir()) == [
        "a.b-2.txt", "a.b-2.txt.reason", "a.b-3.txt", "a.b-3.txt.reason",
        "a.b.txt", "a.b.txt.reason",
    ]  # fmt: skip
    assert (rejected / "a.b-2.txt").read_text() == "two"
    assert "reason two" in (rejected / "a.b-2.txt.reason").read_text()


@pytest.mark.parametrize("name", [
    b"new\nline.txt", b"odd\xff\xfe.txt", b"\x1b[31mred.txt", b"l" * 251 + b".txt", b" .txt",
    "é.txt".encode(), b"-rf.txt", b"$(id).txt", b"..txt",
])  # fmt: skip
def test_odd_names_are_read_and_kept(inbox: Inbox, folder: Path, name: bytes) -> None:
    """Any bytes may be a name; in rejected/ it is a plain one, and the reason shows the old one."""
    path = os.fsencode(folder) + b"/" + name
    with open(path, "wb") as file:  # noqa: PTH123 (a name of bytes)
        file.write(b"x")
    found = arrivals(inbox)
    if name.startswith(b"."):
        assert found == {}
        return
    (arrival,) = found.values()
    assert arrival.data == b"x"
    kept = inbox.reject(arrival, "because \udcff")
    assert kept is not None
    assert kept.name.isprintable()
    assert kept.read_bytes() == b"x"
    assert kept.with_name(kept.name + ".reason").read_text("utf-8").isascii() or name[0] > 0x7F
    assert not inbox.waiting()


def test_rejecting_what_is_gone_does_nothing(inbox: Inbox, folder: Path) -> None:
    """Somebody took the file back meanwhile."""
    (folder / "a.txt").write_text("x")
    found = arrivals(inbox)["a.txt"]
    (folder / "a.txt").unlink()
    assert inbox.reject(found, "bad") is None


def test_rejected_is_never_followed_out_of_the_inbox(inbox: Inbox, folder: Path) -> None:
    """A stranger replaced rejected/ by a link to somewhere else: refuse, move nothing."""
    outside = folder.parent / "outside"
    outside.mkdir()
    (folder / "rejected").symlink_to(outside)
    (folder / "a.txt").write_text("x")
    with pytest.raises(InboxUnusable, match="must be a real folder"):
        inbox.reject(arrivals(inbox)["a.txt"], "bad")
    assert list(outside.iterdir()) == []
    assert (folder / "a.txt").exists()


def test_five_thousand_files_all_come_in_one_look(inbox: Inbox, folder: Path) -> None:
    """Dropped while the daemon was stopped: none is missed, the oldest come first."""
    for number in range(5_000):
        (folder / f"{number:05}.txt").write_text(str(number))
    found = list(arrivals(inbox))
    assert len(found) == 5_000
    assert found == sorted(found)


def test_the_inbox_loads_neither_pydantic_nor_tinydb() -> None:
    """The supervisor imports it and must stay small."""
    code = (
        "import sys, reflections.inbox; "
        "print([m for m in sys.modules if m.split('.')[0] in ('pydantic', 'tinydb', 'sqlite3')])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def _not_called(_: float) -> None:
    raise AssertionError("waited although nothing was unsettled")


def test_what_a_crash_left_of_the_probe_is_used_and_removed(
    inbox: Inbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each worker that died while it asked left a file of its own in the inbox, for ever."""
    (folder / "a.txt").write_text("x")
    with monkeypatch.context() as dying:
        dying.setattr(os, "unlink", _dies)
        with pytest.raises(KeyboardInterrupt):
            arrivals(inbox)
    assert list(folder.glob(".mendd*"))
    monkeypatch.setattr(os, "getpid", lambda: 1)

    again = Inbox(folder, max_bytes=LIMIT, settle_s=2)

    assert arrivals(again)["a.txt"].data == b"x"
    assert list(folder.glob(".mendd*")) == []


def _dies(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
