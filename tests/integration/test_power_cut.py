"""Power cuts, simulated on a small disk; `python -m tests.soak crash.power` makes 200 of them."""

import random

import pytest

from tests.power_cuts import NoDisk, power_cuts

CUTS = 10


def test_a_power_cut_leaves_one_version_and_every_acknowledged_record(tmp_path):
    """No mixed module, no lost record, at any moment of any change."""
    rng = random.Random(19)  # noqa: S311 -- repeatable on purpose
    try:
        found = list(power_cuts(tmp_path, rng, CUTS))
    except NoDisk as reason:
        pytest.skip(str(reason))

    assert [fault for _, fault, _ in found if fault] == []
    assert found[-1][0] > CUTS / 2, "the writer was at work"
