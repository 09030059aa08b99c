"""Any other test command: judged by its exit code, and by JUnit XML if it writes one."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections import Counter
from typing import Any
from xml.etree import ElementTree

from .channel import Channel

TREE = "/module"
EXIT = "exit code"
XML_BYTES = 4 << 20
CHUNK = 1 << 16
MOST_CASES = 25_000  # more of them are a longer report than the host reads
MOST_DEEP = 50
MESSAGE_BYTES = 6000
Case = tuple[str, float, str]  # outcome, seconds, message


def main(job: dict[str, Any], channel: Channel) -> int:
    """Run the command in the tree, then report its exit code and its test cases."""
    try:
        code = subprocess.run(job["argv"], cwd=TREE, stdin=subprocess.DEVNULL).returncode
    except OSError as fault:
        channel.send({"k": "missing", "m": f"{job['argv'][0]}: {fault.strerror}"})
        return 127
    told = f"exit code {code}" if code else ""
    cases: dict[str, Case] = {EXIT: ("passed" if code == 0 else "failed", 0.0, told)}
    note = read_junit(job["junit_xml"], cases) if job["junit_xml"] else None
    if note:
        sys.stderr.write(f"mendd: {note}\n")
    names = list(cases)
    for start in range(0, len(names), 200):
        channel.send({"k": "collected", "ids": names[start : start + 200]})
    for name, (outcome, seconds, message) in cases.items():
        channel.send(
            {"k": "test", "id": name, "p": "call", "o": outcome, "sub": None, "n": 1, "x": False,
             "s": seconds, "m": message}
        )  # fmt: skip
    channel.send({"k": "finish", "exit": 0, "stopped": None})
    return 0


def read_junit(path: str, cases: dict[str, Case]) -> str | None:
    """Add the test cases of a JUnit file; says why when it cannot be used, and adds none then."""
    try:
        handle = os.open(os.path.join(TREE, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as fault:
        return f"no JUnit file {path}: {fault.strerror}"
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            return f"{path} is no regular file of one name"
        if status.st_size > XML_BYTES:
            return f"{path} is larger than {XML_BYTES} bytes"
        with open(handle, "rb", closefd=False) as file:
            data = file.read(XML_BYTES)
    finally:
        os.close(handle)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data or b"\0" in data:
        return f"{path} declares a document type, or is not in an encoding of single bytes"
    found = dict(cases)
    try:
        read_cases(data, found)
    except (ElementTree.ParseError, ValueError) as fault:
        return f"{path} is no JUnit file: {fault}"
    cases.update(found)
    return None


def read_cases(data: bytes, cases: dict[str, Case]) -> None:
    """Every test case of the document, each forgotten once it was read; ParseError, ValueError."""
    parser: Any = ElementTree.XMLPullParser(["start", "end"])
    open_elements: list[Any] = []
    seen: Counter[str] = Counter(cases)
    for start in range(0, len(data) + 1, CHUNK):
        parser.feed(data[start : start + CHUNK])
        for event, element in parser.read_events():
            if event == "start":
                open_elements.append(element)
                if len(open_elements) > MOST_DEEP:
                    raise ValueError(f"elements lie more than {MOST_DEEP} deep")
                continue
            open_elements.pop()
            if element.tag == "testcase":
                add_case(element, cases, seen)
            if open_elements and all(each.tag != "testcase" for each in open_elements):
                open_elements[-1].remove(element)
            if len(cases) > MOST_CASES:
                raise ValueError(f"it holds more than {MOST_CASES} test cases")
    parser.close()


def add_case(case: Any, cases: dict[str, Case], seen: Counter[str]) -> None:
    """One test case; a second one of the same name gets a number."""
    plain = "::".join(part for part in (case.get("classname"), case.get("name")) if part)[-900:]
    seen[plain] += 1
    name = plain if seen[plain] == 1 else f"{plain}#{seen[plain]}"
    while name in cases:
        seen[plain] += 1
        name = f"{plain}#{seen[plain]}"
    outcome, message = "passed", ""
    for child in case:
        if child.tag in ("failure", "error"):
            outcome, message = "failed", f"{child.get('message') or ''}\n{child.text or ''}"
        elif child.tag == "skipped":
            outcome, message = "skipped", child.get("message") or ""
    try:
        seconds = max(0.0, min(float(case.get("time") or 0), 86400.0))
    except ValueError:
        seconds = 0.0
    cases[name] = (outcome, seconds, message.strip()[-MESSAGE_BYTES // 4 :])
