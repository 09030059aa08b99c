"""Targets that are not as they should be, and sources with odd bytes: worker, engine and containers
are real. Each ends in a record that says what happened, to what, and what to do next."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from reflections.store import State
from tests.installation import CODE, FIXED, NOTE, Installation
from tests.wire import SOCKET, Wire, a_wire

pytestmark = pytest.mark.docker
LEAKY = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""The Docker SDK leaves a socket that did not connect unclosed."""


# The target itself


def test_a_target_that_is_not_there(place: Installation) -> None:
    """Moved away, or not mounted yet: the note waits until it is back."""
    shutil.move(place.module, place.folder / "elsewhere")

    place.mend()

    place.assert_waits(str(place.module), "is no folder", "name the real folder")

    shutil.move(place.folder / "elsewhere", place.module)
    place.now += timedelta(hours=1)
    place.work()
    assert place.read() == FIXED.encode()


def test_a_target_without_tests(place: Installation) -> None:
    """Nothing could prove a patch: said so, with what to give mendd."""
    (place.module / "test_shop.py").unlink()

    place.mend()

    place.assert_waits("no tests", "give the target tests, or set its test command")
    assert place.read() == CODE.encode()


def test_a_test_command_that_is_not_there(place: Installation) -> None:
    """Not a result of tests, and the command is named."""
    place.mend(target='tests = "nosuchrunner --all"')

    place.assert_waits("nosuchrunner")


def test_a_suite_that_hangs_outside_its_tests(place: Installation) -> None:
    """Ended by the target's own limit (a test that hangs only fails: search/test_bad_input.py)."""
    place.write("conftest.py", "import time\n\ntime.sleep(600)\n")

    place.mend(target="timeout_s = 3")

    place.assert_waits("timed out", "while collecting", "raise timeout_s")


def test_a_suite_that_kills_its_process(place: Installation) -> None:
    """As a test does that calls os._exit."""
    place.write("test_exit.py", "import os\n\ndef test_exit():\n    os._exit(0)\n")

    place.mend()

    place.assert_waits("crashed", "run the test command by hand")


def test_a_conftest_that_does_not_load(place: Installation) -> None:
    """pytest itself cannot start; its own words are told."""
    place.write("conftest.py", "import nosuchmodule\n")

    place.mend()

    place.assert_waits("crashed", "nosuchmodule")


def test_a_flaky_suite(place: Installation) -> None:
    """What differs between the two runs of the baseline is named and never counted."""
    flip = "import os\n\ndef test_flip():\n    assert os.getuid() % 2\n"
    place.write("test_flip.py", flip)  # two containers side by side have two user ids

    place.mend()

    assert place.last("baseline")["flaky"] == ["test_flip.py::test_flip"]
    assert place.last("applied")["evidence"] == "proven"
    assert place.read() == FIXED.encode()


def test_a_suite_that_is_red_elsewhere(place: Installation) -> None:
    """What failed before may go on failing; the patch has to do its own work."""
    place.write("test_other.py", "def test_other():\n    assert [] == [1]\n")

    place.mend()

    assert place.last("baseline")["failing_count"] == 4
    assert place.last("applied")["evidence"] == "proven"


def test_a_suite_that_is_red_for_no_fault_of_the_module(place: Installation) -> None:
    """No test that fails runs the function: held with what is missing, and nothing is touched."""
    place.write("test_shop.py", "def test_some():\n    assert open('/nothing/here').read()\n")

    place.mend()

    assert [waiting.state for waiting in place.open_work] == [State.HELD]
    assert "Add a test that fails because of this bug" in place.last("held")["reason"]
    assert place.read() == CODE.encode()


@pytest.mark.parametrize(
    "broken",
    ["def restock(count:\n    return 0\n", "import nosuchmodule\n\n\n" + CODE],
    ids=["syntax", "import"],
)
def test_a_module_that_cannot_be_imported(place: Installation, broken: str) -> None:
    """Every test is an error; the note ends with a reason and the file stays as it is."""
    place.write("shop.py", broken)

    place.mend()

    assert place.last("baseline")["failing"] == ["test_shop.py"]
    assert place.read() == broken.encode()
    assert place.open_work == [] or place.open_work[0].state is State.HELD


