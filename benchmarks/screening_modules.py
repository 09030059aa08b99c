"""The modules that screening is measured on: the examples, and a function as in QuixBugs."""

from pathlib import Path

from benchmarks.mutant_subjects import Subject, subjects

MODULES = ("puzzle", "parcels", "ledgerly")
PUZZLE = {
    "puzzle/__init__.py": "",
    "puzzle/distance.py": '''\
"""A function of the kind that QuixBugs is made of."""


def distance(source, target):
    """How many insertions, deletions and substitutions lead from one text to the other."""
    row = list(range(len(target) + 1))
    for number, char in enumerate(source, 1):
        corner, row[0] = row[0], number
        for place, other in enumerate(target, 1):
            change = corner + (char != other)
            corner = row[place]
            row[place] = min(change, corner + 1, row[place - 1] + 1)
    return row[-1]
''',
    "tests/test_distance.py": """\
import pytest

from puzzle.distance import distance

CASES = [
    ("electron", "neutron", 3), ("kitten", "sitting", 3), ("rosettacode", "raisethysword", 8),
    ("", "abc", 3), ("abc", "", 3), ("", "", 0), ("amanaplanacanalpanama", "docnoteidissent", 19),
    ("acclimatizable", "unacclimatized", 6), ("heptahedron", "octahedron", 3), ("same", "same", 0),
]


@pytest.mark.parametrize(("source", "target", "steps"), CASES)
def test_distance(source, target, steps):
    assert distance(source, target) == steps
""",
    "pytest.ini": "[pytest]\n",
}


def written(name: str, root: Path) -> list[str]:
    """The module's files; which of them are mutated."""
    if name == "puzzle":
        for path, text in PUZZLE.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return ["puzzle/distance.py"]
    subject: Subject = subjects([name])[0]
    subject.written(root)
    return list(subject.files)
