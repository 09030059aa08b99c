"""What a patch may do to a prompt file: change learned rules between the marks, and nothing else.

A prompt file tells an agent what to do, so a line that gets in there is an order. Only lines of
plain words may (daemon/prompting/section.py), and not one byte outside the marks may change.
"""

from daemon.prompting.section import BEGIN, END, rule_on

MARKS = (BEGIN.encode(), END.encode())
ENDS = (b"\n", b"\r\n")
GAPS = (b"", *ENDS, *(one + other for one in ENDS for other in ENDS))
"""What may come between the old end of the file and a new section."""


def complaint(before: bytes | None, after: bytes) -> str | None:
    """Why the file may not become this, or None."""
    old, new = _parts(before or b""), _parts(after)
    if new is None or old is None:
        return f"the learned rules must stand between one {BEGIN} and one {END}"
    if before and not old[1] and new[1]:  # the section is new, at the end of the file
        fits = new[0].startswith(old[0]) and new[0][len(old[0]) :] in GAPS and not new[2].strip()
    else:
        fits = (old[0], old[2]) == (new[0], new[2]) if old[1] else not (new[0] + new[2]).strip()
    if not fits:
        return "something outside the marks of the learned rules would change"
    return _odd_line(old[1], new[1])


def _odd_line(old: bytes, new: bytes) -> str | None:
    """A line that is new between the marks and is no rule."""
    known = {line.strip() for line in old.split(b"\n")}
    for line in new.split(b"\n"):
        text = line.strip()
        if text and text not in known and text not in MARKS:
            try:
                rule = rule_on(text.decode("ascii"))
            except UnicodeDecodeError:
                rule = None
            if rule is None:
                return f"{text[:80]!r} is no learned rule: plain words and an id, on one line"
    return None


def _parts(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Before the section, the section, after it; None when the marks do not pair."""
    begin, end = MARKS
    if data.count(begin) == 0 and data.count(end) == 0:
        return data, b"", b""
    if data.count(begin) != 1 or data.count(end) != 1:
        return None
    first, last = data.index(begin), data.index(end) + len(end)
    return (data[:first], data[first:last], data[last:]) if first < last - len(end) else None
