"""HTTP that goes out: to the address that was configured and never where a redirect points.

A redirect would carry the token, and what is sent, to somebody nobody named.
"""

import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import IO, Any

AGENT = "mendd"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other that is not 2xx."""

    def redirect_request(
        self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Never."""


def ask(
    method: str,
    url: str,
    *,
    data: bytes | None = None,
    token: str | None = None,
    most: int,
    wait_s: float,
    trust: ssl.SSLContext | None = None,
) -> bytes:
    """Send JSON and read the answer, at most `most` bytes of it; the caller checks the scheme.

    `token` goes along as a bearer token. Raises urllib.error.HTTPError for an answer that is not
    2xx, OSError when there is none, ValueError for an address that is none.
    """
    headers = {"User-Agent": AGENT, "Content-Type": "application/json", **_authorization(token)}
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 - see above
    secure = urllib.request.HTTPSHandler(context=trust or ssl.create_default_context())
    with urllib.request.build_opener(secure, _NoRedirect).open(request, timeout=wait_s) as answer:
        return bytes(answer.read(most))


def _authorization(token: str | None) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
