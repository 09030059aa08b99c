"""A patch to a file that declares actions passes only when each of them can be used."""

from collections.abc import Callable

import pytest

from daemon.engines import BugReport, Proposal
from daemon.road.action_trial import _faults, action_faults
from daemon.road.job import Job
from reflections.reflection import Reflection
from reflections.store import State
from sandbox.errors import EngineUnavailable
from sandbox.patch import Hunk, Patch
from tests.fakes import ScriptedEngine
from tests.place import CODE, FIXED, Place

GOOD = """\
def add(a, b=1):
    return {"sum": a + b}


async def soon(text):
    return [text]


class Soon:
    name, description, execute = "soon", "Give it back, later.", staticmethod(soon)
    parameters = {"type": "object", "properties": {"text": {"type": "string"}}}
    example = {"text": "x"}


ACTIONS = [
    {
        "name": "add",
        "description": "Add two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a"],
        },
        "execute": add,
        "example": {"a": 1},
    },
    Soon(),
]
"""
FILE = "agent/actions/sums.py"
REPORT = BugReport(
    filename="shop.py",
    function="total",
    summary="forgets the first price",
    failing_test="test_shop.py::test_total",
)


def mended_with(code: str, filename: str = FILE) -> Proposal:
    """The repair of the shop, and a new file of actions beside it."""
    shop = Hunk(filename="shop.py", first_line=1, last_line=6, original=CODE, replacement=FIXED)
    new = Hunk(filename=filename, first_line=1, last_line=0, original="", replacement=code)
    return Proposal(patch=Patch(hunks=(shop, new), rationale="both"))


@pytest.fixture
def here(place: Callable[..., Place]) -> Place:
    """A shop whose agent has actions; one file of them is there already."""
    made = place('actions = ["agent/actions/*.py"]\nattempts = 1\ncycles = 0\ntimeout_s = 5')
    folder = made.module / "agent" / "actions"
    folder.mkdir(parents=True)
    (folder / "old.py").write_text(GOOD.replace('"add"', '"old_add"').replace('"soon"', '"old"'))
    return made


def faults(here: Place, code: str, filename: str = FILE) -> str | None:
    """What is found in this file of actions."""
    note = Reflection(
        id="n", timestamp=here.now, task_summary="t", outcome="failed", reflection="r"
    )
    work = here.shop.store.add(note, kind="bug", signature="s", now=here.now).work
    with Job(work, here.shop.settings.targets[0], here.shop) as job:
        return action_faults({filename: code.encode()}, job)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ACTIONS = [", "OTHERS = [", "it has no ACTIONS"),
        ("def add", "import nowhere\n\n\ndef add", "No module named 'nowhere'"),
        ("def add", "import sys\n\nsys.exit(0)\n\n\ndef add", "SystemExit"),
        ('"add"', '"old_add"', "taken already, in agent/actions/old.py"),
        ('"add"', '"soon"', "taken already, in agent/actions/sums.py"),
        ('"add"', '"Add It"', "'Add It' is no name of an action"),
        ('"Add two numbers."', '""', "description must be text"),
        ('"example": {"a": 1},', "", "action 'add' lacks example"),
        ('{"a": 1},\n', '{"b": 1},\n', "missing 1 required positional argument"),
        ('{"a": 1},\n', '{"a": "one", "b": "two"},\n', "'one' is not of type 'integer'"),
        ('{"a": 1},\n', '[("a", 1)],\n', "example is no dict"),
        ('"type": "object",\n', '"type": "array",\n', '"type" is "object"'),
        ('"required": ["a"]', '"required": "a"', "no JSON Schema"),
        ('"required": ["a"]', '"$ref": "http://127.0.0.1:1/x"', "refer to what is not in them"),
        ('"required": ["a"]', '"allOf": [{"$ref": "#"}]', "nested too deeply, or refer to"),
        ('"required": ["a"]', '"required": {1, 2}', "cannot be written as JSON"),
        ('{"sum": a + b}', "a / 0", "ZeroDivisionError"),
        ('{"sum": a + b}', "exit(1)", "SystemExit"),
        ('{"sum": a + b}', "object()", "what the dry call returned cannot be written as JSON"),
        ('{"sum": a + b}', '"x" * 300_000', "bytes of JSON, more than"),
        ("return [text]", "raise OSError(text)", "OSError: x"),
        ("def add", "import os\n\nos._exit(0)\n\n\ndef add", "it ended early"),
    ],
)
def test_what_cannot_be_used_is_refused(here: Place, old: str, new: str, told: str) -> None:
    """In words that say where and what."""
    assert old in GOOD

    assert told in (faults(here, GOOD.replace(old, new, 1)) or "")


