"""The inbox under a flood, with the real service and worker: all that is good, nothing else."""

import ctypes
import json
import os
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.end_to_end.conftest import Site
from tests.soak.check import Check, Row, Setting

FILES = 50_000
FAILURES = 50  # of them report a failure; that is what work is made of
PATIENCE_S = 600.0
SCAN_S = 5.0
SECRET = "bXktc2VjcmV0LWNhbmFyeQ"
NOT_HERE = "unix:///nonexistent/docker.sock"
IN_ACCESS, IN_OPEN = 0x1, 0x20


class Ear:
    """Hears whether anybody opens or reads a file, by whatever name."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)

    def listen_to(self, path: Path) -> None:
        """From now on."""
        if self._libc.inotify_add_watch(self._fd, os.fsencode(path), IN_ACCESS | IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), "cannot be watched", str(path))

    def heard(self) -> int:
        """How often something was opened or read since it was last asked."""
        count = 0
        while True:
            try:
                data = os.read(self._fd, 1 << 16)
            except BlockingIOError:
                return count
            at = 0
            while at < len(data):
                mask, length = struct.unpack_from("=xxxxIxxxxI", data, at)
                count += bool(mask & (IN_ACCESS | IN_OPEN))
                at += 16 + length


def good_notes(folder: Path, numbers: range, rng: random.Random) -> list[str]:
    """Notes that nobody could object to; every thousandth or so reports a failure."""
    names = []
    for number in numbers:
        note = {"outcome": f"all {number} tests passed", "reflection": f"went well, {number}"}
        if number % max(1, FILES // FAILURES) == 0:
            word = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=8))
            note = {"outcome": f"failed in {word}", "reflection": f"{word} in shop.py is wrong"}
        (folder / f"{number:05}.json").write_text(json.dumps(note))
        names.append(f"{number:05}.json")
    return names


def specials(inbox: Path, outside: Path, ear: Ear) -> list[str]:
    """What must never be read: links, a pipe, a socket, a huge file, other people's files."""
    outside.mkdir()
    for name in ("linked", "twice"):
        (outside / name).write_text(f'{{"reflection": "it failed with {SECRET}"}}')
    (inbox / "link.json").symlink_to(outside / "linked")
    (inbox / "dangling.json").symlink_to(outside / "nowhere")
    (inbox / "folder-link").symlink_to(outside)
    (inbox / "twice.json").hardlink_to(outside / "twice")
    os.mkfifo(inbox / "pipe.json")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(outside / "s"))
        (outside / "s").rename(inbox / "socket.json")
    with (inbox / "huge.json").open("wb") as huge:
        huge.write(b'{"reflection": "')
        huge.truncate(1 << 30)
    (inbox / "half.json.part").write_text(f'{{"reflection": "{SECRET}')
    (inbox / "folder").mkdir()
    for path in (outside / "linked", outside / "twice", inbox / "huge.json", inbox / "pipe.json"):
        ear.listen_to(path)
    ear.listen_to(inbox / "half.json.part")
    ear.heard()
    return ["link.json", "dangling.json", "folder-link", "twice.json", "pipe.json",
            "socket.json", "huge.json", "folder"]  # fmt: skip


def flood(setting: Setting) -> Iterator[Row]:
    """Half of them while the service is down, half into another folder while it works."""
    site, ear, times = Site(setting.folder), Ear(), setting.times(FILES)
    site.configure(
        target='engine = "search"',
        rest=f'[sandbox]\ndocker_host = "{NOT_HERE}"\n[service]\nretry_s = 1\nretry_most_s = 2\n',
    )
    site.config.write_text(site.config.read_text().replace("scan_s = 0.5", f"scan_s = {SCAN_S}"))
    inbox = site.state / "inbox"
    inbox.mkdir(parents=True)
    odd = specials(inbox, setting.folder / "outside", ear)
    good = good_notes(inbox, range(times // 2), setting.rng)
    writer = (inbox / "slow.json").open("w")
    writer.write('{"outcome": "all went well", "refl')
    writer.flush()
    try:
        site.start()
        begun = time.monotonic()
        told_of(site, good[: times // 10], setting)
        good += replaced(inbox, range(times // 2, times), setting.rng)
        told_of(site, good, setting)
        seconds = time.monotonic() - begun
        early = sources(site)["slow.json"]
        writer.write('ection": "and to the end"}')
        writer.close()
        told_of(site, [*good, "slow.json"], setting)
        site.wait(lambda: all((inbox / "rejected" / name).exists() for name in odd[:1]), "rejected")
    finally:
        writer.close()
        if site.process is not None:
            site.stop()
    yield from judged(site, good, odd, ear, early, seconds)


def replaced(inbox: Path, numbers: range, rng: random.Random) -> list[str]:
    """Another folder stands in its place, with new notes and all that was left in the old one."""
    fresh, old = inbox.with_name("fresh"), inbox.with_name("old")
    fresh.mkdir()
    names = good_notes(fresh, numbers, rng)
    inbox.rename(old)
    fresh.rename(inbox)  # the service may have made one by itself; then this would say so
    for path in old.iterdir():
        if path.name == "rejected":
            (inbox / "rejected").mkdir(exist_ok=True)
            for each in path.iterdir():
                each.rename(inbox / "rejected" / each.name)
        else:
            path.rename(inbox / path.name)
    return names


def sources(site: Site) -> Counter[str]:
    """How often the trail tells of each file."""
    told = [*site.records("ignored"), *site.records("received")]
    return Counter(str(record["data"]["source"]) for record in told)


def told_of(site: Site, names: list[str], setting: Setting) -> None:
    """Wait until the trail tells of all of them."""
    end = time.monotonic() + PATIENCE_S
    while (missing := len(set(names) - set(sources(site)))) and time.monotonic() < end:
        setting.say(f"{missing} not told of yet")
        time.sleep(1.0)


def judged(
    site: Site, good: list[str], odd: list[str], ear: Ear, early: int, seconds: float
) -> Iterator[Row]:
    """What was found, what was read, what was said."""
    told = sources(site)
    lost = [name for name in good if not told[name]]
    opened = Counter(
        str(record["data"]["source"]) for record in site.records("received")
        if record["data"]["how"] != "joined"
    )  # fmt: skip
    again = sum(told[name] > 1 for name in good)
    yield Row(
        "good notes found",
        len(good),
        len(lost),
        f"{seconds:.0f} s, {seconds / len(good) * 1e3:.1f} ms each",
    )
    twice = sum(count > 1 for count in opened.values())
    moved = f"{again} told of again, as they were moved while they were read"
    yield Row("notes that became work, once each", len(opened), twice, moved)
    rejected = {record["data"]["file"] for record in site.records("unreadable")}
    yield Row("special files set aside", len(odd), len(set(odd) - rejected))
    yield Row("openings of special files", len(odd) + 1, ear.heard())
    whole = told["slow.json"] == 1 and early == 0
    yield Row("a file being written: taken whole, once closed", 1, int(not whole))
    leaks = [
        path for path in site.state.rglob("*")
        if path.is_file() and not path.is_symlink() and path.stat().st_size < (1 << 28)
        and path.name not in ("twice.json", "half.json.part")
        and SECRET in path.read_text(errors="replace")
    ]  # fmt: skip
    yield Row("files that hold a word of what was linked", 1, len(leaks), str(leaks or ""))
    yield Row("the trail verifies", 1, int(not site.trail_is_whole()))


CHECKS = (
    Check(
        "service.inbox",
        "50,000 notes, half while the service is down, half by a replaced folder: all found, none "
        "becomes two works; links, pipes, huge and half files: none read",
        flood,
    ),
)
