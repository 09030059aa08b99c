"""A second Docker engine of one's own, which may be killed, filled and measured.

It has its own network and mount namespace, so that it deletes no bridge and unmounts nothing of
the first one; its data, sockets and process ids lie in one folder, its containers in one cgroup.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from sandbox.trial import Limits, Sandbox
from tests.soak.check import CannotRun

START_S, END_S = 30.0, 20.0
NEEDED = ("dockerd", "docker", "unshare")
CGROUPS = Path("/sys/fs/cgroup")


class PrivateEngine:
    """One engine, started and ended as often as wanted."""

    def __init__(self, folder: Path) -> None:
        """`folder` is its alone."""
        self.folder = folder
        self.address = f"unix://{folder}/s"
        self.data = folder / "data"
        self._cgroup = "mendd-" + hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the engine's process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers. Raises CannotRun with the end of its log."""
        self._forget_the_dead()
        command = [
            "unshare", "--net", "--mount", "dockerd", "--data-root", self.data,
            "--exec-root", self.folder / "exec", "--pidfile", self.folder / "pid",
            "--host", self.address, "--bridge=none", "--iptables=false", "--ip6tables=false",
            "--cgroup-parent", f"/{self._cgroup}", "--exec-opt", "native.cgroupdriver=cgroupfs",
        ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = (self.folder / "log").read_text(errors="replace")[-600:]
                raise CannotRun(f"a second Docker engine does not start: {tail}")
            time.sleep(0.1)

    def _forget_the_dead(self) -> None:
        """Remove what a killed engine left behind: the next one believes in process ids, and one
        that nobody collected counts as alive (scripts/engine.sh does the same)."""
        for file in (self.folder / "pid", self.folder / "exec/containerd/containerd.pid"):
            with contextlib.suppress(OSError, ValueError):
                process = Path("/proc") / file.read_text().strip()
                deadline = time.monotonic() + END_S
                while self._owns(process) and time.monotonic() < deadline:
                    time.sleep(0.05)
            file.unlink(missing_ok=True)

    def answers(self) -> bool:
        """Whether it does."""
        return self.docker("version", check=False).returncode == 0

    def kill(self) -> None:
        """As a crash: containers are left to themselves."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As `systemctl stop docker` would: it ends its containers first."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, how)
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def docker(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A docker command on this engine."""
        return subprocess.run(
            ["docker", "--host", self.address, *arguments],
            capture_output=True, text=True, check=check,
        )  # fmt: skip

    def load_base(self) -> None:
        """Copy the base image of trials from the first engine, with its name."""
        first = Sandbox(
            docker_host=None, limits=Limits(), slots=1, state=self.folder, progress=lambda _: None
        )
        base = first._images.base()
        first.close()
        asked = ["docker", "image", "inspect", "--format", "{{index .RepoTags 0}}", base]
        name = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        with subprocess.Popen(["docker", "save", name], stdout=subprocess.PIPE) as saved:
            load = ["docker", "--host", self.address, "load"]
            subprocess.run(load, stdin=saved.stdout, capture_output=True, check=True)

    def containers(self) -> list[str]:
        """All of them, running or not."""
        return self.docker("ps", "-aq").stdout.split()

    def layers(self) -> set[str]:
        """Folders of images' and containers' layers."""
        return {each.name for each in (self.data / "overlay2").glob("*") if each.name != "l"}

    def mounts(self) -> int:
        """Overlay mounts that it holds."""
        return Path(f"/proc/{self.pid}/mounts").read_text().count(" overlay ")

    def processes(self) -> list[int]:
        """Of all its containers, also of those it has forgotten."""
        found: set[int] = set()
        for file in self._cgroups("**/cgroup.procs"):
            with contextlib.suppress(OSError):
                found |= {int(line) for line in file.read_text().split()}
        return sorted(found)

    def _cgroups(self, pattern: str) -> list[Path]:
        roots = [CGROUPS / self._cgroup, *CGROUPS.glob(f"*/{self._cgroup}")]
        return [path for root in roots for path in root.glob(pattern)]

    def remove(self) -> None:
        """End it and all that it started, and its folder."""
        self.stop()
        shims = [int(each.name) for each in Path("/proc").glob("[0-9]*") if self._owns(each)]
        for pid in [*self.processes(), *shims]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)
        for path in sorted(self._cgroups("**/"), key=lambda path: -len(path.parts)):
            with contextlib.suppress(OSError):
                path.rmdir()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _owns(self, process: Path) -> bool:
        """Whether it is a helper of this engine (containerd and its shims)."""
        with contextlib.suppress(OSError):
            return f"{self.folder}/exec/".encode() in (process / "cmdline").read_bytes()
        return False


@contextlib.contextmanager
def private_engine(folder: Path) -> Iterator[PrivateEngine]:
    """One that runs and has the base image. Raises CannotRun where none can be had."""
    if os.geteuid() != 0:
        raise CannotRun("a second Docker engine needs root")
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        raise CannotRun(f"a second Docker engine needs {', '.join(missing)}")
    if len(str(folder)) > 80:  # a socket's path has 107 bytes
        raise CannotRun(f"{folder} is too long for a second engine's sockets")
    folder.mkdir()
    engine = PrivateEngine(folder)
    try:
        engine.start()
        engine.load_base()
        yield engine
    finally:
        engine.remove()
