"""Attacks that end their container: what the test does, and how the run must be called."""

from dataclasses import dataclass

CHILD = "subprocess.run([sys.executable, '-c', 'bytearray(600 << 20)'])"
ALL = "[int(name) for name in os.listdir('/proc') if name.isdigit()]"
STOP = f"""
for pid in {ALL}:
    try: pid == os.getpid() or os.kill(pid, 19)
    except PermissionError: pass
while True: pass"""


@dataclass(frozen=True)
class Violent:
    """One of them; `row` as in `Attack`."""

    name: str
    body: str  # of a test, with os, sys, signal, subprocess and ctypes at hand
    ending: str  # sandbox.results.Ending
    wall: str
    row: int = 0
    timeout_s: float = 20


VIOLENT = (
    Violent("600 MiB of memory", "bytearray(600 << 20)", "out of memory", "memory", 20),
    Violent("600 MiB in a child that hides it", CHILD, "out of memory", "memory", 20),
    Violent("output without end", "while True: os.write(1, b'x' * 65536)", "output flood",
            "bytes counted by the harness", 26),
    Violent("everybody stopped, then a loop", STOP, "timed out", "another user",
            timeout_s=2),
    Violent("everybody killed", "os.kill(-1, 9); signal.pause()", "crashed", "another user"),
    Violent("exit 0", "os._exit(0)", "crashed", "the last word"),
    Violent("exit 1", "os._exit(1)", "crashed", "the last word"),
    Violent("its own death", "os.kill(os.getpid(), 9)", "crashed", "the last word"),
    Violent("a null pointer", "ctypes.string_at(0)", "crashed", "the last word"),
)  # fmt: skip


def text(violent: Violent) -> str:
    """Its test file."""
    lines = "".join(f"    {line}\n" for line in violent.body.strip().splitlines())
    return f"import ctypes, os, signal, subprocess, sys\n\ndef test_it():\n{lines}"
