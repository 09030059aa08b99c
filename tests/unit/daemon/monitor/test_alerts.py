"""Alerts reach real receivers on loopback, are not repeated, and never stop the work."""

import json
import socketserver
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from audit.trail import Trail
from daemon.config.config_file import load_settings
from daemon.learning.exchange import exchange_if_due
from daemon.monitor.alerts import Outcome, send_alerts
from daemon.monitor.calls import next_call
from daemon.settings import Settings
from tests.serving import serving

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Desk:
    """A trail with one concern in it, and settings with channels."""

    def __init__(self, folder: Path, alerts: str) -> None:
        config = folder / "mendd.toml"
        config.write_text(
            f'state = "state"\n[[target]]\nname = "shop"\npath = "."\n[alerts]\n{alerts}\n'
        )
        self.now = NOW
        self.settings: Settings = load_settings(config)
        self.trail = Trail(self.settings.state / "audit" / "trail.jsonl", clock=lambda: self.now)
        self.environ: dict[str, str] = {"PATH": "/usr/bin:/bin"}

    def worry(self, id_: str = "r1", reason: str = "health failed") -> None:
        """One more concern."""
        data = {"reason": reason}
        self.trail.append("reverted", reflection=id_, target="shop", data=data)

    def send(self) -> Outcome:
        """The end of a pass."""
        return send_alerts(self.settings, self.trail, self.environ, self.now)


class Receiver(BaseHTTPRequestHandler):
    """Takes what is posted; `/gone` answers 500, `/elsewhere` redirects."""

    def do_POST(self) -> None:
        """One alert."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), json.loads(body)))  # type: ignore[attr-defined]
        status = {"/gone": 500, "/elsewhere": 307}.get(self.path, 204)
        self.send_response(status)
        if status == 307:
            self.send_header("Location", "/other")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


class MailHandler(socketserver.StreamRequestHandler):
    """The least of SMTP (RFC 5321) that a client needs to hand over a mail."""

    def handle(self) -> None:
        """One session."""
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line.split(b" ")[0].strip().upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.got.append(mail.decode())  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@pytest.fixture
def web() -> Iterator[Any]:
    """A web server."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.got = []
    with serving(server):
        yield server


@pytest.fixture
def post() -> Iterator[Any]:
    """A mail server."""
    server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailHandler)
    server.got = []
    with serving(server):
        yield server


def at(web: Any, path: str = "/alerts") -> str:
    """The webhook's setting."""
    return f'webhook = "http://127.0.0.1:{web.server_address[1]}{path}"'


def test_a_webhook_gets_the_concern_with_its_token(tmp_path: Path, web: Any) -> None:
    """Who, what, why, what to do; the token comes from the environment."""
    desk = Desk(tmp_path, at(web))
    desk.environ["MENDD_WEBHOOK_TOKEN"] = "t0k"
    desk.worry(reason="line one\n\x1b[31mline two")

    assert desk.send().sent == 1

    headers, alert = web.got[0]
    assert headers["Authorization"] == "Bearer t0k"
    assert alert["kind"] == "taken-back"
    assert alert["target"] == "shop"
    assert "\n" not in alert["words"]
    assert "\x1b" not in alert["words"]
    assert alert["remedy"]


def test_an_alert_is_not_repeated_until_it_grows_and_time_has_passed(
    tmp_path: Path, web: Any
) -> None:
    """Once; again only for something new, or after `repeat_h` if it went on."""
    desk = Desk(tmp_path, at(web))
    desk.worry()
    desk.send()
    desk.send()
    assert len(web.got) == 1
    desk.now += timedelta(hours=2)
    desk.worry()
    desk.send()
    assert len(web.got) == 1
    desk.now += timedelta(hours=24)
    desk.send()
    assert len(web.got) == 2
    desk.worry("r2")
    desk.send()
    assert len(web.got) == 3


def test_a_flood_is_held_back_and_comes_later(tmp_path: Path, web: Any) -> None:
    """At most `most_per_hour`; nothing is dropped."""
    desk = Desk(tmp_path, f"{at(web)}\nmost_per_hour = 2")
    for number in range(5):
        desk.worry(f"r{number}")

    assert (desk.send().held_back, len(web.got)) == (3, 2)
    for _ in range(2):
        desk.now += timedelta(hours=1, minutes=1)
        desk.send()
    assert len({alert["subject"] for _, alert in web.got}) == 5


@pytest.mark.parametrize("path", ["/gone", "/elsewhere"])
def test_a_webhook_that_fails_is_recorded_and_tried_again(
    tmp_path: Path, web: Any, path: str
) -> None:
    """No redirect is followed, the token with it; the next pass tries again."""
    desk = Desk(tmp_path, at(web, path))
    desk.worry()

    assert "webhook" in desk.send().failed
    assert list(desk.trail.records(event="alerted"))[-1].data["failed"]["webhook"]
    desk.send()
    assert len(web.got) == 2


