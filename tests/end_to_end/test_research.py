"""Experiments with the real service, real Docker and a scripted model over HTTP."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import Site
from tests.fake_model import Answer, FakeModel, tool, usage

pytestmark = pytest.mark.docker

EXAMPLE = Path(__file__).parents[2] / "examples" / "duplicates"
FIND = (EXAMPLE / "duplicates" / "find.py").read_text()
SLOW_PART = FIND[FIND.index("    found = []\n") : FIND.index("    return found\n")]
FAST_PART = """\
    found, seen = [], set()
    for payment in payments:
        if payment in seen:
            found.append(payment)
        seen.add(payment)
"""
FASTER = FIND.replace(SLOW_PART, FAST_PART)
TARGET = """\
engine = "claude"
edit = ["duplicates/**/*.py"]
attempts = 1

[[target.metric]]
name = "comparisons"
command = ["python", "bench.py"]
pattern = '^comparisons: (\\d+)$'
files = ["duplicates/find.py"]

[[target.metric]]
name = "distinct"
command = ["python", "bench.py"]
pattern = '^distinct comparisons: (\\d+)$'
"""
RESEARCH = "[research]\nnoise_runs = 2\nconfirm_runs = 1\nepsilon = 0\niterations = {}\n"


def hunk(text: str, old: str, new: str, why: str, name: str = "duplicates/find.py") -> Any:
    """The proposal that replaces these whole lines of the text."""
    first = text[: text.index(old)].count("\n") + 1
    return tool(
        "propose_code_patch",
        filename=name,
        start_line=first,
        end_line=first + old.count("\n") - 1,
        original_code=old,
        new_code=new,
        rationale=why,
    )


HELPS = hunk(FIND, SLOW_PART, FAST_PART, "a set finds an equal payment at once")
NO_GAIN = hunk(
    FASTER, "    found, seen = [], set()\n", "    seen = set()\n    found = list()\n", "a list()"
)
BREAKS = hunk(
    FASTER,
    "        seen.add(payment)\n",
    "        seen.clear()\n",
    "an empty set is searched at once",
)
CRASHES = hunk(FASTER, "    found, seen = [], set()\n", "    found, seen = [], sett()\n", "a sett")
BENCH = (EXAMPLE / "bench.py").read_text()
CHEATS = hunk(
    BENCH,
    'print(f"comparisons: {Payment.compared}")\n',
    'print("comparisons: 0")\n',
    "the output is smaller",
    "bench.py",
)


@contextmanager
def researching(
    site: Site, script: Any, *, iterations: int, more: str = "", service: bool = True
) -> Iterator[FakeModel]:
    """The example as the module, a model, and a service."""
    shutil.rmtree(site.module)
    shutil.copytree(EXAMPLE, site.module, ignore=shutil.ignore_patterns("__pycache__", ".mendd"))
    site.make_repository()
    with FakeModel(script) as server:
        rest = f'[claude]\nbase_url = "{server.url}"\nretries = 2\n{RESEARCH.format(iterations)}'
        site.configure(target=TARGET, rest=rest + more)
        if service:
            site.start()
        yield server


def loop_in_background(site: Site) -> "subprocess.Popen[bytes]":
    """`mendd research loop`, which follows the session until its end."""
    command = [sys.executable, "-m", "daemon.cli", "--config", str(site.config), "research", "loop"]
    return subprocess.Popen(command, env=site.environment, stdout=subprocess.DEVNULL)


def loop_to_the_end(site: Site, *, iterations: int) -> None:
    """Start the loop and wait for each iteration in turn."""
    loop = loop_in_background(site)
    for number in range(1, iterations + 1):
        site.wait(lambda n=number: len(steps(site, "decide")) >= n, f"iteration {number}")  # type: ignore[misc]
    site.wait(lambda: status(site)["state"] == "finished", "the end")
    assert loop.wait(60) == 0


def status(site: Site) -> dict[str, Any]:
    """What `mendd research status` answers."""
    told: dict[str, Any] = json.loads(site.mendd("research", "status", "--json"))
    return told


def steps(site: Site, step: str) -> list[dict[str, Any]]:
    """The events of one step."""
    return [r["data"] for r in site.records("experiment") if r["data"]["step"] == step]


def commits(site: Site) -> list[str]:
    """Subjects on the session's branch, beyond what was there."""
    return site.git("log", "--format=%s", "--branches=mendd/*", "--not", "main").splitlines()


def by_history(request: dict[str, Any], turn: int) -> Any:
    """The next edit, by the history the model is told: the same however often it is asked."""
    said = str(request["messages"])
    told = sum(f"edit {number}," in said for number in range(1, 10))
    return [[HELPS], [NO_GAIN], [CRASHES]][told]


