"""`mendd mcp` as an agent meets it: the real process, the protocol package's own client."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.shared.exceptions import McpError

from tests.agent import Agent, agent, as_agent, plainly, server
from tests.terminal import Home

READING = {"status", "audit_list", "audit_show", "audit_verify", "audit_report", "research_status"}
CHANGING = {"approve", "reject", "revert", "research_decide", "research_loop"}
HELLO = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {},
               "clientInfo": {"name": "raw", "version": "1"}},
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Home:
    """A project whose trail tells of one mended reflection."""
    (tmp_path / "shop").mkdir()
    (tmp_path / ".mendd").mkdir()
    (tmp_path / "mendd.toml").write_text(
        'state = ".mendd"\n[[target]]\nname = "shop"\npath = "shop"\n'
    )
    home = Home(tmp_path, capsys)
    home.trail.append("started")
    note = {"task_summary": "sum up", "outcome": "failed", "source": "n.json"}
    home.trail.append("received", reflection="20261120T080000Z-aaaa", target="shop", data=note)
    applied = {"files": ["cart.py"], "evidence": "proven", "diff": "+x\n" * 100_000}
    home.trail.append("applied", reflection="20261120T080000Z-aaaa", target="shop", data=applied)
    return home


def test_without_the_flag_nothing_that_changes_code_is_there(home: Home) -> None:
    """What an agent may do is also what it is shown; each tool says what it does."""

    async def work(one: Agent) -> None:
        tools = await one.tools()
        assert READING | {"reflect", "off", "research_setup", "research_run"} <= set(tools)
        assert not CHANGING & set(tools)
        assert "on" not in tools
        for name, tool in tools.items():
            assert tool.description
            assert tool.inputSchema["type"] == "object"
            assert tool.annotations is not None
            assert tool.annotations.readOnlyHint is (name in READING)
            assert tool.annotations.destructiveHint is False
        for name in CHANGING:
            words = await one.refusal(name, id="x")
            assert f"{name} changes code" in words
            assert "--allow-changes" in words

    as_agent(home.config, work)

    assert not (home.state / "orders").exists()


def test_with_the_flag_it_is(home: Home) -> None:
    """And says that it may change things."""

    async def work(one: Agent) -> None:
        tools = await one.tools()
        assert set(tools) >= READING | CHANGING
        annotations = tools["approve"].annotations
        assert annotations is not None and annotations.destructiveHint is True
        assert "no held patch is called 'nothing'" in await one.refusal("approve", id="nothing")
        assert "no applied patch is called '--help'" in await one.refusal("revert", id="--help")

    as_agent(home.config, work, "--allow-changes")


def test_an_agent_reads_what_the_commands_tell(home: Home) -> None:
    """The same functions answer both, so the same values come out."""

    async def work(one: Agent) -> dict[str, Any]:
        return {
            "status": await one.call("status"),
            "list": await one.call("audit_list", event="received", since="3d"),
            "show": await one.call("audit_show", id="20261120T08"),
            "number": await one.call("audit_show", id="2"),
            "verify": await one.call("audit_verify"),
            "head": await one.call("audit_verify", head=f"3 {'0' * 64}"),
            "report": await one.call("audit_report", id="aaaa"),
        }

    found = as_agent(home.config, work)

    status = home.json("status")
    assert set(found["status"]) == set(status)
    assert found["status"]["last"] == status["last"]
    assert found["list"] == home.json("audit", "list", "--event", "received")
    assert found["number"] == home.json("audit", "show", "2")
    assert found["verify"] == home.json("audit", "verify")
    assert found["head"]["ok"] is False
    assert found["report"]["reflection"] == "20261120T080000Z-aaaa"
    shown = home.json("audit", "show", "20261120T08")["records"]
    assert [each["hash"] for each in found["show"]["records"]] == [each["hash"] for each in shown]
    diff = found["show"]["records"][1]["data"]["diff"]
    assert "characters left out" in diff and len(diff) < 30_000  # the answer is capped


def test_an_agent_reflects(home: Home) -> None:
    """Dropped, sorted out, and under the agent's name."""

    async def work(one: Agent) -> dict[str, Any]:
        outlook: dict[str, Any] = await one.call(
            "reflect", outcome="total() fails on an empty cart", task="checkout", dry_run=True
        )
        assert outlook["dropped"] is None
        found: dict[str, Any] = await one.call(
            "reflect", outcome="total() fails on an empty cart", task="checkout", labels=["shop"]
        )
        return found

    found = as_agent(home.config, work)

    (outlook,) = found["reflections"]
    assert (outlook["target"], outlook["kind"]) == ("shop", "bug")
    path = home.state / "inbox" / f"mcp-{outlook['id']}.json"
    assert found["dropped"] == str(path)
    (note,) = json.loads(path.read_text())
    assert note["task_summary"] == "checkout"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "sent", "told"),
    [
        ("audit_list", {"last": 10**9}, "less than or equal to 200"),
        ("audit_list", {"event": "exploded"}, "there is no event 'exploded'"),
        ("audit_list", {"since": "yesterday"}, "is no time"),
        ("audit_show", {"id": "zzz"}, "no reflection is called 'zzz'"),
        ("audit_show", {}, "id: Field required"),
        ("audit_show", {"id": "x" * 100_000}, "at most 200 characters"),
        ("audit_verify", {"head": "/etc/passwd"}, "a head is a count"),
        ("audit_report", {"id": "../../../etc/passwd"}, "no reflection is called"),
        ("reflect", {"task": "only that"}, "there is nothing to reflect on"),
        ("reflect", {"outcome": "fails", "target": "nowhere"}, "nowhere"),
        ("reflect", {"outcome": "fails", "shell": "rm -rf /"}, "shell: Extra inputs"),
        ("reflect", {"outcome": "fails", "labels": ["x" * 1000]}, "labels.0: String should have"),
        ("statsu", {}, "There is no tool 'statsu'. Did you mean status?"),
    ],
)
def test_what_does_not_fit_is_answered_with_what_would(
    home: Home, name: str, sent: dict[str, Any], told: str
) -> None:
    """An error that an agent can act on; the session goes on."""

    async def work(one: Agent) -> str:
        words = await one.refusal(name, **sent)
        assert (await one.call("audit_verify"))["ok"] is True
        return words

    words = as_agent(home.config, work)

    assert told in words
    assert len(words) < 2000
    assert not (home.state / "inbox").exists()


