"""Writing where nobody should, running what was written, and filling the space there is."""

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.attacks.attack import REACHED, Attack, opened, refusal, refusals, system_call

MIB = 1 << 20
SPACE = ("/tmp", "/module", "/dev/shm")
LOADER = "/lib64/ld-linux-x86-64.so.2"
SOCKETS = ("docker.sock", "containerd/containerd.sock", "podman/podman.sock", "crio/crio.sock")


def system_files() -> str:
    """Files by which a system is taken over."""
    names = ("passwd", "hosts", "resolv.conf", "shadow", "hostname", "ld.so.cache")
    return refusals(opened(f"/etc/{name}", os.O_WRONLY) for name in names)


def new_files() -> str:
    """Files where there were none, all over the root file system."""
    folders = (
        "/",
        "/etc",
        "/usr/bin",
        "/var/tmp",
        "/run",
        "/root",
        "/home",
        "/opt",
        "/srv",
        "/var",
    )
    return refusals(
        refusal(os.open, f"{folder}/x", os.O_WRONLY | os.O_CREAT)
        for folder in folders
        if Path(folder).is_dir()
    )


def writable_places() -> str:
    """Every folder that takes a file, beside the tree and /proc; only the uppermost ones."""
    found: list[str] = []
    for where, folders, _ in os.walk("/"):
        if where == "/":
            folders[:] = [name for name in folders if name not in ("proc", "module")]
        if os.access(where, os.W_OK):
            found.append(where)
            folders.clear()
    return " ".join(sorted(found))


def device_files() -> str:
    """Making one (disks, memory, the tty of the host), and what there is already."""

    def made(number: int) -> str:
        try:
            return refusal(os.mknod, "/tmp/node", stat.S_IFBLK | 0o666, number)
        finally:
            Path("/tmp/node").unlink(missing_ok=True)

    return refusals(map(made, (os.makedev(8, 0), os.makedev(253, 0), os.makedev(1, 1))))


def devices() -> str:
    """The devices at hand are the harmless ones."""
    harmless = {"full", "null", "random", "tty", "urandom", "zero", "console"}
    found = {
        each.name
        for each in Path("/dev").iterdir()
        if not each.is_symlink() and (each.is_char_device() or each.is_block_device())
    }
    return " ".join(sorted(found - harmless)) or "harmless"


@contextlib.contextmanager
def program(folder: str) -> Iterator[str]:
    """A program of one's own there."""
    path = folder + "/prog"
    shutil.copy("/bin/true", path)
    Path(path).chmod(0o755)
    try:
        yield path
    finally:
        Path(path).unlink()


def run_from_space() -> str:
    """Started the plain way."""
    met = []
    for folder in SPACE:
        if not os.access(folder, os.W_OK):
            continue
        with program(folder) as path:
            met.append(refusal(subprocess.run, [path], check=False))
    return refusals(met)


def run_around() -> str:
    """By the loader, by descriptor, and as a library: mapping it for execution is refused."""
    with program("/tmp") as path:
        by_loader = subprocess.run([LOADER, path], capture_output=True, check=False).stderr
        handle = os.open(path, os.O_RDONLY)
        by_handle = refusal(
            subprocess.run, [f"/proc/self/fd/{handle}"], pass_fds=[handle], check=False
        )
        os.close(handle)
        library = shutil.copy("/lib/x86_64-linux-gnu/libm.so.6", "/tmp/lib.so")
        loaded = refusal_text(lambda: ctypes.CDLL(library))
        Path(library).unlink()
    texts = [by_loader.decode(), loaded]
    held = all("failed to map segment" in text for text in texts)
    return by_handle if held else f"{by_handle} {texts}"


def refusal_text(call: Callable[[], object]) -> str:
    """The words of the error."""
    try:
        call()
    except OSError as fault:
        return str(fault)
    return REACHED


def run_from_memory() -> str:
    """A file that is only memory would know no noexec."""
    name = ctypes.create_string_buffer(b"x")
    return refusal(system_call, "memfd_create", ctypes.addressof(name), 0)


def engine_sockets() -> str:
    """The engine's door."""
    found = [
        f"{folder}/{name}"
        for folder in ("/var/run", "/run")
        for name in SOCKETS
        if Path(folder, name).exists()
    ]
    with socket.socket(socket.AF_UNIX) as made:
        met = refusal(made.connect, "/var/run/docker.sock")
    return " ".join(found) or met