def test_an_action_that_does_not_end_is_refused(here: Place) -> None:
    """The target's own time limit ends it, and the file is named."""
    code = GOOD.replace('return {"sum": a + b}', "while True: pass")

    words = faults(here, code) or ""

    assert f"while {FILE} was tried" in words
    assert "the time limit" in words


def test_an_engine_is_told_and_may_do_better(place: Callable[..., Place]) -> None:
    """A refusal is fed back like a gate's."""
    here = place('actions = ["agent/actions/*.py"]')
    bad = mended_with(GOOD.replace("ACTIONS", "OTHERS"))
    engine = ScriptedEngine(REPORT, [bad, mended_with(GOOD)])

    here.mend(engine)

    assert here.file.read_text() == FIXED
    assert engine.heard[1] is not None
    assert engine.heard[1].reason.startswith(f"gate actions: {FILE}: it has no ACTIONS")


def test_good_actions_pass(here: Place) -> None:
    """Dicts and objects, plain functions and coroutines."""
    assert faults(here, GOOD) is None


def test_other_files_are_no_business_of_it(here: Place) -> None:
    """A broken file of actions that the patch leaves alone is not on trial, nor are other files."""
    (here.module / "agent" / "actions" / "broken.py").write_text("import nowhere\n")

    assert faults(here, "x = 1\n", "agent/actions.py") is None
    assert faults(here, GOOD) is None


def test_what_could_not_be_tried_is_no_pass(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that goes away right then: it waits, and no attempt is used up."""

    def gone(*_: object, **__: object) -> None:
        raise EngineUnavailable("the Docker engine went away")

    monkeypatch.setattr("tests.fakes.LocalBench.session", gone)
    here.mend(ScriptedEngine(REPORT, [mended_with(GOOD)]))

    assert here.file.read_text() == CODE
    (waiting,) = here.shop.store.all()
    assert waiting.state is State.WAITING
    assert waiting.attempts == 0


DOUBLING = {str(nth): {"allOf": [{"$ref": f"#/$defs/{nth + 1}"}] * 2} for nth in range(60)}


@pytest.mark.parametrize(
    ("parameters", "example", "told"),
    [
        ({"$defs": {**DOUBLING, "60": {}}, "$ref": "#/$defs/0"}, {}, "too long"),
        ({"properties": {"a": {"uniqueItems": True}}}, {"a": [[n] for n in range(5000)]}, "long"),
        ({"$id": "http://[", "properties": {"a": {"$ref": "x"}}}, {"a": 1}, "Invalid IPv6 URL"),
        ({"properties": {"a": {"multipleOf": 1e-300}}}, {"a": 10**400}, "OverflowError"),
        ({"default": [3], "properties": {"a": {"$ref": "#/default"}}}, {"a": 1}, "cannot be used"),
    ],
)
def test_a_schema_made_to_harm_is_refused(
    parameters: dict[str, object], example: object, told: str
) -> None:
    """One kept the worker busy for ever, deaf to the kill switch; others broke the cycle."""
    schema = {"type": "object", **parameters}
    action = {"name": "a", "description": "b", "parameters": schema, "example": example}

    (fault,) = _faults(["a.py"], {"a.py": {"actions": [action]}}, {})

    assert told in fault


def test_a_large_schema_is_no_harm() -> None:
    """As many properties as the guest lets through."""
    properties = {f"p{nth}": {"type": "string", "description": "w"} for nth in range(1_200)}
    schema = {"type": "object", "properties": properties}
    action = {"name": "a", "description": "b", "parameters": schema, "example": {"p1": "x"}}

    assert list(_faults(["a.py"], {"a.py": {"actions": [action]}}, {})) == []
