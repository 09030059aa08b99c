"""Calls that do not fit: each is told what did not fit and what stands there really."""

from typing import Any

import pytest

from daemon.engines import BugReport, Proposal
from tests.fake_model import Block, tool
from tests.shop import FAILING, REPORT, hunk, report, results, without


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"filename": "shop/kart.py"}, "no file 'shop/kart.py'"),
        ({"filename": "tests/test_cart.py", "function": None}, "protected"),
        ({"function": "Cart.totals"}, "Cart.total"),
        ({"failing_test": "tests/test_cart.py::test_empty"}, FAILING),
        ({"severity": "urgent"}, "severity: Input should be 'low'"),
        ({"summary": ""}, "summary: String should have at least 1 character"),
    ],
)
def test_a_report_that_does_not_fit_is_answered_with_what_is_there(
    talk: Any, changes: dict[str, Any], words: str
) -> None:
    """The model sees the real names and sends a better one."""
    session, server = talk([report(**changes), report()])

    found = session.diagnose()

    assert isinstance(found, BugReport)
    reply = results(server, 1)[0]
    assert reply["is_error"] is True
    assert words in reply["content"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (without(hunk(), "new_code"), "new_code: Field required"),
        (hunk(start_line="twelve"), "start_line: Input should be a valid integer"),
        (hunk(start_line=0), "start_line: Input should be greater than or equal to 1"),
        (hunk(start_line=14, end_line=9), "end_line must be at least start_line - 1"),
        (hunk(extra=1), "extra: Extra inputs are not permitted"),
        (hunk(new_code=None), "new_code: Input should be a valid string"),
        (hunk(new_code="x" * 50_000), "new_code: String should have at most 40000"),
        ({**hunk(), "input": "not json"}, "arguments: Input should be a valid dictionary"),
        ({**hunk(), "input": [1]}, "arguments: Input should be a valid dictionary"),
        (tool("edit_file", path="x"), "There is no tool 'edit_file'. The tools are: log_bug"),
        (tool("view_code", filename="shop/cart.py", start_line=-1), "start_line: Input should be"),
        (tool("search_code", text="", filename=None), "text: String should have at least 1"),
        (tool("decline", category="bored", reason="no"), "category: Input should be 'not_a_bug'"),
        (report(), "log_bug_report does not fit here. Send propose_code_patch instead"),
        (hunk(filename="shop/none.py"), "There is no file 'shop/none.py' here"),
        (hunk(filename="tests/test_cart.py"), "may not be changed by a patch"),
        (
            hunk(start_line=90, end_line=90, original_code="x"),
            "shop/cart.py has 18 lines, so there is no line 90",
        ),
        (hunk(new_code="key = '[redacted:password]'"), "stands for a hidden secret"),
    ],
)
def test_a_bad_call_is_answered_with_what_did_not_fit(talk: Any, call: Block, words: str) -> None:
    """Every kind of bad argument: an error reply, and the next good call counts."""
    session, server = talk([call, hunk()])

    answer = session.propose(REPORT, None)

    assert isinstance(answer, Proposal)
    reply = results(server, 1)[0]
    assert reply["is_error"] is True
    assert words in reply["content"]


def test_arguments_sent_as_json_text_are_read(talk: Any) -> None:
    """Some local servers do that."""
    import json

    call = hunk()
    session, _ = talk([{**call, "input": json.dumps(call["input"])}])

    assert isinstance(session.propose(REPORT, None), Proposal)


def test_code_that_is_not_there_is_answered_with_the_real_lines(talk: Any) -> None:
    """What was sent, what stands there, numbered, and what to send instead."""
    wrong = hunk(original_code="        return sum(self.costs[1:])")
    session, server = talk([wrong, hunk()])

    assert isinstance(session.propose(REPORT, None), Proposal)

    reply = results(server, 1)[0]["content"]
    assert "original_code is not what stands at lines 14 to 14 of shop/cart.py" in reply
    assert "return sum(self.costs[1:])" in reply
    assert "   14         return sum(self.prices[1:])" in reply
    assert "Send the hunks of the patch again" in reply


def test_a_hunk_that_stands_elsewhere_is_anchored_there(talk: Any) -> None:
    """Wrong line numbers with the right, unambiguous code are put right."""
    session, _ = talk([hunk(start_line=12, end_line=12)])

    answer = session.propose(REPORT, None)

    assert isinstance(answer, Proposal)
    assert (answer.patch.hunks[0].first_line, answer.patch.hunks[0].last_line) == (14, 14)


def test_all_hunks_of_one_answer_are_one_patch(talk: Any) -> None:
    """In the order they were sent; every call gets its own reply."""
    second = hunk(start_line=3, end_line=3, original_code="RATE = 0.2", new_code="RATE = 0.19")
    session, _ = talk([[hunk(), second], report()])

    answer = session.propose(REPORT, None)

    assert isinstance(answer, Proposal)
    assert [each.first_line for each in answer.patch.hunks] == [14, 3]


def test_one_bad_hunk_holds_back_the_others(talk: Any) -> None:
    """A patch is whole or not at all, in the conversation too."""
    bad = hunk(start_line=3, end_line=3, original_code="RATE = 0.3", new_code="RATE = 0.19")
    broken = without(hunk(), "rationale")
    session, server = talk([[hunk(), bad], [hunk(), broken], hunk()])

    answer = session.propose(REPORT, None)

    assert isinstance(answer, Proposal)
    assert len(answer.patch.hunks) == 1
    for request in (1, 2):
        good, wrong = results(server, request)
        assert "Send all hunks of the patch again" in good["content"]
        assert good["is_error"] is wrong["is_error"] is True


def test_one_answer_cannot_both_decline_and_propose(talk: Any) -> None:
    """Neither counts; the model must choose."""
    no = tool("decline", category="unsafe", reason="no")
    session, server = talk([[hunk(), no], hunk()])

    assert isinstance(session.propose(REPORT, None), Proposal)
    assert all("cannot both decline" in each["content"] for each in results(server, 1))


def test_only_the_first_report_of_an_answer_counts(talk: Any) -> None:
    """The others are told so."""
    session, server = talk([[report(), report(function="tax")], hunk()])

    found = session.diagnose()
    session.propose(REPORT, None)

    assert isinstance(found, BugReport)
    assert found.function == "Cart.total"
    assert "Only the first log_bug_report" in results(server, 1)[1]["content"]
