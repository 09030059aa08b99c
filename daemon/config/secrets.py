"""Where secrets come from: the environment or a systemd credential, never the config."""

import os
from collections.abc import Mapping
from pathlib import Path

KEY_VARIABLE = "ANTHROPIC_API_KEY"
CREDENTIAL_FILE = "anthropic_api_key"
LONGEST_KEY = 4096


def api_key(environ: Mapping[str, str] = os.environ) -> str | None:
    """The key, or None when there is none.

    `$ANTHROPIC_API_KEY` wins; else `$CREDENTIALS_DIRECTORY/anthropic_api_key`, where systemd puts
    `LoadCredential=anthropic_api_key:...` (systemd.exec(5)). White space around it is dropped.
    """
    return secret(KEY_VARIABLE, CREDENTIAL_FILE, environ)


def local_key(environ: Mapping[str, str] = os.environ) -> str | None:
    """The key of the local server, which mostly needs none: `$MENDD_LOCAL_KEY`, `local_key`."""
    return secret("MENDD_LOCAL_KEY", "local_key", environ)


def secret(variable: str, credential: str, environ: Mapping[str, str]) -> str | None:
    """The secret of that environment variable, else of that systemd credential, else None."""
    return environ.get(variable, "").strip() or _credential(credential, environ)


def _credential(name: str, environ: Mapping[str, str]) -> str | None:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    try:
        data = (Path(folder) / name).read_bytes()
    except OSError:
        return None
    return data[:LONGEST_KEY].decode("utf-8", "replace").strip() or None
