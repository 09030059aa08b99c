"""daemon/checks/scope.py: what may be edited, and every spelling that must not get around it."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.checks.scope import Scope
from daemon.settings import Settings, TargetSettings


def scope(root: Path, **settings: object) -> Scope:
    """The scope of a small module on disk."""
    for name in ("shop/__init__.py", "shop/money.py", "tests/test_money.py", "readme.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x = 1\n")
    return Scope(TargetSettings(name="shop", path=root, **settings))


@pytest.mark.parametrize("name", ["shop/money.py", "shop/new.py", "new.py", "a/b/c/d.py"])
def test_code_may_be_edited_and_made(name: str, tmp_path: Path) -> None:
    """Python files anywhere in the target, existing or not."""
    assert scope(tmp_path).complaint(name) is None


PROTECTED_NAMES = [
    "tests/test_money.py", "tests/data/x.py", "shop/tests/x.py", "test_money.py", "money_test.py",
    "conftest.py", "shop/conftest.py", "pytest.ini", "pyproject.toml", "setup.cfg", "setup.py",
    "tox.ini", "noxfile.py", ".coveragerc", "sitecustomize.py", "usercustomize.py", "x.pth",
    ".github/workflows/a.yml", ".gitlab-ci.yml", ".ci/run", ".circleci/config.yml", "Jenkinsfile",
    ".git/config", ".git/hooks/pre-commit", ".mendd/store.json", "mendd.toml", "KILL",
    "pytest.py", "_pytest/main.py", "pluggy/__init__.py", "requirements.txt", "shop.egg-info/x.py",
    "x.dist-info/entry_points.txt", "Makefile", "shop/__pycache__/money.pyc", "shop/fast.so",
]  # fmt: skip


@pytest.mark.parametrize("name", PROTECTED_NAMES)
def test_what_judges_the_patch_is_protected(name: str, tmp_path: Path) -> None:
    """Also where the settings would allow every file."""
    complaint = scope(tmp_path, edit=("**",)).complaint(name)

    assert complaint is not None
    assert "protected" in complaint


@pytest.mark.parametrize("name", PROTECTED_NAMES)
@pytest.mark.parametrize(
    "twin",
    [
        str.upper,
        str.title,
        lambda name: "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in name),
        lambda name: name + ".",
        lambda name: name + " ",
        lambda name: name.replace("/", "/./") if "/" in name else "./" + name,
        lambda name: name.replace("/", "//") if "/" in name else "x/../" + name,
        lambda name: name.replace("/", "\\") if "/" in name else ".\\" + name,
        lambda name: "/" + name,
        lambda name: name + "\x00.py",
        lambda name: "\u200b" + name,
    ],
    ids=[
        "upper", "title", "full-width", "dot", "space", "here", "doubled", "backslash", "root",
        "nul", "zero-width",
    ],
)  # fmt: skip
def test_no_twin_of_a_protected_name_gets_through(
    name: str, twin: "type[str.upper]", tmp_path: Path
) -> None:
    """Over 350 spellings that some file system or reader takes for the protected file."""
    assert not scope(tmp_path, edit=("**",)).may_edit(twin(name))


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x.py", "shop/../../x.py", "/etc/x.py", "shop//money.py", "shop/", "~\n.py",
     "shop/\udc80.py", "x" * 2000 + ".py", "shop/mon\u202eey.py", "shop/money.py/x.py"],
)  # fmt: skip
def test_a_path_that_is_no_plain_path_is_refused(name: str, tmp_path: Path) -> None:
    """And the refusal is an answer, never an exception."""
    assert scope(tmp_path).complaint(name) is not None


def test_a_symbolic_link_is_refused_anywhere_on_the_way(tmp_path: Path) -> None:
    """A link inside the target may lead out of it."""
    ours = scope(tmp_path)
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "a.py").write_text("x = 1\n")
    (tmp_path / "linked").symlink_to(outside)
    (tmp_path / "shop" / "a.py").symlink_to(outside / "a.py")
    (tmp_path / "shop" / "gone.py").symlink_to(outside / "nothing.py")

    for name in ("linked/a.py", "linked/new.py", "shop/a.py", "shop/gone.py"):
        complaint = ours.complaint(name)
        assert complaint is not None
        assert "symbolic link" in complaint


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Only regular files can be patched."""
    ours = scope(tmp_path)
    (tmp_path / "folder.py").mkdir()

    assert ours.complaint("folder.py") == "folder.py is not a regular file"


def test_a_twin_of_an_existing_file_is_asked_about(tmp_path: Path) -> None:
    """On another file system it would be the same file."""
    assert scope(tmp_path).complaint("shop/Money.py") == (
        "shop/Money.py does not exist, but money.py does; did you mean that?"
    )


