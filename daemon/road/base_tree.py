"""Gets the tree back that a certificate was made on: as it is, with the patch out, or from git.

Nothing here is believed: whatever a way yields counts only if its content hash is the one in the
certificate. Blobs are read raw, so no filter of the repository's configuration runs.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.certificate import Certificate
from daemon.changes.gitrepo import GitFailed, Repository, find_repository, index_path
from sandbox.errors import UnusableModule
from sandbox.patch import Hunk, Patch, PatchError, bodies, patched
from sandbox.tree import Entry, Tree, read_file, scan_tree

LINK = 0o120000


@dataclass(frozen=True, kw_only=True)
class Base:
    """Where the base tree stands, and how it was come by."""

    root: Path
    how: str


@dataclass(frozen=True, kw_only=True)
class File:
    """A file (or link, by its mode) that differs from the target as it is now."""

    data: bytes
    mode: int  # 0o644, 0o755 or LINK


Changes = Mapping[str, File | None]
"""What differs from the target as it is now; None where there was no file."""


def find_base(
    certificate: Certificate,
    root: Path,
    *,
    exclude: Sequence[str],
    commits: Iterable[str],
    folder: Path,
) -> Base | None:
    """The certificate's base tree, in `root` itself or made in `folder`; None if it cannot be had.

    `commits` are those that applied the patch: the tree before them is tried. Raises
    UnusableModule when the target cannot be read.
    """
    now = scan_tree(root, exclude=exclude)
    if now.hash == certificate.base_tree:
        return Base(root=root, how="the target as it is now")
    for how, changes in _ways(certificate, now, commits):
        _make(now, changes, folder)
        if _hash(folder, exclude) == certificate.base_tree:
            return Base(root=folder, how=how)
    return None


def reversed_patch(hunks: Sequence[Hunk]) -> Patch:
    """The patch that takes these hunks out of a file that holds them."""
    turned = []
    for hunk in hunks:
        before = [
            o for o in hunks if o.filename == hunk.filename and o.first_line < hunk.first_line
        ]
        first = hunk.first_line + sum(_growth(other) for other in before)
        turned.append(
            Hunk(
                filename=hunk.filename,
                first_line=first,
                last_line=first + len(bodies(hunk.replacement)) - 1,
                original=hunk.replacement,
                replacement=hunk.original,
            )
        )
    return Patch(hunks=tuple(turned), rationale="taken out")


def hunks_of(certificate: Certificate) -> tuple[Hunk, ...]:
    """The certificate's patch."""
    return tuple(Hunk(**hunk) for hunk in certificate.patch)


def _growth(hunk: Hunk) -> int:
    return len(bodies(hunk.replacement)) - (hunk.last_line - hunk.first_line + 1)


def _ways(
    certificate: Certificate, now: Tree, commits: Iterable[str]
) -> Iterator[tuple[str, Changes]]:
    without = _without_patch(certificate, now)
    if without is not None:
        yield "the target as it is now, with the patch taken out", without
        test = certificate.reproduction_test
        if test is not None and _holds(now, test["filename"], test["code"].encode()):
            words = "the target as it is now, with the patch and its test taken out"
            yield words, {**without, test["filename"]: None}
    for commit in commits:
        changes = _before_commit(now, commit)
        if changes is not None:
            yield f"git, as it was before commit {commit[:12]}", changes


def _without_patch(certificate: Certificate, now: Tree) -> Changes | None:
    """The target without the patch; None where the patch does not stand as it was made."""
    hunks = hunks_of(certificate)
    modes = {entry.path: entry.mode for entry in now.entries}
    new = {
        hunk.filename
        for hunk in hunks
        if (hunk.first_line, hunk.last_line, hunk.original) == (1, 0, "")
        and _holds(now, hunk.filename, hunk.replacement.encode())
    }
    kept = [hunk for hunk in hunks if hunk.filename not in new]
    try:
        before = patched(reversed_patch(kept), lambda name: _read(now, name)) if kept else {}
    except (PatchError, UnusableModule):
        return None
    changed = {name: File(data=data, mode=modes.get(name, 0o644)) for name, data in before.items()}
    return {**changed, **dict.fromkeys(new)}


