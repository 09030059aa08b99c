"""Too many processes and threads; and what was never to be seen in here."""

import contextlib
import os
import signal
import threading
from pathlib import Path

from tests.attacks.attack import Attack

MOST = 500
ALLOWED = {
    "PATH", "HOME", "TMPDIR", "LANG", "TZ", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED", "COVERAGE_FILE", "USER", "LOGNAME", "PYTEST_CURRENT_TEST", "LC_CTYPE",
    "PYTEST_VERSION",
}  # fmt: skip


def forks() -> tuple[str, list[int]]:
    """Children that wait, as many as are given: how it ended, and who they are."""
    made: list[int] = []
    try:
        while len(made) < MOST:
            pid = os.fork()
            if pid == 0:
                signal.pause()
                os._exit(0)
            made.append(pid)
    except BlockingIOError:
        return "EAGAIN", made
    return f"{MOST} processes", made


def fork_bomb() -> str:
    """The limit holds, and when they are gone there is room again."""
    end, made = forks()
    for pid in made:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return end


def threads() -> str:
    """Threads count as well."""
    over = threading.Event()
    made: list[threading.Thread] = []
    try:
        while len(made) < MOST:
            thread = threading.Thread(target=over.wait, daemon=True)
            thread.start()
            made.append(thread)
    except RuntimeError:
        return "EAGAIN"
    finally:
        over.set()
        for thread in made:
            thread.join()
    return f"{MOST} threads"


def environment() -> str:
    """The caller's variables (an API key is planted there)."""
    return " ".join(sorted(set(os.environ) - ALLOWED)) or "nothing of the host"


def proxies() -> str:
    """Proxy settings with credentials, in any process of this container that can be read."""
    found = [name for name in os.environ if "proxy" in name.lower()]
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found += ["environ"] * (b"roxy" in (folder / "environ").read_bytes())
    return " ".join(found) or "absent"


ATTACKS = (
    Attack("fork bomb", "EAGAIN", "pids-limit", fork_bomb, 18),
    Attack("threads", "EAGAIN", "pids-limit", threads, 19),
    Attack("API key in the caller's environment", "nothing of the host", "no environment",
           environment, 29),
    Attack("proxy credentials of Docker's config", "absent", "use_config_proxy=False", proxies, 30),
)  # fmt: skip
