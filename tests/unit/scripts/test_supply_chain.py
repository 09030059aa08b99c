"""What mendd is made of is locked, listed and audited; its wheel comes out the same each time."""

import hashlib
import json
import re
import subprocess
import tomllib
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts import audit_deps
from scripts.audit_deps import CLEAN, NOT_AUDITED, VULNERABLE
from scripts.lock import LOCK, ROOT, normal, pins
from scripts.sbom import sbom, written
from tests.serving import serving

LOCKED = pins(LOCK.read_text("utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_every_package_is_pinned_by_hashes() -> None:
    """Nothing is installed that nobody looked at, and no package stands there twice."""
    assert len(LOCKED) > 20
    assert [pin.name for pin in LOCKED if not pin.hashes] == []
    assert len({pin.name for pin in LOCKED}) == len(LOCKED)


def test_whatever_the_project_asks_for_is_in_the_lock() -> None:
    """With `make lock` forgotten, the bill would be short."""
    asked = {normal(re.split(r"[<>=!~;\[ ]", each)[0]) for each in PROJECT["dependencies"]}

    assert asked <= {pin.name for pin in LOCKED}


@pytest.mark.parametrize(
    "line", ["name>=1", "-e .", "https://example.org/x.whl", "    --hash=md5:1"]
)
def test_a_line_that_pins_nothing_is_no_lock(line: str) -> None:
    """It is named with its number."""
    with pytest.raises(ValueError, match="line 2"):
        pins(f"a==1 \\\n{line}\n")


def test_the_bill_of_materials_lists_the_lock_and_ourselves() -> None:
    """Each package once, by its address in the ecosystem, with the files that may be installed."""
    document = sbom(PROJECT, LOCKED)
    components = {each["name"]: each for each in document["components"]}

    assert set(components) == {pin.name for pin in LOCKED}
    assert document["metadata"]["component"]["purl"] == f"pkg:pypi/mendd@{PROJECT['version']}"
    tinydb = components["tinydb"]
    assert tinydb["scope"] == "required" and components["pytest"]["scope"] == "excluded"
    files = {each["value"] for each in tinydb["properties"] if each["name"].endswith("sha256")}
    assert files == {digest for pin in LOCKED if pin.name == "tinydb" for digest in pin.hashes}


def test_every_dependency_in_the_bill_is_a_component_of_it() -> None:
    """No edge leads nowhere, and ours lead to what the project asks for."""
    document = sbom(PROJECT, LOCKED)
    known = {each["bom-ref"] for each in document["components"]}
    root, *others = document["dependencies"]

    assert len(root["dependsOn"]) == len(PROJECT["dependencies"])
    assert {ref for each in (root, *others) for ref in each["dependsOn"]} <= known


def test_the_same_lock_gives_the_same_bytes() -> None:
    """Another lock, another serial number; a date only where one is given."""
    first, second = (written(sbom(PROJECT, LOCKED)) for _ in range(2))
    dated = sbom(PROJECT, LOCKED, epoch="1763640000")

    assert first == second
    assert "timestamp" not in json.loads(first)["metadata"]
    assert dated["metadata"]["timestamp"] == "2025-11-20T12:00:00Z"
    assert dated["serialNumber"] != json.loads(first)["serialNumber"]


def test_the_wheel_of_a_commit_is_the_same_bytes_twice(tmp_path: Path) -> None:
    """Built in two folders, under another umask, time zone and hash seed; nothing is left out."""
    done = subprocess.run(
        [ROOT / "scripts" / "wheel.sh", "HEAD", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert done.stdout.split() == [hashlib.sha256(wheel.read_bytes()).hexdigest(), wheel.name]
    with zipfile.ZipFile(wheel) as files:
        folders = {name.partition("/")[0] for name in files.namelist()}
        assert {"daemon", "sandbox", "reflections", "audit"} <= folders
        assert not any("test" in folder for folder in folders)
        assert "sandbox/seccomp.json" in files.namelist()


# -- the audit -----------------------------------------------------------------------------------


def osv(answer: Callable[[dict[str, Any]], Any]) -> ThreadingHTTPServer:
    """A server that answers what OSV is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            body = json.dumps(answer(json.loads(self.rfile.read(size)))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def audited(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[dict[str, Any]], Any], *arguments: str
) -> int:
    with serving(osv(answer)) as server:
        monkeypatch.setenv("OSV_URL", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        return audit_deps.main(arguments)


def rich_is_bad(asked: dict[str, Any]) -> dict[str, Any]:
    """One advisory, about `rich`."""
    bad = {"vulns": [{"id": "GHSA-x"}]}
    queries = asked["queries"]
    return {"results": [bad if q["package"]["name"] == "rich" else {} for q in queries]}


def test_a_clean_lock_is_audited_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every pin is asked about, with its version."""
    asked: list[dict[str, Any]] = []

    def clean(body: dict[str, Any]) -> dict[str, Any]:
        asked.extend(body["queries"])
        return {"results": [{}] * len(body["queries"])}

    assert audited(monkeypatch, clean) == CLEAN
    assert {(q["package"]["name"], q["version"]) for q in asked} == {
        (pin.name, pin.version) for pin in LOCKED
    }
    assert "no vulnerability is known" in capsys.readouterr().out


def test_a_vulnerable_package_is_named_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless somebody looked at that advisory and said so."""
    assert audited(monkeypatch, rich_is_bad) == VULNERABLE
    assert "GHSA-x" in capsys.readouterr().out
    assert audited(monkeypatch, rich_is_bad, "--if-reachable") == VULNERABLE
    assert audited(monkeypatch, rich_is_bad, "--ignore", "GHSA-x") == CLEAN


@pytest.mark.parametrize("answer", [{}, [], {"results": []}, {"results": [{"vulns": [{}]}] * 999}])
def test_an_answer_that_is_none_never_reads_as_clean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: Any
) -> None:
    """A proxy's page, half a list: nothing was audited."""
    assert audited(monkeypatch, lambda _: answer) == NOT_AUDITED
    assert "NOT AUDITED" in capsys.readouterr().err


def test_without_a_network_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure where an audit was asked for; in CI only words."""
    monkeypatch.setenv("OSV_URL", "http://127.0.0.1:1")

    assert audit_deps.main([]) == NOT_AUDITED
    assert audit_deps.main(["--if-reachable"]) == CLEAN
    said = capsys.readouterr()
    assert said.err.count("NOT AUDITED") == 2 and said.out == ""


RICH = next(pin for pin in LOCKED if pin.name == "rich")


@pytest.mark.parametrize(
    ("affected", "hit"),
    [
        ({"versions": [RICH.version]}, True),
        ({"versions": ["0.1"]}, False),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}, True),
        (
            {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1"}]}]},
            False,
        ),
        (
            {"ranges": [{"type": "ECOSYSTEM",
                         "events": [{"fixed": "1"}, {"introduced": "2"}, {"introduced": "0"}]}]},
            True,
        ),
        (
            {"ranges": [{"type": "ECOSYSTEM",
                         "events": [{"introduced": "0"}, {"last_affected": RICH.version}]}]},
            True,
        ),
        ({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}, False),
    ],
)  # fmt: skip
def test_a_copy_of_the_data_is_read_by_osvs_rule(
    tmp_path: Path, affected: dict[str, Any], hit: bool
) -> None:
    """For machines without a network: versions by name, and ranges."""
    package = {"package": {"ecosystem": "PyPI", "name": "Rich"}}
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        file.writestr("a.json", json.dumps({"id": "X-1", "affected": [{**package, **affected}]}))
        gone = {
            "id": "X-2",
            "withdrawn": "2026",
            "affected": [{**package, "versions": [RICH.version]}],
        }
        file.writestr("b.json", json.dumps(gone))

    assert audit_deps.main(["--data", str(tmp_path / "all.zip")]) == (VULNERABLE if hit else CLEAN)


def test_a_copy_that_is_none_is_no_audit(tmp_path: Path) -> None:
    """Missing, damaged or empty."""
    (tmp_path / "bad.zip").write_text("no zip")
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()

    for name in ("bad.zip", "empty.zip", "missing.zip"):
        assert audit_deps.main(["--data", str(tmp_path / name)]) == NOT_AUDITED
