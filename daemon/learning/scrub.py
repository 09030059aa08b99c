"""Nothing personal or secret leaves, as far as patterns know it.

Two sets of rules look at each text, so that a hole in one does not open the way: what `scrubbed`
would take out, and what `personal` finds. A text with a finding of either does not leave at all.
"""

import getpass
import ipaddress
import re
import socket
from collections.abc import Iterator
from functools import cache

from reflections.secrets import redact

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_ADDRESS_6 = re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s'\"<>]{1,500}", re.IGNORECASE)
_HOME = re.compile(r"(?:/home/|/Users/|/root\b|[A-Z]:\\Users\\)[^\s'\"/\\]{0,64}")
_PATH = re.compile(r"(?<![\w./])/(?:[\w.-]{1,64}/){1,20}[\w.-]{0,64}")
_PHONE = re.compile(r"(?<![\w.])\+\d[\d ()/-]{6,20}\d(?![\w.])")
_CARD = re.compile(r"(?<!\d)(?:\d[ -]?){13,19}(?!\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_LONG_WORD = re.compile(r"[A-Za-z0-9+/_=-]{40,}")
_REPLACED = (
    ("url", _URL),
    ("email", _EMAIL),
    ("home", _HOME),
    ("path", _PATH),
    ("address", _ADDRESS_6),
    ("address", _ADDRESS),
    ("iban", _IBAN),
    ("phone", _PHONE),
    ("number", _CARD),
)


def scrubbed(text: str) -> str:
    """The same text with secrets and personal data shown as `[redacted:kind]`."""
    text = redact(text)
    for kind, pattern in _REPLACED:
        text = pattern.sub(f"[redacted:{kind}]", text)
    for name in _own_names():
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "[redacted:name]", text)
    return text


def personal(text: str) -> list[str]:
    """What in a text must not leave, one word each; empty when it may."""
    found = list(dict.fromkeys(_findings(text)))
    return found if found or scrubbed(text) == text else ["what looks personal"]


def _findings(text: str) -> Iterator[str]:
    if redact(text) != text:
        yield "a secret"
    if "@" in text and re.search(r"\w@\w+\.\w", text):
        yield "a mail address"
    if re.search(r"://\S", text):
        yield "an address on the net"
    if re.search(r"/(?:home|Users|root|srv|var|opt|etc|mnt)/\w", text) or ":\\" in text:
        yield "a path of a machine"
    for word in re.findall(r"[0-9a-fA-F:.]{4,45}", text):
        if _is_address(word):
            yield "a network address"
    for digits in re.findall(r"\d[\d -]{11,30}\d", text):
        plain = re.sub(r"\D", "", digits)
        if 13 <= len(plain) <= 19 and _luhn(plain):
            yield "a card number"
    if _IBAN.search(text):
        yield "a bank account"
    if re.search(r"\+\d{2}[\d ()/-]{7,}", text):
        yield "a phone number"
    if _LONG_WORD.search(text):
        yield "a long word that may be a key"
    lowered = text.lower()
    if any(re.search(rf"(?<!\w){re.escape(name.lower())}(?!\w)", lowered) for name in _own_names()):
        yield "the name of this machine or its user"


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_address(word.strip(".:") if word.count(":") < 2 else word)
    except ValueError:
        return False
    return True


def _luhn(digits: str) -> bool:
    """The check sum of card numbers (ISO/IEC 7812-1)."""
    doubled = [int(d) * 2 if at % 2 else int(d) for at, d in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


@cache
def _own_names() -> tuple[str, ...]:
    """This machine's name and its user's, unless they are words that say nothing."""
    plain = {"root", "localhost", "user", "admin", "mendd", "runner", "build", "test", "main"}
    try:
        names = {socket.gethostname(), getpass.getuser()}
    except (OSError, KeyError):
        names = {socket.gethostname()}
    return tuple(sorted(n for n in names if len(n) > 2 and n.lower() not in plain))
