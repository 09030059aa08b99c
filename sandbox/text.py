"""A file's bytes as editable text that turns back into the same bytes.

Lines end at `\\n` only, as Python's tokenizer and git count them (`str.splitlines` would also
end them at a form feed, a lone `\\r` and six other characters).
"""

import codecs
import re
from collections import Counter
from dataclasses import dataclass, replace

COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263
PYTHON = (".py", ".pyi", ".pyw")


def split_lines(text: str) -> list[str]:
    """Lines with their ends, at `\\n` only; the last has none if the text does not end in one."""
    return [line + "\n" for line in text.split("\n")[:-1]] + [text.split("\n")[-1]] * (
        not text.endswith("\n") and bool(text)
    )


def line_body(line: str) -> str:
    """A line without its `\\n` or `\\r\\n`."""
    if line.endswith("\r\n"):
        return line[:-2]
    return line[:-1] if line.endswith("\n") else line


@dataclass(frozen=True, kw_only=True)
class Text:
    """A file's lines with their ends, and how they were encoded."""

    lines: list[str]
    encoding: str
    mark: bytes  # the byte order mark, or nothing

    @classmethod
    def decoded(cls, name: str, data: bytes) -> "Text":
        """Decode by mark, by a Python file's coding line, as UTF-8, or else as Latin-1.

        Raises ValueError when the bytes would not come back the same.
        """
        mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
        body = data[len(mark) :]
        encoding = "utf-8" if mark else declared(name, body)
        if encoding is None:
            encoding = "utf-8" if is_utf8(body) else "latin-1"
        text = body.decode(encoding)
        if text.encode(encoding) != body:
            raise ValueError(f"its {encoding} bytes do not survive decoding")
        return cls(lines=split_lines(text), encoding=encoding, mark=mark)

    def line_end(self, number: int) -> str:
        """The end for lines put at this place: the line's own, the one before, or the usual one."""
        for line in (
            *self.lines[number - 1 : number],
            *self.lines[max(0, number - 2) : number - 1],
        ):
            if line.endswith("\n"):
                return "\r\n" if line.endswith("\r\n") else "\n"
        ends = Counter(line.endswith("\r\n") for line in self.lines if line.endswith("\n"))
        return "\r\n" if ends[True] > ends[False] else "\n"

    def with_lines(self, lines: list[str], whole: str | None) -> "Text":
        """Other lines; a missing final newline stays missing. `whole` fills an empty file."""
        if whole is not None:
            return replace(self, lines=[whole])
        lines = [
            line if line.endswith("\n") or index == len(lines) - 1 else line + self.line_end(1)
            for index, line in enumerate(lines)
        ]
        if lines and not self.lines[-1].endswith("\n"):
            lines[-1] = line_body(lines[-1])
        return replace(self, lines=lines)

    def encoded(self) -> bytes:
        """The bytes; UnicodeEncodeError when the encoding cannot hold a character."""
        return self.mark + "".join(self.lines).encode(self.encoding)


def declared(name: str, data: bytes) -> str | None:
    """The encoding a Python file names in its first two lines; ValueError for an unknown one."""
    if not name.endswith(PYTHON):
        return None
    lines = data.split(b"\n", 2)[:2]
    for index, line in enumerate(lines):
        if index == 1 and re.match(rb"^[ \t\f]*[^#\s]", lines[0]):
            break
        if match := COOKIE.match(line):
            try:
                name = codecs.lookup(match[1].decode("ascii")).name
                b"a".decode(name)  # a codec like rot13 is known, but is none for text
                return name
            except LookupError as fault:
                raise ValueError(f"its coding line names an unknown encoding: {fault}") from fault
    return None


def is_utf8(data: bytes) -> bool:
    """Whether the bytes are valid UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