def test_a_new_file_may_not_hide_a_standard_module(tmp_path: Path) -> None:
    """Inside a package the same name hides nothing."""
    ours = scope(tmp_path)
    (tmp_path / "src").mkdir()

    assert not ours.may_edit("random.py")
    assert not ours.may_edit("src/json/__init__.py")
    assert ours.may_edit("shop/calendar.py")


def test_an_existing_file_named_like_a_standard_module_may_be_mended(tmp_path: Path) -> None:
    """It hides what it hides already; its bugs are bugs."""
    ours = scope(tmp_path)
    (tmp_path / "calendar.py").write_text("x = 1\n")

    assert ours.may_edit("calendar.py")


def test_a_new_name_is_plain_ascii(tmp_path: Path) -> None:
    """Letters that look alike (here a Cyrillic e) would make a second tests folder."""
    ours = scope(tmp_path)
    (tmp_path / "menü.py").write_text("x = 1\n")

    assert not ours.may_edit("t\u0435sts/x.py")
    assert ours.may_edit("menü.py")


@pytest.mark.parametrize(
    ("edit", "name", "allowed"),
    [
        (("shop/**/*.py",), "shop/money.py", True),
        (("shop/**/*.py",), "shop/a/b.py", True),
        (("shop/**/*.py",), "other/money.py", False),
        (("shop/",), "shop/a.txt", True),
        (("*.py",), "a.py", True),
        (("*.py",), "shop/money.py", False),
        (("shop/mon?y.py",), "shop/money.py", True),
        (("shop/[a-m]*.py",), "shop/money.py", True),
        (("shop/[!m]*.py",), "shop/money.py", False),
        ((), "shop/money.py", False),
    ],
)
def test_edit_globs(edit: tuple[str, ...], name: str, allowed: bool, tmp_path: Path) -> None:
    """Globs count from the root; one star stays within a folder."""
    assert scope(tmp_path, edit=edit).may_edit(name) is allowed


@pytest.mark.parametrize(
    "glob", ["money.py", "shop", "shop/", "shop/money.py", "SHOP/*.py", "**/mon*"]
)
def test_protect_globs_win(glob: str, tmp_path: Path) -> None:
    """Without a slash they hold at any depth, and a folder protects what is in it."""
    assert not scope(tmp_path, protect=(glob,)).may_edit("shop/money.py")


def test_mendds_own_files_are_protected_wherever_they_are(tmp_path: Path) -> None:
    """Config, state, inbox and kill switch may lie inside the target under any name."""
    settings = Settings(
        file=tmp_path / "repair.toml",
        state=tmp_path / "var" / "state",
        kill_switch=tmp_path / "var" / "off.py",
        inbox_path=tmp_path / "drop",
        targets=(),
    )
    target = TargetSettings(name="shop", path=tmp_path, edit=("**",))
    ours = Scope(target, settings)

    for name in ("repair.toml", "var/state/a.py", "var/off.py", "drop/a.py"):
        assert not ours.may_edit(name)
    assert ours.may_edit("var/code.py")
    assert ours.may_edit("shop/drop/a.py")


def test_the_complaint_says_what_is_allowed(tmp_path: Path) -> None:
    """An engine reads it and tries elsewhere."""
    assert scope(tmp_path, edit=("shop/*.py",)).complaint("readme.md") == (
        "readme.md may not be edited; this target's settings allow: shop/*.py"
    )


PARTS = ["..", ".", "/", "tests", "T", "shop", "a.py", " ", "\\", "\0", "\ud800"]
NAMES = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PARTS)).map("".join))


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=NAMES)
def test_whatever_may_be_edited_lies_inside_and_is_no_test(name: str, tmp_path: Path) -> None:
    """Any name at all: no exception, and what is allowed is a plain file below the root."""
    if scope(tmp_path, edit=("**",)).may_edit(name):
        path = tmp_path / name
        assert path.resolve().is_relative_to(tmp_path.resolve())
        assert not path.is_dir()
        assert not {"tests", "test", "conftest.py"} & {part.casefold() for part in path.parts[-9:]}


@pytest.mark.parametrize("folders", [("shop",), ("./shop/",), ("shop/**",), ("lib", "shop/m*.py")])
def test_folders_narrow_down_what_may_be_edited(folders: tuple[str, ...], tmp_path: Path) -> None:
    """A file has to be in one of the folders and to match `edit`; protection stays."""
    narrow = scope(tmp_path, folders=folders)

    assert narrow.may_edit("shop/money.py")
    assert "outside the folders" in str(narrow.complaint("new.py"))
    assert not narrow.may_edit("shop/readme.md")
    assert not narrow.may_edit("shop/tests/x.py")
