"""Names that lead out of a module, or to what judges a patch, in every spelling we know of."""

import os
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.checks.scope import PROTECTED
from daemon.settings import TargetSettings
from sandbox.patch import Hunk

OUTSIDE = "what stands outside"
FOLDERS = ("", "pkg/", "pkg/sub/", "src/a/b/")
FULL_WIDTH = str.maketrans({code: code + 0xFEE0 for code in range(0x21, 0x7F) if code != 0x2F})
LOOKALIKE = str.maketrans({"s": "ſ", "k": "\u212a", "i": "ı", "e": "é", "o": "\u043e"})


@dataclass(frozen=True)
class Attempt:
    """A file that a patch names; `how` says which trick it is."""

    how: str
    name: str


def laid_out(root: Path) -> None:
    """A module with code, tests, links of every kind, and something outside to reach."""
    outside = root.parent / "outside"
    outside.mkdir(parents=True)
    (outside / "x.py").write_text(OUTSIDE)
    for name in ("shop.py", "pkg/__init__.py", "pkg/sub/deep.py", "src/a/b/c.py", "tests/test_a.py",
                 "conftest.py", "pytest.ini", "pkg/test_b.py", ".github/ci.yml"):  # fmt: skip
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")
    links = {"file.py": "../outside/x.py", "abs.py": str(outside / "x.py"), "way": "../outside",
             "pkg/up": "../..", "loop.py": "loop.py", "gone.py": "../outside/new.py",
             "own.py": "shop.py", "pkg/tests_too": "../tests", "chain.py": "file.py"}  # fmt: skip
    for name, to in links.items():
        (root / name).symlink_to(to)
    (outside / "hard.py").write_text(OUTSIDE)
    os.link(outside / "hard.py", root / "hard.py")
    os.mkfifo(root / "pipe.py")
    (root / "folder.py").mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(root)
        try:
            made.bind("sock.py")
        finally:
            os.chdir(here)


def escapes(rng: random.Random, root: Path, count: int) -> Iterator[Attempt]:
    """So many names that must not be taken: out of the module, through links, by twins."""
    ways = list(_WAYS)
    for number in range(count):
        how = ways[number % len(ways)]
        yield Attempt(how, _WAYS[how](rng, root))


def _up(rng: random.Random, root: Path) -> str:
    start = rng.choice([*FOLDERS, "./", "nowhere/", "pkg//"])
    back = "../" * (start.count("/") + rng.randint(1, 4))
    return start + back + rng.choice(["outside/x.py", "outside/new.py", f"{root.name}/../x.py"])


def _absolute(rng: random.Random, root: Path) -> str:
    name = rng.choice(
        [root.parent / "outside/x.py", root / "shop.py", root.parent / "outside/new.py"]
    )
    return rng.choice(["", "/", "//"]) + str(name)


def _link(rng: random.Random, root: Path) -> str:
    return rng.choice(
        ["file.py", "abs.py", "way/x.py", "way/new.py", "pkg/up/outside/x.py", "loop.py", "gone.py",
         "own.py", "pkg/tests_too/test_a.py", "chain.py", "loop.py/x.py", "way/sub/new.py"]
    )  # fmt: skip


def _odd(rng: random.Random, root: Path) -> str:
    return rng.choice(["pipe.py", "folder.py", "sock.py", "shop.py/x.py", "pipe.py/x.py"])


def _case(rng: random.Random, root: Path) -> str:
    name = rng.choice(["conftest.py", "tests/test_a.py", "test_new.py", "sitecustomize.py"])
    changed = "".join(char.upper() if rng.random() < 0.5 else char for char in name)
    stem = changed if changed != name else name.swapcase()
    return rng.choice(FOLDERS) + stem[:-3] + ".py"


def _unicode(rng: random.Random, root: Path) -> str:
    name = rng.choice(["conftest.py", "tests/test_a.py", "test_new.py", "setup.py", "shop.py"])
    table = rng.choice([FULL_WIDTH, LOOKALIKE])
    return rng.choice(FOLDERS) + name[:-3].translate(table) + ".py"


