"""The warm guests of one search: one thread each, all fed from one queue of questions.

Who answers makes no difference to what is answered, so guests may come late and leave early: a
search begins with the first one, others join as they get ready, and the question of one that fell
silent is put to another.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from daemon.engines.search.wire import MOST_TESTS, Message, texts_of
from sandbox.errors import SandboxError, TrialStopped

QUIET_S = 90.0  # longest silence of a guest that imports and collects
SLACK_S = 30.0  # longest silence beyond the time a guest was given for its answer
TICK_S = 0.2  # how soon a thread that waits for its guest notices the end of the search

log = logging.getLogger(__name__)


class ScreenEnded(Exception):
    """The guest gave up or fell silent: something in the target's tests ends it.

    No infrastructure failure (those are SandboxErrors): trying again would end the same way.
    """


class Line(Protocol):
    """The seam to the guest: sandbox.session.GuestSession, or a fake in tests."""

    def send(self, message: Mapping[str, Any]) -> None: ...
    def receive(self, timeout_s: float) -> dict[str, Any] | None: ...
    def close(self) -> None: ...


Answer = TypeVar("Answer")
Opener = Callable[[], Line | None]  # None: there is no place for one more


class Guest:
    """A guest that has collected the tests. Used by one thread."""

    def __init__(self, line: Line, check: Callable[[], None]) -> None:
        """Waits until it has; `check` raises when waiting has become pointless."""
        self._line, self._check = line, check
        first = self._next(QUIET_S)
        self.collected = texts_of(first.get("collected"), MOST_TESTS)
        self.uncollected = texts_of(first.get("errors"), 1000)

    def ask(self, request: Mapping[str, Any], patience_s: float) -> list[Message]:
        """All it answers before it says that this was the end; one answer in `patience_s`."""
        self._line.send(request)
        answers: list[Message] = []
        while not (message := self._next(patience_s + SLACK_S)).get("end"):
            answers.append(message)
            if len(answers) > MOST_TESTS:
                raise ScreenEnded("the guest talks without end")
        return answers

    def _next(self, quiet_s: float) -> Message:
        """Its next message; ScreenEnded when there is none."""
        waited = 0.0
        while waited < quiet_s:
            self._check()
            message = self._line.receive(TICK_S)
            if message is not None:
                return message
            if getattr(self._line, "ending", None) is not None:
                break
            waited += TICK_S
        self._check()
        line = self._line
        detail = getattr(line, "detail", "") or getattr(line, "output", b"")[-300:]
        raise ScreenEnded(f"the tests could not be watched from inside: {detail!r}")


@dataclass(frozen=True)
class Task(Generic[Answer]):
    """Something one guest shall do, whichever."""

    do: Callable[[Guest], Answer]
    answer: Future[Answer] = field(default_factory=Future)


class Guests:
    """Guests that come and go; safe to share between threads."""

    def __init__(self, first: Opener, stop: threading.Event) -> None:
        """Waits for the first guest; raises what keeps it from getting ready."""
        self._stop = stop
        self._leaving = threading.Event()
        self._tasks: queue.SimpleQueue[Task[Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._fault: BaseException | None = None  # why the last one ended
        self._first: Guest | None = None
        self.present = 0
        self.joined = 0  # those that were ever ready
        try:
            self.invite(first).result()
        except BaseException:
            self.close()
            raise

    @property
    def collected(self) -> tuple[str, ...]:
        """The tests they have."""
        return self._first.collected if self._first else ()

    @property
    def uncollected(self) -> tuple[str, ...]:
        """What could not be collected."""
        return self._first.uncollected if self._first else ()

    def invite(self, opener: Opener) -> Future[None]:
        """Have one more guest in the background; the answer tells when it is ready, or why not."""
        ready: Future[None] = Future()
        thread = threading.Thread(
            target=self._host, args=(opener, ready), name="search guest", daemon=True
        )
        self._threads.append(thread)
        thread.start()
        return ready

    def submit(self, do: Callable[[Guest], Answer]) -> Future[Answer]:
        """Queue something for whichever guest is free first.

        Should a guest end over it, another tries; the last one's end is the answer's exception.
        """
        task = Task(do)
        with self._lock:
            if self._fault is not None and not self.present:
                raise self._fault
            self._tasks.put(task)
        return task.answer

    def ask(self, do: Callable[[Guest], Answer]) -> Answer:
        """Have it done, and wait."""
        return self.submit(do).result()

    def close(self) -> None:
        """End all guests, also those still on their way; their slots are free afterwards."""
        self._leaving.set()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _host(self, opener: Opener, ready: Future[None]) -> None:
        """A guest's whole life; the thread is the only one that touches its line."""
        line: Line | None = None
        try:
            line = opener()
            guest = Guest(line, self._check) if line is not None else None
            if guest is not None:
                self._welcome(guest)
            ready.set_result(None)
            if guest is not None:
                self._serve(guest)
        except BaseException as fault:  # noqa: BLE001 - told to who waits for it
            log.info("a guest of the search did not get ready: %s", fault)
            ready.set_exception(fault)
        finally:
            if line is not None:
                line.close()

    def _welcome(self, guest: Guest) -> None:
        """It must have the same tests as the first, or its verdicts would not be the same."""
        with self._lock:
            self._first = self._first or guest
            if guest.collected != self._first.collected:
                raise ScreenEnded("the tests are not collected alike each time")
            self.present += 1
            self.joined += 1

    def _serve(self, guest: Guest) -> None:
        """Answer until the search is over or the guest ends."""
        while (task := self._tasks.get()) is not None:
            if task.answer.cancelled():
                continue
            try:
                found = task.do(guest)
            except TrialStopped as fault:
                _tell(task, fault)
            except (ScreenEnded, SandboxError) as fault:
                self._lost(task, fault)
                return
            except BaseException as fault:  # noqa: BLE001 - told to who waits for it
                _tell(task, fault)
            else:
                with suppress(InvalidStateError):  # nobody waits for it any more
                    task.answer.set_result(found)

    def _lost(self, task: Task[Any], fault: BaseException) -> None:
        """Leave what it was asked to the others; without others that is everybody's end."""
        log.info("a guest of the search ended: %s", fault)
        with self._lock:
            self.present -= 1
            self._fault = fault
            if self.present:
                self._tasks.put(task)
                return
            waiting: list[Task[Any] | None] = [task]
            with suppress(queue.Empty):
                while True:
                    waiting.append(self._tasks.get_nowait())
            for each in waiting:
                if each is not None:
                    _tell(each, fault)
                else:
                    self._tasks.put(None)

    def _check(self) -> None:
        if self._stop.is_set():
            raise TrialStopped("the search was stopped")
        if self._leaving.is_set():
            raise ScreenEnded("the search is over")


def _tell(task: Task[Any], fault: BaseException) -> None:
    with suppress(InvalidStateError):
        task.answer.set_exception(fault)


def in_order(answers: Sequence[Future[Answer]]) -> list[Answer]:
    """All answers, as asked; the first fault ends the waiting and what has not begun."""
    try:
        return [answer.result() for answer in answers]
    finally:
        for answer in answers:
            answer.cancel()
