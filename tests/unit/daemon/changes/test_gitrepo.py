"""Changes as commits: only the files named, nobody's work touched, no foreign program run."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from daemon.apply import (
    Applied,
    CannotApply,
    Change,
    ChangedMeanwhile,
    RevertConflict,
    Reverted,
    StoppedByKillSwitch,
    apply_change,
    forget,
    recover,
    revert_change,
)
from daemon.changes import carry_out, gitindex, swap
from daemon.changes.gitrepo import GitFailed
from tests.changing import CLEAN


def git(top, *arguments, ok=True):
    """What a person's git says."""
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *arguments],
        cwd=top,
        env=CLEAN,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not ok or done.returncode == 0, done.stderr
    return done.stdout


def repository(top, files):
    """A repository with one commit."""
    top.mkdir(parents=True, exist_ok=True)
    git(top, "init", "-q", "-b", "main")
    for name, data in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(data)
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "start")
    return top


FILES = {"cart.py": b"old\n", "shop/price.py": b"old price\n", "other.py": b"other\n"}


class Place:
    """A repository with the state folder beside it."""

    def __init__(self, folder):
        self.top = repository(folder / "module", FILES)
        self.state = folder / "state"
        self.journal = self.state / "journal"

    def apply(self, mode="git-in-place", root=None, killed=lambda: False, **changes):
        """A change of cart.py to `new`, or of the files given as name=(before, after)."""
        files = changes.get("files", {"cart.py": (b"old\n", b"new\n")})
        change = Change(
            id=changes.get("id", "p-1"),
            root=root or self.top,
            before={name: pair[0] for name, pair in files.items()},
            after={name: pair[1] for name, pair in files.items()},
            message=changes.get("message", "mend the cart\n\nbecause\n\nMendd-Reflection: r-1\n"),
            branch=changes.get("branch", ""),
            onto=changes.get("onto"),
        )
        return apply_change(
            change, mode=mode, backups=self.state / "b", journal=self.journal, killed=killed
        )

    def revert(self, applied):
        """Take it back."""
        return revert_change(applied, reason="no", journal=self.journal, killed=lambda: False)

    def leftovers(self):
        """Files of ours that should not be there."""
        return [
            path
            for path in (*self.top.rglob("*mendd*"), *self.top.rglob("*.lock"))
            if not {"refs", "logs"} & set(path.parts)
        ]


@pytest.fixture
def place(tmp_path):
    """A fresh repository."""
    return Place(tmp_path)


def test_a_commit_on_the_checked_out_branch_holds_exactly_the_change(place):
    """File, index and HEAD agree afterwards; author, message and parent are right."""
    parent = git(place.top, "rev-parse", "HEAD").strip()

    done = place.apply()

    assert isinstance(done, Applied)
    assert done.mode == "in-place"
    assert done.branch == "refs/heads/main"
    assert git(place.top, "rev-parse", "HEAD").strip() == done.commit
    assert git(place.top, "rev-parse", "HEAD^").strip() == parent
    assert git(place.top, "show", "--format=", "--name-only").split() == ["cart.py"]
    assert (place.top / "cart.py").read_bytes() == b"new\n"
    assert git(place.top, "status", "--porcelain") == ""
    assert git(place.top, "diff-files") == "", "the index knows the file's times already"
    assert git(place.top, "log", "-1", "--format=%an <%ae> %cn|%s") == (
        "mendd <mendd@localhost> mendd|mend the cart\n"
    )
    assert git(place.top, "log", "-1", "--format=%(trailers:key=Mendd-Reflection)").strip() == (
        "Mendd-Reflection: r-1"
    )
    assert "mend the cart" in git(place.top, "reflog", "-1")
    assert git(place.top, "fsck", "--strict") == ""
    assert place.leftovers() == []


