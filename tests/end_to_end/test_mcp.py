"""An agent beside the real service: it reflects, watches, reads the report, decides; real Docker.

And without a service, where what it orders is carried out by a process that outlives it.
"""

import os
import signal
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.shared.exceptions import McpError

from tests.agent import PATIENCE_S, Agent, agent, as_agent, plainly
from tests.end_to_end.conftest import SHOP, TOTAL_NOTE, Site
from tests.end_to_end.test_modify import RIGHT, branches, model, untouched
from tests.end_to_end.test_research import HELPS, commits, researching
from tests.fake_model import FakeModel, tool

pytestmark = pytest.mark.docker
MENDED = "for price in prices:"
REPORT = tool(
    "log_bug_report",
    filename="shop.py",
    function="total",
    summary="total loses the first price",
    severity="high",
    failing_test="test_shop.py::test_total_of_one",
)
REPAIR = tool(
    "propose_code_patch",
    filename="shop.py",
    start_line=7,
    end_line=7,
    original_code="    for price in prices[1:]:",
    new_code=f"    {MENDED}",
    rationale="every price counts",
)
SLOW = "import time\n\n\ndef test_slow():\n    time.sleep(4)\n"


async def until(one: Agent, event: str, reflection: str) -> dict[str, Any]:
    """Look again and again, as an agent would, until the trail tells of it."""
    with anyio.fail_after(2 * PATIENCE_S):
        while True:
            listed = await one.call("audit_list", event=event)
            found = [each for each in listed["records"] if each["reflection"] == reflection]
            if found:
                return dict(found[-1])
            await anyio.sleep(1)


def shop_code(site: Site) -> str:
    """What stands in the module now."""
    return (site.module / "shop.py").read_text()


def held(site: Site) -> str:
    """A patch that waits for a person, with a suite that takes its time by now; its id."""
    with FakeModel([[REPORT], [REPAIR]]) as model:
        rest = f'[local]\nbase_url = "{model.url}"\nmodel = "m"\n'
        site.configure('engine = "local"\nautonomy = "propose"', rest)
        site.drop(TOTAL_NOTE)
        site.mendd("run", "--once")
    assert shop_code(site) == SHOP
    (site.module / "test_slow.py").write_text(SLOW)
    return str(site.records("held")[-1]["reflection"])


