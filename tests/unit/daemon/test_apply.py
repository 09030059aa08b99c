"""The safe change of the module without git: all or none, nobody's edits lost, and back again."""

import errno
import os
import random
import stat
import subprocess

import pytest

from daemon.apply import (
    Applied,
    CannotApply,
    Change,
    ChangedMeanwhile,
    RevertConflict,
    Reverted,
    StoppedByKillSwitch,
    applied_from_json,
    apply_change,
    forget,
    recover,
    revert_change,
)
from daemon.changes import swap
from daemon.changes.gitrepo import GitFailed, Repository

OLD = {"cart.py": b"old\r\n", "shop/price.py": b"\xef\xbb\xbfold price", "gone.py": b"x\n"}
NEW = {
    "cart.py": b"new\r\n",
    "shop/price.py": b"\xef\xbb\xbfnew price",
    "gone.py": None,
    "fresh/deep/note.py": b"fresh\n",
}

COMMITTED = (
    "git init -q && git add -A && git -c user.name=ada -c user.email=ada@localhost commit -qm old"
)


def written(root, files):
    """Put files into a folder."""
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def seen(root):
    """Every path below a folder with its bytes (None for a folder)."""
    return {
        path.relative_to(root).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in root.rglob("*")
        if ".git" not in path.relative_to(root).parts
    }


class Place:
    """A module with its state folder."""

    def __init__(self, folder):
        self.root = folder / "module"
        self.backups = folder / "state" / "backups"
        self.journal = folder / "state" / "journal"
        self.root.mkdir()
        written(self.root, {**OLD, "other.py": b"untouched"})
        self.old = seen(self.root)

    def change(self, **more):
        """A change of four files: two edited, one removed, one new in new folders."""
        values = {
            "id": "p-1",
            "root": self.root,
            "before": {**OLD, "fresh/deep/note.py": None},
            "after": NEW,
            "message": "mend the cart",
        }
        return Change(**{**values, **more})

    def apply(self, change=None, *, mode="plain", killed=lambda: False):
        """Make the change."""
        return apply_change(
            change or self.change(),
            mode=mode,
            backups=self.backups,
            journal=self.journal,
            killed=killed,
        )

    def revert(self, applied, **more):
        """Take it back."""
        return revert_change(
            applied, reason="test", journal=self.journal, killed=lambda: False, **more
        )


@pytest.fixture
def place(tmp_path):
    """A fresh module."""
    return Place(tmp_path)


def expected_new(place):
    """The module as it should be after the change."""
    new = {name: data for name, data in NEW.items() if data is not None}
    left = {name: data for name, data in place.old.items() if name not in OLD}
    return {**left, **new, "fresh": None, "fresh/deep": None}


def test_all_files_are_changed_and_nothing_else(place):
    """Edited, removed and new files stand; no spare file is left; the answer tells all."""
    done = place.apply()

    assert isinstance(done, Applied)
    assert seen(place.root) == expected_new(place)
    assert done.mode == "plain"
    assert done.files == tuple({**OLD, "fresh/deep/note.py": None})
    assert "+fresh" in done.diff
    assert done.base_hash != done.result_hash
    assert (done.backup / "before" / "shop" / "price.py").read_bytes() == OLD["shop/price.py"]
    assert applied_from_json(done.to_json()) == done


def test_mode_and_owner_are_kept(place):
    """An executable stays one; a file of another user stays that user's."""
    (place.root / "cart.py").chmod(0o4750)
    if os.geteuid() == 0:
        os.chown(place.root / "cart.py", 1234, 1235)
        (place.root / "cart.py").chmod(0o750)
    before = (place.root / "cart.py").stat()

    place.apply()

    after = (place.root / "cart.py").stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )


def test_new_files_are_as_open_as_their_folder_in_spite_of_a_strict_umask(place):
    """The service's umask hides nothing from the module's users."""
    place.root.chmod(0o755)
    old = os.umask(0o077)
    try:
        place.apply()
    finally:
        os.umask(old)

    assert stat.S_IMODE((place.root / "fresh" / "deep" / "note.py").stat().st_mode) == 0o644
    assert stat.S_IMODE((place.root / "fresh").stat().st_mode) == 0o755


@pytest.mark.parametrize("name", ["cart.py", "gone.py", "fresh/deep/note.py"])
def test_a_file_that_changed_since_the_trial_stops_everything(place, name):
    """Compare-and-swap on bytes: the person's text stays, and no other file changes."""
    written(place.root, {name: b"a person's text"})
    before = seen(place.root)

    done = place.apply()

    assert isinstance(done, ChangedMeanwhile)
    assert done.files == (name,)
    assert done.again
    assert seen(place.root) == before
    assert list(recover(place.journal)) == []


