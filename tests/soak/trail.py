"""Random trails, good and bad, before two judges: the product, and bash with jq and ssh-keygen."""

import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from audit.checkpoint import FILE, SIGNERS
from audit.sealed import verify_sealed
from audit.verify import verify
from tests.soak.check import Check, Row, Setting
from tests.tampering import ATTACKS, Good, Lines, Shown, good_trail

SHELL = Path(__file__).parents[2] / "audit" / "checkpoints.sh"
TRAILS, TAMPERED = 1000, 300
TRAILS_OF_ONE_KIND = 20


def nothing(files: Lines, rng: random.Random, good: Good) -> Shown:
    """Left as it is."""
    return Shown(None, None)


def noise(files: Lines, rng: random.Random, good: Good) -> Shown:
    """A few bytes put in somewhere, in a record or between two."""
    lines = files[rng.randrange(len(files))]
    at = rng.randrange(len(lines))
    place = rng.randrange(len(lines[at]))
    lines[at] = lines[at][:place] + rng.randbytes(rng.randrange(1, 9)) + lines[at][place:]
    return Shown(0, 0)


def seal_noise(files: Lines, rng: random.Random, good: Good) -> Shown:
    """A byte of a checkpoint is another one."""
    content = bytearray(good.beside[FILE])
    content[rng.randrange(len(content))] = rng.randrange(256)
    good.beside[FILE] = bytes(content)
    return Shown(0, 0)


def tampered(setting: Setting) -> Iterator[Row]:
    """Every attack on fresh trails; the first bad record must be named exactly."""
    times = setting.times(TAMPERED)
    for attack in ATTACKS:
        alone = right = 0
        for number in range(times):
            if number % TRAILS_OF_ONE_KIND == 0:
                good = fresh(setting)
            files = [list(lines) for lines in good.files.values()]
            expected = attack(files, setting.rng, good)
            path = good.written(setting.folder, files)
            seen, found = verify(path), verify_sealed(path).chain
            alone += not seen.ok
            right += found.first_bad == expected.sealed and seen.first_bad == expected.alone
        yield Row(attack.__name__, times, times - right, f"{alone} seen by the chain alone")


def two_judges(setting: Setting) -> Iterator[Row]:
    """Trails of every kind: good or bad, both judges say the same, and where."""
    tried: Counter[str] = Counter()
    differ: Counter[str] = Counter()
    for _ in range(setting.times(TRAILS)):
        good = fresh(setting)
        attack = setting.rng.choice([nothing, nothing, noise, seal_noise, *ATTACKS])
        files = [list(lines) for lines in good.files.values()]
        attack(files, setting.rng, good)
        path = good.written(setting.folder, files)
        chain = verify_sealed(path).chain
        kind = "judged good" if chain.ok else "judged bad"
        tried[kind] += 1
        differ[kind] += not same_verdict(path) or (attack is nothing and not chain.ok)
    for kind, times in tried.items():
        yield Row(kind, times, differ[kind])


def same_verdict(path: Path) -> bool:
    """Whether the shell script says what we say, of the same record."""
    ours = verify_sealed(path).chain
    theirs = subprocess.run(
        [str(SHELL), path, path.with_name(FILE), path.with_name(SIGNERS)],
        check=False,
        capture_output=True,
        text=True,
    )
    first = verify(path).first_bad or ours.first_bad
    named = (f"record {first} ", f"record {first}:", "checkpoint ")
    return ours.ok == (theirs.returncode == 0) and (
        ours.ok
        or first is None
        or "control characters" in theirs.stdout
        or theirs.stdout.startswith(named)
    )


def fresh(setting: Setting) -> Good:
    """A trail of its own size, in files of its own size."""
    for old in setting.folder.iterdir():
        old.unlink()
    rng = setting.rng
    return good_trail(
        setting.folder,
        rng,
        records=rng.randrange(6, 25),
        seals=rng.randrange(1, 6),
        kib=rng.choice([0.6, 1.0, 2.0]),
    )


CHECKS = (
    Check(
        "trail.tampered", "every attack is seen, at the exact record, with checkpoints", tampered
    ),
    Check(
        "trail.two-judges", "shell, jq and ssh-keygen agree with mendd on every trail", two_judges
    ),
)