def test_a_persons_staged_unstaged_and_untracked_work_is_untouched(place):
    """Byte for byte, in the index and in the work tree."""
    (place.top / "shop" / "price.py").write_bytes(b"staged\n")
    git(place.top, "add", "shop/price.py")
    (place.top / "shop" / "price.py").write_bytes(b"staged and edited\n")
    (place.top / "other.py").write_bytes(b"edited\n")
    (place.top / "notes.txt").write_bytes(b"untracked\n")
    (place.top / "intended.py").write_bytes(b"x\n")
    git(place.top, "add", "-N", "intended.py")
    status = git(place.top, "status", "--porcelain=v2")
    staged, unstaged = git(place.top, "diff", "--cached"), git(place.top, "diff")

    done = place.apply()

    assert isinstance(done, Applied)
    assert git(place.top, "status", "--porcelain=v2") == status
    assert git(place.top, "diff", "--cached") == staged
    assert git(place.top, "diff") == unstaged
    assert git(place.top, "show", "--format=", "--name-only").split() == ["cart.py"]


def test_an_edit_in_the_same_second_as_the_index_is_still_seen(place):
    """The private copy of the index keeps its time, so racily clean entries stay suspect."""
    for number in range(5):
        (place.top / "other.py").write_bytes(b"state%d\n" % number)
        git(place.top, "add", "other.py")
        (place.top / "other.py").write_bytes(b"stat3%d\n" % number)
        before = (place.top / "cart.py").read_bytes()
        done = place.apply(files={"cart.py": (before, b"n%d\n" % number)}, id=f"p-{number}")
        assert isinstance(done, Applied)
        assert "MM other.py" in git(place.top, "status", "--porcelain")


def test_a_file_that_is_gone_this_moment_hinders_no_other_entry(place):
    """The index gets the committed blobs; what a person removed shows as removed."""
    real = gitindex.build_index

    def late(*arguments):
        (place.top / "cart.py").unlink()
        real(*arguments)

    files = {"cart.py": (b"old\n", b"new\n"), "one.py": (None, b"1\n"), "two.py": (None, b"2\n")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carry_out, "build_index", late)
        place.apply(files=files)

    assert git(place.top, "status", "--porcelain").splitlines() == [" D cart.py"]


def test_new_and_removed_files_and_modes(place):
    """Creation, removal and the executable bit are committed as they are."""
    (place.top / "cart.py").chmod(0o755)
    git(place.top, "commit", "-qam", "executable")

    place.apply(
        files={
            "cart.py": (b"old\n", b"new\n"),
            "fresh/näme \n.py": (None, b"fresh\n"),
            "other.py": (b"other\n", None),
        }
    )

    assert git(place.top, "status", "--porcelain") == ""
    assert git(place.top, "ls-tree", "-rz", "HEAD").count("100755") == 1
    assert not (place.top / "other.py").exists()
    assert git(place.top, "cat-file", "-p", "HEAD:fresh/näme \n.py") == "fresh\n"


def test_a_branch_of_its_own_touches_no_file(place):
    """`mendd/<id>` gets the commit; work tree, index and HEAD stay, with edits and all."""
    (place.top / "other.py").write_bytes(b"edited\n")
    index = (place.top / ".git" / "index").read_bytes()
    head = git(place.top, "rev-parse", "HEAD")

    done = place.apply("git-branch")

    assert isinstance(done, Applied)
    assert done.branch == "refs/heads/mendd/p-1"
    assert git(place.top, "rev-parse", "mendd/p-1").strip() == done.commit
    assert git(place.top, "rev-parse", "mendd/p-1^", "HEAD").split() == [head.strip()] * 2
    assert (place.top / ".git" / "index").read_bytes() == index
    assert (place.top / "cart.py").read_bytes() == b"old\n"
    assert git(place.top, "show", "mendd/p-1:cart.py") == "new\n"
    assert "exists already" in place.apply("git-branch").reason


