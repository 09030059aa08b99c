"""`mendd learn` as a person types it: findings, the diff, the rules; nothing changed by looking."""

import json
from pathlib import Path

import pytest

from daemon.prompting import book as books
from daemon.prompting.book import Record
from daemon.prompting.section import Rule, delta
from sandbox.patch import Patch, patched
from tests.terminal import EVIL, Home
from tests.unit.daemon.test_learn import loop


@pytest.fixture
def learner(home: Home) -> Home:
    """A project with a prompt file."""
    home.config.write_text(home.config.read_text() + 'prompt = "AGENTS.md"\n')
    (home.folder / "shop" / "AGENTS.md").write_text("# Agents\n")
    return home


def session(home: Home, name: str = "s.json", data: object = None) -> str:
    """A session as a file."""
    path = home.folder / name
    path.write_text(json.dumps(data or loop()))
    return str(path)


def test_a_dry_run_shows_findings_and_diff_and_changes_nothing(learner: Home) -> None:
    """Neither the prompt file nor the state."""
    before = sorted(learner.state.rglob("*"))

    shown = learner.mendd("learn", session(learner), "--dry-run")

    assert "retry-loop" in shown
    assert "+<!-- mendd: learned rules -->" in shown
    assert (learner.folder / "shop" / "AGENTS.md").read_text() == "# Agents\n"
    assert sorted(learner.state.rglob("*")) == before


def test_a_dry_run_as_json_has_the_findings(learner: Home) -> None:
    """Habits with counts and up to three examples."""
    found = learner.json("learn", session(learner), "--dry-run")

    habits = {each["habit"]: each for each in found["sessions"][0]["habits"]}
    assert habits["retry-loop"]["count"] == 2
    assert habits["retry-loop"]["examples"][0]["message"] == 4
    assert found["diff"]


def test_hostile_words_do_not_command_the_terminal(learner: Home) -> None:
    """Excerpts are shown as escapes."""
    words = [("user", "-"), ("assistant", f"I lost track of it {EVIL}")]
    said = {"messages": [{"role": role, "content": content} for role, content in words]}

    shown = learner.mendd("learn", session(learner, data=said), "--dry-run")

    assert "lost-context" in shown
    assert "\x1b" not in shown and "\u202e" not in shown


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"messages": [{"role": "robot", "content": "hi"}]}, "'robot' is no role"),
        ({"messages": []}, "no message in it is an agent's"),
        ({"outcome": "failed"}, "is no session of a known format"),
    ],
)
def test_what_is_no_session_is_told(learner: Home, data: object, why: str) -> None:
    """With the file's name."""
    learner.mendd("learn", session(learner, data=data), code=2)
    assert why in learner.said and "s.json" in learner.said


def test_without_a_prompt_file_it_says_what_to_do(home: Home) -> None:
    """Set it, or name one."""
    home.mendd("learn", session(home), code=2)
    assert 'set `prompt = "AGENTS.md"`' in home.said


def test_a_prompt_outside_the_target_is_refused(learner: Home) -> None:
    """Only files of the target."""
    learner.mendd("learn", session(learner), "--prompt", "../../etc/passwd", code=1)
    assert "outside the target" in learner.said


def test_a_prompt_that_is_not_there_uses_up_no_session(learner: Home) -> None:
    """A slip of the pen ended declined, and the session could not be learned from any more."""
    learner.mendd("learn", session(learner), "--prompt", "AGENT.md", code=2)

    assert "there is no AGENT.md in shop" in learner.said
    assert not (learner.config.parent / "state" / "sessions").exists()


def test_the_kill_switch_stops_it_before_anything_is_kept(learner: Home) -> None:
    """Nothing is begun."""
    (learner.state / "KILL").write_text("")
    learner.mendd("learn", session(learner), code=4)
    assert not (learner.state / "sessions").exists()


def test_the_rules_are_listed_with_their_counts(learner: Home) -> None:
    """The prompt file says which stand, the book how they do."""
    file = learner.folder / "shop" / "AGENTS.md"
    rule = Rule(id="retry-loop", text="Stop.")
    hunks = delta("AGENTS.md", file.read_text(), add=[rule])
    file.write_bytes(
        patched(Patch(hunks=hunks, rationale=""), lambda name: Path(file).read_bytes())["AGENTS.md"]
    )
    record = Record(
        id="timeout", text="Wait.", standing="retired", since="2026-11-20T09:00:00+00:00", why="no"
    )
    book = books.Book(target="shop", prompt="AGENTS.md").with_records(record)
    books.save(learner.state, book)

    rules = {each["rule"]: each for each in learner.json("learn", "--rules")["rules"]}

    assert rules["retry-loop"]["standing"] == "active"
    assert rules["timeout"]["standing"] == "retired"
    assert "retry-loop" in learner.mendd("learn", "--rules")
