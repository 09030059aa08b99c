"""`mendd modify` with everything real: the command, the worker, Docker, a model over HTTP."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.end_to_end.conftest import SHOP, Site
from tests.fake_model import Answer, FakeModel, text, tool

pytestmark = pytest.mark.docker

WORDS = "make cheapest answer 0 for empty input"
TESTED = SHOP.replace("prices[1:]", "prices")


def hunk(new: str, **changes: Any) -> dict[str, Any]:
    """One proposed hunk of shop.py; the line that `cheapest` returns from by default."""
    arguments: dict[str, Any] = {
        "filename": "shop.py",
        "start_line": 14,
        "end_line": 14,
        "original_code": "    return min(prices)",
        "new_code": new,
        "rationale": "An empty list has no minimum.",
    }
    return tool("propose_code_patch", **(arguments | changes))


RIGHT = hunk("    return min(prices, default=0)")
BREAKS = hunk("    return max(prices, default=0)")
UNREADABLE = hunk("    return min(prices, default=0")
NEW_FILE = hunk(
    '"""Words on a receipt."""\n\nTOTAL = "total"\n',
    filename="labels.py",
    start_line=1,
    end_line=0,
    original_code="",
)


@contextmanager
def model(
    site: Site, script: Any, *, modify: str = "", engine: str = "local"
) -> Iterator[FakeModel]:
    """The shop in a repository, with instructions switched on and a scripted local model."""
    (site.module / "shop.py").write_text(TESTED)
    with FakeModel(script) as server:
        site.configure(
            target=f'engine = "{engine}"\n',
            rest=f'[local]\nbase_url = "{server.url}"\nmodel = "m"\nretries = 1\n\n'
            f"[modify]\nenabled = true\n{modify}\n",
        )
        site.make_repository()
        yield server


def modify(site: Site, *more: str, code: int = 0, words: str = WORDS) -> dict[str, Any]:
    """Run the command; its JSON document."""
    answer: dict[str, Any] = json.loads(site.mendd("modify", words, *more, "--json", code=code))
    return answer


def untouched(site: Site) -> bool:
    """Nothing in the checked-out tree, its index and its branch changed."""
    return (
        site.git("status", "--short") == ""
        and site.git("branch", "--show-current") == "main\n"
        and (site.module / "shop.py").read_text() == TESTED
    )


def branches(site: Site) -> list[str]:
    """All branches beside main."""
    names = site.git("branch", "--format=%(refname:short)").split()
    return [name for name in names if name != "main"]


def test_an_instruction_becomes_a_branch_whose_suite_passes(site: Site) -> None:
    """Two files, one of them new; merging the branch is all that is left to do."""
    with model(site, [[text("Two places."), RIGHT, NEW_FILE]], engine="auto") as server:
        done = modify(site)

        assert (done["verdict"], done["attempts"]) == ("applied", 1)
        assert done["chosen"][0]["filename"] == "shop.py"
        assert done["branch"] == branches(site)[0]
        assert untouched(site)
        site.git("merge", "-q", done["branch"])
        assert "default=0" in (site.module / "shop.py").read_text()
        assert (site.module / "labels.py").read_text().endswith('TOTAL = "total"\n')
        report = (site.state / "audit" / "reports" / f"{done['id']}.md").read_text()
        assert "Two places." in report
        assert "make cheapest answer 0" in str(server.requests[0]["messages"])
        assert not site.containers()
        assert site.trail_is_whole()


def test_a_failing_suite_and_a_syntax_error_are_fed_back(site: Site) -> None:
    """The model reads which test failed, then what the target's Python says of the line."""
    with model(site, [[BREAKS], [UNREADABLE], [RIGHT]]) as server:
        done = modify(site)

        assert (done["verdict"], done["attempts"]) == ("applied", 3)
        assert "test_cheapest" in str(server.requests[1]["messages"][-1])
        told = str(server.requests[2]["messages"][-1])
        assert "shop.py line 14" in told
        assert "never closed" in told
        assert len(site.records("trial")) == 2
        assert untouched(site)


