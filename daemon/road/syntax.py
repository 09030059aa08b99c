"""Asks the target's own Python whether a patch can be read, before anything is tried with it.

The gates parse with the Python that mendd runs on. A target may run an older one, which knows less
syntax, or a newer one, which knows more. Nothing of the target is run or imported for this: the
files are compiled by `python -I -S` in a container of their own, and what it says is sent back.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.gates import Refusal
from sandbox.patch import Patch, patched
from sandbox.trial import Ending, Run

if TYPE_CHECKING:
    from daemon.road.job import Job

MOST_FAULTS = 5
CHECK = """\
import json, platform, sys, warnings
warnings.simplefilter("ignore")
mark, names = sys.argv[1], sys.argv[2:]
for name in names:
    try:
        with open(name, "rb") as file:
            compile(file.read(), name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as fault:
        said = getattr(fault, "msg", None) or str(fault) or type(fault).__name__
        line, text = getattr(fault, "lineno", None), getattr(fault, "text", None)
        fault = {"file": name, "line": line, "said": said[:300], "text": (text or "")[:300]}
        print(mark, json.dumps(fault))
print(mark, json.dumps({"python": platform.python_version(), "files": len(names)}))
"""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What the target's Python, of that version, says of some files; no faults: it reads them."""

    python: str
    faults: tuple[str, ...]


def syntax_refusal(patch: Patch, by_host: Refusal | None, job: "Job") -> Refusal | None:
    """The target's complaint about the patched files, with line and message, or None.

    `by_host` is what the gates said, if it was only that this host's Python cannot parse them:
    code that no gate can read is refused all the same.
    """
    after = patched(patch, job.source.read)
    python = {name: data for name, data in after.items() if name.endswith((".py", ".pyi"))}
    if not python:
        return by_host
    job.stage("syntax", ", ".join(python))
    checked = check_syntax(python, job)
    if checked.faults:
        shown = "\n".join(checked.faults[:MOST_FAULTS])
        reason = f"the target's Python {checked.python} cannot read it:\n{shown}"
        return Refusal(gate="syntax", reason=reason)
    if by_host is None:
        return None
    advice = "so the gates cannot look at it; write it in syntax that both versions know"
    reason = f"the target's Python {checked.python} reads it, but {by_host.reason}: {advice}"
    return Refusal(gate="syntax", reason=reason)


def check_syntax(files: Mapping[str, bytes], job: "Job") -> Checked:
    """Compile the files in the sandbox. Raises SandboxError when that could not be done at all."""
    mark = secrets.token_hex(8)
    python = job.target.python or "python3"
    bench = job.bench.with_command((python, "-I", "-S", "-c", CHECK, mark, *files))
    try:
        with job.shop.beacon.beating(2 * job.target.timeout_s):
            run = bench.run(files, timeout_s=job.target.timeout_s, stop=job.stop)
    finally:
        bench.close()
    return read_check(run, mark, len(files))


def read_check(run: Run, mark: str, count: int) -> Checked:
    """The check's own lines; one that did not come to its end never reads as a pass."""
    said = [_loaded(line.removeprefix(mark)) for line in _lines(run.output, mark)]
    end = said[-1] if said else {}
    if run.ending is not Ending.FINISHED or end.get("files") != count:
        words = f"it could not be checked ({run.ending.value} {run.detail}): {run.output[-500:]}"
        return Checked(python="", faults=(words,))
    return Checked(python=str(end.get("python", "")), faults=tuple(map(_fault, said[:-1])))


def _lines(output: str, mark: str) -> Sequence[str]:
    return [line for line in output.splitlines() if line.startswith(f"{mark} ")]


def _loaded(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _fault(said: Mapping[str, object]) -> str:
    line, text = said.get("line"), str(said.get("text") or "").strip()
    place = f"{said.get('file')} line {line}" if line else f"{said.get('file')}"
    return f"{place}: {said.get('said')}{f': {text}' if text else ''}"
