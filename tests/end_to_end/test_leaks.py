"""The whole service with secrets all around it, and a model that asks for every one of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import TOTAL_NOTE, Site
from tests.end_to_end.test_with_a_model import REPORT, RIGHT
from tests.fake_model import FakeModel, tool
from tests.planting import (
    CONTROL,
    FILES,
    PREFIX,
    STATE,
    Planted,
    found,
    found_in_files,
    plant,
    value,
)

pytestmark = pytest.mark.docker
ELSEWHERE = ("../secret.txt", "../other/.env", "../state/kept.json", "../mendd.toml", "/etc/shadow")
A_TURN = 8  # files asked for at once


def curious() -> Iterator[list[dict[str, Any]]]:
    """Every planted file by name, then by its words, before the work is done."""
    wanted = ["notes.txt", *FILES, *ELSEWHERE]
    for at in range(0, len(wanted), A_TURN):
        yield [
            tool("view_code", filename=name, start_line=None, end_line=None)
            for name in wanted[at : at + A_TURN]
        ]
    yield [tool("search_code", text=PREFIX, filename=None)]


@pytest.fixture
def planted(site: Site) -> Planted:
    """Secrets in the service's environment, in its target, beside it and in its state."""
    secrets = plant(site.folder, site.module, site.state)
    site.environment |= secrets.environment
    del site.environment["http_proxy"]  # the model is asked over http
    return secrets


def test_no_secret_is_sent_logged_or_recorded(site: Site, planted: Planted) -> None:
    """Prompts, log, trail, reports and certificates; the file that is no secret is shown."""
    turns = [*curious(), [REPORT], [RIGHT]]

    def script(request: dict[str, Any], turn: int) -> Any:
        return turns[min(turn, len(turns) - 1)]

    with FakeModel(script) as server:
        site.configure(
            target='engine = "claude"', rest=f'[claude]\nbase_url = "{server.url}"\nretries = 1\n'
        )
        site.start()
        site.drop(TOTAL_NOTE)
        site.wait_for("applied")
        site.stop()
        sent = json.dumps(server.requests)

    assert all(json.dumps(name) in sent for name in FILES), "not everything was asked for"
    assert found(sent) == {value(CONTROL)}, server.faults
    kept = [path for path in written(site) if not is_planted(path, site)]
    assert found_in_files(kept) == {}
    assert any(path.name == "service.log" for path in kept)
    assert any(path.name == "trail.jsonl" for path in kept)


def written(site: Site) -> list[Path]:
    """Everything the service wrote: its log and its state."""
    return [site.folder / "service.log", *(p for p in site.state.rglob("*") if p.is_file())]


def is_planted(path: Path, site: Site) -> bool:
    """Whether the test put it there itself."""
    return any(path == site.state / name for name in STATE)