@pytest.mark.parametrize("name", list(NEW))
@pytest.mark.parametrize("how", ["in place", "by rename"])
def test_an_edit_at_the_last_moment_is_put_back(place, name, how, monkeypatch):
    """100 of 100: whatever a person saves just before the exchange is what stands afterwards."""
    edited = b"saved at the last moment"
    real = swap.Root.swap

    def late(root, file):
        if file.name == name:
            path = place.root / name
            if how == "in place":
                path.write_bytes(edited)
            else:
                written(place.root, {f"{name}~": edited})
                (place.root / f"{name}~").rename(path)
        return real(root, file)

    monkeypatch.setattr(swap.Root, "swap", late)
    done = place.apply()

    assert isinstance(done, ChangedMeanwhile)
    assert {**seen(place.root), name: None} == {
        **place.old,
        **({"fresh": None, "fresh/deep": None} if name.startswith("fresh") else {}),
        name: None,
    }
    assert (place.root / name).read_bytes() == edited


@pytest.mark.parametrize("name", ["cart.py", "gone.py"])
def test_an_edit_between_the_look_and_the_exchange_is_put_back(place, name, monkeypatch):
    """The window of a plain check-then-rename is closed too."""
    edited = b"saved within the step"
    real_exchange, real_rename = swap.exchange, os.rename

    def late(folder, one, other):
        if other == "cart.py" and name == "cart.py" and not (place.root / "seen").exists():
            (place.root / "seen").touch()
            (place.root / name).write_bytes(edited)
        return real_exchange(folder, one, other)

    def late_rename(one, other, **more):
        if one == name == "gone.py":
            (place.root / name).write_bytes(edited)
        return real_rename(one, other, **more)

    monkeypatch.setattr(swap, "exchange", late)
    monkeypatch.setattr(os, "rename", late_rename)
    done = place.apply()

    assert isinstance(done, ChangedMeanwhile)
    assert (place.root / name).read_bytes() == edited
    others = {each: data for each, data in seen(place.root).items() if each not in (name, "seen")}
    assert others == {each: data for each, data in place.old.items() if each != name}


def test_it_works_where_names_cannot_change_places(place, monkeypatch):
    """A file system without RENAME_EXCHANGE gets a check and a rename."""
    monkeypatch.setattr(swap, "exchange", lambda *_: False)

    done = place.apply()

    assert isinstance(done, Applied)
    assert seen(place.root) == expected_new(place)
    assert isinstance(place.revert(done), Reverted)


def test_the_kill_switch_is_asked_when_all_is_ready_and_nothing_is_changed(place):
    """It stops the change at its last moment, and nothing of it is left."""
    asked = []

    def killed():
        asked.append({name for name in seen(place.root) if name.endswith(".mendd")})
        return True

    done = place.apply(killed=killed)

    assert isinstance(done, StoppedByKillSwitch)
    assert len(asked) == 1
    assert len(asked[0]) == 3, "the new content was staged"
    assert seen(place.root) == place.old
    assert list(recover(place.journal)) == []


@pytest.mark.parametrize("mode", ["plain", "in-place"])
def test_a_switch_that_appears_while_files_change_puts_the_old_ones_back(place, mode):
    """Between the look before the exchange and the end of it: what came after does not stand."""
    if mode == "in-place":
        subprocess.run(["sh", "-c", COMMITTED], cwd=place.root, check=True)
    changed = []

    def killed():
        changed.append(seen(place.root)["cart.py"] != OLD["cart.py"])
        return changed[-1]

    done = place.apply(mode=mode, killed=killed)

    assert isinstance(done, StoppedByKillSwitch) and changed == [False, True]
    assert seen(place.root) == place.old
    assert list(recover(place.journal)) == []


@pytest.mark.parametrize("mode", ["in-place", "branch"])
def test_a_switch_that_appears_while_git_moves_the_branch_moves_it_back(place, mode):
    """The last step of a change with git takes milliseconds; the switch may come within them."""
    subprocess.run(["sh", "-c", COMMITTED], cwd=place.root, check=True)
    refs = told(place, "for-each-ref")

    def killed():
        return told(place, "for-each-ref") != refs

    done = place.apply(mode=mode, killed=killed)

    assert isinstance(done, StoppedByKillSwitch)
    assert told(place, "for-each-ref") == refs and told(place, "status", "--porcelain") == ""
    assert seen(place.root) == place.old
    assert list(recover(place.journal)) == []