def test_commits_follow_each_other_on_a_branch_with_a_name(place):
    """Each upon the last, on a branch of that name; the work tree never sees them."""
    one = place.apply("branch", branch="faster")
    files = {"cart.py": (b"new\n", b"newer\n"), "more.py": (None, b"more\n")}
    two = place.apply("branch", id="p-2", branch="faster", onto=one.commit, files=files)

    assert isinstance(two, Applied)
    assert git(place.top, "rev-parse", "faster", "faster^").split() == [two.commit, one.commit]
    assert git(place.top, "show", "faster:cart.py") == "newer\n"
    assert (place.top / "cart.py").read_bytes() == b"old\n"
    assert not (place.top / "more.py").exists()
    again = place.apply("branch", id="p-3", branch="faster", onto=one.commit, files=files)
    assert "somebody else committed" in again.reason
    assert "cannot name a branch" in place.apply("branch", id="p-4", branch="a..b").reason


def test_the_last_commit_of_a_branch_is_taken_back_alone(place):
    """The branch steps back by one; the first commit takes the branch with it."""
    one = place.apply("branch", branch="faster")
    files = {"cart.py": (b"new\n", b"newer\n")}
    two = place.apply("branch", id="p-2", branch="faster", onto=one.commit, files=files)

    assert isinstance(place.revert(one), RevertConflict)
    assert isinstance(place.revert(two), Reverted)
    assert git(place.top, "rev-parse", "faster").strip() == one.commit
    assert isinstance(place.revert(one), Reverted)
    assert git(place.top, "branch", "--list", "faster") == ""


def test_a_branch_works_on_a_detached_head(place):
    """No branch need be checked out for a branch of its own."""
    git(place.top, "checkout", "-q", "--detach")

    assert isinstance(place.apply("git-branch"), Applied)


def test_auto_commits_what_is_tracked_and_is_plain_elsewhere(place, tmp_path):
    """A tracked file: a commit. An untracked one, or no repository: plain."""
    assert place.apply("auto").mode == "in-place"
    assert place.apply("auto", id="p-2", files={"new.py": (None, b"n\n")}).mode == "in-place"
    (place.top / ".gitignore").write_bytes(b"vendor/\n")
    (place.top / "vendor").mkdir()
    (place.top / "vendor" / "lib.py").write_bytes(b"v\n")
    ignored = {"vendor/lib.py": (b"v\n", b"w\n")}
    assert place.apply("auto", id="p-3", files=ignored).mode == "plain"
    (tmp_path / "bare").mkdir()
    assert (
        place.apply("auto", id="p-4", root=tmp_path / "bare", files={"a": (None, b"a")}).mode
        == "plain"
    )
    assert "no git repository" in place.apply("in-place", id="p-5", root=tmp_path / "bare",
        files={"b": (None, b"b")}).reason  # fmt: skip


def detached(top):
    git(top, "checkout", "-q", "--detach")


def merging(top):
    git(top, "checkout", "-q", "-b", "side")
    (top / "other.py").write_bytes(b"side\n")
    git(top, "commit", "-qam", "side")
    git(top, "checkout", "-q", "main")
    (top / "other.py").write_bytes(b"main\n")
    git(top, "commit", "-qam", "main")
    git(top, "merge", "side", ok=False)


def rebasing(top):
    merging(top)
    git(top, "merge", "--abort")
    git(top, "rebase", "side", ok=False)


def uncommitted(top):
    (top / "cart.py").write_bytes(b"committed\n")
    git(top, "commit", "-qam", "other content")
    (top / "cart.py").write_bytes(b"old\n")


def staged(top):
    (top / "cart.py").write_bytes(b"staged\n")
    git(top, "add", "cart.py")
    (top / "cart.py").write_bytes(b"old\n")


def untracked(top):
    git(top, "rm", "-q", "--cached", "cart.py")
    git(top, "commit", "-qm", "untrack")


def filtered(top):
    (top / ".gitattributes").write_bytes(b"*.py filter=evil\n")


def ident(top):
    (top / ".gitattributes").write_bytes(b"*.py ident\n")


