"""The image layers of a trial: base, dependencies, and the module's snapshot.

Each is found again by a label that holds the hash of everything it was made from, and used by
its id. The tags exist only so that `docker image prune` leaves the layers alone.
"""

import hashlib
import io
import tarfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sandbox import base, requirements
from sandbox.container import Docker
from sandbox.errors import ImageUnavailable
from sandbox.tree import Tree, contents, packed

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GUEST = Path(__file__).with_name("guest")
BUILD = "2"  # part of the key of all that pip installs: raise it when `_installed` does otherwise
LAYOUT = "2"  # part of a snapshot's key: raise it when `snapshot_tar` lays things out anew


class Images:
    """Builds layers once and finds them again."""

    def __init__(
        self, docker: Docker, *, registry_image: str | None, workspace: Path, label: str,
        progress: Callable[[str], None],
    ) -> None:  # fmt: skip
        """`workspace` holds files while building; `label` marks containers for the sweep."""
        self._docker, self._registry_image = docker, registry_image
        self._workspace, self._label, self._progress = workspace, label, progress
        self._lock = threading.Lock()

    def base(self) -> str:
        """Python and pytest; built the first time, in about a minute."""
        with self._lock:
            if self._registry_image:
                return self._registry_base(self._registry_image)
            key = hash_of("debian", base.RECIPE, *base.PACKAGES)
            return self._docker.image_with(f"mendd.key={key}") or self._debian_base(key)

    def _debian_base(self, key: str) -> str:
        changes = [f"ENV PATH={PATH}", *label_changes("base", key, "debian")]
        with base.debian_tar(self._progress, self._workspace) as tar:
            return self._docker.import_image(tar, tag=f"mendd/base:{key[:16]}", changes=changes)

    def _registry_base(self, name: str) -> str:
        self._progress(f"using the registry image {name}")
        pulled = self._docker.pull(name)
        key = hash_of("registry", BUILD, base.RECIPE, pulled, base.PYTEST)
        install = requirements.Wanted(lines=(base.PYTEST,))
        return self._docker.image_with(f"mendd.key={key}") or self._installed(
            pulled, install, key, label_changes("base", key, name), f"mendd/base:{key[:16]}"
        )

    def dependencies(
        self, module_root: Path, files: Sequence[str] | None, python: str | None
    ) -> str:
        """The base plus what the module's requirement files ask for; the base if nothing.

        `files` None: the one that is found in the module, if any.
        """
        below = self.base()
        named = requirements.found(module_root) if files is None else files
        wanted = requirements.read(module_root, named)
        if not wanted.lines:
            return below
        key = hash_of("dependencies", BUILD, below, python or "", *wanted.lines)
        with self._lock:
            return self._docker.image_with(f"mendd.key={key}") or self._installed(
                below, wanted, key, label_changes("dependencies", key), f"mendd/deps:{key[:16]}",
                python=python,
            )  # fmt: skip

    def _installed(
        self, below: str, wanted: requirements.Wanted, key: str, changes: list[str], tag: str,
        python: str | None = None,
    ) -> str:  # fmt: skip
        """Run pip over the layer below, with network, and keep the result."""
        self._progress(f"installing {len(wanted.lines)} requirements (once for this list)")
        with requirements.staged(wanted, self._workspace / f"build-{key[:16]}") as build:
            container = self._docker.scratch(
                below, {"mendd.state": self._label},
                command=build.command(python or "python3"), network_mode="host",
                tmpfs={"/run": ""}, mounts=build.mounts, mem_limit="2g", pids_limit=512, init=True,
                cap_drop=["ALL"], cap_add=["CHOWN", "DAC_OVERRIDE", "FOWNER"],
                security_opt=["no-new-privileges"],
            )  # fmt: skip
            try:
                self._docker.start(container)
                if self._docker.wait(container, base.BUILD_S):
                    words = self._docker.log_tail(container)
                    raise ImageUnavailable(
                        "the module's requirements do not install; correct them or the setting "
                        f"`requirements` (['-'] installs none). pip's words:\n{words}"
                    )
                return self._docker.commit(container, tag=tag, changes=changes)
            finally:
                self._docker.remove(container)

    def snapshot(self, below: str, tree: Tree, *, name: str, writable: bool) -> str:
        """The layer below plus our guest files and the module's tree.

        A writable tree travels as one packed file, a read-only one as files in `/module`.
        """
        key = hash_of("snapshot", LAYOUT, below, guest_hash(), tree.hash, str(writable))
        with self._lock:
            return self._docker.image_with(f"mendd.key={key}") or self._filled(
                below, snapshot_tar(tree, writable=writable), f"mendd/snapshot:{key[:16]}",
                [
                    *label_changes("snapshot", key),
                    f'LABEL mendd.module="{module_label(self._label, name)}"',
                    f'LABEL mendd.owner="{self._label}"',
                ],
            )  # fmt: skip

    def _filled(self, below: str, tar: bytes, tag: str, changes: list[str]) -> str:
        container = self._docker.scratch(below, {"mendd.state": self._label})
        try:
            self._docker.upload(container, tar)
            return self._docker.commit(container, tag=tag, changes=changes)
        finally:
            self._docker.remove(container)

    def prune(self, name: str, *, spare: str, keep: int) -> int:
        """Remove a module's snapshots but the newest few and `spare`; how many went."""
        ours = self._docker.images(f"mendd.module={module_label(self._label, name)}")
        others = [image for image in ours if image["Id"] != spare]
        return self._prune(others, keep - 1)

    def prune_all(self, keep: int) -> int:
        """The same for every module of this installation; nobody else's images are touched."""
        by_module: dict[str, list[dict[str, Any]]] = {}
        for image in self._docker.images(f"mendd.owner={self._label}"):
            by_module.setdefault(image["Labels"]["mendd.module"], []).append(image)
        return sum(self._prune(images, keep) for images in by_module.values())

    def _prune(self, images: list[dict[str, Any]], keep: int) -> int:
        """`images` come newest first; one that a container still uses stays."""
        return sum(self._docker.remove_image(str(image["Id"])) for image in images[keep:])


