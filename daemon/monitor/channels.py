"""The ways an alert reaches a person: a command, a webhook, a mail. Each raises `NotSent`.

Nothing is interpolated: the command is a fixed list that reads JSON on its standard input, the
webhook gets JSON, the mail plain text. What a concern says may stem from hostile notes, so it is
capped and cleaned before it gets here (alerts.py).
"""

import json
import smtplib
import ssl
import subprocess
import urllib.error
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from typing import Any

from daemon.config.secrets import secret
from daemon.outward import ask
from daemon.road.live import KEPT_ENVIRONMENT
from daemon.settings import AlertSettings

WAIT_S = 10.0
COMMAND_S = 60.0
MOST_SAID = 500
WEBHOOK_TOKEN = ("MENDD_WEBHOOK_TOKEN", "webhook_token")
SMTP_LOGIN = ("MENDD_SMTP_LOGIN", "smtp_login")  # user:password

Alert = Mapping[str, Any]
Channel = Callable[[Alert, AlertSettings, Mapping[str, str]], None]


class NotSent(Exception):
    """The alert did not get through; says why. It is tried again with the next pass."""


def channels(settings: AlertSettings) -> dict[str, Channel]:
    """The channels that the settings name."""
    wanted = {
        "command": (by_command, settings.command),
        "webhook": (by_webhook, settings.webhook),
        "mail": (by_mail, settings.mail_to),
    }
    return {name: channel for name, (channel, where) in wanted.items() if where}


def by_command(alert: Alert, settings: AlertSettings, environ: Mapping[str, str]) -> None:
    """Run the operator's command, with the alert as JSON on its standard input."""
    kept = {name: environ[name] for name in KEPT_ENVIRONMENT if name in environ}
    try:
        done = subprocess.run(
            list(settings.command),
            input=json.dumps(alert).encode(),
            env=kept,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=COMMAND_S,
            start_new_session=True,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotSent(f"{settings.command[0]}: {error}") from error
    if done.returncode:
        said = done.stderr[-MOST_SAID:].decode("utf-8", "replace").strip()
        raise NotSent(f"{settings.command[0]} ended with {done.returncode}: {said}")


def by_webhook(alert: Alert, settings: AlertSettings, environ: Mapping[str, str]) -> None:
    """POST the alert as JSON; `$MENDD_WEBHOOK_TOKEN` goes along as a bearer token."""
    if not settings.webhook.startswith(("https://", "http://")):
        raise NotSent("alerts.webhook must begin with https:// (or http:// in a trusted network)")
    data, token = json.dumps(alert).encode(), secret(*WEBHOOK_TOKEN, environ)
    try:
        ask("POST", settings.webhook, data=data, token=token, most=MOST_SAID, wait_s=WAIT_S)
    except urllib.error.HTTPError as error:
        raise NotSent(f"the webhook answered {error.code} {error.reason}") from error
    except (OSError, ValueError) as error:
        raise NotSent(f"the webhook cannot be reached: {error}") from error


def by_mail(alert: Alert, settings: AlertSettings, environ: Mapping[str, str]) -> None:
    """Hand a mail to the mail server; `$MENDD_SMTP_LOGIN` is `user:password` where it asks."""
    host, _, port = settings.smtp.rpartition(":")
    if not host or not port.isdecimal():
        raise NotSent(f"alerts.smtp must be host:port, not {settings.smtp!r}")
    login = secret(*SMTP_LOGIN, environ)
    try:
        with _server(host, int(port), settings) as server:
            if login:
                server.login(*login.split(":", 1))
            server.send_message(_mail(alert, settings))
    except (OSError, smtplib.SMTPException, ValueError, TypeError) as error:
        raise NotSent(f"the mail server {settings.smtp}: {error}") from error


def _server(host: str, port: int, settings: AlertSettings) -> smtplib.SMTP:
    if settings.smtp_security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port, timeout=WAIT_S, context=context)
    server = smtplib.SMTP(host, port, timeout=WAIT_S)
    if settings.smtp_security == "starttls":
        server.starttls(context=ssl.create_default_context())
    return server


def _mail(alert: Alert, settings: AlertSettings) -> EmailMessage:
    mail = EmailMessage()
    about = alert["target"] or "mendd"
    mail["Subject"] = f"[mendd] {alert['severity']}: {about}: {alert['words']}"[:180]
    mail["From"] = settings.mail_from
    mail["To"] = ", ".join(settings.mail_to)
    mail["X-Mendd-Concern"] = str(alert["key"]).encode("ascii", "replace").decode()[:200]
    lines = [
        alert["words"], "", f"What to do: {alert['remedy']}", "",
        *(f"{name}: {alert[name]}" for name in ("kind", "target", "subject", "count", "since")),
        f"host: {alert['host']}",
    ]  # fmt: skip
    mail.set_content("\n".join(str(line) for line in lines))
    return mail
