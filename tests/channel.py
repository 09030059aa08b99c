"""Hostile result streams and JUnit files before our readers, in a process that measures itself.

    python -m tests.channel [FOLDER …]    # JSON lines: one for each attempt, then the peak

Each FOLDER holds JSON files named as JSONTestSuite names them: `n_` must be refused, `y_` read.
"""

import contextlib
import json
import os
import resource
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.guest.command import EXIT, read_junit
from sandbox.results import Forged, Results, strict_object

OURS = Path(__file__).with_name("data") / "json"
SHARED = Path(__file__).parents[2] / "shared" / "corpora" / "json-test-suite" / "test_parsing"
REPORT_BYTES = 4 << 20  # what the harness lets through (Limits.result_kib)
CHUNK = 1 << 16  # as it arrives
BEGIN = b'{"k":"begun"}\n{"k":"collected","ids":["a","b"]}\n'
RESULT = b'{"k":"test","id":"a","p":"call","o":"passed","sub":%s,"n":%d,"x":false,"s":%s,"m":%s}\n'
BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><testsuite>&c;</testsuite>'
CASE = '<testsuite><testcase name="t"/></testsuite>'


@dataclass(frozen=True)
class Attempt:
    """One hostile input: whether any of it was taken for a result; seconds of processor time."""

    name: str
    kind: str
    accepted: bool
    seconds: float


def refused_line(data: bytes) -> bool:
    """Whether the bytes as lines of a report make it a forged one."""
    results = Results("canary")
    results.feed(BEGIN)
    for start in range(0, len(data), CHUNK):
        results.feed(data[start : start + CHUNK])
    if not data.endswith(b"\n"):  # else an empty line would be what is refused
        results.feed(b"\n")
    return results.forged is not None


def as_value(data: bytes) -> bytes:
    """The bytes as the message of a result; what is in there must not break out."""
    return RESULT % (b"null", 1, b"0", data)