def _read(now: Tree, name: str) -> bytes | None:
    return read_file(now.root, name) if name in now.files else None


def _holds(now: Tree, name: str, data: bytes) -> bool:
    try:
        return _read(now, name) == data
    except UnusableModule:
        return False


def _before_commit(now: Tree, commit: str) -> Changes | None:
    """What differed in the tracked files before this commit; untracked ones stay as they are."""
    try:
        repository = find_repository(now.root)
        parent = repository.commit_id(f"{commit}^") if repository else None
        if repository is None or parent is None:
            return None
        then = _tracked(repository, now.root, parent)
        tracked_now = _tracked(repository, now.root, "HEAD")
        known = {e.path: e for e in now.entries if e.kind != "d"}
        wanted = {
            name: (mode, blob)
            for name, (mode, blob) in then.items()
            if _differs(now.root, known.get(name), mode, blob)
        }
        data = _blobs(repository, [blob for _, blob in wanted.values()])
    except (GitFailed, OSError, UnusableModule):
        return None
    gone: Changes = {name: None for name in tracked_now if name not in then}
    return {
        **gone,
        **{name: File(data=data[blob], mode=mode) for name, (mode, blob) in wanted.items()},
    }


def _tracked(repository: Repository, root: Path, revision: str) -> dict[str, tuple[int, str]]:
    """Name below the root -> mode and blob, of every file a commit holds there."""
    prefix = index_path(root, "", repository).rstrip("/")
    where = ["--", f"{prefix}/"] if prefix else []
    listing = repository.git("ls-tree", "-r", "-z", "--full-tree", revision, *where)
    found = {}
    for line in listing.split(b"\0"):
        about, _, path = line.partition(b"\t")
        words = about.decode("ascii").split()
        if len(words) == 3 and words[1] == "blob":
            name = os.fsdecode(path).removeprefix(f"{prefix}/" if prefix else "")
            mode = LINK if words[0] == "120000" else int(words[0], 8) & 0o755
            found[name] = (mode, words[2])
    return found


def _differs(root: Path, entry: Entry | None, mode: int, blob: str) -> bool:
    if entry is None or mode != (LINK if entry.kind == "l" else entry.mode):
        return True
    data = os.fsencode(entry.extra) if mode == LINK else read_file(root, entry.path)
    algorithm = hashlib.sha1 if len(blob) == 40 else hashlib.sha256
    return algorithm(b"blob %d\0" % len(data) + data).hexdigest() != blob


def _blobs(repository: Repository, names: Sequence[str]) -> dict[str, bytes]:
    """Each blob's bytes, raw, from one git process."""
    if not names:
        return {}
    out = repository.git("cat-file", "--batch", data="".join(f"{n}\n" for n in names).encode())
    found, position = {}, 0
    for name in names:
        end = out.index(b"\n", position)
        size = int(out[position:end].split()[2])
        found[name] = out[end + 1 : end + 1 + size]
        position = end + 1 + size + 1
    return found


def _make(now: Tree, changes: Changes, folder: Path) -> None:
    """Write the target as it is now, with the changes, into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    emptied = {str(Path(name).parent) for name, file in changes.items() if file is None}
    for entry in now.entries:
        path = folder / entry.path
        if entry.kind == "d":
            path.mkdir(parents=True, exist_ok=True)
        elif entry.path not in changes:
            link = entry.kind == "l"
            data = os.fsencode(entry.extra) if link else read_file(now.root, entry.path)
            _write(path, File(data=data, mode=LINK if link else entry.mode))
    for name, file in changes.items():
        if file is not None:
            _write(folder / name, file)
    for name in sorted(emptied, key=len, reverse=True):
        _remove_empty(folder, folder / name)


def _write(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if file.mode == LINK:
        path.symlink_to(os.fsdecode(file.data))
        return
    path.write_bytes(file.data)
    path.chmod(file.mode)


def _remove_empty(top: Path, folder: Path) -> None:
    """Take away folders that only a removed file had kept."""
    while folder != top and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _hash(folder: Path, exclude: Sequence[str]) -> str:
    try:
        return scan_tree(folder, exclude=exclude).hash
    except UnusableModule:
        return ""
