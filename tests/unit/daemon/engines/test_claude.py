"""Whole sessions: a conversation through the real SDK with a scripted server."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.engines import Declined, Feedback, Proposal, Task
from sandbox.patch import Hunk, Patch
from sandbox.trial import Ending, Outcome, Run
from tests.fake_model import text, thinking, tool
from tests.shop import FAILING, REPORT, hunk, report, results, said


def test_a_bug_is_diagnosed_and_a_patch_proposed_in_one_conversation(talk: Any) -> None:
    """Thinking goes back unchanged, every call is answered, tools and system stay the same."""
    session, server = talk(
        [
            [thinking(), tool("view_code", filename="shop/cart.py", start_line=6, end_line=14)],
            [thinking(), report()],
            [thinking(), text("here"), hunk()],
        ]
    )

    found = session.diagnose()
    answer = session.propose(found, None)

    assert found == replace(REPORT, severity="high", failing_test=FAILING)
    assert isinstance(answer, Proposal)
    assert answer.patch.hunks[0].first_line == 14
    assert "sum(self.prices)" in answer.patch.hunks[0].replacement
    assert (answer.explanation, answer.patch.rationale) == ("here", "every price counts")
    assert [len(request["messages"]) for request in server.requests] == [1, 3, 5]
    assert "   14         return sum(self.prices[1:])" in results(server, 1)[0]["content"]
    first, *later = server.requests
    assert all(request["tools"] == first["tools"] for request in later)
    assert all(request["system"] == first["system"] for request in later)
    assert all(request["tool_choice"] == {"type": "auto"} for request in server.requests)


def test_the_first_message_holds_the_note_the_failing_tests_and_the_code(talk: Any) -> None:
    """Fenced by a marker that is new every time, with numbered lines."""
    session, server = talk([report()])
    other, second = talk([report()])

    session.diagnose()
    other.diagnose()

    words = said(server)
    assert "total() forgets the first price" in words
    assert f"{FAILING}\nassert 0 == 2" in words
    assert "* shop/cart.py (18)" in words
    assert "  tests/test_cart.py" in words
    assert "   13     def total(self) -> float:" in words
    marker = words.split("<", 1)[1].split(" ", 1)[0]
    assert marker.startswith("data-")
    assert marker not in said(second)


def test_the_stable_part_is_cached_and_the_end_of_the_conversation_too(talk: Any) -> None:
    """System (with the tools before it), opening, and a mark that moves with the end."""
    session, server = talk([report()])

    session.diagnose()

    request = server.requests[0]
    marks = [
        request["system"][0]["cache_control"],
        request["messages"][0]["content"][0]["cache_control"],
        request["cache_control"],
    ]
    assert marks == [{"type": "ephemeral"}] * 3


def test_a_server_without_prices_is_sent_no_cache_marks_no_effort_and_no_strict(
    talk: Any,
) -> None:
    """What a local server may not know is left out when the settings say so."""
    free = {"input_usd": 0.0, "output_usd": 0.0, "cache_read_usd": 0.0, "cache_write_usd": 0.0}
    session, server = talk([report()], strict_tools=False, **free)

    session.diagnose()

    request = server.requests[0]
    assert "cache_control" not in str(request)
    assert "output_config" not in request
    assert not any("strict" in each for each in request["tools"])
    assert session.spending.cost_usd == 0


def test_effort_is_sent_when_it_is_set(talk: Any) -> None:
    """In `output_config`, where current models look for it."""
    session, server = talk([report()], effort="high")

    session.diagnose()

    assert server.requests[0]["output_config"] == {"effort": "high"}


def test_advice_of_an_earlier_round_is_passed_on(desk: Any, talk: Any) -> None:
    """As advice to weigh, fenced like everything that may come from strangers."""
    desk.advice = "look at Cart.add instead"
    session, server = talk([report()])

    session.diagnose()

    assert "An earlier round of work" in said(server)
    assert "look at Cart.add instead" in said(server)


def test_declining_is_a_normal_end(talk: Any) -> None:
    """In every phase that may end so."""
    no = tool("decline", category="not_a_bug", reason="works as described")
    session, _ = talk([no, no, no, no])

    assert session.diagnose() == Declined(category="not_a_bug", reason="works as described")
    assert session.reproduce(REPORT, None) is None
    assert isinstance(session.propose(REPORT, None), Declined)
    assert session.review("three attempts") is None


def failed_run() -> Run:
    return Run(
        ending=Ending.FINISHED,
        outcomes={FAILING: Outcome.FAILED},
        messages={FAILING: "assert 4 == 2"},
        durations={},
        output="….\nFAILED tests/test_cart.py::test_total",
        seconds=1,
        detail="",
        collected=(FAILING,),
    )


def test_a_failed_patch_is_fed_back_with_what_the_trial_said(talk: Any) -> None:
    """Reason, failing tests with messages, output, and the code as it is."""
    patch = Patch(
        hunks=(
            Hunk(filename="shop/cart.py", first_line=1, last_line=1, original="", replacement=""),
        ),
        rationale="",
    )
    session, server = talk([hunk(new_code="        return 4"), hunk()])

    session.propose(REPORT, None)
    again = session.propose(
        REPORT, Feedback(patch=patch, reason="1 test still fails", run=failed_run())
    )

    assert isinstance(again, Proposal)
    words = said(server, 1)
    assert results(server, 1)[0]["content"] == "Taken. The patch is tried now."
    assert "1 test still fails" in words
    assert "assert 4 == 2" in words
    assert "   14         return sum(self.prices[1:])" in words


def test_a_test_is_written_and_written_again(talk: Any) -> None:
    """It must be Python and hold a test; feedback asks for a better one."""
    good = "def test_it():\n    assert False\n"
    session, server = talk(
        [
            tool("write_reproduction_test", test_code="def it(:", explanation="x"),
            tool("write_reproduction_test", test_code="x = 1", explanation="x"),
            tool("write_reproduction_test", test_code=good, explanation="fails"),
            tool("write_reproduction_test", test_code=good, explanation="fails better"),
        ]
    )

    first = session.reproduce(REPORT, None)
    second = session.reproduce(REPORT, "your test passes")

    assert first is not None
    assert second is not None
    assert first.code == good
    assert first.filename.startswith("tests/test_mendd_")
    assert "it is no Python" in results(server, 1)[0]["content"]
    assert "no function named test_" in results(server, 2)[0]["content"]
    assert "your test passes" in said(server, 3)


def test_a_review_is_answered_in_plain_words(talk: Any) -> None:
    """After a look, if it wants one; the words are the advice for a fresh start."""
    session, server = talk(
        [
            [tool("view_code", filename="shop/cart.py", start_line=None, end_line=None)],
            [thinking(), text("Look at add(), not at total().")],
        ]
    )

    assert session.review("attempt 1: …") == "Look at add(), not at total()."
    assert "attempt 1: …" in said(server)


@pytest.mark.parametrize("command", [["import daemon.engines.claude"]])
def test_the_sdk_is_imported_only_when_a_session_opens(command: Sequence[str]) -> None:
    """It costs a second and 66 MiB."""
    code = f"{command[0]}; import sys; assert 'anthropic' not in sys.modules"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path.cwd(), capture_output=True, text=True, check=False
    )

    assert done.stderr == ""


def test_a_change_is_asked_for_in_the_persons_words(desk: Any, talk: Any) -> None:
    """The instruction stands outside the fence, files inside it; the model's words are kept."""
    desk.task = Task(
        kind="modify", words="make tax round up", files=("shop/cart.py",), hints=("try ceil",)
    )
    new = "    return round(amount * RATE, 2)"
    old = "    return amount * RATE"
    call = hunk(start_line=18, end_line=18, original_code=old, new_code=new)
    session, server = talk([[text("It is the last line."), call]])

    answer = session.propose(replace(REPORT, function="tax"), None)

    assert isinstance(answer, Proposal)
    assert answer.explanation == "It is the last line."
    opening = said(server)
    fenced = opening.index("<data-", opening.index("is data, never"))
    assert opening.index("make tax round up") < fenced
    assert "The note:" not in opening
    assert opening.index("try ceil") > fenced
    assert "Make the change that was asked for" in opening
