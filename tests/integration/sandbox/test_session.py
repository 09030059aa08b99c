"""The line channel into a container, as the search engine uses it."""

from typing import Any

import pytest

from sandbox.trial import Ending

pytestmark = pytest.mark.docker


def test_objects_go_there_and_back(bench_of: Any) -> None:
    """In order, whatever their size below the limit."""
    with bench_of({"a.py": ""}).session({"mode": "echo", "n": 1}) as session:
        assert session.receive(20) == {"job": {"mode": "echo", "n": 1}}
        for size in (0, 1, 20_000, 150_000):
            session.send({"x": "é" * size})
            assert session.receive(20) == {"x": "é" * size}
        assert session.receive(0.05) is None
        assert session.ending is None
    assert session.ending is Ending.FINISHED


def test_a_guest_that_does_not_exist_is_named(bench_of: Any) -> None:
    """The session ends with a reason."""
    with bench_of({"a.py": ""}).session({"mode": "nosuch"}) as session:
        assert session.receive(20) is None
    assert session.ending is Ending.CRASHED
    assert "nosuch" in session.detail


def test_a_session_has_a_time_limit(bench_of: Any) -> None:
    """Kept by the harness inside."""
    with bench_of({"a.py": ""}).session({"mode": "echo"}, timeout_s=1) as session:
        session.receive(20)
        assert session.receive(20) is None
    assert session.ending is Ending.TIMED_OUT


def test_a_session_gives_its_slot_back(bench_of: Any) -> None:
    """Three in a row with two slots."""
    bench = bench_of({"test_a.py": "def test_a(): pass\n"})
    for _ in range(3):
        with bench.session({"mode": "echo"}) as session:
            assert session.receive(20) is not None
    assert bench.run().ending is Ending.FINISHED


def test_changed_files_stand_in_the_sessions_tree(bench_of: Any) -> None:
    """As in a trial."""
    bench = bench_of({"a.py": ""})
    with bench.session({"mode": "echo"}, files={"b.py": b"x"}) as session:
        assert session.receive(20) == {"job": {"mode": "echo"}}


def test_spare_sessions_take_free_slots_only(bench_of: Any) -> None:
    """Two slots: one session, one more, then none until one of them is closed."""
    bench = bench_of({"test_a.py": "def test_a(): pass\n"})
    with bench.session({"mode": "echo"}):
        second = bench.spare_session({"mode": "echo"}, timeout_s=20)
        assert second.receive(20) == {"job": {"mode": "echo"}}
        assert bench.spare_session({"mode": "echo"}, timeout_s=20) is None
        second.close()
        with bench.spare_session({"mode": "echo"}, timeout_s=20) as third:
            assert third.receive(20) is not None
    assert bench.run().ending is Ending.FINISHED


def test_there_is_room_for_one_session_at_least_and_for_no_more_than_the_slots(
    bench_of: Any,
) -> None:
    """Two slots, whatever processors this engine has."""
    assert 1 <= bench_of({"a.py": ""}).room() <= 2
