"""A module's files as a value: what a snapshot holds, and one hash for all of it.

Left out are version control, caches, virtual environments and what looks like a secret: the
copy that untrusted code sees holds no history, no keys and nothing of mendd's own.
"""

import fnmatch
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sandbox.errors import UnusableModule

PAGE = 4096
MAX_FILES = 100_000
MAX_MIB = 512
LEFT_OUT = (
    *(".git", ".hg", ".svn", ".mendd", "__pycache__", "*.pyc", "*.pyo", "node_modules"),
    *(".venv", "venv", ".tox", ".nox", ".eggs", ".pytest_cache", ".mypy_cache", ".ruff_cache"),
    *(".hypothesis", ".coverage", ".DS_Store", ".idea", ".vscode"),
)
SECRETS = (
    *(".env", ".env.*", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", "*.kdbx", "*.ppk", "*.jks"),
    *("*.keystore", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".ssh", ".gnupg"),
    *(".netrc", "_netrc", ".pypirc", ".npmrc", ".htpasswd", ".pgpass", ".my.cnf", ".vault-token"),
    *(".git-credentials", ".docker", ".dockercfg", ".kube", ".aws", ".azure", ".boto", ".s3cfg"),
    *("*.tfstate", "*.tfstate.*", "*.tfvars"),
)
NATIVE = (".so", ".pyd", ".dylib")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or link; `extra` is a file's SHA-256 or a link's destination."""

    kind: str  # "f", "d", "l"
    path: str
    mode: int  # 0o644 or 0o755, whatever the owner's own bits were
    size: int
    extra: str


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A scanned module. `hash` covers paths, kinds, execute bits and contents, nothing else."""

    root: Path
    files: tuple[str, ...]
    hash: str
    entries: tuple[Entry, ...] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes in all files."""
        return sum(entry.size for entry in self.entries)

    @property
    def paged_mib(self) -> int:
        """Memory that a copy in a tmpfs takes: whole pages, rounded up."""
        return (sum(-(-entry.size // PAGE) * PAGE for entry in self.entries) >> 20) + 1

    @property
    def has_native_code(self) -> bool:
        """Whether it holds libraries to load, which a noexec mount would refuse."""
        return any(path.endswith(NATIVE) or ".so." in path for path in self.files)


@dataclass
class Digests:
    """File hashes known from earlier scans, so that an unchanged file is not read again.

    A file counts as unchanged when its change time, size and inode are the same: unlike the
    modification time, the change time cannot be set back.
    """

    file: Path | None = None
    known: dict[str, list[int | str]] = field(default_factory=dict)

    @classmethod
    def load(cls, file: Path) -> "Digests":
        """What was saved there; empty when it is missing or damaged (it only saves time)."""
        try:
            known = json.loads(file.read_bytes())
        except (OSError, ValueError):
            known = {}
        return cls(file, known if isinstance(known, dict) else {})

    def save(self) -> None:
        """Replace the saved file."""
        if self.file is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            beside = self.file.with_name(self.file.name + f".{os.getpid()}.tmp")
            beside.write_text(json.dumps(self.known, separators=(",", ":")), encoding="utf-8")
            beside.replace(self.file)


def scan_tree(root: Path, *, exclude: Sequence[str] = (), digests: Digests | None = None) -> Tree:
    """Read a module's files; `exclude` holds further patterns (a name, or a path below root).

    Raises UnusableModule for a missing or linked root, a link that leads out of it, and more
    than MAX_FILES files or MAX_MIB of them.
    """
    if root.is_symlink() or not root.is_dir():
        raise UnusableModule(f"{root} is no folder (a link counts as none): name the real folder")
    scan = _Scan(root, (*LEFT_OUT, *SECRETS, *exclude), digests or Digests())
    entries = tuple(sorted(scan.walk(""), key=lambda entry: entry.path))
    if digests is not None and scan.changed(entries):
        digests.save()
    whole = hashlib.sha256()
    for entry in entries:
        line = f"{entry.kind}\0{entry.path}\0{entry.mode:o}\0{entry.extra}\n"
        whole.update(line.encode("utf-8", "surrogateescape"))
    files = tuple(entry.path for entry in entries if entry.kind == "f")
    return Tree(root=root, files=files, hash=whole.hexdigest(), entries=entries)


class _Scan:
    """One walk over a module."""

    def __init__(self, root: Path, left_out: Sequence[str], digests: Digests) -> None:
        self.root = root
        self.names = {p for p in left_out if not any(c in p for c in "*?[/")}
        self.patterns = [p for p in left_out if any(c in p for c in "*?[/")]
        self.matching = [fnmatch.translate(p) for p in self.patterns if "/" not in p]
        self.digests = digests
        self.seen: dict[str, list[int | str]] = {}
        self.files = self.bytes = 0

    def walk(self, folder: str) -> Iterator[Entry]:
        with os.scandir(self.root / folder) as found:
            children = list(found)
        for child in children:
            path = f"{folder}/{child.name}" if folder else child.name
            if self.is_left_out(child.name, path):
                continue
            status = child.stat(follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                yield self.link(path)
            elif stat.S_ISDIR(status.st_mode):
                if not (self.root / path / "pyvenv.cfg").exists():
                    yield Entry("d", path, 0o755, 0, "")
                    yield from self.walk(path)
            elif stat.S_ISREG(status.st_mode):
                yield self.regular(path, status)

    def is_left_out(self, name: str, path: str) -> bool:
        return name in self.names or any(
            fnmatch.fnmatchcase(path if "/" in pattern else name, pattern)
            for pattern in self.patterns
        )

    def link(self, path: str) -> Entry:
        goal = str((self.root / path).readlink())
        inside = os.path.normpath(PurePosixPath(path).parent / goal)
        if goal.startswith("/") or inside == ".." or inside.startswith("../"):
            raise UnusableModule(
                f"{path} in {self.root} is a link to {goal}, outside the module: exclude it"
            )
        return Entry("l", path, 0o755, 0, goal)

    def regular(self, path: str, status: os.stat_result) -> Entry:
        self.files += 1
        self.bytes += status.st_size
        if self.files > MAX_FILES or self.bytes > MAX_MIB << 20:
            raise UnusableModule(
                f"{self.root} holds more than {MAX_FILES} files or {MAX_MIB} MiB: "
                "exclude data folders, or name a smaller folder"
            )
        mark: list[int | str] = [status.st_ctime_ns, status.st_size, status.st_ino]
        known = self.digests.known.get(path)
        digest = str(known[3]) if known and known[:3] == mark else self.digest(path)
        self.seen[path] = [*mark, digest]
        mode = 0o755 if status.st_mode & 0o100 else 0o644
        return Entry("f", path, mode, status.st_size, digest)

    def digest(self, path: str) -> str:
        return hashlib.sha256(read_file(self.root, path)).hexdigest()

    def changed(self, entries: Sequence[Entry]) -> bool:
        """Take over what was seen; whether anything differs from what was known."""
        differs = self.seen != self.digests.known
        self.digests.known = self.seen
        return differs


def read_file(root: Path, path: str) -> bytes:
    """A regular file's bytes, never through a link at its end."""
    try:
        handle = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            return file.read()
    except OSError as fault:
        raise UnusableModule(f"{path} in {root} cannot be read: {fault.strerror}") from fault


def packed(tree: Tree) -> bytes:
    """The tree as one file, as sandbox/guest/unpack.py reads it.

    Raises UnusableModule when a file is no longer what was scanned: then scan again.
    """
    index = [[e.kind, e.path, e.mode, e.extra if e.kind == "l" else e.size] for e in tree.entries]
    return json.dumps(index).encode() + b"\n" + b"".join(contents(tree))


def contents(tree: Tree) -> Iterator[bytes]:
    """Every file's bytes in order, checked against the scan."""
    for entry in tree.entries:
        if entry.kind == "f":
            data = read_file(tree.root, entry.path)
            if hashlib.sha256(data).hexdigest() != entry.extra:
                raise UnusableModule(f"{entry.path} in {tree.root} is being changed right now")
            yield data
