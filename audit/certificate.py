"""The file that lets anyone replay a verdict without a model: what was changed, how it was judged.

Strict JSON, readable by a person, sealed with the hash of its canonical form (RFC 8785). The
trail's `applied` record names that hash, so the chain vouches for the certificate too.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import rfc8785

from audit.durable import plain_name, write_whole
from audit.errors import CertificateError

MAX_BYTES = 64 * 1024 * 1024
_HUNK = {"filename": str, "first_line": int, "last_line": int, "original": str, "replacement": str}
_TEST = {"filename": str, "code": str}


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """One verdict and all that is needed to reach it again.

    Outcomes are words (`passed`, `failed`, `error`, `skipped`, `xfailed`, `xpassed`) by pytest
    node id. `removed` holds the target tests run again with the patch taken out.
    """

    id: str  # the reflection's
    created: str  # UTC, RFC 3339
    target: str
    base_tree: str  # content hash of the tree before
    result_tree: str  # and with the patch
    image: str  # id of the image the tests ran in
    test_command: tuple[str, ...]
    patch: tuple[Mapping[str, Any], ...]  # hunks: filename, first_line, last_line, original, …
    reproduction_test: Mapping[str, str] | None = None  # filename, code
    target_tests: tuple[str, ...] = ()
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    removed: Mapping[str, str] = field(default_factory=dict)
    flaky: tuple[str, ...] = ()
    evidence: str = "none"
    engine: str = ""
    model: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values with the `hash` that seals them. Raises CertificateError."""
        body = {name: _plain(value) for name, value in asdict(self).items()}
        return {**body, "hash": _seal(body)}

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical form, `hash` left out."""
        return str(self.to_json()["hash"])

    def save(self, folder: Path) -> Path:
        """Write `<id>.json` into the folder, whole. Raises CertificateError, OSError."""
        text = json.dumps(self.to_json(), indent=2, sort_keys=True, ensure_ascii=False)
        path = folder / f"{plain_name(self.id)}.json"
        write_whole(path, text.encode("utf-8") + b"\n")
        return path


def load(path: Path) -> Certificate:
    """Read one back: members, types and seal are checked. Raises CertificateError, OSError."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise CertificateError(f"{path} is larger than a certificate may be ({MAX_BYTES} bytes)")
    try:
        return from_json(json.loads(data.decode("utf-8"), object_pairs_hook=_once))
    except (ValueError, RecursionError) as error:
        raise CertificateError(f"{path} is not JSON: {error}"[:500]) from None
    except CertificateError as error:
        raise CertificateError(f"{path} is no certificate to trust: {error}") from None


def from_json(value: Any) -> Certificate:
    """A certificate from its JSON values. Raises CertificateError."""
    if not isinstance(value, dict):
        raise CertificateError("it is not a JSON object")
    known = {each.name for each in fields(Certificate)} | {"hash"}
    if value.keys() != known:
        odd = ", ".join(sorted(str(key)[:40] for key in value.keys() ^ known))
        raise CertificateError(f"members missing or unknown: {odd}"[:500])
    wrong = [name for name, ok in _shapes(value) if not ok]
    if wrong:
        raise CertificateError(f"members of the wrong type: {', '.join(wrong)}")
    body = {name: item for name, item in value.items() if name != "hash"}
    if _seal(body) != value["hash"]:
        raise CertificateError("its content does not match its hash: it was changed")
    return Certificate(**{name: _frozen(item) for name, item in body.items()})


def _shapes(value: Mapping[str, Any]) -> list[tuple[str, bool]]:
    texts = ("id", "created", "target", "base_tree", "result_tree", "image", "evidence", "engine")
    lists = ("test_command", "target_tests", "flaky")
    maps = ("before", "after", "removed")
    test = value["reproduction_test"]
    return [
        *((name, isinstance(value[name], str)) for name in (*texts, "hash")),
        *((name, _all_text(value[name], list)) for name in lists),
        *((name, _all_text(value[name], dict)) for name in maps),
        ("model", value["model"] is None or isinstance(value["model"], str)),
        ("reproduction_test", test is None or _has_shape(test, _TEST)),
        ("patch", isinstance(value["patch"], list) and all(map(_is_hunk, value["patch"]))),
    ]


def _all_text(value: Any, kind: type) -> bool:
    if isinstance(value, dict) and kind is dict:
        return all(isinstance(item, str) for item in value.values())
    return kind is list and isinstance(value, list) and all(isinstance(x, str) for x in value)


def _is_hunk(value: Any) -> bool:
    return _has_shape(value, _HUNK)


def _has_shape(value: Any, shape: Mapping[str, type]) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == shape.keys()
        and all(type(value[name]) is kind for name, kind in shape.items())
    )


def _seal(body: Mapping[str, Any]) -> str:
    try:
        return hashlib.sha256(rfc8785.dumps(dict(body))).hexdigest()
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:  # the second: of a name
        raise CertificateError(f"it holds what canonical JSON cannot: {error}") from None


def _plain(value: Any) -> Any:
    """Lists for tuples, plain text for enumeration members."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str.__str__(value) if isinstance(value, str) else value


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    kept = dict(pairs)
    if len(kept) != len(pairs):
        raise ValueError("a member stands there twice")
    return kept
