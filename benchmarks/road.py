"""From a note dropped to a patch applied, beside a bare `docker run` of the same test command.

The service runs, image layers and baseline are there (as on a machine where mendd has been
running), and the model is a scripted server on loopback that answers at once. Runs are
interleaved, medians are printed, nothing is asserted.

    .venv/bin/python benchmarks/road.py [--runs N]
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from sandbox.trial import Limits, Module, Sandbox
from tests.fake_model import FakeModel, tool

CODE = """\
def total(prices):
    amount = 0
    for price in prices[1:]:
        amount += price
    return amount
"""
TESTS = """\
from shop import total


def test_total():
    assert total([1, 2, 3]) == 6


def test_none():
    assert total([]) == 0
"""
TARGET = """\
[[target]]
name = "{name}"
path = "{name}"
engine = "{engine}"
region_edits = 1000
"""
SCRIPT = {
    "log_bug_report": tool(
        "log_bug_report", filename="shop.py", function="total", summary="skips the first price",
        severity="high", failing_test="test_shop.py::test_total",
    ),
    "propose_code_patch": tool(
        "propose_code_patch", filename="shop.py", start_line=3, end_line=3,
        original_code="    for price in prices[1:]:", new_code="    for price in prices:",
        rationale="the slice skips the first price",
    ),
}  # fmt: skip


def answer(request: dict[str, Any], turn: int) -> Any:
    """The report first, then the patch."""
    reported = "tool_result" in json.dumps(request["messages"])
    return [SCRIPT["propose_code_patch" if reported else "log_bug_report"]]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name, FakeModel(answer) as model:
        folder = Path(name)
        module = write_module(folder, model.url)
        image = prepared(folder, module)
        service = start_service(folder)
        try:
            bare, road, search = [], [], []
            for number in range(runs):
                bare.append(bare_run(image, module))
                road.append(mended(folder, module, number, "model"))
                search.append(mended(folder, module, number, "embedded"))
        finally:
            os.killpg(service.pid, signal.SIGTERM)
            service.wait()
    base = statistics.median(bare)
    print(f"{'':44}{'median s':>10}{'x bare':>8}")
    for title, times in (
        ("bare docker run of the test command", bare),
        ("note dropped -> applied, model at once", road),
        ("note dropped -> applied, search engine", search),
    ):
        middle = statistics.median(times)
        print(f"{title:44}{middle:10.2f}{middle / base:8.2f}")


def write_module(folder: Path, url: str) -> Path:
    """Two targets on equal modules: one for the model, one for the search engine."""
    tables = []
    for name, engine in (("model", "claude"), ("embedded", "search")):
        (folder / name).mkdir()
        (folder / name / "test_shop.py").write_text(TESTS)
        (folder / name / "shop.py").write_text(CODE)
        tables.append(TARGET.format(name=name, engine=engine))
    (folder / "mendd.toml").write_text(
        'state = "state"\n' + "\n".join(tables) + f'[claude]\nbase_url = "{url}"\n'
    )
    return folder / "model"


def prepared(folder: Path, module: Path) -> str:
    """Build the layers; the image a bare run uses is the one our trials use."""
    sandbox = Sandbox(
        docker_host=None, limits=Limits(), slots=2, state=folder / "state", progress=print
    )
    bench = sandbox.prepare(Module(name="bench", root=module))
    bench.close()
    sandbox.close()
    return bench.image_id


def start_service(folder: Path) -> "subprocess.Popen[bytes]":
    """The real service."""
    command = [sys.executable, "-m", "daemon.cli", "--config", str(folder / "mendd.toml"), "run"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    time.sleep(2)
    return process


def bare_run(image: str, module: Path) -> float:
    """`docker run` of the test command on the tree, bind-mounted read-only."""
    command = ["docker", "run", "--rm", "-v", f"{module}:/m:ro", "-w", "/m", image]
    began = time.monotonic()
    subprocess.run(
        [*command, "python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        capture_output=True,
        check=False,
    )
    return time.monotonic() - began


def mended(folder: Path, module: Path, number: int, target: str) -> float:
    """Drop a note, wait for the file to change; put the bug back."""
    file = folder / target / "shop.py"
    note = {
        "task_summary": f"basket {target} {number} {'x' * number}",
        "outcome": f"failed: total gave a wrong sum, case {chr(97 + number % 26) * 5}",
        "reflection": f"total in shop.py is wrong ({target} {chr(97 + number % 26) * 7})",
        "target": target,
        "test": "test_shop.py::test_total",
    }
    inbox = folder / "state" / "inbox"
    beside = inbox / ".n.part"
    beside.write_text(json.dumps(note))
    began = time.monotonic()
    beside.rename(inbox / f"{target}-{number}.json")
    while file.read_text() == CODE:
        if time.monotonic() - began > 120:
            raise SystemExit((folder / "log").read_text()[-3000:])
        time.sleep(0.005)
    took = time.monotonic() - began
    while (folder / "state" / "progress.json").exists():
        time.sleep(0.02)
    file.write_text(CODE)
    forget(folder)
    return took


def forget(folder: Path) -> None:
    """The same bug again and again would rightly be frozen as oscillation; forget it."""
    for path in (folder / "state" / "history").rglob("*.jsonl"):
        path.unlink()


if __name__ == "__main__":
    main()