def _invisible(rng: random.Random, root: Path) -> str:
    sign = rng.choice("\u200b\u200d\u202e\ufeff\u00ad\u2066\U000e0041\n\t\r\x00\x1b\x7f\x85\ue000")
    name = rng.choice(["shop.py", "conftest.py", "pkg/sub/deep.py"])
    at = rng.randrange(len(name) + 1)
    return name[:at] + sign + name[at:]


def _trailing(rng: random.Random, root: Path) -> str:
    name = rng.choice(["conftest.py", "shop.py", "tests/new.py", "pkg/sub/deep.py"])
    tail = rng.choice([".", " ", "..", " .", ". ", "/", "/.", "\u00a0", "\u3000"])
    return name + tail if rng.random() < 0.6 else name.replace("/", tail + "/", 1) + tail


def _backslash(rng: random.Random, root: Path) -> str:
    return rng.choice(["..\\outside\\x.py", "pkg\\sub\\deep.py", "C:\\x.py", "\\\\host\\x.py",
                       "pkg/..\\..\\x.py", "\\etc\\passwd"])  # fmt: skip


def _long(rng: random.Random, root: Path) -> str:
    part = rng.choice(["a", "é", "pkg/", "../"])
    return part * (rng.randint(1025, 9000) // len(part.encode())) + "x.py"


def _broken(rng: random.Random, root: Path) -> str:
    names = ["\ud800.py", "pkg/\udcff.py", "", "/", ".", "..", "//", "./shop.py", "pkg//x.py"]
    return rng.choice([*names, "pkg/./x.py", "~/x.py/..", " shop.py", "shop.py\udc80"])


_WAYS = {
    "climbs with ..": _up,
    "absolute path": _absolute,
    "symbolic link": _link,
    "no regular file": _odd,
    "twin by case": _case,
    "twin by Unicode": _unicode,
    "invisible sign or NUL": _invisible,
    "trailing dot or space": _trailing,
    "backslash": _backslash,
    "very long": _long,
    "no proper path": _broken,
}


def frozen(rng: random.Random, count: int) -> Iterator[Attempt]:
    """So many files that judge a patch: tests, their configuration, CI, dependencies, mendd's."""
    concrete = {"test_*.py": "test_x.py", "*_test.py": "x_test.py", "*.pth": "x.pth",
                "*.egg-link": "x.egg-link", "*.egg-info": "x.egg-info/PKG-INFO", "*.lock": "a.lock",
                "*.dist-info": "x.dist-info/RECORD", "requirements*.txt": "requirements-dev.txt",
                "*.pyc": "x.pyc", "*.pyo": "x.pyo", "*.so": "x.so", "*.pyd": "x.pyd",
                ".env.*": ".env.local", "*.pem": "key.pem"}  # fmt: skip
    for number in range(count):
        glob = PROTECTED[number % len(PROTECTED)]
        name = concrete.get(glob, glob)
        if "." not in name[1:] and "/" not in name:  # a folder: something in it
            name = f"{name}/{rng.choice(['x.py', 'deep/x.py', '__init__.py'])}"
        yield Attempt(glob, rng.choice(FOLDERS) + name)


def hunks(name: str, rng: random.Random) -> tuple[Hunk, ...]:
    """A patch that names the file, alone or behind an honest change; as an edit or a new file."""
    made = Hunk(filename=name, first_line=1, last_line=0, original="", replacement="x = 2\n")
    edit = Hunk(filename=name, first_line=1, last_line=1, original="x = 1\n", replacement="x = 2\n")
    honest = Hunk(
        filename="shop.py", first_line=1, last_line=1, original="x = 1\n", replacement="x = 3\n"
    )
    one = rng.choice([made, edit])
    return rng.choice([(one,), (honest, one), (one, honest)])


def wide_open(root: Path) -> TargetSettings:
    """A target that allows everything it can: what stays out is never a matter of settings."""
    return TargetSettings(name="t", path=root, edit=("**/*", "**"), max_files=9)
