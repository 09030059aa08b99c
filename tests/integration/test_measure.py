"""What a metric's command can do in a real container, and what a measurement makes of it."""

from collections.abc import Iterator

import pytest

from daemon.experiment.measure import sample_of
from daemon.experiment.session import Metric, Sample
from sandbox.bench import Bench
from sandbox.trial import Limits, Module, Sandbox

pytestmark = pytest.mark.docker

BENCH = """\
import sys

what = sys.argv[1]
if what == "good":
    print("steps: 12")
elif what == "crash":
    raise ValueError("no steps")
elif what == "hang":
    while True:
        pass
elif what == "eat":
    hoard = []
    while True:
        hoard.append(b'x' * (16 << 20))
elif what == "flood":
    while True:
        print("steps: 1\\n" * 10_000)
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A module with a bench that misbehaves on request."""
    folder = tmp_path_factory.mktemp("measured")
    root = folder / "module"
    root.mkdir()
    (root / "bench.py").write_text(BENCH)
    sandbox = Sandbox(
        docker_host=None, limits=Limits(), slots=1, state=folder / "state", progress=lambda _: None
    )
    made = sandbox.prepare(Module(name="measured", root=root))
    yield made
    made.close()
    sandbox.prune(0)
    sandbox.close()


def measured(bench: Bench, what: str, changes: dict[str, bytes] | None = None) -> Sample:
    """One run of the bench."""
    command = ("python3", "bench.py", what)
    metric = Metric(name="steps", command=command, pattern=r"^steps: (\d+)$")
    commanded = bench.with_command(command)
    try:
        limit = 3 if what == "hang" else 60
        return sample_of(commanded.run(changes or {}, timeout_s=limit), [metric], limit)
    finally:
        commanded.close()


def test_a_metric_is_read(bench: Bench) -> None:
    """With the end of the output and the time it took."""
    found = measured(bench, "good")

    assert (found.values, found.matches, found.trouble) == ({"steps": 12.0}, {"steps": 1}, "")
    assert "steps: 12" in found.output
    assert found.seconds > 0


def test_an_edit_is_measured_in_the_copy_only(bench: Bench) -> None:
    """What is run is the snapshot with the change; the next run does not see it."""
    changed = {"bench.py": BENCH.replace("steps: 12", "steps: 7").encode()}

    assert measured(bench, "good", changed).values == {"steps": 7.0}
    assert measured(bench, "good").values == {"steps": 12.0}


@pytest.mark.parametrize(
    ("what", "trouble"),
    [
        ("crash", "exit code 1"),
        ("hang", "did not come to an end within 3 s"),
        ("eat", "more memory than a run has"),
        ("flood", "printed without end"),
        ("silent", "matches nothing in the output"),
    ],
)
def test_what_goes_wrong_is_trouble_with_a_name(bench: Bench, what: str, trouble: str) -> None:
    """A value, never a metric: a flood of metrics neither."""
    found = measured(bench, what)

    assert trouble in found.trouble
    assert found.values == {}
