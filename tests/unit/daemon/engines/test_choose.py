"""Who works on a case, and in which order; the model's package is loaded only where it may help."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from audit.trail import Trail
from daemon.config.config_file import load_settings
from daemon.engines import MEND, EngineError, Task
from daemon.engines.choose import engines_for
from daemon.settings import Settings
from tests.fake_model import FakeModel

KEY = {"ANTHROPIC_API_KEY": "sk-ant-test"}


def settings(folder: Path, engine: str = "auto", rest: str = "") -> Settings:
    (folder / "mendd.toml").write_text(
        f'[[target]]\nname = "a"\npath = "a"\nengine = "{engine}"\n{rest}'
    )
    return load_settings(folder / "mendd.toml")


def job(
    chosen: Settings, environ: Mapping[str, str], failing: tuple[str, ...], task: Task = MEND
) -> Any:
    state = chosen.file.parent
    shop = SimpleNamespace(settings=chosen, environ=environ, budget=None, state=state)
    return SimpleNamespace(
        target=chosen.targets[0],
        task=task,
        shop=shop,
        work=SimpleNamespace(id="r1"),
        baseline=lambda: SimpleNamespace(failing=failing),
    )


@pytest.mark.parametrize(
    ("engine", "environ", "failing", "names"),
    [
        ("auto", {}, ("t",), ["search"]),
        ("auto", {}, (), ["search"]),
        ("auto", KEY, ("t",), ["search", "claude"]),
        ("auto", KEY, (), ["claude"]),
        ("search", KEY, (), ["search"]),
        ("claude", {}, ("t",), ["claude"]),
    ],
)
def test_the_free_engine_goes_first_where_a_test_fails(
    tmp_path: Path,
    engine: str,
    environ: Mapping[str, str],
    failing: tuple[str, ...],
    names: list[str],
) -> None:
    """`auto` asks a model only where one is there, and first only where no test fails."""
    found = engines_for(job(settings(tmp_path, engine), environ, failing))

    assert [each.name for each in found] == names


def test_where_the_free_engine_never_found_anything_the_model_goes_first(tmp_path: Path) -> None:
    """Ten tries of this target without a success; the free engine still comes after it."""
    trail = Trail(tmp_path / "audit" / "trail.jsonl")
    for number in range(10):
        for event in ("proposed", "rejected"):
            data = {"engine": "search"} if event == "proposed" else {}
            trail.append(event, reflection=f"w{number}", target="a", data=data)

    found = engines_for(job(settings(tmp_path), KEY, ("t",)))

    assert [each.name for each in found] == ["claude", "search"]


def test_a_local_server_needs_no_key(tmp_path: Path) -> None:
    """A base_url is enough for a model to be there."""
    chosen = settings(tmp_path, rest='[claude]\nbase_url = "http://127.0.0.1:11434"\n')

    assert [each.name for each in engines_for(job(chosen, {}, ()))] == ["claude"]


LOCAL = '[local]\nbase_url = "{}"\nmodel = "m"\n'


def test_a_server_of_ones_own_is_asked_where_no_key_is_set(tmp_path: Path) -> None:
    """`auto` takes Claude where there is a key, else the local model; `local` names it."""
    rest = LOCAL.format("http://127.0.0.1:9")
    auto, named = settings(tmp_path, rest=rest), settings(tmp_path, "local", rest)

    assert [each.name for each in engines_for(job(auto, {}, ("t",)))] == ["search", "local"]
    assert [each.name for each in engines_for(job(auto, KEY, ()))] == ["claude"]
    assert [each.name for each in engines_for(job(named, KEY, ()))] == ["local"]


def test_an_instruction_is_carried_out_by_a_model_that_answers(tmp_path: Path) -> None:
    """The local server counts as there when it speaks HTTP; the free engine never has a turn."""
    with FakeModel([]) as server:
        chosen = settings(tmp_path, rest=LOCAL.format(server.url))

        found = engines_for(job(chosen, {}, ("t",), Task(kind="modify")))

    assert [each.name for each in found] == ["local"]


@pytest.mark.parametrize(
    ("engine", "rest", "said"),
    [
        ("search", "", "cannot carry out instructions"),
        ("auto", "", "no model is set"),
        ("auto", LOCAL.format("http://127.0.0.1:9"), "does not answer"),
    ],
)
def test_an_instruction_nobody_can_carry_out_says_why(
    tmp_path: Path, engine: str, rest: str, said: str
) -> None:
    """No model: an outage with its reason, never a search."""
    with pytest.raises(EngineError, match=said):
        engines_for(job(settings(tmp_path, engine, rest), {}, ("t",), Task(kind="modify")))


@pytest.mark.parametrize(("engine", "loaded"), [("auto", "True"), ("search", "False")])
def test_the_package_is_loaded_ahead_only_for_a_target_that_may_ask(
    tmp_path: Path, engine: str, loaded: str
) -> None:
    """In a process of its own, as the package stays once it is there."""
    settings(tmp_path, engine)
    code = (
        "import sys, threading, gc; from pathlib import Path\n"
        "from daemon.config.config_file import load_settings\n"
        "from daemon.engines.choose import preload\n"
        f"preload(load_settings(Path({str(tmp_path / 'mendd.toml')!r})), {KEY!r})\n"
        "[t.join() for t in threading.enumerate() if t is not threading.current_thread()]\n"
        "print('anthropic' in sys.modules, gc.isenabled())"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [loaded, "True"]
