"""A prepared module: runs its tests on changed copies, each in a container used once."""

import base64
import concurrent.futures
import contextlib
import json
import secrets
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sandbox.capsule import TICK_S, Capsule, OutOfMemory
from sandbox.errors import ImageUnavailable, SandboxDied, SandboxError
from sandbox.launch import Launcher, Started, check_stop
from sandbox.module import Module, share_of_a_test
from sandbox.results import Ending, Results, Run
from sandbox.session import GRACE_S, OUTPUT_KEPT, GuestSession, cut_off
from sandbox.tree import Tree, read_file

Files = Mapping[str, bytes]
NONE: Files = {}


@dataclass(frozen=True)
class _End:
    """How the container said, or did not say, that it was over."""

    reason: str
    status: int
    seconds: float
    oom: bool


class Bench:
    """One module's snapshot, ready for trials. Safe to share between threads."""

    def __init__(
        self, launcher: Launcher, module: Module, tree: Tree, image_id: str, *, writable: bool
    ) -> None:
        """Made by `Sandbox.prepare`."""
        self.module, self.tree, self.image_id, self.writable = module, tree, image_id, writable
        self._launcher = launcher
        self._warm: list[tuple[frozenset[str], concurrent.futures.Future[Started]]] = []
        self._lock = threading.Lock()
        self._starter = concurrent.futures.ThreadPoolExecutor(2, "warm")

    def with_command(self, command: Sequence[str]) -> "Bench":
        """The same snapshot with another test command; close it as well. Nothing is built."""
        module = replace(self.module, command=tuple(command), junit_xml=None)
        return Bench(self._launcher, module, self.tree, self.image_id, writable=self.writable)

    # trials

    def run(
        self, changes: Files = NONE, *, first: Sequence[str] = (),
        only: Sequence[str] | None = None, extra_tests: Files = NONE,
        timeout_s: float | None = None, stop: threading.Event | None = None,
    ) -> Run:  # fmt: skip
        """Run the tests on the tree with `changes` (path -> new bytes) in a fresh container.

        `first`: these ids run first, and if one of them fails the rest does not run. `only`: just
        these ids. `extra_tests`: test files added to the copy and to what is collected.
        Waits while all slots are taken. Raises SandboxError when the tests could not be run at
        all (TrialStopped when `stop` was set); everything the tests do is a Run.
        """
        limit = timeout_s or self._launcher.limits.timeout_s
        files = {**changes, **extra_tests}
        canary = f"test_{secrets.token_hex(8)}" if self.module.pytest_args is not None else None
        job = self._job(canary, first, only, tuple(extra_tests), limit)
        with self._launcher.slot(stop):
            started = self._begun(files, job, limit)
            try:
                results, output = Results(canary), bytearray()
                deadline = time.monotonic() + limit + GRACE_S
                end = _watch(started.capsule, results, output, deadline, stop)
            finally:
                started.capsule.close()
        return concluded(results, end, output)

    def _job(
        self, canary: str | None, first: Sequence[str], only: Sequence[str] | None,
        extra: Sequence[str], limit: float,
    ) -> dict[str, Any]:  # fmt: skip
        module = self.module
        if canary is None:
            argv = [*module.command, *extra]
            return {"mode": "command", "argv": argv, "junit_xml": module.junit_xml}
        return {
            "mode": "run", "args": list(module.pytest_args or ()), "canary": canary,
            "module_path": module.adds_root_to_path, "first": list(first),
            "only": None if only is None else list(only), "extra": list(extra),
            "test_s": module.test_timeout_s or share_of_a_test(limit),
        }  # fmt: skip

    def _begun(self, files: Files, job: dict[str, Any], limit: float) -> Started:
        """A container that has the job: a warm one if one fits and still lives, else a new one."""
        while (warm := self._take_warm(files)) is not None:
            try:
                warm.capsule.look()
                self._begin(warm, files, job, limit)
                return warm
            except (SandboxDied, OSError):
                warm.capsule.close()
        started = self._launch(files)
        try:
            self._begin(started, {} if not self.writable else files, job, limit)
        except BaseException:
            started.capsule.close()
            raise
        return started

    def _begin(self, started: Started, files: Files, job: dict[str, Any], limit: float) -> None:
        if started.writable:
            job = {**job, "files": encoded(files)}
        else:
            started.write(files)
        started.capsule.begin(job, limit)

    def _launch(self, mounted: Files) -> Started:
        preload = ("pytest",) if self.module.pytest_args is not None else ("subprocess",)
        return self._launcher.launch(
            self.module, self.tree, self.image_id, writable=self.writable,
            mounted=mounted, preload=preload,
        )  # fmt: skip

    # containers started ahead of time

    def warm(self, files: Iterable[str], count: int = 1) -> None:
        """Start containers ahead of time, in the background, for changes to these files.

        Returns at once. With a writable tree any change fits; otherwise the files named are
        mounted, and `run` uses a warm container only if its changes are among them.
        """
        wanted = frozenset() if self.writable else frozenset(files)
        with self._lock:
            fitting = [each for each in self._warm if wanted <= each[0]]
            useless = [each for each in self._warm if each not in fitting]
            self._warm = fitting
            for _ in range(count - len(fitting)):
                future = self._starter.submit(self._launch_warm, wanted)
                self._warm.append((wanted, future))
        for _, future in useless:
            _discard(future)

    def _launch_warm(self, files: frozenset[str]) -> Started:
        known = set(self.tree.files)
        return self._launch(
            {
                name: read_file(self.tree.root, name) if name in known else b""
                for name in sorted(files)
            }
        )

    def _take_warm(self, files: Files) -> Started | None:
        """One that fits, waited for if it is just starting; it is no longer in the list."""
        while True:
            with self._lock:
                fitting = [w for w in self._warm if self.writable or set(files) <= w[0]]
                if not fitting:
                    return None
                self._warm.remove(fitting[0])
            try:
                return fitting[0][1].result()
            except SandboxError:
                continue

    # the search engine's seam

    def room(self) -> int:
        """How many sessions the slots and the engine's processors allow side by side."""
        return self._launcher.room()

    def session(
        self, job: Mapping[str, Any], *, files: Files = NONE, timeout_s: float | None = None,
        stop: threading.Event | None = None,
    ) -> GuestSession:  # fmt: skip
        """Open a conversation with `sandbox/guest/<job["mode"]>.py` in a container of its own.

        `job` reaches the guest's `main(job, channel)` as it is (JSON). `files` are put into the
        tree first, as in `run`. `timeout_s` limits the whole session. It takes a slot until it is
        closed, so close it (it is a context manager). See sandbox/session.py.
        """
        with contextlib.ExitStack() as held:
            held.enter_context(self._launcher.slot(stop))
            return self._opened(held, job, files, timeout_s, stop)

    def spare_session(
        self, job: Mapping[str, Any], *, timeout_s: float, stop: threading.Event | None = None
    ) -> GuestSession | None:
        """One more session like that, or None when no slot is free: it never waits for one."""
        with contextlib.ExitStack() as held:
            if not held.enter_context(self._launcher.spare_slot()):
                return None
            return self._opened(held, job, NONE, timeout_s, stop)

    def _opened(
        self, held: contextlib.ExitStack, job: Mapping[str, Any], files: Files,
        timeout_s: float | None, stop: threading.Event | None,
    ) -> GuestSession:  # fmt: skip
        """The session that takes over what is held for it."""
        limits = self._launcher.limits
        limits = replace(limits, result_kib=max(limits.result_kib, 1 << 16))
        started = self._launcher.launch(
            self.module, self.tree, self.image_id, writable=self.writable, mounted=files,
            preload=("pytest",), limits=limits,
        )  # fmt: skip
        held.callback(started.capsule.close)
        sent = dict(job)
        if self.writable:
            sent["files"] = encoded(files)
        limit = timeout_s or limits.timeout_s
        session = GuestSession(started.capsule, sent, timeout_s=limit, stop=stop)
        session.on_close = held.pop_all().close
        return session

    def close(self) -> None:
        """Throw away the containers started ahead."""
        with self._lock:
            left, self._warm = self._warm, []
        for _, future in left:
            _discard(future)
        self._starter.shutdown(wait=True)