# Docker goes away


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A way to the engine that can be cut."""
    with a_wire() as made:
        yield made


@LEAKY
@pytest.mark.parametrize("cut_at", [1, 3], ids=["baseline", "search"])
def test_docker_goes_in_the_middle_and_comes_back(
    place: Installation, wire: Wire, cut_at: int
) -> None:
    """No attempt is used up, nothing is believed about the patch, and later it is mended."""
    wire.cut_at = cut_at
    slow = "import time\n\ndef test_slow():\n    time.sleep(2)\n"
    place.write("test_slow.py", slow)

    place.mend(rest=f'[sandbox]\ndocker_host = "unix://{wire.path}"')

    place.assert_waits("no Docker engine answers")
    assert "applied" not in [record.event for record in place.records]
    assert place.read() == CODE.encode()

    config = place.folder / "mendd.toml"
    config.write_text(config.read_text().replace(f"unix://{wire.path}", f"unix://{SOCKET}"))
    place.now += timedelta(hours=1)
    place.work()
    assert place.read() == FIXED.encode()


@LEAKY
def test_no_docker_at_all(place: Installation) -> None:
    """The address that does not answer is named, and what to see to."""
    place.mend(rest=f'[sandbox]\ndocker_host = "unix://{place.folder}/none.sock"')

    place.assert_waits("no Docker engine answers", "Does it run, and may this user reach it?")


# The disk is full


@pytest.fixture
def small_disk(place: Installation) -> Iterator[Path]:
    """The state folder on a disk of its own, of 1 MiB, and full."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    place.state.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place.state)]
    subprocess.run(command, check=True)
    try:
        (place.state / "inbox").mkdir()
        (place.state / "inbox" / "n.json").write_text(json.dumps(NOTE))
        with contextlib.suppress(OSError), (place.state / "filler").open("wb", 0) as file:
            while True:
                file.write(bytes(4096))
        yield place.state / "filler"
    finally:
        subprocess.run(["umount", str(place.state)], check=True)


def test_a_full_disk_is_said_and_nothing_is_lost(place: Installation, small_disk: Path) -> None:
    """The pass ends with exit code 3 and a remedy; once there is space the note is mended."""
    config = place.configure()
    command = [sys.executable, "-m", "daemon.cli", "--config", str(config), "run", "--once"]

    full = subprocess.run(command, capture_output=True, text=True, check=False)
    assert full.returncode == 3
    assert "No space left on device" in full.stderr and "mendd check" in full.stderr
    assert "Traceback" not in full.stderr

    small_disk.unlink()
    freed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert freed.returncode == 0, freed.stderr
    assert place.read() == FIXED.encode()


# Sources with odd bytes


LATIN = "# -*- coding: latin-1 -*-\n# Preise in \xa3\n".encode("latin-1")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CODE.replace("\n", "\r\n").encode(), FIXED.replace("\n", "\r\n").encode()),
        (CODE.replace("    ", "\t").encode(), FIXED.replace("    ", "\t").encode()),
        (b"import math\n\f\n" + CODE.encode(), b"import math\n\f\n" + FIXED.encode()),
        (LATIN + CODE.encode(), LATIN + FIXED.encode()),
        (CODE.rstrip("\n").encode(), FIXED.rstrip("\n").encode()),
        (b"\xef\xbb\xbf" + CODE.encode(), b"\xef\xbb\xbf" + FIXED.encode()),
    ],
    ids=["crlf", "tabs", "form feed", "latin-1", "no final newline", "byte order mark"],
)
def test_a_source_is_mended_byte_for_byte(place: Installation, before: bytes, after: bytes) -> None:
    """Only the code that is wrong changes; line ends, indents and encoding stay as they were."""
    place.write("shop.py", before)

    place.mend()

    assert place.last("applied")["evidence"] == "proven"
    assert place.read() == after