def test_each_edit_gets_the_end_it_deserves(site: Site) -> None:
    """One helps, one is within the noise, one breaks the suite, one crashes, one cheats."""
    decline = tool("decline", category="unsafe", reason="The bench may not be changed.")
    script = [[HELPS], [NO_GAIN], [BREAKS], [CRASHES], [CHEATS], [decline]]
    with researching(site, script, iterations=5) as server:
        setup = json.loads(site.mendd("research", "setup", "--json"))
        assert (setup["baseline"]["value"], setup["baseline"]["noise"]) == (4470, 0)
        loop_to_the_end(site, iterations=5)

        told = status(site)
        outcomes = [each["outcome"] for each in told["tries"]]
        assert outcomes == ["kept", "reverted", "refused", "crashed", "refused"]
        assert (told["state"], told["verdict"], told["end"]) == (
            "finished",
            "applied",
            "iterations",
        )
        assert told["rejections"]["suite"] == 1
        assert "suite" in told["last_reason"]
        assert all(told[f"{gate}_enforced"] for gate in ("policy", "suite", "metrics"))
        assert commits(site) == [
            "mendd: comparisons 4470 -> 60: a set finds an equal payment at once"
        ]
        assert (site.module / "duplicates" / "find.py").read_text() == FIND
        assert site.git("status", "--porcelain") == ""
        assert "bench.py may not be changed" in str(server.requests[-1]["messages"])
        assert "edit 1, kept (60)" in str(server.requests[1]["messages"])
        assert (site.state / "research" / told["session"] / "plot.svg").exists()

        assert "verified" in site.mendd("verify", told["session"])
        site.mendd("revert", told["session"], "--wait")
        assert commits(site) == []
        assert site.trail_is_whole()


def test_the_kill_switch_in_the_middle_stops_and_the_session_goes_on(site: Site) -> None:
    """Nothing runs while it is on; afterwards no iteration is counted twice."""
    with researching(site, by_history, iterations=3):
        site.mendd("research", "setup")
        loop = loop_in_background(site)
        site.wait(lambda: bool(steps(site, "edit")), "an edit")
        site.mendd("off", "a freeze")
        site.wait(lambda: not site.containers(), "no container")
        assert not steps(site, "finalize")
        loop.wait(60)

        site.mendd("on")
        site.wait(lambda: bool(steps(site, "finalize")), "the end")
        assert undisturbed(site)


def undisturbed(site: Site) -> bool:
    """The session came to the end it would have come to without a disturbance."""
    site.wait(lambda: status(site)["state"] == "finished", "the archive")
    assert [each["outcome"] for each in status(site)["tries"]] == ["kept", "reverted", "crashed"]
    assert [each["iteration"] for each in steps(site, "decide")] == [1, 2, 3]
    assert len(commits(site)) == len(site.records("applied")) == 1
    return site.trail_is_whole()


def stage(site: Site) -> str:
    """The stage under way; empty when there is none."""
    try:
        return str(json.loads((site.state / "progress.json").read_text())["stage"])
    except (OSError, ValueError):
        return ""


def test_a_worker_that_is_killed_in_every_phase_costs_nothing(site: Site) -> None:
    """SIGKILL while it measures, confirms, asks the suite: resumed each time, counted once."""
    with researching(site, by_history, iterations=3, more="[service]\nretry_s = 1\n"):
        site.mendd("research", "setup")
        loop = loop_in_background(site)
        for phase in ("run", "confirm", "suite"):
            site.wait(lambda phase=phase: stage(site) == phase, phase)  # type: ignore[misc]
            site.kill(site.worker_pid())
            site.wait(lambda phase=phase: stage(site) != phase, "another worker")  # type: ignore[misc]
        site.wait(lambda: bool(steps(site, "finalize")), "the end")
        loop.wait(60)
        assert undisturbed(site)


def test_a_session_ends_when_its_budget_is_spent(site: Site) -> None:
    """The next call would pass the limit, so nothing is sent; what was kept stays."""
    dear = Answer(content=[HELPS], usage=usage(60_000, 1_000))
    with researching(site, [dear], iterations=5, service=False) as server:
        site.mendd("research", "setup", "--spend-usd", "0.5")
        site.mendd("research", "loop")

        told = status(site)
        assert (told["end"], told["kept"], told["verdict"]) == ("budget", 1, "applied")
        assert told["spent_usd"] == pytest.approx(0.26)
        assert len(server.requests) == 1


def test_bad_input_is_answered_with_what_to_do(site: Site) -> None:
    """Without a service, in this process; nothing stays open."""
    with researching(site, [], iterations=1, service=False):
        told = site.mendd("research", "setup", "--run", "python bench.py", "--metric", "speed",
                          "--pattern", "speed: (.*)", code=1)  # fmt: skip
        assert "matches nothing in the output" in told
        assert "comparisons: 4470" in told
        site.mendd("research", "setup", "--pattern", "a(b)(c)", "--run", "true", code=1)
        site.mendd("research", "setup", "--iterations", "0", code=2)
        site.mendd("research", "run", code=2)
        hang = site.mendd("research", "setup", "--metric", "slow", "--pattern", "(x)", "--run-s",
                          "1", "--run", "python -c 'while True: pass'", code=1)  # fmt: skip
        assert "did not come to an end within 1 s" in hang
        assert site.containers() == []