def busy(top):
    (top / ".git" / "index.lock").touch()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (detached, "detached"),
        (merging, "a merge is under way"),
        (rebasing, "is under way|detached"),
        (uncommitted, "uncommitted changes"),
        (staged, "staged changes"),
        (untracked, "not committed"),
        (filtered, "filter=evil"),
        (ident, "ident=set"),
        (busy, "git is busy"),
    ],
)
def test_a_repository_in_the_middle_of_something_is_left_alone(place, state, said, monkeypatch):
    """The patch is to be held; nothing moves, and the reason says what to do."""
    monkeypatch.setattr(gitindex, "_LOCK_TRIES", 2)
    state(place.top)
    before = (
        git(place.top, "status", "--porcelain=v2"),
        git(place.top, "for-each-ref"),
        (place.top / "cart.py").read_bytes(),
    )

    done = place.apply()

    assert isinstance(done, ChangedMeanwhile)
    assert not done.again
    assert re.search(said, done.reason), done.reason
    after = (
        git(place.top, "status", "--porcelain=v2"),
        git(place.top, "for-each-ref"),
        (place.top / "cart.py").read_bytes(),
    )
    assert after == before
    assert list(recover(place.journal)) == []


def test_a_repository_without_a_commit_is_left_alone(tmp_path):
    """There is nothing to commit on; auto is plain there."""
    place = Place(tmp_path)
    git(tmp_path, "init", "-q", "empty")
    (tmp_path / "empty" / "a.py").write_bytes(b"a\n")
    files = {"a.py": (b"a\n", b"b\n")}

    assert "no commit yet" in place.apply(root=tmp_path / "empty", files=files).reason
    assert place.apply("auto", root=tmp_path / "empty", files=files).mode == "plain"


PROGRAMS = """
[core]
    fsmonitor = {script}
    hooksPath = {hooks}
    sshCommand = {script}
    pager = {script}
    editor = {script}
    askPass = {script}
    alternateRefsCommand = {script}
    worktree = {elsewhere}
[filter "evil"]
    clean = {script}
    smudge = {script}
    process = {script}
    required = true
[diff "evil"]
    textconv = {script}
    command = {script}
[diff]
    external = {script}
[commit]
    gpgSign = true
[gpg]
    program = {script}
[credential]
    helper = {script}
[protocol "ext"]
    allow = always
[remote "origin"]
    url = "ext::{script}"
    promisor = true
    partialclonefilter = blob:none
[extensions]
    partialClone = origin
[alias]
    update-ref = !{script}
[user]
    name = forged
[i18n]
    commitEncoding = latin1
"""


@pytest.mark.parametrize("mode", ["git-in-place", "git-branch", "auto"])
def test_a_hostile_repository_runs_nothing(place, tmp_path, mode):
    """Hooks, monitors, filters, transports, signers, aliases, a work tree elsewhere: ignored."""
    ran = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\necho $0 $@ >> {ran}\ncat\n")
    script.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    names = "pre-commit post-commit reference-transaction post-index-change commit-msg"
    for folder in (hooks, place.top / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for name in names.split():
            (folder / name).write_text(f"#!/bin/sh\necho {name} >> {ran}\nexit 1\n")
            (folder / name).chmod(0o755)
    (tmp_path / "elsewhere").mkdir()
    (place.top / ".gitattributes").write_bytes(b"other.py filter=evil\n*.py diff=evil\n")
    (place.top / "other.py").write_bytes(b"edited\n")  # any whole refresh would filter this one
    with (place.top / ".git" / "config").open("a") as config:
        config.write(PROGRAMS.format(script=script, hooks=hooks, elsewhere=tmp_path / "elsewhere"))

    done = place.apply(mode)

    assert isinstance(done, Applied)
    assert not ran.exists(), ran.read_text()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    shown = git(tmp_path, f"--git-dir={place.top}/.git", "cat-file", "-p", done.commit)
    assert "author mendd <mendd@localhost>" in shown
    git(place.top, "--work-tree=.", "status", ok=False)
    assert ran.exists(), "a plain git would have run them"


def test_a_missing_object_is_not_fetched(place, tmp_path):
    """A partial clone whose blob is away fails, and asks nobody."""
    ran = tmp_path / "ran"
    with (place.top / ".git" / "config").open("a") as config:
        config.write(
            '[remote "origin"]\n promisor = true\n'
            f' url = "ext::sh -c \\"touch {ran}\\""\n'
            '[extensions]\n partialClone = origin\n[protocol "ext"]\n allow = always\n'
        )
    tree = git(place.top, "rev-parse", "HEAD^{tree}").strip()
    (place.top / ".git" / "objects" / tree[:2] / tree[2:]).unlink()

    with pytest.raises(CannotApply):
        place.apply()
    assert not ran.exists()


def test_the_callers_git_variables_are_not_obeyed(place, tmp_path, monkeypatch):
    """GIT_DIR and friends of the surroundings (a hook, a test run) lead nowhere."""
    other = repository(tmp_path / "other", FILES)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "/bin/false")

    assert isinstance(place.apply(), Applied)
    assert len(git(other, "log", "--format=%H").split()) == 1