def test_a_mail_is_handed_to_the_mail_server(tmp_path: Path, post: Any) -> None:
    """Subject, addresses and the remedy; a hostile reason makes no header of its own."""
    port = post.server_address[1]
    desk = Desk(tmp_path, f'mail_to = ["ada@example.org"]\nsmtp = "127.0.0.1:{port}"')
    desk.worry(reason="x\r\nBcc: everybody@example.org")

    assert desk.send().sent == 1

    head, _, body = post.got[0].replace("\r\n", "\n").partition("\n\n")
    assert "To: ada@example.org" in head
    assert "\nBcc:" not in head
    assert "What to do: " in body


def test_a_command_reads_the_alert(tmp_path: Path) -> None:
    """As JSON on its standard input, with none of mendd's secrets in its environment."""
    out = tmp_path / "out.json"
    code = (
        "import json, os, sys; alert = json.load(sys.stdin); "
        f"json.dump([alert, sorted(os.environ)], open({str(out)!r}, 'w'))"
    )
    desk = Desk(tmp_path, f"command = {json.dumps([sys.executable, '-c', code])}")
    desk.environ["ANTHROPIC_API_KEY"] = "secret"
    desk.worry()

    assert desk.send().sent == 1

    alert, environment = json.loads(out.read_text())
    assert alert["kind"] == "taken-back"
    assert "ANTHROPIC_API_KEY" not in environment


@pytest.mark.parametrize(
    "alerts",
    [
        'command = ["/nonexistent/pager"]',
        'command = ["false"]',
        'webhook = "ftp://example.org"',
        'webhook = "http://127.0.0.1:1/"',
        'mail_to = ["a@b"]\nsmtp = "nowhere"',
        'mail_to = ["a@b"]\nsmtp = "127.0.0.1:1"',
    ],
)
def test_a_channel_that_cannot_be_used_says_why(tmp_path: Path, alerts: str) -> None:
    """A failure is a value, in the record, and nothing is raised."""
    desk = Desk(tmp_path, alerts)
    desk.worry()

    outcome = desk.send()

    assert outcome.sent == 0
    assert all(outcome.failed.values())
    assert len(outcome.failed) == 1


class Nonsense(socketserver.BaseRequestHandler):
    """Whatever it is, it does not speak HTTP."""

    def handle(self) -> None:
        """Answer with a line that is no status."""
        self.request.recv(1 << 16)
        self.request.sendall(b"SSH-2.0-nonsense\r\n\r\n")


def test_a_webhook_that_does_not_speak_http_is_a_failure_like_others(tmp_path: Path) -> None:
    """`http.client.BadStatusLine` went through everything and ended the worker's pass."""
    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Nonsense)) as server:
        desk = Desk(tmp_path, at(server))
        desk.worry()

        assert "does not speak HTTP" in desk.send().failed["webhook"]


def test_a_secret_in_a_reason_does_not_go_out(tmp_path: Path, web: Any) -> None:
    """A reason quotes what tests print; a webhook is somebody else's machine."""
    desk = Desk(tmp_path, at(web))
    desk.worry(reason="health failed: token=ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5")

    desk.send()

    assert "ghp_" not in json.dumps(web.got[0][1])


def test_what_could_not_be_sent_calls_for_a_worker_by_itself(tmp_path: Path, web: Any) -> None:
    """An idle service has no next pass: the alert waited for the next note, maybe for weeks."""
    desk = Desk(tmp_path, at(web, "/gone"))
    assert next_call(desk.settings, desk.now) is None
    desk.worry()
    desk.send()

    due = next_call(desk.settings, desk.now)
    assert due is not None and due > desk.now
    desk.settings = Desk(tmp_path, at(web)).settings
    desk.now = due
    desk.send()
    assert next_call(desk.settings, desk.now) is None


def test_an_exchange_that_is_due_calls_for_a_worker_too(tmp_path: Path) -> None:
    """Once in `sync_h`, whether notes come or not."""
    desk = Desk(tmp_path, '[learning]\npeers = ["https://127.0.0.1:1"]\nsync_h = 5')
    assert next_call(desk.settings, desk.now) == desk.now
    exchange_if_due(desk.settings, desk.trail, desk.environ, desk.now)

    assert next_call(desk.settings, desk.now) == desk.now + timedelta(hours=5)


def test_without_channels_nothing_is_read_or_written(tmp_path: Path) -> None:
    """No record of alerts where nobody is to be told."""
    desk = Desk(tmp_path, "")
    desk.worry()

    assert desk.send() == Outcome()
    assert not list(desk.trail.records(event="alerted"))


def test_a_lost_or_odd_memory_sends_again(tmp_path: Path, web: Any) -> None:
    """Rather twice than never; a time in the future does not silence anything."""
    desk = Desk(tmp_path, at(web))
    desk.worry()
    for text in ("[]", "{", '{"webhook taken-back:shop:r1": "2099-01-01T00:00:00+00:00"}'):
        (desk.settings.state / "alerts.json").write_text(text)
        desk.send()

    assert len(web.got) == 3
