"""Exchanges bundles with other installations over HTTPS.

A peer is a folder on any HTTPS server that takes PUT (WebDAV, an object store, a few lines of
nginx): each installation puts its bundle there under its own key's name and gets those of the keys
it trusts. So nobody serves anything from the machine that may change code.
"""

import hashlib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import IO, Any

from daemon.config.secrets import secret
from daemon.learning.bundle import MOST_BYTES

WAIT_S = 20.0
TOKEN = ("MENDD_PEERS_TOKEN", "peers_token")


class PeerAway(Exception):
    """A peer cannot be reached or says no; says which and why. Tried again with the next sync."""


def bundle_name(key: str) -> str:
    """The file a key's bundle stands in: 32 characters of its SHA-256, `.json`."""
    return f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


class Peer:
    """One folder on an HTTPS server."""

    def __init__(
        self, url: str, environ: Mapping[str, str], *, trust: ssl.SSLContext | None = None
    ) -> None:
        """`trust`: the certificates to believe; the system's without it. Raises PeerAway."""
        if not url.startswith("https://"):
            raise PeerAway(f"{url}: a peer is an https:// address")
        self.url = url.rstrip("/")
        self._token = secret(*TOKEN, environ)
        context = trust or ssl.create_default_context(cafile=environ.get("SSL_CERT_FILE"))
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), _NoRedirect
        )

    def push(self, key: str, data: bytes) -> None:
        """Put our bundle. Raises PeerAway."""
        self._ask("PUT", bundle_name(key), data, lambda answer: answer.read(1000))

    def pull(self, key: str) -> bytes | None:
        """The bundle of a key, or None where the peer has none. Raises PeerAway."""
        try:
            return self._ask("GET", bundle_name(key), None, lambda a: a.read(MOST_BYTES + 1))
        except _NotThere:
            return None

    def _ask(
        self, method: str, name: str, data: bytes | None, read: Callable[[IO[bytes]], bytes]
    ) -> bytes:
        headers = {"User-Agent": "mendd", "Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        url = f"{self.url}/{name}"
        request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 - https only, see above
        try:
            with self._opener.open(request, timeout=WAIT_S) as answer:
                return read(answer)
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                raise _NotThere(url) from error
            raise PeerAway(f"{method} {url}: {error.code} {error.reason}") from error
        except (OSError, ValueError) as error:
            raise PeerAway(f"{method} {url}: {error}") from error


class _NotThere(PeerAway):
    """The peer has no such file."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the address that was configured and nowhere else."""

    def redirect_request(
        self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Never."""
