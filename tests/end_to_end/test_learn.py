"""Learning with everything real: the service, Docker, a scripted model over HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.killswitch import KillSwitch
from daemon.prompting.section import rules_in
from tests.end_to_end.conftest import Site
from tests.fake_model import FakeModel, text, tool

pytestmark = pytest.mark.docker

PROMPT = b"# Agents\r\nBe kind.  \n\n\tno end of line"
SLOW = "import time\n\n\ndef test_slow():\n    time.sleep({seconds})\n"
SET = Path(__file__).parents[1] / "data" / "transcripts"


def loop(mark: str = "a", *, times: int = 2) -> dict[str, Any]:
    """A session in Anthropic's format whose agent repeats a failing call."""
    said: list[dict[str, Any]] = [{"role": "user", "content": f"fetch {mark}"}]
    for nth in range(2 * times):
        call = {
            "type": "tool_use",
            "id": f"t{nth}",
            "name": "bash",
            "input": {"command": f"get {mark} {nth // 2}"},
        }
        result = {
            "type": "tool_result",
            "tool_use_id": f"t{nth}",
            "content": "fatal: it is not there",
            "is_error": True,
        }
        said += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    said.append({"role": "assistant", "content": "It cannot be fetched."})
    return {"messages": said}


def prompt(site: Site) -> Path:
    """The target's prompt file."""
    return site.module / "AGENTS.md"


def prepare(site: Site, rest: str = "") -> None:
    """A target with a prompt file and no bug to mend."""
    prompt(site).write_bytes(PROMPT)
    (site.module / "test_shop.py").write_text(
        "from shop import total\n\n\ndef test_none():\n    assert total([]) == 0\n"
    )
    site.configure(target='prompt = "AGENTS.md"', rest=rest)


def learned(site: Site, step: str) -> list[dict[str, Any]]:
    """The data of the `learned` records of one step."""
    return [r["data"] for r in site.records("learned") if r["data"]["step"] == step]


def test_a_session_becomes_a_rule_and_revert_gives_the_file_back(site: Site) -> None:
    """Dropped while the service runs; byte for byte the old file after the revert."""
    prepare(site)
    site.start()

    site.drop(loop(), "session.json")
    applied = site.wait_for("applied")

    now = prompt(site).read_bytes()
    assert now.startswith(PROMPT)
    assert set(rules_in(now.decode())) == {"retry-loop", "tool-failure"}
    assert applied["data"]["files"] == ["AGENTS.md"]
    assert applied["data"]["evidence"] == "regression-only"
    site.wait(lambda: len(learned(site, "added")) == 2, "the records of both rules")

    site.mendd("revert", applied["reflection"], "--wait")

    assert prompt(site).read_bytes() == PROMPT
    assert site.trail_is_whole()


def test_in_a_repository_the_rule_is_a_commit(site: Site) -> None:
    """And learning goes on without the service, by the command alone."""
    prepare(site)
    site.make_repository()
    session = site.folder / "session.json"
    session.write_text(json.dumps(loop()))

    shown = json.loads(site.mendd("learn", str(session), "--json"))

    assert shown["verdict"] == "applied"
    assert site.git("show", "--stat", "--format=%s").startswith("mendd: learn from a session")
    assert site.git("status", "--porcelain") == ""
    rules = json.loads(site.mendd("learn", "--rules", "--json"))["rules"]
    assert {each["standing"] for each in rules} == {"active"}
    again = site.mendd("learn", str(session), code=1)
    assert again == ""
    assert site.trail_is_whole()


def test_a_model_verifies_the_rule_by_replays(site: Site) -> None:
    """With the rule it does not err, without it does; the cost stands in the record."""

    def script(request: dict[str, Any], turn: int) -> Any:
        if "mendd:retry-loop" in json.dumps(request["system"]):
            return [text("It is not there; which name is meant?")]
        return [tool("bash", command="get a 0")]

    with FakeModel(script) as server:
        prepare(site, rest=f'[claude]\nbase_url = "{server.url}"\n')
        site.start()
        site.drop(loop(), "session.json")
        applied = site.wait_for("applied")

        assert set(rules_in(prompt(site).read_text("utf-8"))) == {"retry-loop"}
        site.wait(lambda: bool(learned(site, "added")), "the record of the rule")
        (added,) = learned(site, "added")
        assert added["replays"] == {"wins": 1, "losses": 0, "ties": 0}
        assert applied["data"]["tokens_in"] > 0
        assert server.faults == []


