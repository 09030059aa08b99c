"""Exchanges bundles with other installations over HTTPS.

A peer is a folder on any HTTPS server that takes PUT (WebDAV, an object store, a few lines of
nginx): each installation puts its bundle there under its own key's name and gets those of the keys
it trusts. So nobody serves anything from the machine that may change code.
"""

import hashlib
import ssl
import urllib.error
from collections.abc import Mapping

from daemon.config.secrets import secret
from daemon.learning.bundle import MOST_BYTES
from daemon.outward import ask

WAIT_S = 20.0
TOKEN = ("MENDD_PEERS_TOKEN", "peers_token")


class PeerAway(Exception):
    """A peer cannot be reached or says no; says which and why. Tried again with the next sync."""


def bundle_name(key: str) -> str:
    """The file a key's bundle stands in: 32 characters of its SHA-256, `.json`."""
    return f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


class Peer:
    """One folder on an HTTPS server."""

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        """`$SSL_CERT_FILE` names the authorities to believe. Raises PeerAway."""
        if not url.startswith("https://"):
            raise PeerAway(f"{url}: a peer is an https:// address")
        self.url = url.rstrip("/")
        self._token = secret(*TOKEN, environ)
        try:
            self._trust = ssl.create_default_context(cafile=environ.get("SSL_CERT_FILE"))
        except OSError as error:
            raise PeerAway(f"$SSL_CERT_FILE cannot be read: {error}") from error

    def push(self, key: str, data: bytes) -> None:
        """Put our bundle. Raises PeerAway."""
        self._ask("PUT", bundle_name(key), data)

    def pull(self, key: str) -> bytes | None:
        """The bundle of a key, or None where the peer has none. Raises PeerAway."""
        try:
            return self._ask("GET", bundle_name(key))
        except _NotThere:
            return None

    def _ask(self, method: str, name: str, data: bytes | None = None) -> bytes:
        url = f"{self.url}/{name}"
        try:
            return ask(
                method,
                url,
                data=data,
                token=self._token,
                most=MOST_BYTES + 1,
                wait_s=WAIT_S,
                trust=self._trust,
            )
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                raise _NotThere(url) from error
            raise PeerAway(f"{method} {url}: {error.code} {error.reason}") from error
        except (OSError, ValueError) as error:
            raise PeerAway(f"{method} {url}: {error}") from error


class _NotThere(PeerAway):
    """The peer has no such file."""
