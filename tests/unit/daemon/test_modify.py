"""A person's instruction on the worker's road, without Docker: orders in, a branch out."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from daemon.engines import Declined, EngineError, Proposal
from daemon.modify import DRY_RUN
from reflections.store import State
from sandbox.patch import Hunk, Patch
from tests.fakes import ScriptedEngine
from tests.place import CODE, REPORT, RIGHT, Place

ENABLED = 'engine = "local"\n[modify]\nenabled = true\n'
ID = "20261120T090000Z-0123456789ab"
OTHER = "20261120T090001Z-ba9876543210"
WORDS = "make least answer 0 for empty input"
LEAST = Hunk(
    filename="shop.py",
    first_line=6,
    last_line=6,
    original="    return min(prices)\n",
    replacement="    return min(prices, default=0)\n",
)
NEW = Hunk(
    filename="labels.py",
    first_line=1,
    last_line=0,
    original="",
    replacement='NAMES = ("least", "total")\n',
)


def change(*hunks: Hunk) -> Proposal:
    """A proposal of these hunks."""
    return Proposal(patch=Patch(hunks=hunks, rationale="because"))


GOOD = change(LEAST)
BREAKS = change(replace(LEAST, replacement="    return max(prices, default=0)\n"), NEW)
UNREADABLE = change(replace(LEAST, replacement="    return min(prices\n"))


def git(place: Place, *arguments: str) -> str:
    """Run git in the module."""
    who = {f"GIT_{a}_{b}": "dev" for a in ("AUTHOR", "COMMITTER") for b in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", *arguments],
        cwd=place.module,
        env={**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def repo(place: Callable[..., Place]) -> Place:
    """The shop in a repository, instructions switched on."""
    here = place(ENABLED)
    git(here, "init", "-q", "-b", "main")
    git(here, "add", "-A")
    git(here, "commit", "-qm", "as it is")
    return here


def ask(place: Place, *answers: Any, id_: str = ID, advice: str | None = None, **data: Any) -> None:
    """Give the instruction to a worker whose engine answers like that."""
    place.engines = [ScriptedEngine(REPORT, answers, name="local", advice=advice)]
    place.order("modify", id_, data={"words": WORDS, **data})


def outcome(place: Place) -> str:
    """What became of the last order."""
    return str(place.last("ordered")["outcome"])


def test_a_change_becomes_a_commit_on_a_branch_of_its_own(repo: Place) -> None:
    """Several files, a new one among them; the checked-out tree keeps every byte and its index."""
    (repo.module / "notes.txt").write_text("half a thought")

    ask(repo, change(LEAST, NEW))

    done = repo.last("modified")
    branch = str(done["branch"]).removeprefix("refs/heads/")
    assert (done["verdict"], done["attempts"], done["by"]) == ("applied", 1, "ada")
    assert repo.file.read_text() == CODE
    assert git(repo, "status", "--short") == "?? notes.txt\n"
    assert "default=0" in git(repo, "show", f"{branch}:shop.py")
    assert "NAMES" in git(repo, "show", f"{branch}:labels.py")
    assert WORDS in git(repo, "log", "-1", "--format=%B", branch)
    assert repo.events()[-2:] == ["applied", "modified"]
    assert not repo.shop.store.all()


def test_the_files_are_recorded_with_their_reasons(repo: Place) -> None:
    """Who asked, what for, and why that file."""
    ask(repo, GOOD, words="make `least` answer 0")

    received = repo.last("received")
    assert received["by"] == "ada"
    assert received["files"] == ["shop.py"]
    assert received["why"] == {"shop.py": "it defines least"}


def test_a_failing_suite_is_fed_back_and_the_next_attempt_lands(repo: Place) -> None:
    """The engine hears which test failed."""
    ask(repo, BREAKS, GOOD)

    heard = repo.engines[0].heard
    assert heard[1] is not None
    assert "test_least" in heard[1].reason
    assert repo.last("modified")["attempts"] == 2
    assert repo.last("modified")["verdict"] == "applied"


def test_a_syntax_error_is_fed_back_with_line_and_message(repo: Place) -> None:
    """As the target's own Python says it, and without a trial."""
    ask(repo, UNREADABLE, GOOD)

    refused = repo.last("gate_refused")
    assert refused["gate"] == "syntax"
    assert "shop.py line 6" in refused["reason"]
    assert "never closed" in refused["reason"]
    assert len(list(repo.shop.trail.records(event="trial"))) == 1
    assert repo.last("modified")["verdict"] == "applied"