def test_when_all_fail_the_model_diagnoses_itself_and_starts_again(site: Site) -> None:
    """The second cycle begins with what was learnt; the report has all of it."""

    def script(request: dict[str, Any], turn: int) -> Any:
        said = str(request["messages"])
        if "All attempts failed" in str(request["messages"][-1]):
            return text("I took the largest; take the smallest.")
        return [RIGHT] if "take the smallest" in said else [BREAKS]

    with model(site, script):
        done = modify(site, "--max-retries", "1", "--cycles", "1")

        assert (done["verdict"], done["attempts"], done["cycles"]) == ("applied", 3, 2)
        report = (site.state / "audit" / "reports" / f"{done['id']}.md").read_text()
        assert report.count("## Attempt") == 3
        assert "take the smallest" in report
        assert "test_cheapest" in report


def test_when_nothing_passes_nothing_is_changed(site: Site) -> None:
    """Exit code 1, a report, no branch."""
    with model(site, lambda request, turn: [BREAKS]):
        done = modify(site, "--max-retries", "1", "--cycles", "0", code=1)

        assert done["verdict"] == "rejected"
        assert "test_cheapest" in done["reason"]
        assert branches(site) == []
        assert untouched(site)


def test_a_dry_run_shows_the_diff_and_changes_nothing(site: Site) -> None:
    """The trial is real all the same."""
    with model(site, [[RIGHT]]):
        done = modify(site, "--dry-run")

        assert (done["verdict"], done["dry_run"]) == ("explained", True)
        assert "+    return min(prices, default=0)" in done["diff"]
        assert site.records("trial")[0]["data"]["accepted"]
        assert branches(site) == []
        assert untouched(site)


