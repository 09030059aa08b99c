"""The doctor's look at the model: is one needed, is there a key, does its server answer?"""

import os
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from daemon.commands.finding import Finding, bad, ok, weak

if TYPE_CHECKING:
    from daemon.settings import ClaudeSettings, Settings

AREA = "model"
KEY_REMEDY = (
    "set ANTHROPIC_API_KEY, give the service the credential anthropic_api_key, or point "
    "[claude] base_url at a local server"
)
PATIENCE_S = 15.0


def model_findings(settings: "Settings", *, online: bool) -> Iterator[Finding]:
    """What is configured; with `online`, also whether it answers."""
    from daemon.config.secrets import api_key, local_key

    key, engines = api_key(os.environ), {target.engine for target in settings.targets}
    there = bool(key or settings.claude.base_url)
    if there:
        yield ok(AREA, "key", _said(key, settings.claude))
    elif settings.local.base_url:
        yield ok(AREA, "key", "none, and none is needed: a local server is set")
    elif engines == {"search"}:
        yield ok(AREA, "key", "none, and none is needed: every target uses the search engine")
    elif "claude" in engines:
        names = ", ".join(t.name for t in settings.targets if t.engine == "claude")
        yield bad(AREA, "key", f'none, but engine = "claude" for {names}', KEY_REMEDY)
    else:
        detail = "none: only the embedded search engine works (simple bugs with a failing test)"
        yield weak(AREA, "key", detail, KEY_REMEDY)
    if online and there:
        yield _asked(settings.claude, key)
    yield from _local(settings, engines, online=online, key=local_key(os.environ))


def _local(
    settings: "Settings", engines: Collection[str], *, online: bool, key: str | None
) -> Iterator[Finding]:
    """The server of one's own, where one is set or a target wants it."""
    local = settings.local
    if not local.base_url and "local" not in engines:
        return
    if not local.base_url or not local.model:
        lacking = "base_url" if not local.base_url else "model"
        yield bad(AREA, "local", f"[local] {lacking} is empty", f"set {lacking} in [local]")
        return
    yield ok(AREA, "local", f"model {local.model} at {local.base_url}")
    if online:
        yield _asked(local, key)


def _said(key: str | None, claude: "ClaudeSettings") -> str:
    where = f" at {claude.base_url}" if claude.base_url else ""
    return f"{'a key is set' if key else 'no key'}; model {claude.model}{where}"


def _asked(claude: "ClaudeSettings", key: str | None) -> Finding:
    """Look the model up; costs no tokens. Local servers may know no such look-up."""
    from daemon.engines import EngineError
    from daemon.engines.dialogue.transport import open_client
    from daemon.show import one_line

    try:
        client = open_client(claude, key)
    except EngineError as error:
        return bad(AREA, "server", str(error), KEY_REMEDY)
    import anthropic

    try:
        client.models.retrieve(claude.model, timeout=PATIENCE_S)
    except (anthropic.AuthenticationError, anthropic.PermissionDeniedError):
        return bad(AREA, "server", "refuses the key", KEY_REMEDY)
    except anthropic.APIStatusError as error:
        return _refused(claude, error.status_code)
    except anthropic.APIError as error:
        remedy = f"see to the network, the proxy and [{claude.SECTION}] base_url"
        return bad(AREA, "server", one_line(f"{type(error).__name__}: {error}", 200), remedy)
    finally:
        client.close()
    return ok(AREA, "server", f"answers and knows {claude.model}")


def _refused(claude: "ClaudeSettings", status: int) -> Finding:
    if claude.base_url and status not in (500, 502, 503, 529):
        detail = f"answers ({status}), but cannot tell its models"
        return weak(AREA, "server", detail, "as local servers do; a reflection will show")
    if status == 404:
        remedy = f"correct [{claude.SECTION}] model"
        return bad(AREA, "server", f"knows no model {claude.model!r}", remedy)
    return bad(AREA, "server", f"answers with HTTP status {status}", "try again later")
