"""Any other test command: judged by its exit code, and by JUnit XML if it writes one."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree

from .channel import Channel

TREE = "/module"
EXIT = "exit code"
XML_BYTES = 4 << 20
MESSAGE_BYTES = 6000


def main(job: dict[str, Any], channel: Channel) -> int:
    """Run the command in the tree, then report its exit code and its test cases."""
    try:
        code = subprocess.run(job["argv"], cwd=TREE, stdin=subprocess.DEVNULL).returncode
    except OSError as fault:
        channel.send({"k": "missing", "m": f"{job['argv'][0]}: {fault.strerror}"})
        return 127
    cases = {EXIT: ("passed" if code == 0 else "failed", 0.0, f"exit code {code}" if code else "")}
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


def read_junit(path: str, cases: dict[str, tuple[str, float, str]]) -> str | None:
    """Add the test cases of a JUnit file; says why when it cannot be used."""
    try:
        handle = os.open(os.path.join(TREE, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as fault:
        return f"no JUnit file {path}: {fault.strerror}"
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return f"{path} is no regular file"
        data = file.read(XML_BYTES + 1)
    if len(data) > XML_BYTES or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        return f"{path} is too large or declares a document type"
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - in the container, no DTD
    except ElementTree.ParseError as fault:
        return f"{path} is no valid XML: {fault}"
    for case in root.iter("testcase"):
        add_case(case, cases)
    return None


def add_case(case: Any, cases: dict[str, tuple[str, float, str]]) -> None:
    """One test case; a second one of the same name gets a number."""
    name = "::".join(part for part in (case.get("classname"), case.get("name")) if part)[-900:]
    number, plain = 1, name
    while name in cases:
        number += 1
        name = f"{plain}#{number}"
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
