"""The tree: what is copied, what is not, and a hash that means the contents."""

import os
from pathlib import Path

import pytest

from sandbox import tree as tree_module
from sandbox.errors import UnusableModule
from sandbox.guest.unpack import unpack
from sandbox.tree import Digests, packed, scan_tree


def fill(root: Path, **files: bytes) -> Path:
    """Write files; `__` in a name stands for a slash."""
    for name, data in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def test_equal_contents_have_equal_hashes(tmp_path: Path) -> None:
    """Wherever they stand and whenever they were written."""
    one = fill(tmp_path / "one", a=b"1", b__c=b"2")
    other = fill(tmp_path / "other", b__c=b"2", a=b"1")
    assert scan_tree(one).hash == scan_tree(other).hash
    assert scan_tree(one).files == ("a", "b/c")


def test_a_byte_a_name_or_an_execute_bit_changes_the_hash(tmp_path: Path) -> None:
    """And nothing else does."""
    root = fill(tmp_path / "m", a=b"1", b=b"2")
    hashes = {scan_tree(root).hash}
    (root / "a").write_bytes(b"x")
    hashes.add(scan_tree(root).hash)
    (root / "a").rename(root / "z")
    hashes.add(scan_tree(root).hash)
    (root / "z").chmod(0o755)
    hashes.add(scan_tree(root).hash)
    (root / "z").chmod(0o700)
    assert len(hashes) == 4
    assert scan_tree(root).hash in hashes


@pytest.mark.parametrize(
    "name",
    [
        ".envrc", ".git-credentials", ".pgpass", "_netrc", "id_ecdsa", "a.ppk", "b/prod.tfvars",
        "c/x.tfstate.backup", ".vault-token", ".azure/t", "k.jks", ".git/config", ".env",
        ".env.local", "deep/server.pem", "id_rsa", ".mendd/store.json",
        "x/__pycache__/a.pyc", "a.pyc", ".venv/lib/x.py", "node_modules/x.js", ".ssh/config",
        "secret.key", ".aws/credentials", ".netrc",
    ],
)  # fmt: skip
def test_history_secrets_and_caches_are_left_out(tmp_path: Path, name: str) -> None:
    """Untrusted code never sees them."""
    path = tmp_path / "m" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"secret")
    fill(tmp_path / "m", keep=b"1")
    assert scan_tree(tmp_path / "m").files == ("keep",)


def test_virtual_environments_are_known_by_their_mark(tmp_path: Path) -> None:
    """Whatever they are called."""
    root = fill(tmp_path / "m", myenv__pyvenv=b"", a=b"1")
    (root / "myenv" / "pyvenv.cfg").write_bytes(b"")
    assert scan_tree(root).files == ("a",)


def test_exclude_takes_names_and_paths(tmp_path: Path) -> None:
    """A pattern with a slash means a path below the root."""
    root = fill(tmp_path / "m", a=b"", data__big=b"", sub__data__x=b"", log__a=b"")
    assert scan_tree(root, exclude=["data", "lo*/a"]).files == ("a",)


def test_links_inside_stay_links(tmp_path: Path) -> None:
    """Copied as they are, to files and to nothing."""
    root = fill(tmp_path / "m", b__a=b"1")
    (root / "link").symlink_to("b/a")
    (root / "b" / "up").symlink_to("../link")
    found = {e.path: e.extra for e in scan_tree(root).entries if e.kind == "l"}
    assert found == {"link": "b/a", "b/up": "../link"}


@pytest.mark.parametrize("goal", ["/etc/passwd", "../x", "b/../../x", ".."])
def test_links_that_lead_out_are_refused(tmp_path: Path, goal: str) -> None:
    """Named, with a remedy; excluded ones are fine."""
    root = fill(tmp_path / "m", a=b"1")
    (root / "link").symlink_to(goal)
    with pytest.raises(UnusableModule, match=r"link in .* is a link to .*exclude"):
        scan_tree(root)
    assert scan_tree(root, exclude=["link"]).files == ("a",)


def test_a_missing_or_linked_root_is_refused(tmp_path: Path) -> None:
    """The real folder must be named."""
    (tmp_path / "link").symlink_to(tmp_path)
    for root in (tmp_path / "none", tmp_path / "link"):
        with pytest.raises(UnusableModule, match="no folder"):
            scan_tree(root)


def test_special_files_are_not_copied(tmp_path: Path) -> None:
    """A fifo would block whoever reads it."""
    root = fill(tmp_path / "m", a=b"1")
    os.mkfifo(root / "fifo")
    assert scan_tree(root).files == ("a",)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With advice."""
    monkeypatch.setattr(tree_module, "MAX_FILES", 2)
    with pytest.raises(UnusableModule, match="exclude data folders"):
        scan_tree(fill(tmp_path / "m", a=b"", b=b"", c=b""))


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    """Its hash is taken from the file saved last time; a damaged one only costs time."""
    root = fill(tmp_path / "m", a=b"1", b=b"2")
    cache = tmp_path / "cache.json"
    first = scan_tree(root, digests=Digests.load(cache))
    known = Digests.load(cache)
    known.known["a"][3] = "f" * 64
    assert scan_tree(root, digests=known).hash != first.hash
    (root / "a").write_bytes(b"1")
    assert scan_tree(root, digests=Digests.load(cache)).hash == first.hash
    cache.write_bytes(b"{damaged")
    assert scan_tree(root, digests=Digests.load(cache)).hash == first.hash


def test_a_packed_tree_unpacks_to_the_same_tree(tmp_path: Path) -> None:
    """Folders, links, modes, empty files and odd names."""
    root = fill(tmp_path / "m", a=b"", b__c=b"x" * 100_000)
    (root / "é\udcff ünd").write_bytes(b"1")
    (root / "b" / "run").write_bytes(b"#!")
    (root / "b" / "run").chmod(0o755)
    (root / "empty").mkdir()
    (root / "link").symlink_to("b/c")
    tree = scan_tree(root)
    (tmp_path / "pack").write_bytes(packed(tree))
    (tmp_path / "out").mkdir()
    unpack(str(tmp_path / "pack"), str(tmp_path / "out"))
    assert scan_tree(tmp_path / "out").hash == tree.hash


def test_a_file_that_changed_since_the_scan_is_not_packed(tmp_path: Path) -> None:
    """The snapshot's hash would lie."""
    root = fill(tmp_path / "m", a=b"1")
    tree = scan_tree(root)
    (root / "a").write_bytes(b"2")
    with pytest.raises(UnusableModule, match="being changed"):
        packed(tree)
