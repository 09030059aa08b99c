"""The harness outside a container: it kills all it can see at the end, so it must not start."""

import subprocess
import sys
from pathlib import Path

HARNESS = Path(__file__).parents[3] / "sandbox" / "guest" / "harness.py"


def test_it_refuses_to_start_among_the_processes_of_a_host() -> None:
    """A container that shared the host's process ids lost the whole host, 2026-11-20.

    Its standard input is empty: whatever happens here, there is no run and nothing to end.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(HARNESS)], input=b"", capture_output=True, check=False
    )
    assert done.returncode == 70
    assert b"process ids of its own" in done.stderr and not done.stdout