def test_bad_sessions_go_to_rejected_with_their_reason(site: Site) -> None:
    """And stop nobody else's."""
    prepare(site)
    site.start()
    site.drop({"messages": [{"role": "robot", "content": "x"}]}, "role.json")
    site.drop(
        '{"type":"user","message":{"role":"user","content":"x"}}\n{"type":"assistant"', "torn.jsonl"
    )
    site.drop({"messages": [{"role": "assistant", "tool_calls": [{"function": {}}]}]}, "call.json")
    site.wait_for("unreadable", 3)

    rejected = site.state / "inbox" / "rejected"
    site.wait(lambda: len(list(rejected.glob("*.reason"))) == 3, "reasons, after the records")
    assert "'robot' is no role" in (rejected / "role.json.reason").read_text()
    assert "line 2" in (rejected / "torn.jsonl.reason").read_text()
    assert "a call of a tool has no name" in (rejected / "call.json.reason").read_text()
    site.drop(loop(), "good.json")
    site.wait_for("applied")


def test_the_kill_switch_in_the_middle(site: Site) -> None:
    """Thrown while the suite runs: nothing is applied; lifted, the rule comes after all."""
    prepare(site)
    (site.module / "test_slow.py").write_text(SLOW.format(seconds=60))
    site.start()
    site.drop(loop(), "session.json")
    site.wait(lambda: bool(site.containers()), "a run under way")

    KillSwitch(site.state / "KILL").throw("stop", "a test")
    site.wait_for("killed")
    site.wait(lambda: not site.containers(), "no container")
    assert prompt(site).read_bytes() == PROMPT

    (site.module / "test_slow.py").write_text(SLOW.format(seconds=0))
    site.mendd("on")
    site.wait_for("applied")
    assert set(rules_in(prompt(site).read_text("utf-8"))) == {"retry-loop", "tool-failure"}
    assert site.trail_is_whole()


def test_sigkill_in_the_middle(site: Site) -> None:
    """The worker dies while the suite runs: the session is kept, the rule comes once."""
    prepare(site)
    (site.module / "test_slow.py").write_text(SLOW.format(seconds=20))
    site.start()
    site.drop(loop(), "session.json")
    site.wait(lambda: bool(site.containers()), "a run under way")

    site.kill(site.worker_pid())
    (site.module / "test_slow.py").write_text(SLOW.format(seconds=0))
    site.wait_for("applied")

    assert set(rules_in(prompt(site).read_text("utf-8"))) == {"retry-loop", "tool-failure"}
    assert len(site.records("received")) == 1
    assert prompt(site).read_bytes().count(b"mendd:retry-loop") == 1
    assert site.trail_is_whole()


def test_a_rule_that_does_not_help_is_retired_by_the_service(site: Site) -> None:
    """Ten later sessions show the habit as before: the rule goes by itself, and is on record."""
    prepare(site, rest="[learn]\nwatch = 4\n")
    site.start()
    site.drop(loop(), "first.json")
    site.wait(lambda: len(learned(site, "added")) == 2, "both rules, from which on sessions count")

    for nth in range(4):
        site.drop(loop(f"later {nth}"), f"later-{nth}.json")
    site.wait_for("applied", 2)
    site.wait(lambda: len(learned(site, "retired")) == 2, "the records of both rules")

    assert {each["rule"] for each in learned(site, "retired")} == {"retry-loop", "tool-failure"}
    assert rules_in(prompt(site).read_text("utf-8")) == {}
    assert prompt(site).read_bytes().startswith(PROMPT)
    assert site.trail_is_whole()


def test_a_folder_of_prompts_without_tests_learns_too(site: Site) -> None:
    """Nothing ran, and the record says so."""
    prepare(site)
    (site.module / "test_shop.py").unlink()
    site.start()
    site.drop((SET / "edit-no-match.json").read_text(), "one.json")
    site.drop(loop(), "two.json")
    site.wait_for("applied")

    assert site.records("applied")[-1]["data"]["evidence"] == "none"
    assert site.records("trial")[-1]["data"]["reason"] == "the target has no tests: nothing was run"
