"""Everything that may happen, in any order, beside a model of what must hold; the quick look.

`python -m tests.soak service.state-machine` takes the long one.
"""

from tests.machine import FAULTS, drive


def test_whatever_happens_the_model_holds() -> None:
    """Notes, orders, crashes, full disks, the kill switch, edits, no Docker, a later clock."""
    tally = drive(20, 30, 20261120, shrink=False)

    assert all(tally[fault] for fault in FAULTS), tally
