"""Names of files that strangers chose, made safe to print, to store and to use again."""

import re

_UNSAFE = re.compile(r"[^\w.@+=,~ -]")
_LONGEST = 150


def printable(name: str) -> str:
    """The name with every control sign and undecodable byte written out as `\\x0a` or `\\udcff`."""
    return "".join(sign if sign.isprintable() else _written_out(sign) for sign in name)


def _written_out(sign: str) -> str:
    return f"\\x{ord(sign):02x}" if ord(sign) < 256 else sign.encode("unicode_escape").decode()


def safe_file_name(name: str) -> str:
    """A file name to keep a stranger's file under: no odd signs, no leading dot, bounded length."""
    safe = _UNSAFE.sub("_", name.encode("utf-8", "replace").decode()).strip(" .") or "unnamed"
    if len(safe.encode()) <= _LONGEST:
        return safe
    stem, dot, suffix = safe.rpartition(".")
    tail = dot + suffix if dot and len(suffix) < 10 else ""
    return (stem or safe).encode()[: _LONGEST - len(tail)].decode("utf-8", "ignore") + tail
