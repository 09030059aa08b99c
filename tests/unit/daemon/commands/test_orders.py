"""`mendd run --once`, approve, reject and revert, on a real module with tests in a local copy."""

import io
import threading
import time

import pytest

from daemon.commands import Exit
from daemon.desk.lock import only_one
from daemon.desk.orders import read_orders
from tests.terminal import Home

BROKEN, MENDED = "sum(prices[1:])", "sum(prices)"


def code(home: Home) -> str:
    """The module as it is now."""
    return (home.folder / "shop" / "shop.py").read_text()


def reflect(home: Home, monkeypatch: pytest.MonkeyPatch) -> str:
    """Drop a reflection; its id."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    return home.mendd("reflect", "--outcome", "failed: total([5]) gave 0").strip()


@pytest.fixture
def held(mending: Home, monkeypatch: pytest.MonkeyPatch) -> tuple[Home, str]:
    """A shop whose patch waits for a person."""
    with mending.config.open("a") as file:
        file.write('autonomy = "propose"\n')
    id_ = reflect(mending, monkeypatch)
    mending.mendd("run", "--once")
    return mending, id_


def test_one_pass_mends_and_tells(mending: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came of it in a table, the progress on stderr."""
    id_ = reflect(mending, monkeypatch)

    shown = mending.mendd("run", "--once")

    assert "applied" in shown
    assert id_ in shown
    assert MENDED in code(mending)
    assert "trial (shop.py)" in mending.said or "baseline" in mending.said


def test_one_pass_as_json(mending: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The records worth telling, and the exit code."""
    reflect(mending, monkeypatch)

    found = mending.json("run", "--once")

    assert found["exit"] == 0
    assert [record["event"] for record in found["records"]] == ["applied"]


def test_nothing_due_is_done(mending: Home) -> None:
    """An empty inbox is no failure."""
    assert mending.mendd("run", "--once") == "nothing was due\n"


def test_the_kill_switch_keeps_it_from_starting(mending: Home) -> None:
    """Exit code 4, and how to lift it."""
    mending.mendd("off", "now")

    mending.mendd("run", "--once", code=Exit.STOPPED)
    assert "mendd on" in mending.said


def test_a_second_worker_is_refused(mending: Home) -> None:
    """One at a time: exit code 3 and who holds the lock."""
    with only_one(mending.state / "work.lock"):
        mending.mendd("run", "--once", code=Exit.WORLD)
    assert "held by" in mending.said


def test_a_held_patch_is_shown_before_it_is_approved(held: tuple[Home, str]) -> None:
    """The diff, and nothing changes."""
    home, id_ = held

    shown = home.mendd("approve", id_[:12], "--show")

    assert "-    return sum(prices[1:])" in shown
    assert len(home.json("approve", id_, "--show")["diffs"]) == 1
    assert BROKEN in code(home)


def test_an_approved_patch_is_applied_here_where_no_service_runs(held: tuple[Home, str]) -> None:
    """In process, proven again first."""
    home, id_ = held

    found = home.json("approve", id_[:12], "--by", "Ada")

    assert found["done"] is True
    assert found["outcome"].startswith("applied")
    assert MENDED in code(home)
    assert "Ada" in home.mendd("audit", "list", "--event", "ordered", "--json")


def test_a_patch_that_stands_is_shown_as_standing(
    mending: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The live check failed and could not take it back; approving would start nothing afresh."""
    with mending.config.open("a") as file:
        file.write('health = ["sh", "-c", "echo >> shop.py; false"]\nhealth_s = 0\n')
    id_ = reflect(mending, monkeypatch)
    mending.mendd("run", "--once")

    shown = mending.mendd("approve", id_, "--show")

    assert "its patch stands already" in shown
    assert "+    return sum(prices)" in shown


def test_a_rejected_patch_closes_the_reflection(held: tuple[Home, str]) -> None:
    """The reason goes into the trail."""
    home, id_ = held

    home.mendd("reject", id_, "--reason", "the caller checks that")

    assert BROKEN in code(home)
    assert home.json("status")["work"] == []
    assert "the caller checks that" in home.mendd("audit", "show", id_)


def test_a_reverted_patch_is_gone(mending: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte as before."""
    before = code(mending)
    id_ = reflect(mending, monkeypatch)
    mending.mendd("run", "--once")

    mending.mendd("revert", id_[:16], "--reason", "worse", "--wait")

    assert code(mending) == before


def test_a_revert_that_cannot_be_is_answered_with_no(
    mending: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1: a person changed the same lines since."""
    id_ = reflect(mending, monkeypatch)
    mending.mendd("run", "--once")
    file = mending.folder / "shop" / "shop.py"
    file.write_text(code(mending).replace(MENDED, "sum(list(prices))"))

    assert "not reverted" in mending.mendd("revert", id_, code=Exit.NO)


@pytest.mark.parametrize("order", ["approve", "reject", "revert"])
def test_an_unknown_id_is_wrong_usage(order: str, held: tuple[Home, str]) -> None:
    """With the ids there are, or the news that there are none."""
    home, id_ = held

    home.mendd(order, "nonsense", code=Exit.USAGE)
    assert (id_ if order != "revert" else "no applied patch at all") in home.said


def test_a_finished_reflection_is_answered_with_no(
    mending: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1: the id is known, but nothing is held under it."""
    id_ = reflect(mending, monkeypatch)
    mending.mendd("run", "--once")

    mending.mendd("approve", id_, code=Exit.NO)
    assert "is finished" in mending.said


def test_what_was_never_applied_cannot_be_reverted(held: tuple[Home, str]) -> None:
    """Exit code 1, and where to read how it ended."""
    home, id_ = held

    home.mendd("revert", id_, code=Exit.NO)
    assert "never applied" in home.said


def test_a_choice_that_is_not_there_is_refused(held: tuple[Home, str]) -> None:
    """Before any order is written."""
    home, id_ = held

    home.mendd("approve", id_, "--choice", "3", code=Exit.USAGE)
    assert "0 to 0" in home.said
    assert read_orders(home.state) == []


def test_under_the_kill_switch_the_order_waits(held: tuple[Home, str]) -> None:
    """Exit code 4; nothing is applied, nothing is lost."""
    home, id_ = held
    home.mendd("off")

    home.mendd("approve", id_, code=Exit.STOPPED)

    assert BROKEN in code(home)
    assert len(read_orders(home.state)) == 1


def test_a_running_service_is_left_to_do_it(held: tuple[Home, str]) -> None:
    """The order is written; the command says so and ends."""
    home, id_ = held
    with only_one(home.state / "service.lock"):
        found = home.json("approve", id_)

    assert found["done"] is False
    assert BROKEN in code(home)


def test_waiting_shows_what_the_service_did(held: tuple[Home, str]) -> None:
    """`--wait` reads the outcome from the trail."""
    home, id_ = held

    def service() -> None:
        while not (orders := read_orders(home.state)):
            time.sleep(0.01)
        home.trail.append("ordered", reflection=id_, data={"outcome": "still held: no"})
        orders[0][0].unlink()

    thread = threading.Thread(target=service)
    thread.start()
    with only_one(home.state / "service.lock"):
        found = home.json("approve", id_, "--wait", code=Exit.NO)
    thread.join()

    assert found["outcome"] == "still held: no"


def test_json_of_the_service_log_is_another_option(mending: Home) -> None:
    """`run --json` without --once is refused."""
    mending.mendd("run", "--json", code=Exit.USAGE)
    assert "--log-json" in mending.said