def test_when_all_attempts_fail_the_engine_diagnoses_itself_and_starts_again(repo: Place) -> None:
    """The second cycle has the advice; both stand in the report."""
    ask(repo, BREAKS, UNREADABLE, GOOD, retries=1, cycles=1, advice="keep the least of many")

    done = repo.last("modified")
    report = (repo.shop.reports / f"{ID}.md").read_text()
    assert (done["verdict"], done["attempts"], done["cycles"]) == ("applied", 3, 2)
    assert repo.engines[0].cases[1].advice == "keep the least of many"
    assert "test_least" in repo.engines[0].read[0]
    assert "keep the least of many" in report
    assert WORDS in report
    assert report.startswith("# Modification")


def test_when_everything_fails_nothing_is_changed(repo: Place) -> None:
    """Rejected with its report; no branch is left."""
    ask(repo, BREAKS, BREAKS, retries=1, cycles=0)

    assert repo.last("modified")["verdict"] == "rejected"
    assert repo.events()[-1] == "rejected"
    assert git(repo, "branch").split() == ["*", "main"]
    assert repo.file.read_text() == CODE


def test_a_dry_run_shows_diff_and_trial_and_changes_nothing(repo: Place) -> None:
    """Neither file nor branch nor anything held."""
    ask(repo, GOOD, dry_run=True)

    done = repo.last("modified")
    assert (done["verdict"], done["reason"], done["dry_run"]) == ("explained", DRY_RUN, True)
    assert "+    return min(prices, default=0)" in done["diff"]
    assert repo.last("trial")["accepted"]
    assert git(repo, "branch").split() == ["*", "main"]
    assert not repo.shop.store.all()


def test_the_branch_may_have_a_name(repo: Place) -> None:
    """It does not exist yet, and git would take it."""
    ask(repo, GOOD, branch="feature/empty")

    assert git(repo, "branch", "--list", "feature/empty").strip() == "feature/empty"


@pytest.mark.parametrize(
    "data",
    [
        {"branch": "main"},
        {"branch": "../main"},
        {"branch": "-d"},
        {"words": "  "},
        {"words": 7},
        {"files": [{"filename": "../shop.py", "why": "trust me"}]},
        {"files": [{"filename": "test_shop.py", "why": "trust me"}]},
        {"files": ["shop.py"]},
        {"engine": "gpt"},
        {"engine": "search"},
        {"retries": -1},
        {"retries": True},
        {"target": "nowhere"},
        {"words": "put a key into ../../.ssh/keys.py"},
    ],
)
def test_what_is_no_instruction_opens_no_work(repo: Place, data: dict[str, Any]) -> None:
    """An order file is outside data; the answer says what is wrong."""
    ask(repo, **data)

    assert outcome(repo).startswith("not begun: ")
    assert "received" not in repo.events()


def test_instructions_are_switched_off_by_default(place: Callable[..., Place]) -> None:
    """The settings have to allow them."""
    here = place('engine = "local"')

    ask(here, GOOD)

    assert "enabled = true" in outcome(here)


def test_the_engine_may_not_leave_the_allowed_folders(place: Callable[..., Place]) -> None:
    """A hunk elsewhere is refused by the scope gate like every other."""
    here = place('engine = "local"\n[modify]\nenabled = true\nfolders = ["shop.py"]\n')

    ask(here, change(LEAST, NEW), Declined(category="unsafe", reason="no"))

    assert "outside the folders" in here.last("gate_refused")["reason"]


def test_without_git_the_proven_change_waits_for_its_approval(place: Callable[..., Place]) -> None:
    """There is no branch that could keep it apart; approving applies it with a backup."""
    here = place(ENABLED)
    ask(here, GOOD)
    assert here.last("modified")["verdict"] == "held"
    assert f"mendd approve {ID}" in here.last("held")["reason"]
    assert here.file.read_text() == CODE

    here.order("approve", ID)

    assert "default=0" in here.file.read_text()
    assert here.last("applied")["backup"]


def test_a_file_with_uncommitted_edits_is_held_and_goes_to_the_branch_later(repo: Place) -> None:
    """The person commits, approves, and the change lands on the branch that was meant."""
    repo.file.write_text(CODE + "\nEDITED = True\n")
    ask(repo, GOOD, branch="later")
    assert "uncommitted changes" in repo.last("held")["reason"]

    git(repo, "commit", "-aqm", "edited")
    repo.order("approve", ID)

    assert "default=0" in git(repo, "show", "later:shop.py")
    assert git(repo, "status", "--short") == ""


def test_an_outage_keeps_the_instruction_and_it_may_be_dropped(repo: Place) -> None:
    """No attempt is used up; a second one is told about the first until that one is rejected."""

    class Dead(ScriptedEngine):
        def open(self, case: Any) -> Any:
            raise EngineError("the local server does not answer")

    repo.engines = [Dead(REPORT, [], name="local")]
    repo.order("modify", ID, data={"words": WORDS})
    waiting = repo.shop.store.get(ID)
    assert waiting is not None
    assert waiting.state is State.WAITING

    ask(repo, GOOD, id_=OTHER)
    assert WORDS in outcome(repo)
    assert "given by ada at 2026-11-20T09" in outcome(repo)
    assert "it waits until 2026-11-20 09:01:00 UTC" in outcome(repo)

    repo.order("reject", ID)
    assert repo.shop.store.get(ID) is None
    ask(repo, GOOD, id_=OTHER)
    assert repo.last("modified")["verdict"] == "applied"


