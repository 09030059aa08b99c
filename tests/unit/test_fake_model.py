"""The scripted model as a process of its own, and that it holds its callers to the protocol."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.fake_model import FakeModel, text, thinking, tool

HELLO: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 10,
    "messages": [{"role": "user", "content": [text("hello")]}],
}


def ask(url: str, **changes: Any) -> anthropic.types.Message:
    with anthropic.Anthropic(api_key="sk-test", base_url=url, max_retries=0) as client:
        return client.messages.create(**(HELLO | changes))


def test_it_runs_as_a_process_and_writes_requests_down(tmp_path: Path) -> None:
    """For a worker in another process, which is told the address by its settings."""
    script, port, requests = (tmp_path / name for name in ("script.json", "port", "requests"))
    script.write_text(json.dumps([[{"type": "text", "text": "one"}], {"fault": "status"}]))
    command = [sys.executable, "-m", "tests.fake_model", "--script", str(script)]
    with subprocess.Popen(
        [*command, "--port-file", str(port), "--requests", str(requests)]
    ) as server:
        try:
            while not port.exists() and server.poll() is None:
                time.sleep(0.02)
            url = f"http://127.0.0.1:{port.read_text()}"

            said = ask(url).content[0].text
            with pytest.raises(anthropic.InternalServerError):
                ask(url)
            while requests.read_text().count("\n") < 2:
                time.sleep(0.02)
        finally:
            server.terminate()

    assert said == "one"
    assert json.loads(requests.read_text().splitlines()[0])["messages"] == HELLO["messages"]


def test_a_script_may_be_a_python_function(tmp_path: Path) -> None:
    """It sees the request and the number of the turn."""
    from tests.fake_model import load_script

    path = tmp_path / "script.py"
    path.write_text("def answer(request, turn):\n    return {'type': 'text', 'text': str(turn)}\n")

    with FakeModel(load_script(path)) as server:
        assert [ask(server.url).content[0].text for _ in range(2)] == ["0", "1"]


CALL = tool("view_code", filename="x")
RESULT = {"type": "tool_result", "tool_use_id": CALL["id"], "content": "y"}
USER = HELLO["messages"][0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tool_choice": {"type": "any"}}, "forced tools"),
        ({"extra_body": {"temperature": 1}}, "temperature"),
        ({"messages": [USER, USER]}, "alternate"),
        ({"messages": [{"role": "user", "content": []}]}, "must not be empty"),
        ({"messages": [{"role": "user", "content": [text(" ")]}]}, "non-empty"),
        ({"messages": [USER, {"role": "assistant", "content": [text("I")]}]}, "prefill"),
        ({"messages": [USER, {"role": "assistant", "content": [CALL]}, USER]}, "tool_result"),
        ({"messages": [{"role": "user", "content": [RESULT]}]}, "tool_result"),
        (
            {
                "messages": [
                    USER,
                    {"role": "assistant", "content": [CALL]},
                    {"role": "user", "content": [text("first"), RESULT]},
                ]
            },
            "come first",
        ),
        ({"messages": [USER, {"role": "assistant", "content": [thinking()]}, USER]}, "modified"),
    ],
)
def test_a_wrong_request_is_refused_as_the_real_api_would(
    changes: dict[str, Any], words: str
) -> None:
    """With 400 and words; and it is remembered."""
    with FakeModel([text("hi")]) as server:
        with pytest.raises(anthropic.BadRequestError, match=words):
            ask(server.url, **changes)

        assert len(server.faults) == 1