def test_what_a_terminal_shows(site: Site) -> None:
    """The plan before work starts, then the diff and how to merge or drop the branch."""
    with model(site, [[RIGHT]]):
        shown = site.mendd("modify", WORDS, "--branch", "feature/empty")

        plan = shown[: shown.index("+    return min(prices, default=0)")]
        assert "cheapest" in plan.splitlines()[2]
        assert "the only file that may be edited" in plan
        assert f"git -C {site.module} merge feature/empty" in shown
        assert "mendd revert" in shown
        assert branches(site) == ["feature/empty"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("../mendd.toml",), "outside the target"),
        (("/etc/passwd",), "outside the target"),
        (("test_shop.py",), "is protected"),
        (("--branch", "main"), "exists already"),
        (("--branch", "--help/x"), ""),
        (("shop.py", "--max-retries", "-1"), "retries"),
    ],
)
def test_what_is_out_of_bounds_is_refused_before_anything_is_ordered(
    site: Site, arguments: tuple[str, ...], said: str
) -> None:
    """No model is called and no record is written."""
    with model(site, []) as server:
        done = subprocess.run(
            [sys.executable, "-m", "daemon.cli", "--config", str(site.config),
             "modify", WORDS, *arguments],
            env=site.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

        assert done.returncode in (1, 2)
        assert said in done.stderr
        assert server.requests == []
        assert site.records() == []


def test_a_model_that_writes_elsewhere_is_refused_and_told(site: Site) -> None:
    """Paths that escape, tests and other folders: refused by code, whatever the model says."""
    escape = hunk("x = 1\n", filename="../evil.py", start_line=1, end_line=0, original_code="")
    cheat = hunk(
        "    assert True",
        filename="test_shop.py",
        start_line=17,
        end_line=17,
        original_code="    assert cheapest([3, 1, 2]) == 1",
    )
    other = hunk("X = 1\n", filename="other/x.py", start_line=1, end_line=0, original_code="")
    script = [[escape], [cheat], [other], [RIGHT]]
    with model(site, script, modify='folders = ["shop.py"]') as server:
        done = modify(site)

        assert done["verdict"] == "applied"
        assert "may not be changed" in str(server.requests[2]["messages"])
        assert "outside the folders" in str(server.requests[3]["messages"])
        assert not (site.folder / "evil.py").exists()
        assert site.git("show", "--stat", "--format=", done["branch"]).count("|") == 1


def test_a_second_instruction_is_told_who_is_running(site: Site) -> None:
    """Which one, since when, by whom, in which process."""
    with model(site, [Answer(content=[RIGHT], delay_s=20)]):
        thread = threading.Thread(target=modify, args=(site, "--by", "ada"))
        thread.start()
        site.wait(lambda: "propose" in progress(site), "a proposal under way")

        second = subprocess.run(
            [sys.executable, "-m", "daemon.cli", "--config", str(site.config), "modify", "other"],
            env=site.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

        assert second.returncode == 1
        assert WORDS in second.stderr
        assert "given by ada at 2" in second.stderr
        assert f"process {site.worker_pid()} is at it" in second.stderr
        thread.join()
        assert len(branches(site)) == 1


def progress(site: Site) -> str:
    """The stage under way; empty when there is none."""
    try:
        return str(json.loads((site.state / "progress.json").read_text())["stage"])
    except (OSError, ValueError):
        return ""


def test_the_kill_switch_in_the_middle_changes_nothing_and_the_service_goes_on(site: Site) -> None:
    """Exit code 4; with the switch lifted the instruction is carried out after all, once."""

    def script(request: dict[str, Any], turn: int) -> Any:
        return Answer(content=[RIGHT], delay_s=30 if turn == 0 else 0)

    with model(site, script):
        ended: list[int] = []
        thread = threading.Thread(target=lambda: ended.append(code_of(site)))
        thread.start()
        site.wait(lambda: "propose" in progress(site), "a proposal under way")
        site.mendd("off", "a test")
        thread.join(60)

        assert ended == [4]
        assert not site.containers()
        assert branches(site) == []
        assert untouched(site)

        site.mendd("on")
        site.start()
        site.wait_for("modified")
        site.wait_for("applied")
        assert len(branches(site)) == 1
        assert len(site.records("applied")) == 1
        assert site.trail_is_whole()


def code_of(site: Site) -> int:
    """The exit code of the command."""
    done = subprocess.run(
        [sys.executable, "-m", "daemon.cli", "--config", str(site.config), "modify", WORDS],
        env=site.environment, capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode


@pytest.mark.parametrize("stage", ["baseline", "propose", "trial"])
def test_after_a_sigkill_the_next_worker_carries_it_out_once(site: Site, stage: str) -> None:
    """Nothing lost, nothing twice: one branch, one commit, one record of it."""

    def script(request: dict[str, Any], turn: int) -> Any:
        return Answer(content=[RIGHT], delay_s=2)

    with model(site, script):
        command = subprocess.Popen(
            [sys.executable, "-m", "daemon.cli", "--config", str(site.config), "modify", WORDS],
            env=site.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        site.wait(lambda: stage in progress(site), f"the stage {stage}")
        command.kill()
        command.wait()
        assert untouched(site)

        site.mendd("run", "--once")

        assert len(branches(site)) == 1
        assert len(site.git("log", "--oneline", f"main..{branches(site)[0]}").splitlines()) == 1
        assert len(site.records("applied")) == 1
        assert len(site.records("received")) == 1
        assert not site.containers()
        assert site.trail_is_whole()


def test_the_service_carries_it_out_and_the_command_may_wait(site: Site) -> None:
    """The same outcome as without one; without `--wait` a pipe hears that it is ordered."""
    with model(site, lambda request, turn: [RIGHT]):
        site.start()
        site.wait_for("started")
        done = modify(site, "--wait")
        assert done["verdict"] == "applied"

        ordered = modify(site, "--branch", "again")
        assert (ordered["done"], ordered["verdict"]) == (False, None)
        site.wait_for("modified", 2)
        assert site.git("branch", "--list", "again").strip() == "again"


def test_a_model_that_is_down_puts_the_instruction_off(site: Site) -> None:
    """Exit code 3, no attempt used, and it can be dropped."""
    with model(site, []) as server:
        url = server.url
    site.configure(
        target='engine = "auto"',
        rest=f'[local]\nbase_url = "{url}"\nmodel = "m"\n\n[modify]\nenabled = true\n',
    )
    put_off = modify(site, code=3)

    assert put_off["verdict"] == "waiting"
    assert "does not answer" in put_off["reason"]
    assert not site.records("proposed")
    site.mendd("reject", put_off["id"])
    assert site.records("rejected")
