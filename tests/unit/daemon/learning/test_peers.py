"""Peers over real HTTPS on loopback: bundles are put, fetched and never believed at once."""

import datetime as dates
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from audit.trail import Trail
from daemon.config.config_file import load_settings
from daemon.learning.book import RecipeBook
from daemon.learning.exchange import exchange, exchange_if_due
from daemon.learning.keys import own_key, public_text
from daemon.learning.peers import Peer, PeerAway, bundle_name
from daemon.settings import Settings
from tests.serving import serving
from tests.unit.daemon.learning.test_recipes import RECIPE

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Folder(BaseHTTPRequestHandler):
    """A folder that takes PUT and GET; `/moved` redirects, `/closed` says no."""

    server: Any

    def do_PUT(self) -> None:
        """Keep a file."""
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tokens.append(self.headers.get("Authorization"))
        self.server.files[self.path] = data
        self._say(307 if "/moved" in self.path else 403 if "/closed" in self.path else 201)

    def do_GET(self) -> None:
        """Give it back."""
        data = self.server.files.get(self.path)
        self._say(404 if data is None else 200, data or b"")

    def _say(self, code: int, data: bytes = b"") -> None:
        self.send_response(code)
        if code == 307:
            self.send_header("Location", "https://elsewhere.invalid/")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1, with its key, that only we trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dates.datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "peer.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def peer(certificate: Path) -> Iterator[Any]:
    """The server."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Folder)
    server.files, server.tokens = {}, []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.url = f"https://127.0.0.1:{server.server_address[1]}"
    with serving(server):
        yield server


def installation(folder: Path, peers: list[str], trust: list[str], share: str) -> Settings:
    """The settings of one of several installations."""
    folder.mkdir(exist_ok=True)
    config = folder / "mendd.toml"
    config.write_text(
        f'state = "state"\n[[target]]\nname = "shop"\npath = "."\n[learning]\n'
        f'peers = {peers!r}\ntrust = {trust!r}\nshare = "{share}"\n'
    )
    return load_settings(config)


def test_what_held_in_one_installation_reaches_the_other_untested(
    tmp_path: Path, peer: Any, certificate: Path
) -> None:
    """Both push and pull; the token goes along; a second exchange brings nothing new."""
    environ = {"SSL_CERT_FILE": str(certificate), "MENDD_PEERS_TOKEN": "t0k"}
    one = installation(tmp_path / "one", [peer.url], [], "shapes")
    key = public_text(own_key(one.state))
    two = installation(tmp_path / "two", [peer.url], [key], "nothing")
    with RecipeBook.changing(one.state) as book:
        book.put(replace(RECIPE, wins=1))

    sent, taken = (exchange(each, environ, NOW) for each in (one, two))
    again = exchange(two, environ, NOW)

    assert (sent.sent, sent.refused) == (1, {})
    assert (taken.taken, again.taken) == (1, 0)
    assert set(peer.tokens) == {"Bearer t0k"}
    (recipe,) = RecipeBook.open(two.state).recipes.values()
    assert recipe.trust == "untested"
    assert len(peer.files) == 1, "`share` is nothing: the other one sent none"


@pytest.mark.parametrize("path", ["/moved", "/closed"])
def test_a_peer_that_says_no_is_told(peer: Any, certificate: Path, path: str) -> None:
    """No redirect is followed."""
    with pytest.raises(PeerAway, match=r"307|403"):
        Peer(f"{peer.url}{path}", {"SSL_CERT_FILE": str(certificate)}).push("k", b"x")


def test_only_https_with_a_certificate_that_is_trusted(peer: Any) -> None:
    """Plain HTTP is refused before anything is sent; so is a certificate nobody vouches for."""
    with pytest.raises(PeerAway, match="https://"):
        Peer("http://example.org", {})
    with pytest.raises(PeerAway, match=r"(?i)certificate"):
        Peer(peer.url, {}).push("k", b"x")
    assert peer.files == {}


def test_a_bad_bundle_on_a_peer_is_refused_and_the_work_goes_on(
    tmp_path: Path, peer: Any, certificate: Path
) -> None:
    """It is recorded, and nothing of it is taken in; the next exchange comes in its time."""
    other = public_text(own_key(tmp_path / "other"))
    here = installation(tmp_path / "here", [peer.url, "https://127.0.0.1:1"], [other], "shapes")
    peer.files[f"/{bundle_name(other)}"] = b'{"format": "mendd recipes 1"}'
    trail = Trail(here.state / "audit" / "trail.jsonl")
    environ = {"SSL_CERT_FILE": str(certificate)}

    outcome = exchange_if_due(here, trail, environ, NOW)

    assert outcome is not None
    assert set(outcome.refused) == set(here.learning.peers)
    assert RecipeBook.open(here.state).recipes == {}
    (record,) = trail.records(event="learned")
    assert record.data["step"] == "exchanged"
    assert exchange_if_due(here, trail, environ, NOW + timedelta(hours=23)) is None
    assert exchange_if_due(here, trail, environ, NOW + timedelta(hours=25)) is not None
