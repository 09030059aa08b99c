"""Precision and recall of the transcript detectors on the labelled set.

    python benchmarks/detectors.py [--misses] [--json]

The set is split in two by the hash of the file's name: the detectors may be tuned on the
development half only, whose misses `--misses` names; of the held-out half only figures are shown.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from reflections.transcripts.detect import DETECTORS, detect
from reflections.transcripts.read import read_transcripts

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "transcripts"


@dataclass(frozen=True, kw_only=True)
class Score:
    """One detector on one half: sessions found rightly, wrongly, and passed over."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """The share of its alarms that were right; 1 without an alarm."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """The share of the sessions with the habit that it found; 1 when there is none."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def labels() -> dict[str, frozenset[str]]:
    """Each file of the set with the habits a person saw in it."""
    told = json.loads((FOLDER / "labels.json").read_text("utf-8"))
    return {name: frozenset(habits) for name, habits in told.items()}


def held_out(name: str) -> bool:
    """Which half a file belongs to."""
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 1


def found() -> dict[str, frozenset[str]]:
    """Each file of the set with the habits that the detectors see in it."""
    answers = {}
    for name in labels():
        (transcript,) = read_transcripts(name, (FOLDER / name).read_bytes()) or ()
        answers[name] = frozenset(seen.pattern for seen in detect(transcript))
    return answers


def scores(
    told: Mapping[str, frozenset[str]], seen: Mapping[str, frozenset[str]], *, half: bool
) -> dict[str, Score]:
    """Every detector on one half."""
    names = [name for name in told if held_out(name) is half]
    return {
        each.name: Score(
            right=sum(each.name in told[n] and each.name in seen[n] for n in names),
            wrong=sum(each.name not in told[n] and each.name in seen[n] for n in names),
            missed=sum(each.name in told[n] and each.name not in seen[n] for n in names),
        )
        for each in DETECTORS
    }


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", action="store_true", help="name those of the development half")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    told, seen = labels(), found()
    halves = {name: scores(told, seen, half=half) for name, half in HALVES.items()}
    if options.json:
        print(json.dumps({h: {n: asdict(s) for n, s in t.items()} for h, t in halves.items()}))
        return 0
    for half, table in halves.items():
        count = sum(held_out(name) is HALVES[half] for name in told)
        print(f"{half}: {count} sessions")
        for name, score in table.items():
            counts = f"{score.right} right, {score.wrong} wrong, {score.missed} missed"
            figures = f"precision {score.precision:.2f}  recall {score.recall:.2f}"
            print(f"  {name:<14} {figures}  ({counts})")
    if options.misses:
        for name in (name for name in told if not held_out(name) and told[name] != seen[name]):
            wrong, missed = sorted(seen[name] - told[name]), sorted(told[name] - seen[name])
            print(f"{name}: wrong {wrong}, missed {missed}")
    return 0


HALVES = {"development": False, "held-out": True}

if __name__ == "__main__":
    sys.exit(main())
