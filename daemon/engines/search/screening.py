"""Screening: candidates go to whichever guest is free, verdicts come back in candidates' order."""

import collections
import functools
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Self

from daemon.engines.search.candidates import Candidate
from daemon.engines.search.deadline import Deadline
from daemon.engines.search.guests import Guest, Guests, Line, in_order
from daemon.engines.search.localise import Seen
from daemon.engines.search.wire import (
    Message,
    Plan,
    Probe,
    Question,
    Verdict,
    probe_of,
    probe_request,
    screen_request,
    seen_of,
    spectrum_request,
    verdicts_of,
)
from sandbox.trial import Bench

BATCH = 24
BATCH_S = 0.5
AROUND_S = 120.0  # a session's time before and after the search: collecting, comparing
WATCHED = 50  # tests of one spectrum request


class Screener:
    """Warm guests for one module, asked for spectra, verdicts and comparisons."""

    def __init__(self, guests: Guests) -> None:
        """Closes them in the end."""
        self.guests = guests
        self.collected, self.uncollected = guests.collected, guests.uncollected

    @classmethod
    def open(cls, bench: Bench, stop: threading.Event, *, time_s: float, guests: int = 1) -> Self:
        """Wait for the first container; others (`guests` in all; 0: what there is room for) join
        while it is at work, as far as slots are free. Raises SandboxError when the first fails.
        """
        module = bench.module
        job: Message = {
            "mode": "screen", "arguments": list(module.pytest_args or ()), "memory_mib": 128,
            "module_path": module.adds_root_to_path,
        }  # fmt: skip
        longest_s = time_s + AROUND_S

        def first() -> Line:
            return bench.session(job, timeout_s=longest_s, stop=stop)

        def spare() -> Line | None:
            return bench.spare_session(job, timeout_s=longest_s, stop=stop)

        most = guests or bench.room()
        found = Guests(first, stop)
        for _ in range(most - 1):
            found.invite(spare)
        return cls(found)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the guests."""
        self.close()

    def close(self) -> None:
        """End the guests."""
        self.guests.close()

    def spectrum(
        self,
        tests: Sequence[str],
        *,
        cpu_s: float,
        wall_s: float,
        deadline: Deadline,
        candidate: Candidate | None = None,
    ) -> list[Seen]:
        """Run each test once under observation, as many as the time allows; with a patch or not."""

        def watched(guest: Guest, part: Sequence[str]) -> list[Seen]:
            request = spectrum_request(part, cpu_s, wall_s, deadline.left_s, candidate)
            return seen_of(part, guest.ask(request, min(wall_s, deadline.left_s)))

        parts = [tests[start : start + WATCHED] for start in range(0, len(tests), WATCHED)]
        asked = [self.guests.submit(functools.partial(watched, part=part)) for part in parts]
        return [seen for found in in_order(asked) for seen in found]

    def screen(
        self, found: Iterable[Candidate], plan: Plan, deadline: Deadline
    ) -> Generator[tuple[Candidate, Verdict], None, None]:
        """Try candidates; verdicts come in the order of the candidates, whoever gave them.

        Candidates whose turn does not come before the deadline are answered `late`. Several
        batches are under way at any time; closing the iterator early drops them.
        """

        def tried(guest: Guest, batch: Sequence[Candidate]) -> tuple[list[Verdict], float]:
            began = time.monotonic()
            request = screen_request(batch, plan, deadline.left_s)
            answers = guest.ask(request, min(plan.patient_wall_s, deadline.left_s))
            return verdicts_of(batch, answers, plan), time.monotonic() - began

        batches = Batches(found)
        under_way: collections.deque[
            tuple[list[Candidate], Future[tuple[list[Verdict], float]]]
        ] = collections.deque()
        try:
            while True:
                while len(under_way) <= 2 * self.guests.present and (batch := batches.next()):
                    asked = self.guests.submit(functools.partial(tried, batch=batch))
                    under_way.append((batch, asked))
                if not under_way:
                    return
                batch, asked = under_way.popleft()
                verdicts, seconds = asked.result()
                batches.took(len(batch), seconds)
                yield from zip(batch, verdicts, strict=True)
        finally:
            for _, asked in under_way:
                asked.cancel()

    def probe(self, found: Sequence[Candidate], question: Question, deadline: Deadline) -> Probe:
        """How candidates of one file behave; -1 is the code as it is.

        Those it did not come to before the deadline (the last ones) are not in the answer.
        """

        def compared(guest: Guest) -> Probe:
            left_s = deadline.left_s
            return probe_of(guest.ask(probe_request(found, question, left_s), left_s))

        return self.guests.ask(compared)


class Batches:
    """Candidates of the same file together, in order; about half a second's work at a time.

    Small batches where candidates are slow keep the search quick to stop; what is screened, and
    in which order, does not depend on the size.
    """

    def __init__(self, found: Iterable[Candidate]) -> None:
        self._found: Iterator[Candidate] = iter(found)
        self._held: Candidate | None = None
        self._size = 8

    def next(self) -> list[Candidate]:
        """The next batch; empty at the end."""
        batch = [self._held] if self._held is not None else []
        self._held = None
        for candidate in self._found:
            if batch and batch[0].program is not candidate.program:
                self._held = candidate
                break
            batch.append(candidate)
            if len(batch) >= self._size:
                break
        return batch

    def took(self, count: int, seconds: float) -> None:
        """A batch of so many took so long: adapt the size."""
        each = max(seconds / count, 0.001)
        self._size = max(2, min(BATCH, int(BATCH_S / each)))
