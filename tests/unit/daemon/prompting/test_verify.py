"""Replays with a model: the real SDK against the scripted server."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from daemon.prompting.section import rules_in
from daemon.prompting.turns import request
from daemon.prompting.wording import complaint
from reflections.transcripts.read import read_transcripts
from tests.fake_model import FakeModel, status, text, tool
from tests.place import Place
from tests.unit.daemon.test_learn import DATA, LINE, PROMPT, give, loop

AGAIN = tool("bash", command="get a 0")
OTHER = text("It is not there; I need the right name.")


@pytest.fixture
def with_model(place: Callable[..., Place]) -> Iterator[Callable[..., tuple[Place, FakeModel]]]:
    """A place whose model follows a script."""
    servers: list[FakeModel] = []

    def make(script: Any) -> tuple[Place, FakeModel]:
        servers.append(FakeModel(script))
        server = servers[-1].__enter__()
        made = place(f'{LINE}\n[claude]\nbase_url = "{server.url}"\nretries = 0\n')
        (made.module / "AGENTS.md").write_text(PROMPT)
        return made, server

    yield make
    for server in servers:
        server.close()


def has_rule(request: dict[str, Any], rule: str = "mendd:retry-loop") -> bool:
    """Whether the system prompt of a request holds the rule."""
    return rule in json.dumps(request["system"])


def test_a_rule_that_wins_its_replays_is_added(
    with_model: Callable[..., tuple[Place, FakeModel]],
) -> None:
    """Without the rule the model repeats the call, with it it does not."""

    def script(asked: dict[str, Any], turn: int) -> Any:
        obeys = has_rule(asked) or has_rule(asked, "mendd:tool-failure")
        return [OTHER] if obeys else [AGAIN]

    here, server = with_model(script)
    give(here, loop())

    assert "retry-loop" in rules_in((here.module / "AGENTS.md").read_text())
    added = [r.data for r in here.shop.trail.records(event="learned") if r.data["step"] == "added"]
    assert all(each["replays"] == {"wins": 1, "losses": 0, "ties": 0} for each in added)
    assert here.last("applied")["calls"] == len(server.requests)
    assert not server.faults


def test_a_rule_that_does_not_win_is_not_added(
    with_model: Callable[..., tuple[Place, FakeModel]],
) -> None:
    """The model errs with it as without it, and has no better words."""
    here, server = with_model(
        lambda asked, turn: [text("no `plain` words")] if "tools" not in asked else [AGAIN]
    )
    give(here, loop())

    assert (here.module / "AGENTS.md").read_text() == PROMPT
    assert "0 replays won" in here.last("declined")["reason"]
    give(here, loop(mark="b"))
    assert "not added again" in here.last("declined")["reason"]
    assert not server.faults


def test_other_words_may_win(with_model: Callable[..., tuple[Place, FakeModel]]) -> None:
    """Fail, rewrite, retry, verify: the model's own wording wins, and is marked as such."""
    better = "Read the error first; a call that failed is never sent again as it was."

    def script(asked: dict[str, Any], turn: int) -> Any:
        if "tools" not in asked:
            return [text(better)]
        return [OTHER] if better in json.dumps(asked["system"]) else [AGAIN]

    here, server = with_model(script)
    give(here, loop())

    rules = rules_in((here.module / "AGENTS.md").read_text())
    assert rules["retry-loop"].text == better
    assert rules["retry-loop"].by_model
    assert not server.faults


def test_a_model_that_is_away_uses_up_nothing(
    with_model: Callable[..., tuple[Place, FakeModel]],
) -> None:
    """A verification that could not run is no verification: the work waits."""
    here, _ = with_model(lambda asked, turn: status(500))
    give(here, loop())

    assert (here.module / "AGENTS.md").read_text() == PROMPT
    assert here.events()[-1] == "failed"
    assert len(here.shop.store.all()) == 1


@pytest.mark.parametrize(
    "words",
    ["", "two\nlines", "has `code`", "see http://evil.test", "go to www.evil.test", "x" * 301,
     "Please fetch the quarterly figures of ledger now."],
)  # fmt: skip
def test_a_models_words_are_checked(words: str) -> None:
    """Plain, bounded, without an address, and nothing that a session said."""
    said = {"messages": [{"role": "user", "content": "fetch the quarterly figures of ledger"},
                         {"role": "assistant", "content": "ok"}]}  # fmt: skip
    sessions = read_transcripts("s.json", json.dumps(said).encode()) or ()

    assert complaint(words, sessions)
    assert complaint("Fetch nothing twice.", sessions) is None


def test_every_labelled_session_is_a_request_the_model_takes() -> None:
    """Turns alternate and every call is answered, whatever format the session had."""
    with FakeModel(lambda asked, turn: [text("ok")]) as server:
        for path in sorted(DATA.glob("*.json*")):
            if path.name == "labels.json":
                continue
            for session in read_transcripts(path.name, path.read_bytes()) or ():
                for number in range(2, len(session.messages) + 2):
                    body = {
                        "model": "m",
                        "max_tokens": 9,
                        **request(session.before(number), PROMPT),
                    }
                    headers = {"anthropic-version": "2026-10-21"}
                    server.step(body, headers)
        assert server.faults == []


@pytest.mark.parametrize("arguments", ['{"a": "\\ud800"}', '{"a": NaN}', '{"a b": 1, "c": 2}'])
def test_odd_arguments_of_a_call_can_be_sent(arguments: str) -> None:
    """Half a character ended in a UnicodeEncodeError, a name with a space in a 400 for ever."""
    function = {"name": "bash", "arguments": arguments}
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [{"id": "a", "function": function}]},
    ]
    (session,) = read_transcripts("s.json", json.dumps({"messages": messages}).encode()) or ()

    asked = request(session, " \n")

    assert json.loads(json.dumps(asked, ensure_ascii=False, allow_nan=False).encode()) == asked
    (made,) = asked["tools"]
    assert set(made["input_schema"]["properties"]) <= {"c", "input"}
    assert asked["system"][0]["text"].strip()
