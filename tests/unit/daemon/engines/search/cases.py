"""Cases for the search engine's tests: a module in memory, a note, a bench without containers."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from daemon.engines import Baseline, Case
from daemon.engines.search.guests import Line
from reflections.note import Reflection
from sandbox.results import Ending, Outcome, Run
from sandbox.trial import Bench, Module
from tests.local_guest import LocalLine


class Files:
    """A Source over a mapping; tests may not be edited."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    @property
    def files(self) -> tuple[str, ...]:
        """Every name, sorted."""
        return tuple(sorted(self._texts))

    def read(self, filename: str) -> bytes | None:
        """The bytes of a file."""
        text = self._texts.get(filename)
        return None if text is None else text.encode()

    def text(self, filename: str) -> str | None:
        """The text of a file."""
        return self._texts.get(filename)

    def may_edit(self, filename: str) -> bool:
        """Everything but tests."""
        return filename in self._texts and "test_" not in filename


class LocalBench:
    """The part of a Bench the engine uses: guests, as local processes.

    `lines`: what each guest is spoken to through, in the order of their start; a SandboxError
    stands for one that cannot start.
    """

    def __init__(self, root: Path, lines: Sequence[Callable[..., Line]] = (LocalLine,)) -> None:
        self.module = Module(name="module", root=root)
        self.opened = 0
        self._lines = lines

    def room(self) -> int:
        """As many as there are lines."""
        return len(self._lines)

    def session(self, job: Mapping[str, Any], **_: Any) -> Line:
        """A guest on this machine, through the first line."""
        self.opened = 1
        return self._lines[0](self.module.root, **dict(job))

    def spare_session(self, job: Mapping[str, Any], **_: Any) -> Line | None:
        """One more, through the next line."""
        self.opened += 1
        line = self._lines[self.opened - 1]
        return line(self.module.root, **dict(job))


def note(text: str, **more: Any) -> Reflection:
    """A reflection that says this."""
    values = {"id": "n", "task_summary": "", "outcome": "failure", "reflection": text, **more}
    return Reflection(timestamp=datetime(2026, 1, 1, tzinfo=UTC), **values)


def case_of(
    root: Path,
    files: Mapping[str, str],
    text: str,
    outcomes: Mapping[str, str],
    *,
    progress: Callable[[str], None] = lambda _: None,
    stop: threading.Event | None = None,
    lines: Sequence[Callable[..., Line]] = (LocalLine,),
    **more: Any,
) -> Case:
    """A case on these files; `outcomes`: what each test gives unpatched, in words."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    found = {test: Outcome(word) for test, word in outcomes.items()}
    run = Run(
        ending=Ending.FINISHED, outcomes=found, messages=more.pop("messages", {}), durations={},
        output="", seconds=0.1, detail="", collected=tuple(found),
    )  # fmt: skip
    baseline = Baseline(outcomes=found, flaky=(), run=run)
    return Case(
        reflection=note(text, **more),
        source=Files(files),
        bench=cast(Bench, LocalBench(root, lines)),
        baseline=lambda: baseline,
        check_report=lambda report: None,
        check_patch=lambda patch: None,
        progress=progress,
        stop=stop or threading.Event(),
    )