def hash_of(*parts: str) -> str:
    """One hash for what a layer is made from."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def module_label(owner: str, name: str) -> str:
    """An installation's module as a label value that no name can break out of."""
    return hash_of("module", owner, name)[:16]


def label_changes(layer: str, key: str, source: str = "") -> list[str]:
    """Dockerfile lines that make an image findable."""
    return [
        f'LABEL mendd.layer="{layer}"',
        f'LABEL mendd.key="{key}"',
        f'LABEL mendd.source="{source}"',
    ]


def guest_files() -> list[Path]:
    """Our own files that go into every snapshot."""
    return sorted(GUEST.glob("*.py"))


def guest_hash() -> str:
    """One hash for them, part of a snapshot's key."""
    return hash_of(*(f"{file.name}\0{file.read_text(encoding='utf-8')}" for file in guest_files()))


def snapshot_tar(tree: Tree, *, writable: bool) -> bytes:
    """The snapshot layer; every time in it is zero, so equal trees give equal layers."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for folder in ("mendd", "mendd/mendd_guest"):
            add(tar, "d", folder, 0o755)
        # runc gives a tmpfs the mode of the folder it covers, whatever the mount options say
        add(tar, "d", "module", 0o1777 if writable else 0o755)
        for file in guest_files():
            add(tar, "f", f"mendd/mendd_guest/{file.name}", 0o644, file.read_bytes())
        if writable:
            add(tar, "f", "mendd/tree.pack", 0o644, packed(tree))
        else:
            add_tree(tar, tree)
    return buffer.getvalue()


def add_tree(tar: tarfile.TarFile, tree: Tree) -> None:
    """Every entry of the tree below `module/`."""
    bodies = contents(tree)
    for entry in tree.entries:
        body = next(bodies) if entry.kind == "f" else b""
        add(tar, entry.kind, f"module/{entry.path}", entry.mode, body, entry.extra)


def add(
    tar: tarfile.TarFile, kind: str, path: str, mode: int, body: bytes = b"", goal: str = ""
) -> None:
    """One member, owned by root."""
    member = tarfile.TarInfo(path)
    member.mode = mode
    member.type = {"d": tarfile.DIRTYPE, "f": tarfile.REGTYPE, "l": tarfile.SYMTYPE}[kind]
    member.size = len(body)
    member.linkname = goal if kind == "l" else ""
    tar.addfile(member, io.BytesIO(body) if kind == "f" else None)