def odd_streams() -> Iterator[tuple[str, bytes]]:
    """Reports that our plugin would never send."""
    yield "an empty line", b"\n"
    yield "a line of spaces", b"   \n"
    yield "a line of 2 MiB", b"x" * (2 << 20)
    yield "a report without a line end", b'{"k":"' * (REPORT_BYTES // 6)
    yield "nested brackets", b"[" * (1 << 19) + b"\n"
    yield "nested objects", b'{"a":' * (1 << 17) + b"\n"
    yield "nested brackets in a message", as_value(b"[" * 100_000 + b"]" * 100_000)
    yield "empty lists, 1 MiB", as_value(b"[" + b"[]," * 340_000 + b"[]]")
    yield "duplicate keys", b'{"k":"collected","ids":[],"ids":[]}\n'
    yield "NaN", RESULT % (b"null", 1, b"NaN", b'""')
    yield "infinity", RESULT % (b"null", 1, b"Infinity", b'""')
    yield "a number that overflows", RESULT % (b"null", 1, b"1e999", b'""')
    yield "a negative duration", RESULT % (b"null", 1, b"-1", b'""')
    yield "4,000 digits", RESULT % (b"null", 1, b"9" * 4000, b'""')
    yield "5,000 digits", b'{"k":"finish","exit":' + b"9" * 5000 + b',"stopped":null}\n'
    yield "an exit code that is true", b'{"k":"finish","exit":true,"stopped":null}\n'
    yield "an exit code with a point", b'{"k":"finish","exit":0.0,"stopped":null}\n'
    yield "a lone surrogate", as_value(b'"\\ud800"')
    yield "a byte order mark", b'\xef\xbb\xbf{"k":"collected","ids":[]}\n'
    yield "UTF-16", '{"k":"collected","ids":[]}\n'.encode("utf-16-le")
    yield "bytes that are no UTF-8", as_value(b'"\xff\xfe"')
    yield "NUL bytes", b"\0" * CHUNK + b"\n"
    yield "begun without end", b'{"k":"begun"}\n' * (REPORT_BYTES // 14)
    yield "an unknown kind", b'{"k":"verdict"}\n'
    yield "a key too many", b'{"k":"collected","ids":[],"x":1}\n'
    yield "a kind that is a list", b'{"k":["begun"]}\n'
    yield "an id nobody collected", (RESULT % (b"null", 1, b"0", b'""')).replace(b'"a"', b'"z"')
    yield "an id collected twice", b'{"k":"collected","ids":["a"]}\n'
    yield "an id that is a list", b'{"k":"collected","ids":[["c"]]}\n'
    yield "a second result", (RESULT % (b"null", 1, b"0", b'""')) * 2
    yield "a result out of order", RESULT % (b"null", 7, b"0", b'""')
    yield "a message too long", as_value(b'"' + b"x" * 8000 + b'"')
    yield (
        "a line after the last word",
        b'{"k":"finish","exit":0,"stopped":null}\n{"k":"collected","ids":[]}\n',
    )
    yield (
        "more tests than there are",
        b"".join(
            b'{"k":"collected","ids":[%s]}\n' % b",".join(b'"%d"' % n for n in range(at, at + 5000))
            for at in range(0, 400_000, 5000)
        ),
    )


def endless() -> Iterator[tuple[str, bytes]]:
    """Each line is one of ours; there are only very many of them."""
    yield (
        "subtests without end",
        b"".join(RESULT % (b'"%d"' % n, 1, b"0", b'""') for n in range(40_000)),
    )
    yield (
        "repeats without end",
        b"".join(RESULT % (b"null", n + 1, b"0", b'""') for n in range(40_000)),
    )
    yield "promises without end", b'{"k":"promise","id":"c","tests":[["t",true]]}\n' * 90_000


def streams(folders: list[Path]) -> Iterator[Attempt]:
    """The result stream: files of the suites, then streams of our own."""
    for path in sorted(each for folder in folders for each in folder.glob("n_*.json")):
        data = path.read_bytes()
        yield timed(path.name, "must-fail file", lambda d=data: not refused_line(d))
        yield timed(path.name, "… as a value", lambda d=data: not refused_line(as_value(d)))
    for path in sorted(each for folder in folders for each in folder.glob("i_*.json")):
        data = path.read_bytes()
        yield timed(path.name, "either, as a line", lambda d=data: not refused_line(d))
    for name, data in odd_streams():
        yield timed(name, "stream", lambda d=data: not refused_line(d))
    for name, data in endless():
        yield timed(name, "endless", lambda d=data: not refused_line(d))


def readable(folders: list[Path]) -> Iterator[Attempt]:
    """The other side: must-parse objects are read, so that refusing everything shows."""
    for path in sorted(each for folder in folders for each in folder.glob("y_*.json")):
        data = path.read_bytes().strip()
        if data.startswith(b"{") and "duplicate" not in path.name:
            yield timed(path.name, "must-parse object", lambda d=data: reads(d))
    good = as_value(b'""')
    yield timed("a good result", "must-parse object", lambda: not refused_line(good))


def reads(data: bytes) -> bool:
    """Whether the strict reader takes the object."""
    try:
        strict_object(data)
    except Forged:
        return False
    return True


def timed(name: str, kind: str, accepts: Callable[[], bool]) -> Attempt:
    """Try it and look at the clock."""
    began = time.process_time()
    return Attempt(name, kind, accepts(), time.process_time() - began)


def junit_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files in the place of a JUnit report: odd kinds, odd contents."""
    secret = folder / "secret"
    secret.write_text(CASE)
    (folder / "link").symlink_to(secret)
    (folder / "dangling").symlink_to(folder / "nothing")
    (folder / "loop").symlink_to(folder / "loop")
    os.link(secret, folder / "hard link")
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "socket"))
    with contextlib.suppress(PermissionError):
        os.mknod(folder / "device", stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero
    with (folder / "sparse 1 TiB").open("wb") as file:
        file.truncate(1 << 40)
    contents = {
        "5 MiB": (CASE + " " * (5 << 20)).encode(),
        "entities": BOMB.encode(),
        "entities in UTF-16": BOMB.encode("utf-16"),
        "entities in UTF-16 without a mark": BOMB.encode("utf-16-le"),
        "a file named as an entity":
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        "cut short": CASE[:-5].encode(),
        "nothing": b"",
        "noise": bytes(range(256)) * 100,
        "deep, unclosed": b"<a>" * 1_000_000,
        "deep, closed": b"<a>" * 500_000 + b"</a>" * 500_000,
        "380,000 cases": b"<s>" + b"<testcase/>" * 380_000 + b"</s>",
        "two roots": (CASE * 2).encode(),
        "an attribute twice": b'<testcase name="a" name="b"/>',
        "JSON": b'{"testcase": "passed"}',
    }  # fmt: skip
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    for path in sorted(folder.iterdir()):
        if path != secret:
            yield path.name, path

    yield "not there", folder / "not there"


def junit(folder: Path) -> Iterator[Attempt]:
    """Whether any of them is taken for a report."""
    for name, path in junit_files(folder):
        cases = {EXIT: ("passed", 0.0, "")}
        began = time.process_time()
        said = read_junit(str(path), cases)
        taken = said is None or len(cases) > 1
        yield Attempt(name, "JUnit file", taken, time.process_time() - began)


def own_peak_mib() -> int:
    """Since this program began: `ru_maxrss` would also know what its parent took before."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


def main(arguments: list[str]) -> None:
    """Everything, one line each; last the peak of this process's memory in MiB."""
    folders = [Path(each) for each in arguments]
    with tempfile.TemporaryDirectory() as folder:
        for found in (readable(folders), streams(folders), junit(Path(folder))):
            for attempt in found:
                tell(asdict(attempt))
    tell({"peak_mib": own_peak_mib()})


def tell(row: dict[str, object]) -> None:
    """At once, so that what hangs is the one after the last."""
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


def measured(folders: list[Path], processor_s: int) -> tuple[list[Attempt], int]:
    """All attempts made in a process of their own, and its peak in MiB.

    Raises AssertionError, naming the attempt before, when it used up its processor time.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (processor_s, processor_s))

    command = [sys.executable, "-B", "-m", "tests.channel", *map(str, folders)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, preexec_fn=limit,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    *rows, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"ended with {done.returncode} after {last}: {done.stderr}"
    return [Attempt(**row) for row in rows], last["peak_mib"]


if __name__ == "__main__":
    main(sys.argv[1:])
