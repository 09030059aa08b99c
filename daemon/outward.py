"""HTTP that goes out: to the address that was configured and never where a redirect points.

A redirect would carry the token, and what is sent, to somebody nobody named.
"""

import http.client
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
    2xx, OSError when there is none or one that is not HTTP, ValueError for an address that is none.
    """
    headers = {"User-Agent": AGENT, "Content-Type": "application/json", **_authorization(token)}
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 - see above
    secure = urllib.request.HTTPSHandler(context=trust or ssl.create_default_context())
    opener = urllib.request.build_opener(secure, _NoRedirect)
    try:
        with opener.open(request, timeout=wait_s) as answer:
            return bytes(answer.read(most))
    except http.client.HTTPException as error:
        raise OSError(f"what answers there does not speak HTTP: {error!r:.200}") from error


def _authorization(token: str | None) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