def test_a_module_in_a_subfolder_of_a_repository(place):
    """Paths are the repository's in the commit, and the module's in the answer."""
    done = place.apply(root=place.top / "shop", files={"price.py": (b"old price\n", b"new\n")})

    assert done.files == ("price.py",)
    assert git(place.top, "show", "--format=", "--name-only").split() == ["shop/price.py"]
    assert git(place.top, "status", "--porcelain") == ""


def test_a_linked_worktree(place, tmp_path):
    """The commit lands on the worktree's own branch; the main one does not move."""
    git(place.top, "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))

    done = place.apply(root=tmp_path / "linked")

    assert done.branch == "refs/heads/side"
    assert git(tmp_path / "linked", "status", "--porcelain") == ""
    assert git(place.top, "status", "--porcelain") == ""
    assert git(place.top, "rev-parse", "main").strip() != done.commit


def test_a_submodule_as_the_module_and_one_inside_it(place, tmp_path):
    """A submodule may be a target of its own; through the outer module it is refused."""
    inner = repository(tmp_path / "inner", {"lib.py": b"lib\n"})
    git(place.top, "submodule", "--quiet", "add", str(inner), "sub")
    git(place.top, "commit", "-qm", "with submodule")
    files = {"sub/lib.py": (b"lib\n", b"mended\n")}

    assert "another repository" in place.apply("auto", files=files).reason
    done = place.apply(root=place.top / "sub", files={"lib.py": (b"lib\n", b"mended\n")})

    assert isinstance(done, Applied)
    assert git(place.top / "sub", "status", "--porcelain") == ""
    assert git(place.top / "sub", "log", "-1", "--format=%an").strip() == "mendd"


@pytest.mark.skipif(os.geteuid() != 0, reason="changing owners needs root")
def test_a_repository_of_another_user_stays_that_users():
    """As root, git runs as the owner: `safe.directory` does not matter, nothing becomes root's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)  # pytest's own folder is closed to others
        place = Place(Path(name))
        for path in (place.top, *place.top.rglob("*")):
            os.chown(path, 4321, 4321)
        old = os.umask(0o077)
        try:
            done = place.apply(files={"cart.py": (b"old\n", b"new\n"), "a/b.py": (None, b"b\n")})
            assert isinstance(done, Applied)
            assert isinstance(place.revert(done), Reverted)
            assert isinstance(place.apply("git-branch", id="p-2"), Applied)
        finally:
            os.umask(old)
        assert {path.stat().st_uid for path in place.top.rglob("*")} == {4321}
        objects = [path for path in (place.top / ".git" / "objects").rglob("*") if path.is_file()]
        assert all(path.stat().st_mode & 0o044 == 0o044 for path in objects)


def split_index(top):
    git(top, "config", "core.splitIndex", "true")
    git(top, "update-index", "--split-index")


def version_four(top):
    git(top, "update-index", "--index-version", "4")


def untracked_cache(top):
    git(top, "update-index", "--force-untracked-cache")


def sparse_index(top):
    git(top, "sparse-checkout", "init", "--cone", "--sparse-index")
    git(top, "sparse-checkout", "set", "--sparse-index")


def unchanged_assumed(top):
    git(top, "update-index", "--assume-unchanged", "cart.py")


def no_file_modes(top):
    git(top, "config", "core.fileMode", "false")
    (top / "cart.py").chmod(0o755)


def packed(top):
    git(top, "gc", "-q")
    git(top, "pack-refs", "--all")


@pytest.mark.parametrize(
    "kind",
    [
        split_index,
        version_four,
        untracked_cache,
        sparse_index,
        unchanged_assumed,
        no_file_modes,
        packed,
    ],
)
def test_repositories_of_every_kind(place, kind):
    """Index formats, flags and packed references: the change is committed, the tree stays clean."""
    kind(place.top)

    done = place.apply()

    assert isinstance(done, Applied)
    assert git(place.top, "status", "--porcelain") == ""
    assert git(place.top, "rev-parse", "main").strip() == done.commit
    assert git(place.top, "fsck", "--no-dangling") == ""


def test_a_repository_with_sha256_names(tmp_path):
    """Longer object names make no difference."""
    place = Place(tmp_path)
    other = tmp_path / "long"
    other.mkdir()
    git(other, "init", "-q", "-b", "main", "--object-format=sha256")
    (other / "cart.py").write_bytes(b"old\n")
    git(other, "add", "-A")
    git(other, "commit", "-q", "-m", "start")

    assert len(place.apply(root=other).commit) == 64
    assert isinstance(place.apply("git-branch", root=other, id="p-2",
        files={"cart.py": (b"new\n", b"newer\n")}), Applied)  # fmt: skip
    assert git(other, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("attributes", "config", "committed", "worktree"),
    [
        ("", "", b"a\r\nb\r\n", b"a\r\nb\r\n"),
        ("* text=auto\n", "", b"a\nb\n", b"a\r\nb\r\n"),
        ("*.py text eol=crlf\n", "", b"a\nb\n", b"a\r\nb\r\n"),
        ("", "true", b"a\nb\n", b"a\r\nb\r\n"),
        ("", "input", b"a\nb\n", b"a\nb\n"),
        ("*.py -text\n", "true", b"a\r\nb\r\n", b"a\r\nb\r\n"),
    ],
)
def test_line_ends_are_stored_as_git_would(place, attributes, config, committed, worktree):
    """CRLF files with and without attributes and autocrlf: git sees a clean tree afterwards."""
    (place.top / ".gitattributes").write_text(attributes)
    if config:
        git(place.top, "config", "core.autocrlf", config)
    (place.top / "ends.py").write_bytes(worktree)
    git(place.top, "add", "-A")
    git(place.top, "commit", "-qm", "ends")
    cat = ["git", "cat-file", "blob", "HEAD:ends.py"]
    assert subprocess.check_output(cat, cwd=place.top, env=CLEAN) == committed

    done = place.apply(files={"ends.py": (worktree, worktree.replace(b"a", b"c"))})

    assert isinstance(done, Applied)
    assert subprocess.check_output(cat, cwd=place.top, env=CLEAN) == committed.replace(b"a", b"c")
    (place.top / "ends.py").touch()
    assert git(place.top, "status", "--porcelain") == ""


def test_a_commit_by_a_person_at_the_last_moment_wins(place, monkeypatch):
    """The branch moved between look and step: files go back, their commit stays."""
    real = swap.Root.swap

    def late(root, file):
        git(place.top, "commit", "-q", "--allow-empty", "-m", "theirs", ok=False)
        tree = git(place.top, "rev-parse", "HEAD^{tree}").strip()
        theirs = git(place.top, "commit-tree", "-p", "HEAD", "-m", "theirs", tree).strip()
        git(place.top, "update-ref", "refs/heads/main", theirs)
        return real(root, file)

    monkeypatch.setattr(swap.Root, "swap", late)
    done = place.apply()

    assert isinstance(done, ChangedMeanwhile)
    assert done.again
    assert (place.top / "cart.py").read_bytes() == b"old\n"
    assert git(place.top, "status", "--porcelain") == ""
    assert git(place.top, "log", "-1", "--format=%s").strip() == "theirs"
    assert place.leftovers() == []


def test_a_failing_git_undoes_the_files(place, monkeypatch):
    """If the index cannot be made, no file and no branch has changed in the end."""

    def failing(*_):
        raise GitFailed("git update-index: disk on fire")

    monkeypatch.setattr("daemon.changes.carry_out.build_index", failing)
    with pytest.raises(CannotApply, match="disk on fire"):
        place.apply()

    assert git(place.top, "status", "--porcelain") == ""
    assert git(place.top, "log", "--format=%s").split() == ["start"]
    assert place.leftovers() == []
    assert list(recover(place.journal)) == []


@pytest.mark.parametrize("mode", ["git-in-place", "git-branch"])
def test_the_kill_switch_leaves_the_repository_alone(place, mode):
    """Neither file, index, branch nor lock."""
    assert isinstance(place.apply(mode, killed=lambda: True), StoppedByKillSwitch)
    assert git(place.top, "status", "--porcelain") == ""
    assert len(git(place.top, "for-each-ref").splitlines()) == 1
    assert place.leftovers() == []


def test_taking_back_is_a_new_commit(place):
    """The old bytes return, with history kept."""
    done = place.apply(files={"cart.py": (b"old\n", b"new\n"), "fresh.py": (None, b"f\n")})
    forget(place.journal, done.id)

    back = place.revert(done)

    assert isinstance(back, Reverted)
    assert git(place.top, "diff", "HEAD~2", "HEAD") == ""
    assert git(place.top, "status", "--porcelain") == ""
    assert git(place.top, "rev-parse", "HEAD").strip() == back.commit
    assert f"This reverts commit {done.commit}" in git(place.top, "log", "-1", "--format=%B")
    assert (place.top / "cart.py").read_bytes() == b"old\n"


def test_taking_back_newer_work_is_a_conflict(place):
    """A later edit of the file, committed or not, is nobody's to overwrite."""
    done = place.apply()
    (place.top / "cart.py").write_bytes(b"newer\n")

    back = place.revert(done)

    assert isinstance(back, RevertConflict)
    assert f"git revert {done.commit}" in back.reason
    assert (place.top / "cart.py").read_bytes() == b"newer\n"


def test_taking_back_a_branch_removes_it_unless_it_was_merged(place):
    """Unmerged: the branch goes. Merged: the inverse commit comes. Moved: hands off."""
    done = place.apply("git-branch")
    assert isinstance(place.revert(done), Reverted)
    assert git(place.top, "branch", "--list", "mendd/*") == ""
    assert isinstance(place.revert(done), RevertConflict)

    merged = place.apply("git-branch", id="p-2")
    git(place.top, "merge", "-q", "mendd/p-2")
    back = place.revert(merged)
    assert isinstance(back, Reverted)
    assert back.commit
    assert (place.top / "cart.py").read_bytes() == b"old\n"


def test_hostile_words_in_the_message_stay_words(place):
    """Control characters, option look-alikes and odd encodings make no second header."""
    message = "--amend\x00\x1b[31m \ud800\n\nparent 0000\n\nMendd-Reflection: r-1"

    done = place.apply(message=message)

    assert git(place.top, "log", "-1", "--format=%P %s", done.commit).count("--amend") == 1
    assert git(place.top, "fsck", "--strict") == ""