def test_an_agent_may_stop_everything_and_not_start_it_again(home: Home) -> None:
    """The reason and who it was are there to read; then nothing is changed."""

    async def work(one: Agent) -> None:
        assert (await one.call("off", reason="it loops"))["changed"] is True
        assert (await one.call("off"))["changed"] is False
        assert (await one.call("status"))["kill_switch"]["on"] is True
        words = await one.refusal("revert", id="aaaa")
        assert "the kill switch is on (it loops (by mcp))" in words
        assert "There is no tool 'on'" in await one.refusal("on")

    as_agent(home.config, work, "--allow-changes")

    assert (home.state / "KILL").read_text() == "it loops (by mcp)\n"
    assert not (home.state / "orders").exists()


def test_reports_are_resources(home: Home) -> None:
    """Listed when they are saved, read in any case."""
    folder = home.state / "audit" / "reports"
    folder.mkdir(parents=True)
    (folder / "20261120T080000Z-aaaa.md").write_text("# mended\n" + "x" * 1_000_000)

    async def work(one: Agent) -> None:
        listed = (await one.session.list_resources()).resources
        assert [str(each.uri) for each in listed] == ["mendd://report/20261120T080000Z-aaaa"]
        (content,) = (await one.session.read_resource(listed[0].uri)).contents
        text = getattr(content, "text", "")
        assert text.startswith("# mended")
        assert len(text) < 101_000
        (template,) = (await one.session.list_resource_templates()).resourceTemplates
        assert template.uriTemplate == "mendd://report/{id}"
        for uri in ("mendd://report/zzz", "file:///etc/passwd"):
            with pytest.raises(McpError):
                await one.session.read_resource(uri)  # type: ignore[arg-type]

    as_agent(home.config, work)