@pytest.mark.parametrize("moved", [False, True])
def test_git_that_fails_while_the_branch_is_moved_back_leaves_it_to_recovery(
    place, monkeypatch, moved
):
    """The switch came, and git answers nothing any more: it moved the branch back, or not."""
    subprocess.run(["sh", "-c", COMMITTED], cwd=place.root, check=True)
    refs = told(place, "for-each-ref")
    git, gone = Repository.git, []

    def away(self, *arguments, **more):
        back = gone or "the kill switch came" in " ".join(arguments)
        if not back:
            return git(self, *arguments, **more)
        if moved and not gone:
            git(self, *arguments, **more)
        gone.append(True)
        raise GitFailed("Resource temporarily unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(Repository, "git", away)
        with pytest.raises(CannotApply, match="may have been moved, or not"):
            place.apply(mode="in-place", killed=lambda: told(place, "for-each-ref") != refs)
    (found,) = recover(place.journal)

    assert found.ending == ("rolled_back" if moved else "finished")
    assert told(place, "status", "--porcelain") == ""
    assert seen(place.root) == (place.old if moved else expected_new(place))


def test_git_that_fails_while_it_moves_the_branch_leaves_it_to_recovery(place, monkeypatch):
    """It moved the branch, said that it did not, and nobody can ask: nothing is put back."""
    subprocess.run(["sh", "-c", COMMITTED], cwd=place.root, check=True)
    refs = told(place, "for-each-ref")
    git = Repository.git

    def away(self, *arguments, **more):
        answer = git(self, *arguments, **more) if told(place, "for-each-ref") == refs else None
        if answer is None or arguments[0] == "update-ref":
            raise GitFailed("Resource temporarily unavailable")
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Repository, "git", away)
        with pytest.raises(CannotApply):
            place.apply(mode="in-place")
    (found,) = recover(place.journal)

    assert found.ending == "finished"
    assert told(place, "status", "--porcelain") == ""
    assert seen(place.root) == expected_new(place)


def told(place, *arguments):
    """What git says of the module."""
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=place.root, capture_output=True, check=True, text=True
    ).stdout


@pytest.mark.parametrize(
    "name",
    [
        "../out.py",
        "/etc/x.py",
        "a//b.py",
        "./cart.py",
        "shop/../cart.py",
        "",
        ".git/hooks/x",
        "a\0b",
        "shop/.GIT/config",
        "..",
    ],
)
def test_a_path_that_leaves_the_module_is_refused(place, name):
    """Before anything is looked at."""
    with pytest.raises(CannotApply, match="not a path inside"):
        place.apply(place.change(before={name: None}, after={name: b"x"}))
    assert seen(place.root) == place.old


@pytest.mark.parametrize("twist", ["link to file", "link to folder", "fifo", "folder", "root link"])
def test_what_is_no_regular_file_is_never_followed(place, tmp_path, twist):
    """Links, pipes and folders in the way end the change; what they point at is untouched."""
    outside = tmp_path / "outside"
    written(outside, {"cart.py": OLD["cart.py"], "price.py": OLD["shop/price.py"]})
    if twist == "link to file":
        (place.root / "cart.py").unlink()
        (place.root / "cart.py").symlink_to(outside / "cart.py")
    elif twist == "link to folder":
        (place.root / "shop" / "price.py").unlink()
        (place.root / "shop").rmdir()
        (place.root / "shop").symlink_to(outside)
    elif twist == "fifo":
        (place.root / "cart.py").unlink()
        os.mkfifo(place.root / "cart.py")
    elif twist == "folder":
        (place.root / "cart.py").unlink()
        (place.root / "cart.py").mkdir()
    else:  # a module that is reached through a link is fine: the operator named it
        (tmp_path / "link").symlink_to(place.root)
        assert isinstance(place.apply(place.change(root=tmp_path / "link")), Applied)
        return

    done = place.apply()

    assert isinstance(done, ChangedMeanwhile)
    assert (outside / "cart.py").read_bytes() == OLD["cart.py"]
    assert (outside / "price.py").read_bytes() == OLD["shop/price.py"]
    assert (place.root / "gone.py").exists()


@pytest.mark.parametrize("id", ["", "../x", "a/b", "a b", "-x", "x.lock", "a..b", "x" * 200])
def test_an_id_that_cannot_name_a_change_is_refused(place, id):
    """It becomes a file name and a branch name."""
    with pytest.raises(CannotApply, match="cannot name"):
        place.apply(place.change(id=id))


def test_a_change_of_nothing_is_refused(place):
    """Equal bytes before and after are no change."""
    with pytest.raises(CannotApply, match="changes nothing"):
        place.apply(place.change(before=OLD, after=OLD))


