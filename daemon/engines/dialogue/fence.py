"""Marks words of strangers as data: a random marker around them, a cap on their size.

A note, a file and a test's output may all hold text that reads like an order. No marker makes a
model immune (reliability.md, section 5); what a patch may touch is decided by code, not here.
"""

import re
import secrets
import unicodedata

from reflections.secrets import redact

MOST_LABEL = 200
_UNSAFE = re.compile(r"[^\w ./,:+@()-]")
KEPT = "\n\t\r\f"  # control characters that source code legitimately holds


class Fence:
    """The marker of one session; whoever wrote the data cannot have known it."""

    def __init__(self, marker: str | None = None) -> None:
        self.marker = marker or f"data-{secrets.token_hex(6)}"

    def around(self, label: str, text: str, *, most: int) -> str:
        """`text`, at most `most` characters of it, between the markers; `label` says what it is."""
        safe = _UNSAFE.sub("?", label)[:MOST_LABEL]  # file names are words of strangers too
        known = redact(visible(text))  # first: what is cut through is not known for a secret
        inside = shortened(known.replace(self.marker, "data"), most)
        return f'<{self.marker} what="{safe}">\n{inside}\n</{self.marker}>'


def shortened(text: str, most: int) -> str:
    """The start and the end of a long text; the end of a traceback or a log says the most."""
    if len(text) <= most:
        return text
    head = most // 3
    tail = most - head
    left_out = len(text) - most
    return f"{text[:head]}\n[… {left_out} characters left out …]\n{text[-tail:]}"


def visible(text: str) -> str:
    """Invisible characters as escapes: terminal codes, bidi overrides, Unicode tags."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if char in KEPT or unicodedata.category(char) not in {"Cc", "Cf", "Co", "Cn", "Zl", "Zp"}:
        return char
    return f"\\u{{{ord(char):x}}}"