def server_pid(site: Site) -> int:
    """The process that serves the agent."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if os.fsencode(site.config) in words and b"mcp" in words:
                return int(folder.name)
    raise AssertionError("no server runs")


def test_an_agent_tells_of_a_bug_and_sees_it_mended(site: Site) -> None:
    """Reflected, mended by the service, read, and taken back by the same agent."""
    site.configure('engine = "search"')
    site.start()

    async def work(one: Agent) -> None:
        site.wait(lambda: (site.state / "service.lock").exists(), "service")
        words = {"outcome": TOTAL_NOTE["outcome"], "reflection": TOTAL_NOTE["reflection"]}
        dropped = await one.call("reflect", task=TOTAL_NOTE["task_summary"], **words)
        id_ = dropped["reflections"][0]["id"]
        applied = await until(one, "applied", id_)
        assert applied["data"]["files"] == ["shop.py"]
        assert MENDED in shop_code(site)
        assert (await one.call("status"))["service"]["running"] is True
        report = (await one.call("audit_report", id=id_))["markdown"]
        assert "shop.py" in report
        (content,) = (await one.session.read_resource(f"mendd://report/{id_}")).contents  # type: ignore[arg-type]
        assert getattr(content, "text", "") == report
        outcome = await one.call("revert", id=id_, reason="not now", wait=True)
        assert outcome["outcome"] == "reverted"
        assert (await one.call("audit_verify"))["ok"] is True

    as_agent(site.config, work, "--allow-changes")

    assert shop_code(site) == SHOP
    assert site.wait_for("received")["data"]["source"].startswith("mcp-")
    assert site.records("ordered")[-1]["data"]["by"] == "mcp"
    assert site.records("reverted")[-1]["data"]["by"] == "mcp"
    assert site.stop() == 0
    assert site.trail_is_whole()


def test_without_a_service_an_order_is_carried_out_all_the_same(site: Site) -> None:
    """A reject and an approval; the agent hears what is going on."""
    id_ = held(site)

    async def work(one: Agent) -> None:
        assert "no held patch" in await one.refusal("reject", id="unknown")
        outcome = await one.call("approve", id=id_[:14])
        assert outcome["outcome"].startswith("applied"), outcome
        assert any("trial (shop.py)" in words for words in one.progress), one.progress

    as_agent(site.config, work, "--allow-changes")

    assert MENDED in shop_code(site)
    assert site.records("approved")[-1]["data"]["by"] == "mcp"
    assert site.trail_is_whole()


def test_an_order_outlives_its_agent(site: Site) -> None:
    """The server is killed in the middle of the proof: the patch is applied, whole."""
    id_ = held(site)

    async def kill() -> None:
        while not site.containers():
            await anyio.sleep(0.05)
        os.kill(server_pid(site), signal.SIGKILL)

    async def session() -> None:
        async with agent(site.config, "--allow-changes") as one, anyio.create_task_group() as calls:
            calls.start_soon(kill)
            with pytest.raises(McpError, match="Connection closed"):
                await one.call("approve", id=id_)

    plainly(session)

    site.wait_for("applied")
    site.wait(lambda: bool(site.records("ordered")), "order on record")
    assert MENDED in shop_code(site)
    assert site.records("ordered")[-1]["data"]["outcome"].startswith("applied")
    assert site.trail_is_whole()


def test_an_agent_stops_what_it_ordered(site: Site) -> None:
    """`off` is answered while the order is under way; nothing is applied, no container is left."""
    id_ = held(site)

    async def work(one: Agent) -> None:
        async def stop() -> None:
            while not site.containers():
                await anyio.sleep(0.05)
            assert (await one.call("off", reason="changed my mind"))["changed"] is True

        async with anyio.create_task_group() as calls:
            calls.start_soon(stop)
            words = await one.refusal("approve", id=id_)
        assert "stopped" in words

    as_agent(site.config, work, "--allow-changes")

    site.wait(lambda: not site.containers(), "all containers removed")
    assert shop_code(site) == SHOP
    assert not site.records("applied")
    assert site.trail_is_whole()


def test_an_agent_researches_step_by_step(site: Site) -> None:
    """Its own idea, measured; keeping it needs the flag, and is a commit on a branch."""
    words = HELPS["input"]
    edit = {name: words[name] for name in words if name != "rationale"}

    async def measure(one: Agent) -> None:
        begun = await one.call("research_setup", iterations=2)
        assert begun["done"] is True, begun
        wrong = await one.refusal("research_edit", hypothesis="x", hunks=[{"filename": 3}])
        assert "hunks.0.start_line: Field required" in wrong
        proposed = await one.call("research_edit", hypothesis="a set", hunks=[edit])
        assert proposed["done"] is True, proposed
        assert (await one.call("research_run"))["done"] is True
        assert "changes code" in await one.refusal("research_decide")
        assert (await one.call("research_status"))["state"] == "paused"

    async def keep(one: Agent) -> None:
        decided = await one.call("research_decide")
        assert "kept" in decided["outcome"], decided
        assert (await one.call("research_finalize"))["done"] is True

    with researching(site, [], iterations=2, service=False) as server:
        as_agent(site.config, measure)
        assert commits(site) == []
        as_agent(site.config, keep, "--allow-changes")

        assert len(commits(site)) == 1
        assert server.requests == []
        assert {record["data"]["by"] for record in site.records("ordered")} == {"mcp"}
        assert site.trail_is_whole()


def test_an_agent_has_an_instruction_carried_out(site: Site) -> None:
    """On a branch, with the flag; the words reach the model as they are, options and all."""
    words = "--make cheapest answer 0 for empty input"

    async def work(one: Agent) -> None:
        assert "outside the target" in await one.refusal(
            "modify", instruction=words, files=["../../etc/passwd"]
        )
        done = await one.call("modify", instruction=words, files=["shop.py"], wait=True)
        assert done["verdict"] == "applied", done

    with model(site, [[RIGHT]]) as server:
        as_agent(site.config, work, "--allow-changes")

        assert len(branches(site)) == 1
        assert untouched(site)
        assert words in str(server.requests[0]["messages"])
        assert site.records("ordered")[-1]["data"]["by"] == "mcp"
