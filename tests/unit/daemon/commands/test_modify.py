"""`mendd modify` before anything is ordered, and what its ends mean; the road has its own tests."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.commands import CommandError, Exit
from daemon.commands.modify import inside, planned, refuse_a_second
from daemon.commands.modify_run import End, _end
from daemon.commands.modify_view import document, exit_code
from daemon.config.config_file import load_settings
from daemon.desk.orders import Order, give_order
from daemon.settings import Settings

CONFIG = """\
state = "state"
[[target]]
name = "shop"
path = "shop"
engine = "local"
[[target]]
name = "till"
path = "till"
engine = "local"
[modify]
enabled = {enabled}
folders = {folders}
max_kib = 1
"""


def settings(folder: Path, enabled: str = "true", folders: str = "[]") -> Settings:
    """Two small targets."""
    for name in ("shop", "till"):
        (folder / name / "lib").mkdir(parents=True, exist_ok=True)
        (folder / name / f"{name}.py").write_text("def price():\n    return 1\n")
        (folder / name / "lib" / "big.py").write_text("x = 1\n" * 500)
    (folder / "mendd.toml").write_text(CONFIG.format(enabled=enabled, folders=folders))
    return load_settings(folder / "mendd.toml")


def options(words: str = "cap the price", *files: str, **more: Any) -> Any:
    """The command's options."""
    plain = {"target": None, "branch": "", "dry_run": False, "engine": ""}
    counts = {"max_retries": None, "cycles": None}
    return SimpleNamespace(text=words, file=[*files], **{**plain, **counts, **more})


def refusal(given: Settings, *words: str, **more: Any) -> CommandError:
    """Why these options are refused."""
    with pytest.raises(CommandError) as caught:
        planned(options(*words, **more), given)
    return caught.value


def test_the_target_is_told_by_its_name_or_by_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With several targets one has to be meant."""
    given = settings(tmp_path)
    monkeypatch.chdir(tmp_path)

    named = planned(options(target="till"), given)
    by_file = planned(options("cap the price", "shop/shop.py"), given)

    assert (named.target, named.files[0].filename) == ("till", "till.py")
    assert (by_file.target, by_file.files[0].filename) == ("shop", "shop.py")
    assert "choose with --target, known are: shop, till" in str(refusal(given))
    assert "no target is called" in str(refusal(given, target="nowhere"))


def test_a_file_is_named_from_the_targets_root_or_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative and absolute paths; none of them leads out."""
    target = settings(tmp_path).targets[0]
    monkeypatch.chdir(tmp_path / "shop" / "lib")

    assert inside("shop.py", target) == "shop.py"
    assert inside("big.py", target) == "lib/big.py"
    assert inside("lib/big.py", target) == "lib/big.py"
    assert inside(str(tmp_path / "shop" / "shop.py"), target) == "shop.py"
    for outside in ("../../till/till.py", "/etc/passwd", str(tmp_path / "shopping.py")):
        with pytest.raises(CommandError, match="outside the target"):
            inside(outside, target)


def test_limits_of_the_settings_count_before_anything_is_ordered(tmp_path: Path) -> None:
    """Switched off, other folders, a file that is too large."""
    off = refusal(settings(tmp_path, enabled="false"), target="shop")
    assert off.code is Exit.USAGE
    assert "[modify]" in str(off)
    large = refusal(settings(tmp_path), "cap it", "lib/big.py", target="shop")
    assert "larger than 1 KiB" in str(large)
    narrow = settings(tmp_path, folders='["lib"]')
    assert "outside the folders" in str(refusal(narrow, "cap it", "shop.py", target="shop"))


def test_an_order_that_waits_counts_as_a_first_instruction(tmp_path: Path) -> None:
    """Nobody carried it out yet, so the store does not know it."""
    given = settings(tmp_path)
    refuse_a_second(given)
    order = Order(
        kind="modify", id="i", by="ada", time="2026-11-20T09:00:00Z", data={"words": "cap\nit"}
    )
    give_order(given.state, order)

    with pytest.raises(CommandError, match=r'"cap it" \(i\), given by ada at 2026') as caught:
        refuse_a_second(given)
    assert caught.value.code is Exit.NO


def record(event: str, **data: Any) -> Any:
    """A record as the trail tells it."""
    return SimpleNamespace(event=event, data=data)


@pytest.mark.parametrize(
    ("records", "verdict", "code"),
    [
        ([], "", 0),
        ([record("applied", diff="+"), record("modified", verdict="applied")], "applied", 0),
        ([record("modified", verdict="explained"), record("declined")], "explained", 0),
        ([record("modified", verdict="held"), record("held", diff="+")], "held", 0),
        ([record("held", reason="budget")], "held", 1),
        ([record("modified", verdict="rejected"), record("rejected")], "rejected", 1),
        ([record("failed", reason="no model")], "waiting", 3),
        (
            [record("failed"), record("applied"), record("modified", verdict="applied")],
            "applied",
            0,
        ),
    ],
)
def test_the_records_tell_how_it_ended(records: list[Any], verdict: str, code: int) -> None:
    """And the exit code follows from that."""
    end = _end("i", records)

    assert (end.verdict, exit_code(end)) == (verdict, code)


def test_the_document_holds_only_json(tmp_path: Path) -> None:
    """With the keys docs/commands.md names."""
    given = settings(tmp_path)
    wanted = planned(options(target="shop"), given)
    said = document(wanted, End(id="i", verdict="applied", data={"branch": "refs/heads/b"}), given)

    assert json.loads(json.dumps(said))["branch"] == "b"