def test_what_a_plug_in_prints_or_breaks_does_not_reach_the_protocol(home: Home) -> None:
    """Its output goes to the log, its faults become answers."""
    folder = home.folder / "plug-ins"
    info = folder / "noisy-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: noisy\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[mendd.actions]\nnoisy = noisy:BOTH\nbroken = nowhere:X\n"
    )
    (folder / "noisy.py").write_text(
        textwrap.dedent("""
        import os, subprocess, sys
        from daemon.actions.action import Action, Arguments
        print("imported")
        class Nothing(Arguments):
            pass
        def speak(sent, caller):
            print("printed"); os.write(1, b"written\\n"); subprocess.run(["echo", "echoed"])
            return {"by": caller.by, "read": sys.stdin.read()}
        def fail(sent, caller):
            raise KeyError("inside")
        BOTH = [
            Action(name="speak", description="d", arguments=Nothing, execute=speak),
            Action(name="fail", description="d", arguments=Nothing, execute=fail),
        ]
        """)
    )

    async def work(one: Agent) -> None:
        assert await one.call("speak") == {"by": "mcp", "read": ""}
        assert "fail broke in mendd itself (KeyError)" in await one.refusal("fail")
        assert (await one.call("audit_verify"))["ok"] is True

    as_agent(home.config, work)

    log = (home.folder / "mcp.log").read_text()
    assert "no actions from the plug-in broken" in log
    assert "KeyError: 'inside'" in log
    assert all(word in log for word in ("imported", "printed", "written", "echoed"))


def test_two_agents_at_once(home: Home) -> None:
    """Each has a server of its own; both see what either did."""

    async def work() -> None:
        async with agent(home.config) as one, agent(home.config) as other:
            for each in (one, other):
                await each.call("reflect", outcome="total() fails", task=f"by {id(each)}")
            assert (await one.call("status"))["inbox"]["waiting"] == 2
            async with anyio.create_task_group() as group:
                for each in (one, other) * 10:
                    group.start_soon(each.call, "status")

    plainly(work)


def raw(home: Home, *messages: bytes, close: bool = True) -> "subprocess.Popen[bytes]":
    """The server with these lines on its standard input."""
    parameters = server(home.config)
    process = subprocess.Popen(
        [parameters.command, *parameters.args], env=parameters.env, cwd=parameters.cwd,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    for message in messages:
        process.stdin.write(message + b"\n")
    process.stdin.flush()
    if close:
        process.stdin.close()
    return process


def test_a_client_that_goes_away_ends_the_server(home: Home) -> None:
    """Also in the middle of an answer: no traceback, exit code 0."""
    ask = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    process = raw(home, json.dumps(HELLO).encode(), json.dumps(ask).encode())
    assert process.stdout is not None and process.stderr is not None
    with process.stdout, process.stderr:
        process.stdout.close()  # it reads nothing any more, either

        assert process.wait(60) == 0
        assert b"Traceback" not in process.stderr.read()


def test_garbage_is_no_message(home: Home) -> None:
    """No JSON, no protocol, no end of a line: each is passed over, and stdout stays clean."""
    done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    ask = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    process = raw(
        home, json.dumps(HELLO).encode(), json.dumps(done).encode(), b"hello", b"{}",
        b'{"a": "' + b"x" * (5 << 20) + b'"}', b"\xff\xfe", b"[" * 10_000,
        json.dumps(ask).encode(), close=False,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    with process.stdin, process.stdout, process.stderr:
        answers = []
        while not any(each.get("id") == 2 for each in answers):
            answers.append(json.loads(process.stdout.readline()))
        process.stdin.close()
        assert process.wait(60) == 0

    (tools,) = [each["result"]["tools"] for each in answers if each.get("id") == 2]
    assert any(tool["name"] == "status" for tool in tools)


def test_a_faulty_configuration_is_said_on_stderr(home: Home) -> None:
    """Exit code 2 and nothing on stdout, so that a client shows why there is no server."""
    home.config.write_text("stat = 1\n")

    process = raw(home, close=False)

    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == b""
    assert b"line 1: stat" in err


def test_the_supervisor_does_not_know_of_it() -> None:
    """Its memory is counted: nothing of the protocol or of the actions is loaded for a service."""
    code = (
        "import sys, daemon.service; "
        "print([m for m in ('mcp', 'anyio', 'pydantic', 'daemon.actions.action') "
        "if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
