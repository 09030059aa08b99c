"""Every way an answer can end, and what becomes of the conversation."""

from typing import Any

import pytest

from daemon.engines import BugReport, Declined, EngineError, NoPatch, Proposal
from tests.fake_model import Answer, status, text, thinking, tool
from tests.shop import REPORT, hunk, report, said


def test_an_answer_without_a_call_is_nudged_once(talk: Any) -> None:
    """And then it is a normal end that says what the model said."""
    session, server = talk([text("The bug is in total()."), report()])
    silent, _ = talk([text("I think."), text("Therefore I am.")])

    assert isinstance(session.diagnose(), BugReport)
    assert "held no tool call" in said(server, 1)
    ended = silent.diagnose()
    assert isinstance(ended, Declined)
    assert ended.category == "not_enough_information"
    assert "Therefore I am" in ended.reason


def test_a_model_that_never_calls_a_tool_proposes_no_patch(talk: Any) -> None:
    """NoPatch with a reason, not an exception."""
    session, _ = talk([text("hm")] * 2)

    assert isinstance(session.propose(REPORT, None), NoPatch)


def test_an_empty_answer_is_nudged_without_being_sent_back(talk: Any) -> None:
    """The API refuses empty messages; the server checks."""
    session, server = talk([Answer(content=[]), report()])

    assert isinstance(session.diagnose(), BugReport)
    assert len(server.requests[1]["messages"]) == 1


def test_a_cut_off_answer_is_asked_for_again_shorter(talk: Any) -> None:
    """Half a call is never used, nor sent back."""
    cut = Answer(content=[thinking(), hunk(new_code="half")], stop_reason="max_tokens")
    session, server = talk([cut, hunk()])

    answer = session.propose(REPORT, None)

    assert isinstance(answer, Proposal)
    assert answer.patch.hunks[0].replacement.strip() == "return sum(self.prices)"
    assert len(server.requests[1]["messages"]) == 1
    assert "cut off at 2000 tokens" in said(server, 1)


def test_answers_that_are_always_cut_off_end_with_the_setting_to_raise(talk: Any) -> None:
    """A normal end; the next phase may still go on."""
    cut = Answer(content=[text("long")], stop_reason="max_tokens")
    session, _ = talk([cut, cut, hunk()])

    ended = session.propose(REPORT, None)

    assert isinstance(ended, NoPatch)
    assert "raise [claude] max_tokens" in ended.reason
    assert isinstance(session.propose(REPORT, None), Proposal)


def test_a_refusal_is_declined_as_unsafe_and_ends_the_conversation(talk: Any) -> None:
    """Nothing more is sent after it."""
    details = {"type": "refusal", "category": "cyber", "explanation": "sounds like an exploit"}
    refusal = Answer(content=[text("I")], stop_reason="refusal", stop_details=details)
    session, server = talk([refusal])

    ended = session.diagnose()

    assert isinstance(ended, Declined)
    assert ended.category == "unsafe"
    assert "cyber" in ended.reason
    assert isinstance(session.propose(REPORT, None), Declined)
    assert session.review("") is None
    assert len(server.requests) == 1


def test_a_paused_turn_is_gone_on_with(talk: Any) -> None:
    """The answer goes back as it is, and the model continues."""
    paused = Answer(content=[thinking(), text("wait")], stop_reason="pause_turn")
    session, server = talk([paused, report()])

    assert isinstance(session.diagnose(), BugReport)

    assert server.requests[1]["messages"][-1]["content"] == paused.content


@pytest.mark.parametrize(
    "step",
    [
        Answer(content=[text("I")], stop_reason="model_context_window_exceeded"),
        status(400, message="prompt is too long: 1200000 tokens > 1000000 maximum"),
    ],
)
def test_a_conversation_that_grew_too_long_is_an_end(talk: Any, step: Any) -> None:
    """Told as a reason; waiting would not help."""
    session, _ = talk([step])

    ended = session.propose(REPORT, None)

    assert isinstance(ended, NoPatch)
    assert "fit" in ended.reason


def test_endless_looking_ends_with_the_turns(talk: Any) -> None:
    """The model is warned before, and then it is over."""
    look = {"content": [tool("view_code", filename="shop/cart.py")], "repeat": True}
    look["content"][0]["id"] = ""
    session, server = talk([look], turns=6)

    ended = session.diagnose()

    assert isinstance(ended, Declined)
    assert "no end after 6 answers" in ended.reason
    assert len(server.requests) == 6
    assert "You have 3 answers left" in said(server, 3)
    assert session.review("") is None


def test_the_kill_switch_ends_a_conversation(desk: Any, talk: Any) -> None:
    """Before anything is sent."""
    session, server = talk([report()])
    desk.stop.set()

    with pytest.raises(EngineError, match="kill switch"):
        session.diagnose()

    assert server.requests == []
