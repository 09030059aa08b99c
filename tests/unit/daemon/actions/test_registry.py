"""The registry: look-up, overwriting, and what other packages offer."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.actions.action import Action, Arguments
from daemon.actions.catalogue import agents_actions
from daemon.actions.registry import Registry, UnknownAction
from daemon.actions.render import in_words, tools


class Nothing(Arguments):
    """No arguments."""


def action(name: str, answer: str = "") -> Action[None]:
    """An action that answers the same always."""
    return Action(
        name=name, description=f"Say {name}.", arguments=Nothing,
        execute=lambda sent, context: answer or name,
    )  # fmt: skip


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path where packages can be installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("plug_")]:
        del sys.modules[name]


def install(folder: Path, name: str, code: str, entry: str) -> None:
    """A package that offers what is named under `mendd.actions`."""
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[mendd.actions]\n{name} = {name}:{entry}\n")


GOOD = """\
from daemon.actions.action import Action, Arguments
class Nothing(Arguments):
    pass
ONE = Action(name="{0}", description="d", arguments=Nothing, execute=lambda sent, caller: "{0}")
MORE = [ONE, Action(name="{0}_2", description="d", arguments=Nothing, execute=print)]
HALF = [ONE, "no action"]
"""


def test_an_action_is_found_by_its_name() -> None:
    """In the order of registration."""
    registry = Registry([action("one"), action("two")])

    assert [each.name for each in registry] == ["one", "two"]
    assert len(registry) == 2
    assert "one" in registry and "three" not in registry
    assert registry.call("two", {}, None) == "two"


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    """And with what there is."""
    registry = Registry([action("status"), action("reflect")], noun="tool")

    with pytest.raises(UnknownAction) as error:
        registry.get("statsu")

    assert str(error.value) == (
        "There is no tool 'statsu'. Did you mean status? The tools are: status, reflect."
    )
    with pytest.raises(UnknownAction) as error:
        registry.get("x" * 10_000)
    assert len(str(error.value)) < 300


def test_overwriting_warns(caplog: pytest.LogCaptureFixture) -> None:
    """The last one counts; registering the very same one again is no overwriting."""
    first, second = action("one", "first"), action("one", "second")
    registry = Registry([first])

    with caplog.at_level(logging.WARNING):
        registry.register(first)
        assert not caplog.records
        registry.register(second)

    assert registry.call("one", {}, None) == "second"
    assert "action one from " in caplog.text
    assert "is overwritten" in caplog.text


def test_installed_packages_offer_actions(package: Path) -> None:
    """One, or a sequence of them."""
    install(package, "plug_one", GOOD.format("one"), "ONE")
    install(package, "plug_more", GOOD.format("more"), "MORE")
    registry: Registry[None] = Registry()

    assert registry.discover() == []
    assert {each.name for each in registry} == {"one", "more", "more_2"}
    assert registry.call("one", {}, None) == "one"


@pytest.mark.parametrize(
    ("code", "entry", "told"),
    [
        ("import nowhere_at_all", "ONE", "ModuleNotFoundError"),
        ("raise SystemExit(1)", "ONE", "SystemExit"),
        ("x = 1", "ONE", "AttributeError"),
        ("ONE = 3", "ONE", "TypeError"),
        (GOOD.format("half"), "HALF", "str is no Action"),
        ("this is no Python", "ONE", "SyntaxError"),
    ],
)
def test_a_broken_plug_in_is_skipped(
    package: Path, caplog: pytest.LogCaptureFixture, code: str, entry: str, told: str
) -> None:
    """It is reported, none of it is registered, and the others are there all the same."""
    install(package, "plug_broken", code, entry)
    install(package, "plug_whole", GOOD.format("whole"), "ONE")
    registry: Registry[None] = Registry()

    troubles = registry.discover()

    assert [each.name for each in registry] == ["whole"]
    (trouble,) = troubles
    assert trouble.startswith("plug_broken (plug_broken:")
    assert told in trouble
    assert trouble in caplog.text


def test_actions_are_rendered_for_models() -> None:
    """As tools of the Messages API, and as words for a server that knows no tools."""
    registry = agents_actions()
    by_name = {each["name"]: each for each in tools(registry, strict=True)}
    words = in_words(registry)

    listing = by_name["audit_list"]["input_schema"]
    assert listing["required"] == list(listing["properties"])
    assert "maximum" not in str(listing) and "default" not in str(listing)
    assert by_name["status"]["input_schema"] == {
        "type": "object", "properties": {}, "required": [], "additionalProperties": False,
    }  # fmt: skip
    assert "audit_list: The newest records" in words
    assert "  last (integer, optional): the newest so many" in words
    assert "  id (string): the reflection's id" in words


def test_what_changes_code_says_so() -> None:
    """Nothing that only reads may change code; what decides about patches always may."""
    registry = agents_actions()

    changing = {each.name for each in registry if each.changes_code}
    assert {"approve", "reject", "revert"} <= changing
    assert not {"status", "audit_list", "reflect", "off"} & changing
    assert not [each.name for each in registry if each.changes_code and each.reads_only]
    assert "on" not in registry
