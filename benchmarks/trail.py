"""Checking a long trail: the chain, its signed checkpoints, and what merely hashing it would cost.

    python benchmarks/trail.py [--records N] [--every N]

Seconds are processor time of this process, so a busy machine changes them little.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoint import FILE, keep, signed
from audit.files import closed_name, parts
from audit.record import GENESIS, new_record
from audit.sealed import verify_sealed
from audit.verify import verify

FILE_BYTES = 8 << 20


def written(folder: Path, records: int, every: int) -> Path:
    """A trail of this many records in files of 8 MiB, with a checkpoint after each `every`."""
    path, now = folder / "trail.jsonl", datetime.now(UTC)
    key, prev, first, lines, seals = Ed25519PrivateKey.generate(), GENESIS, 1, bytearray(), b""
    for number in range(1, records + 1):
        data = {"n": number, "output": "x" * 150, "evidence": "proven"}
        record = new_record("trial", seq=number, prev=prev, time=now, reflection="r", data=data)
        lines += record.line()
        prev = record.hash
        if number % every == 0:
            seals += signed((number, prev), key, now).line()
        if len(lines) > FILE_BYTES:
            closed_name(path, first).write_bytes(lines)
            first, lines = number + 1, bytearray()
    path.write_bytes(lines)
    keep(path, signed((records, prev), key, now))  # notes the signer as well
    with path.with_name(FILE).open("ab") as file:
        file.write(seals)
    return path


def hashed(path: Path) -> None:
    """The least a checker must do: parse every line and hash it."""
    for part in parts(path):
        for line in part.lines():
            json.loads(line)
            hashlib.sha256(line).digest()


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one call, the better of two."""
    found = []
    for _ in range(2):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def main() -> int:
    """Print one table."""
    parser = argparse.ArgumentParser(prog="benchmarks/trail.py")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--every", type=int, default=20, help="records to a checkpoint")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        path = written(Path(name), options.records, options.every)
        bare = seconds(lambda: hashed(path))
        chain = seconds(lambda: verify(path))
        sealed = seconds(lambda: verify_sealed(path))
        found = verify_sealed(path)
    assert found.chain.ok and found.chain.records == options.records
    sys.stdout.write(
        f"{options.records} records, {found.checkpoints} checkpoints\n"
        f"parse and hash    {bare:6.2f} s\n"
        f"chain             {chain:6.2f} s  {chain / bare:4.1f}x\n"
        f"with checkpoints  {sealed:6.2f} s  {sealed / bare:4.1f}x\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
