"""The same road with the `claude` engine: the real SDK talks to a scripted server over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.end_to_end.conftest import SHOP, TOTAL_NOTE, Site
from tests.fake_model import FakeModel, Fault, tool

pytestmark = pytest.mark.docker

FIXED = SHOP.replace("prices[1:]", "prices")
REPORT = tool(
    "log_bug_report",
    filename="shop.py",
    function="total",
    summary="total leaves out the first price",
    severity="high",
    failing_test="test_shop.py::test_total_of_one",
)


def hunk(new: str, *, line: int = 7, old: str = "    for price in prices[1:]:") -> dict[str, Any]:
    """One proposed hunk of shop.py."""
    return tool(
        "propose_code_patch",
        filename="shop.py",
        start_line=line,
        end_line=line,
        original_code=old,
        new_code=new,
        rationale="The slice skips the first price.",
    )


RIGHT = hunk("    for price in prices:")
WRONG = hunk("    for price in prices[2:]:")


@contextmanager
def model(site: Site, script: Any, *, engine: str = "claude") -> Iterator[FakeModel]:
    """A service whose model follows the script."""
    with FakeModel(script) as server:
        site.configure(
            target=f'engine = "{engine}"',
            rest=f'[claude]\nbase_url = "{server.url}"\nretries = 2\n',
        )
        site.start()
        yield server


def test_a_model_mends_the_module(site: Site) -> None:
    """Report, patch, trial, commit; the model is told the real code, its cost is recorded."""
    with model(site, [[REPORT], [RIGHT]]) as server:
        site.drop(TOTAL_NOTE)
        applied = site.wait_for("applied")

        assert (site.module / "shop.py").read_text() == FIXED
        assert applied["data"]["engine"] == "claude"
        assert applied["data"]["tokens_in"] > 0
        assert "for price in prices[1:]" in str(server.requests[0]["messages"])


def test_a_wrong_patch_is_answered_with_the_trial_and_mended(site: Site) -> None:
    """The second attempt is fed with what the first one's trial said."""
    with model(site, [[REPORT], [WRONG], [RIGHT]]) as server:
        site.drop(TOTAL_NOTE)
        site.wait_for("applied")

        assert len(site.records("trial")) == 2
        assert "test_total_of_one" in str(server.requests[-1]["messages"][-1])


def test_a_patch_of_the_tests_is_refused_by_a_gate(site: Site) -> None:
    """Tests are protected: the gate says so, and the engine gets to hear it."""
    cheat = tool(
        "propose_code_patch",
        filename="test_shop.py",
        start_line=9,
        end_line=9,
        original_code="    assert total([5]) == 5",
        new_code="    assert True",
        rationale="easier",
    )
    with model(site, [[REPORT], [cheat], [RIGHT]]):
        site.drop(TOTAL_NOTE)
        site.wait_for("applied")

        assert "assert total([5]) == 5" in (site.module / "test_shop.py").read_text()
        assert (site.module / "shop.py").read_text() == FIXED


def test_when_all_attempts_fail_the_model_reads_its_report_and_starts_afresh(site: Site) -> None:
    """Three wrong patches, a self-diagnosis, a fresh cycle that gets it right."""

    def script(request: dict[str, Any], turn: int) -> Any:
        said = str(request["messages"])
        if "All attempts failed" in str(request["messages"][-1]):
            return {"type": "text", "text": "I kept cutting the list; do not slice at all."}
        if "do not slice at all" in said:
            return [RIGHT] if "total leaves out" in said else [REPORT]
        return [WRONG] if "total leaves out" in said else [REPORT]

    with model(site, script):
        site.drop(TOTAL_NOTE)
        site.wait_for("applied")

        assert (site.module / "shop.py").read_text() == FIXED


def test_a_model_writes_the_test_that_is_missing(site: Site) -> None:
    """No failing test: the engine writes one, it fails, and the patch is `reproduced`."""
    note = {
        **TOTAL_NOTE,
        "task_summary": "Find the cheapest of an empty basket",
        "outcome": "crashed: cheapest([]) raised ValueError: min() arg is an empty sequence",
        "reflection": "cheapest in shop.py should answer 0 when there is no price.",
    }
    (site.module / "shop.py").write_text(FIXED)
    report = tool(
        "log_bug_report",
        filename="shop.py",
        function="cheapest",
        summary="cheapest fails for an empty list",
        severity="medium",
        failing_test=None,
    )
    test = tool(
        "write_reproduction_test",
        test_code="from shop import cheapest\n\n\ndef test_none():\n    assert cheapest([]) == 0\n",
        explanation="An empty list has no minimum.",
    )
    patch = hunk("    return min(prices, default=0)", line=14, old="    return min(prices)")
    with model(site, [[report], [test], [patch]]):
        site.drop(note)
        applied = site.wait_for("applied")

        assert applied["data"]["evidence"] == "reproduced"
        assert "default=0" in (site.module / "shop.py").read_text()
        assert not list(site.module.glob("test_mendd*"))


def test_a_model_that_declines_ends_the_work(site: Site) -> None:
    """Declining is a respected end."""
    decline = tool("decline", category="not_a_bug", reason="The caller passed the wrong list.")
    with model(site, [[decline]]):
        site.drop(TOTAL_NOTE)
        declined = site.wait_for("declined")

        assert "wrong list" in declined["data"]["reason"]
        assert (site.module / "shop.py").read_text() == SHOP


def test_a_model_that_is_down_uses_up_no_attempt(site: Site) -> None:
    """An outage is recorded as failed, the work waits and is not lost."""
    with model(site, lambda request, turn: Fault("status", status=401, message="bad key")):
        site.drop(TOTAL_NOTE)
        failed = site.wait_for("failed")

        assert "next_try" in failed["data"]
        assert not site.records("proposed")
        assert '"waiting"' in site.mendd("status", "--json")


def test_auto_lets_the_free_engine_go_first(site: Site) -> None:
    """With a failing test the search engine mends it and the model is never called."""
    with model(site, [[REPORT]], engine="auto") as server:
        site.drop(TOTAL_NOTE)
        applied = site.wait_for("applied")

        assert applied["data"]["engine"] == "search"
        assert server.requests == []
