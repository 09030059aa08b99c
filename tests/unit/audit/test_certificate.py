"""Certificates: what is saved is what is loaded, and nothing else is believed."""

import json
from enum import StrEnum

import pytest

from audit.certificate import Certificate, load
from audit.errors import CertificateError


class Outcome(StrEnum):
    """Stands in for the sandbox's enumeration."""

    PASSED = "passed"
    FAILED = "failed"


HUNK = {
    "filename": "shop/cart.py",
    "first_line": 3,
    "last_line": 3,
    "original": "    return a - b\n",
    "replacement": "    return a + b\n",
}


def certificate(**changes):
    """A full certificate."""
    values = {
        "id": "r-1",
        "created": "2026-11-20T12:00:00.000000Z",
        "target": "shop",
        "base_tree": "a" * 64,
        "result_tree": "b" * 64,
        "image": "sha256:" + "c" * 64,
        "test_command": ("python", "-m", "pytest"),
        "patch": (HUNK,),
        "reproduction_test": {"filename": "test_it.py", "code": "def test(): ..."},
        "target_tests": ("test_cart.py::test_add",),
        "before": {"test_cart.py::test_add": Outcome.FAILED},
        "after": {"test_cart.py::test_add": Outcome.PASSED},
        "removed": {"test_cart.py::test_add": Outcome.FAILED},
        "evidence": "proven",
        "engine": "search",
    }
    return Certificate(**{**values, **changes})


def test_a_certificate_comes_back_as_it_was_saved(tmp_path):
    """Save and load are a round trip, the seal included."""
    saved = certificate()

    path = saved.save(tmp_path / "certificates")

    assert path.name == "r-1.json"
    assert load(path) == saved
    assert load(path).hash == saved.hash == json.loads(path.read_text())["hash"]


def test_an_id_from_outside_cannot_choose_the_folder(tmp_path):
    """A path in the id becomes a hash, not a path."""
    path = certificate(id="../../etc/cron.d/x").save(tmp_path)

    assert path.parent == tmp_path
    assert load(path).id == "../../etc/cron.d/x"


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(evidence="none"),
        lambda v: v.update(after={"test_cart.py::test_add": "failed"}),
        lambda v: v["patch"][0].update(replacement="import os\n"),
        lambda v: v["patch"][0].update(more=1),
        lambda v: v["patch"][0].update(first_line=True),
        lambda v: v.update(test_command="rm -rf /"),
        lambda v: v.update(before=[]),
        lambda v: v.update(flaky=[1]),
        lambda v: v.update(reproduction_test={"filename": "x"}),
        lambda v: v.update(unknown=1),
        lambda v: v.pop("image"),
        lambda v: v.update(hash="0" * 64),
        lambda v: v.update(hash=None),
    ],
)
def test_a_changed_certificate_is_not_believed(change, tmp_path):
    """Every edit breaks the seal or the shape."""
    path = certificate().save(tmp_path)
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))

    with pytest.raises(CertificateError):
        load(path)


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"[" * 10**5, b'{"id":"a","id":"b"}'])
def test_what_is_no_certificate_is_refused(data, tmp_path):
    """Noise ends in CertificateError and nothing else."""
    path = tmp_path / "noise.json"
    path.write_bytes(data)

    with pytest.raises(CertificateError):
        load(path)


def test_half_a_character_in_the_name_of_a_test_is_refused_too(tmp_path):
    """Names are sorted by UTF-16, which it does not have."""
    with pytest.raises(CertificateError, match="canonical JSON"):
        certificate(before={"test_cart.py::test_\ud800": "failed", "b": "passed"}).save(tmp_path)


def test_text_that_json_cannot_hold_is_refused_before_anything_is_written(tmp_path):
    """An exact patch cannot be cleaned, so it is refused instead."""
    with pytest.raises(CertificateError):
        certificate(target="\ud800").save(tmp_path)
    assert list(tmp_path.iterdir()) == []