def filled(folder: str) -> str:
    """Files of 8 MiB until no more fits; the error, and the MiB that there were."""
    held = 0
    try:
        for number in range(200):
            with Path(folder, f"fill{number}").open("wb") as file:
                held += file.write(bytes(8 * MIB))
    except OSError as fault:
        return f"{fault.strerror}" if held < 80 * MIB else f"{held >> 20} MiB"
    finally:
        for each in Path(folder).glob("fill*"):
            each.unlink()
    return f"{held >> 20} MiB"


def fill_everything() -> str:
    """Every tmpfs at once stays below the memory limit, so nothing is killed."""
    places = [folder for folder in SPACE if os.access(folder, os.W_OK)]
    held = []
    try:
        for folder in places:
            with contextlib.suppress(OSError):
                for number in range(200):
                    held.append(Path(folder, f"all{number}"))
                    held[-1].write_bytes(bytes(4 * MIB))
        return "ENOSPC, alive" if len(held) < 100 else "no end"
    finally:
        for each in held:
            each.unlink(missing_ok=True)


def inodes() -> str:
    """Empty files until no more fits."""
    folder = Path("/tmp/inodes")
    folder.mkdir()
    try:
        for number in range(40_000):
            os.close(os.open(f"{folder}/{number}", os.O_CREAT | os.O_WRONLY))
    except OSError as fault:
        return "ENOSPC" if fault.errno == 28 else str(fault)
    finally:
        shutil.rmtree(folder)
    return "40,000 files"


def overlay() -> str:
    """The root file system takes nothing."""
    return refusals(
        refusal(os.open, path, os.O_WRONLY | os.O_CREAT)
        for path in ("/fill", "/var/tmp/fill", "/usr/lib/fill")
    )


def big_file(size: int, *, sparse: bool) -> str:
    """One file of that size."""
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with Path("/tmp/big").open("wb") as file:
            if sparse:
                return refusal(file.truncate, size)
            return refusal(lambda: [file.write(bytes(MIB)) for _ in range(size // MIB)])
    except OSError as fault:
        return fault.strerror or ""
    finally:
        signal.signal(signal.SIGXFSZ, kept)
        Path("/tmp/big").unlink()


def raise_limits() -> str:
    """One's own limits, higher."""
    met = []
    for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        hard = resource.getrlimit(kind)[1]
        try:
            resource.setrlimit(kind, (hard + 1, hard + 1))
            met.append(REACHED)
        except (ValueError, PermissionError) as fault:
            met.append("EPERM" if "not allowed" in str(fault) else str(fault))
    return refusals(met)


def open_files() -> str:
    """Descriptors until no more are given."""
    held: list[int] = []
    try:
        while len(held) < 5000:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as fault:
        return "EMFILE" if fault.errno == 24 else str(fault)
    finally:
        for each in held:
            os.close(each)
    return "5,000 files"


ROOT, NOEXEC = "read-only root", "noexec"
ATTACKS = (
    Attack("write passwd, hosts, resolv.conf", "EACCES", ROOT, system_files, 11),
    Attack("new files on the root", "EACCES EROFS", ROOT, new_files),
    Attack("writable folders beside the tree", "/dev/mqueue /dev/shm /tmp", ROOT, writable_places),
    Attack("device files", "EPERM", "no capability", device_files),
    Attack("devices at hand", "harmless", "Docker's device list", devices),
    Attack("run a program from a tmpfs", "EACCES", NOEXEC, run_from_space, 14),
    Attack("… by loader, descriptor, library", "EACCES", NOEXEC, run_around),
    Attack("memfd_create then exec", "EPERM", "our seccomp profile", run_from_memory, 15),
    Attack("engine sockets", "ENOENT", "never mounted", engine_sockets, 16),
    Attack("fill /tmp", "No space left on device", "tmpfs size", lambda: filled("/tmp"), 21),
    Attack("fill /dev/shm", "No space left on device", "shm size", lambda: filled("/dev/shm")),
    Attack("fill every tmpfs at once", "ENOSPC, alive", "their sum below memory",
           fill_everything, 22),
    Attack("fill the overlay", "EROFS", ROOT, overlay, 23),
    Attack("inode bomb", "ENOSPC", "nr_inodes", inodes, 24),
    Attack("one big file", "EFBIG", "fsize", lambda: big_file(64 * MIB, sparse=False), 25),
    Attack("sparse file of 1 TiB", "EFBIG", "fsize", lambda: big_file(1 << 40, sparse=True), 25),
    Attack("raise own limits", "EPERM", "no capability", raise_limits),
    Attack("open files", "EMFILE", "nofile", open_files),
)  # fmt: skip
