"""The base image: Python and pytest, from a registry where one is named, else from Debian.

Without a registry the image is debootstrap's smallest system with Debian's own python3, pytest
and pip, fetched from the mirror that this host's apt uses. Needs root, 40 s and 300 MiB once.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sandbox.errors import ImageUnavailable

RECIPE = "1"  # part of the image's key: raise it when this file builds something else
PACKAGES = ("python3", "python3-pytest", "python3-pip")
PYTEST = "pytest>=8,<10"  # put into a registry image that has none
TRIMMED = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
)
BUILD_S = 1800


def mirror() -> tuple[str, str]:
    """Address and suite of this host's first apt source; ImageUnavailable when it has none."""
    command = [
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI) $(RELEASE)",
        "Created-By: Packages",
    ]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as fault:
        raise ImageUnavailable(
            "no base image: this host has no apt to take Debian from, and no registry image is "
            f"set. Set one that holds Python and pytest. ({fault})"
        ) from fault
    lines = listed.stdout.split("\n")
    if not lines[0].strip():
        raise ImageUnavailable("no base image: apt here has no sources; run `apt-get update`")
    address, suite = lines[0].split()
    return address, suite


@contextmanager
def debian_tar(progress: Callable[[str], None], workspace: Path) -> Iterator[IO[bytes]]:
    """A tar stream of a minimal Debian with Python and pytest."""
    if shutil.which("debootstrap") is None:
        raise ImageUnavailable(
            "no base image: debootstrap is missing (install it, or set a registry image)"
        )
    address, suite = mirror()
    workspace.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="base-", dir=workspace) as folder:
        root = Path(folder) / "root"
        progress(f"building the base image from Debian {suite} (once, about a minute)")
        debootstrap(root, suite, address)
        for path in TRIMMED:
            shutil.rmtree(root / path, ignore_errors=True)
        command = ["tar", "--numeric-owner", "-C", str(root), "-c", "."]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as packing:
            assert packing.stdout is not None
            yield packing.stdout
            packing.stdout.read()
            if packing.wait() != 0:
                raise ImageUnavailable("no base image: packing the Debian system failed")


def debootstrap(root: Path, suite: str, address: str) -> None:
    """Run it; ImageUnavailable with its last words when it fails."""
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    try:
        subprocess.run(
            [*command, suite, str(root), address],
            check=True, capture_output=True, text=True, timeout=BUILD_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.CalledProcessError as fault:
        words = "\n".join((fault.stdout + fault.stderr).splitlines()[-5:])
        raise ImageUnavailable(
            f"no base image: debootstrap failed (it needs root): {words}"
        ) from fault
    except subprocess.TimeoutExpired as fault:
        raise ImageUnavailable(f"no base image: debootstrap took over {BUILD_S} s") from fault