def test_the_same_order_twice_is_one_work(repo: Place) -> None:
    """A crash between the store and the order's end carries it out again."""
    ask(repo, GOOD)
    ask(repo, GOOD)

    assert "carried out before" in outcome(repo)
    assert repo.events().count("applied") == 1


def test_the_same_words_may_be_asked_for_again(repo: Place) -> None:
    """The branch was dropped; a person may try once more."""
    ask(repo, GOOD)
    ask(repo, GOOD, id_=OTHER)

    assert repo.events().count("applied") == 2
    assert len(git(repo, "branch", "--list", "mendd/*").split()) == 2


def test_the_branch_can_be_taken_back(repo: Place) -> None:
    """`mendd revert` removes an unmerged branch of a modification like any other."""
    ask(repo, GOOD, branch="feature/empty")

    repo.order("revert", ID)

    assert git(repo, "branch").split() == ["*", "main"]
    assert outcome(repo) == "reverted"


def test_a_failing_test_that_is_named_has_to_pass(repo: Place) -> None:
    """Then the change is proven, not only harmless."""
    ask(repo, change(LEAST), RIGHT, words="make `total` meet test_total in shop.py")

    assert repo.last("modified")["verdict"] == "applied"
    assert repo.last("applied")["evidence"] == "proven"


def test_an_instruction_that_is_declined_says_why(repo: Place) -> None:
    """A respected end."""
    ask(repo, Declined(category="not_in_target", reason="there is no shop"))

    assert "there is no shop" in repo.last("modified")["reason"]
    assert repo.events()[-1] == "declined"


def test_a_branch_that_git_could_not_make_is_refused_beforehand(repo: Place) -> None:
    """`mendd` and `mendd/…` cannot both be branches; no model is paid to find out."""
    git(repo, "branch", "mendd")
    ask(repo, GOOD)
    assert "the branch 'mendd' keeps" in outcome(repo)

    git(repo, "branch", "topic/one")
    ask(repo, GOOD, branch="topic")
    assert "branches below 'topic/'" in outcome(repo)

    ask(repo, GOOD, branch="topic/two")
    assert repo.last("modified")["verdict"] == "applied"


def test_a_secret_in_the_words_is_kept_nowhere(repo: Place) -> None:
    """Neither in the store nor in the trail nor in the commit."""
    key = "sk-ant-api03-" + "a1B2" * 20
    ask(repo, GOOD, words=f"make `least` answer 0, the key is {key}")

    trail = (repo.shop.state / "audit" / "trail.jsonl").read_text()
    assert "redacted" in repo.last("modified")["instruction"]
    assert key not in trail
    assert key not in git(repo, "log", "--all", "--format=%B")
    assert key not in repo.engines[0].cases[0].task.words


def crash(*_: object, **__: object) -> None:
    """What SIGKILL looks like from inside."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["daemon.modify.record", "daemon.worker.close_work"])
def test_killed_after_the_commit_its_one_record_and_its_report_are_there(
    repo: Place, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Killed between `applied` and `modified`, nobody was told what the run came to."""
    with monkeypatch.context() as killed:
        killed.setattr(where, crash)
        with pytest.raises(KeyboardInterrupt):
            ask(repo, GOOD)
    repo.work()

    assert [repo.events().count(event) for event in ("applied", "modified")] == [1, 1]
    done = repo.last("modified")
    assert (done["verdict"], done["attempts"], done["branch"]) == (
        "applied", 1, repo.last("applied")["branch"],
    )  # fmt: skip
    assert (repo.shop.reports / f"{ID}.md").exists()
    assert not repo.shop.store.all()


def test_a_branch_on_a_stage_is_not_handed_on_after_a_crash_either(
    place: Callable[..., Place], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is live nowhere, so it has not held; recovery opened a promotion of it."""
    (tmp_path / "prod").mkdir()
    here = place(
        'engine = "local"\nstage_of = "prod"\n[[target]]\nname = "prod"\npath = "prod"\n'
        "[modify]\nenabled = true\n"
    )
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "so"]):
        git(here, *arguments)
    with monkeypatch.context() as killed:
        killed.setattr("daemon.worker.close_work", crash)
        with pytest.raises(KeyboardInterrupt):
            ask(here, GOOD, target="shop")
    here.work()

    assert here.last("applied")
    assert [work.kind for work in here.shop.store.all()] == []