@pytest.mark.parametrize("call", ["fsync", "rename", "link", "write", "unlink", "mkdir", "replace"])
@pytest.mark.parametrize("at", range(0, 24, 2))
def test_a_failing_disk_leaves_the_old_content(place, call, at, monkeypatch):
    """ENOSPC or EIO at any call, once: all old (or all new), and the next try works."""
    count = iter(range(10**6))
    real = getattr(os, call)
    on = [True]

    def failing(*args, **more):
        if on[0] and next(count) == at:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*args, **more)

    monkeypatch.setattr(os, call, failing)
    try:
        done = place.apply()
    except CannotApply as error:
        assert "No space left" in str(error)
        on[0] = False
        assert all(each.ending == "rolled_back" for each in recover(place.journal))
        assert seen(place.root) == place.old
        done = place.apply()
    assert isinstance(done, Applied)
    on[0] = False
    forget(place.journal, done.id)
    assert seen(place.root) == expected_new(place)


def test_a_change_is_told_again_until_it_is_forgotten(place):
    """A crash between the change and its record is seen at the next start, with all the data."""
    done = place.apply()

    told = list(recover(place.journal))

    assert [(each.id, each.ending) for each in told] == [("p-1", "finished")]
    assert told[0].applied == done
    assert list(recover(place.journal)) == []
    forget(place.journal, "p-1")


def test_a_record_that_fails_keeps_the_change_to_be_told(place):
    """Recovery forgets a change only after the loop's body ran through."""
    place.apply()
    with pytest.raises(RuntimeError, match="trail"):
        for _ in recover(place.journal):
            raise RuntimeError("trail not writable")

    assert [each.id for each in recover(place.journal)] == ["p-1"]


def test_forgotten_is_forgotten(place):
    """After `forget` nothing is told."""
    place.apply()
    forget(place.journal, "p-1")

    assert list(recover(place.journal)) == []


def test_taking_back_restores_every_byte(place):
    """New files go, removed ones return; the inverse has an id of its own."""
    done = place.apply()
    forget(place.journal, done.id)

    back = place.revert(done)

    assert isinstance(back, Reverted)
    assert back.id == "p-1-revert"
    assert {**seen(place.root), "fresh": None} == {
        **place.old,
        "fresh": None,
        "fresh/deep": None,
    }


def test_taking_back_a_file_that_changed_is_a_conflict_that_helps(place):
    """Nothing is touched, and the reason says where the old files are."""
    done = place.apply()
    (place.root / "cart.py").write_bytes(b"newer work")
    before = seen(place.root)

    back = place.revert(done)

    assert isinstance(back, RevertConflict)
    assert back.files == ("cart.py",)
    assert str(done.backup) in back.reason
    assert seen(place.root) == before


def test_taking_back_twice_or_without_a_backup_is_a_conflict(place):
    """The second time there is nothing to take back; a damaged backup is not trusted."""
    done = place.apply()
    saved = done.backup / "before" / "cart.py"
    saved.write_bytes(b"tampered")
    assert "backup of cart.py" in place.revert(done).reason
    saved.write_bytes(OLD["cart.py"])
    assert isinstance(place.revert(done), Reverted)

    assert "nothing to take back" in place.revert(done).reason


def test_two_hundred_random_changes_and_reverts_end_where_they_began(place):
    """The tree equals the recorded one after each step, 200 of 200."""
    rng = random.Random(22)  # noqa: S311 -- repeatable on purpose
    start = seen(place.root)
    for number in range(100):
        names = rng.sample(["cart.py", "shop/price.py", "gone.py", "other.py"], rng.randint(1, 3))
        before = {name: (place.root / name).read_bytes() for name in names}
        after = {name: rng.randbytes(rng.randint(0, 50)) + b"!" for name in names}
        done = place.apply(place.change(id=f"p-{number}", before=before, after=after))
        assert isinstance(done, Applied)
        assert seen(place.root) == {**start, **after}
        assert isinstance(place.revert(done), Reverted)
        assert seen(place.root) == start


def test_an_unsettled_change_blocks_the_next_one(place, monkeypatch):
    """A module that is half old and half new is settled before anything else is done to it."""

    def power_cut(root, file):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(swap.Root, "swap", power_cut)
        place.apply()

    done = place.apply(place.change(id="p-2"))
    assert isinstance(done, ChangedMeanwhile)
    assert not done.again
    assert [each.ending for each in recover(place.journal)] == ["rolled_back"]
    assert isinstance(place.apply(place.change(id="p-2")), Applied)