def encoded(files: Files) -> dict[str, str]:
    """File contents as a job carries them."""
    return {path: base64.b64encode(data).decode() for path, data in files.items()}


def _discard(future: concurrent.futures.Future[Started]) -> None:
    """Close a warm container now or as soon as it has started."""

    def close(done: concurrent.futures.Future[Started]) -> None:
        if done.exception() is None:
            done.result().capsule.close()

    if not future.cancel():
        future.add_done_callback(close)


def _watch(
    capsule: Capsule, results: Results, output: bytearray, deadline: float,
    stop: threading.Event | None,
) -> _End:  # fmt: skip
    """Read frames until the harness's last one, a forged line, or the outer time limit."""
    while True:
        check_stop(stop)
        late = time.monotonic() >= deadline
        try:
            frame = capsule.asked() if late else capsule.frame(TICK_S)
        except OutOfMemory:
            return _End("killed", -9, 0.0, True)
        if frame is None:
            if late:
                return _End("timeout", -9, 0.0, False)
            continue
        kind, payload = frame
        if kind == "L":
            results.feed(payload)
            if results.forged:
                return _End("forged", 0, 0.0, False)
        elif kind == "O":
            output += payload
            del output[:-OUTPUT_KEPT]
        else:
            end = json.loads(payload)
            return _End(end["reason"], end["status"], end["seconds"], bool(end["oom_kills"]))


def concluded(results: Results, end: _End, output: bytearray) -> Run:
    """Everything known about a run as one value.

    Raises SandboxDied when the child never came as far as the job, and ImageUnavailable when the
    test runner itself is missing: neither says anything about a patch.
    """
    text = bytes(output).decode("utf-8", "replace")
    if results.missing and not results.forged:
        raise ImageUnavailable(f"the tests cannot be started: {results.missing}; is it installed?")
    if not results.begun and end.reason in ("exited", "timeout") and not end.oom:
        raise SandboxDied(
            f"the sandbox did not get ready ({end.reason}, status {end.status}): {text[-2000:]}"
        )
    ending, detail = verdict(results, end)
    return Run(
        ending=ending, outcomes=results.outcomes(), messages=results.messages(),
        durations=results.durations(), output=text, seconds=end.seconds, detail=detail,
        collected=results.ids(), promised=results.promised,
    )  # fmt: skip


def verdict(results: Results, end: _End) -> tuple[Ending, str]:
    """Which ending, and why: the strongest fact first."""
    if results.forged:
        return Ending.FORGED, results.forged
    if end.oom:
        return Ending.OUT_OF_MEMORY, f"a process was killed for memory, {results.under_way()}"
    known = cut_off(end.reason)
    if known is not None:
        return known[0], f"{known[1]}: {results.under_way()}"
    return results.judged(end.status)
