"""Random trails, good and bad, before two judges: the product, and bash with jq and ssh-keygen.

    python -m tests.soak.trail [--seed N] [--trails N] [--tampered N]

Prints a table and ends with 1 when a judge was wrong or the two did not agree.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from audit.checkpoint import FILE, SIGNERS
from audit.sealed import verify_sealed
from audit.verify import verify
from tests.tampering import ATTACKS, Good, Lines, Shown, good_trail

SHELL = Path(__file__).parents[2] / "audit" / "checkpoints.sh"
SEED, TRAILS, TAMPERED = 20261120, 1000, 300
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


def tamper_matrix(rng: random.Random, folder: Path, times: int) -> tuple[list[str], int]:
    """Every attack that often on fresh trails; rows of the table, and how many were missed."""
    rows, missed = [], 0
    for attack in ATTACKS:
        alone = sealed = 0
        for number in range(times):
            if number % TRAILS_OF_ONE_KIND == 0:
                good = fresh(rng, folder)
            files = [list(lines) for lines in good.files.values()]
            expected = attack(files, rng, good)
            path = good.written(folder, files)
            seen, found = verify(path), verify_sealed(path).chain
            alone += not seen.ok
            right = found.first_bad == expected.sealed and seen.first_bad == expected.alone
            sealed += right
            missed += not right
        rows.append(f"{attack.__name__:14} {times:6} {alone:12} {sealed:24}")
    return rows, missed


def two_judges(rng: random.Random, folder: Path, trails: int) -> tuple[Counter[str], int]:
    """How many trails each verdict had, and on how many the two differed."""
    verdicts: Counter[str] = Counter()
    for number in range(trails):
        good = fresh(rng, folder)
        attack = rng.choice([nothing, nothing, noise, seal_noise, *ATTACKS])
        files = [list(lines) for lines in good.files.values()]
        attack(files, rng, good)
        path = good.written(folder, files)
        ours = verify_sealed(path).chain
        theirs = subprocess.run(
            [str(SHELL), path, path.with_name(FILE), path.with_name(SIGNERS)],
            check=False,
            capture_output=True,
            text=True,
        )
        first = verify(path).first_bad or ours.first_bad
        agree = ours.ok == (theirs.returncode == 0) and (
            ours.ok
            or first is None
            or "control characters" in theirs.stdout
            or theirs.stdout.startswith((f"record {first} ", f"record {first}:", "checkpoint "))
        )
        verdicts["good" if ours.ok else "bad"] += 1
        if not agree or (attack is nothing and not ours.ok):
            verdicts["differ"] += 1
            print(f"trail {number}, {attack.__name__}: {ours} | {theirs.stdout}{theirs.stderr}")  # noqa: T201
    return verdicts, verdicts["differ"]


def fresh(rng: random.Random, folder: Path) -> Good:
    """A trail of its own size, in files of its own size."""
    for old in folder.iterdir():
        old.unlink()
    records = rng.randrange(6, 25)
    return good_trail(
        folder, rng, records=records, seals=rng.randrange(1, 6), kib=rng.choice([0.6, 1.0, 2.0])
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both parts."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.trail")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--trails", type=int, default=TRAILS, help="trails for the two judges")
    parser.add_argument("--tampered", type=int, default=TAMPERED, help="trials of each attack")
    options = parser.parse_args(arguments)
    rng = random.Random(options.seed)  # noqa: S311 -- repeatable on purpose
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        rows, missed = tamper_matrix(rng, Path(name), options.tampered)
        verdicts, differ = two_judges(rng, Path(name), options.trails)
    lines = [
        f"seed {options.seed}, {time.monotonic() - began:.0f} s",
        f"{'attack':14} {'trials':>6} {'chain alone':>12} {'with checkpoints, exact':>24}",
        *rows,
        f"two judges: {options.trails} trails, {verdicts['good']} good, {verdicts['bad']} bad, "
        f"{differ} judged differently",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if missed or differ else 0


if __name__ == "__main__":
    sys.exit(main())
