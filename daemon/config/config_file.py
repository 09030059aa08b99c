"""Reads the one configuration file, in one place, and checks it whole.

Unknown keys are refused and all faults are reported together with their lines. Plain dataclasses
and tomllib on purpose: the idle supervisor comes through here and must not carry pydantic
(measured: 20 MiB).
"""

import dataclasses
import os
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from daemon.config.together import section_faults, target_faults
from daemon.config.toml_reader import Fault, Lines, SettingsError, read_table
from daemon.settings import (
    AlertSettings,
    AuditSettings,
    BreakerSettings,
    BudgetSettings,
    ClaudeSettings,
    InboxSettings,
    LearningSettings,
    LearnSettings,
    LocalSettings,
    MetricSettings,
    ModifySettings,
    ResearchSettings,
    SandboxSettings,
    SearchSettings,
    ServiceSettings,
    Settings,
    TargetSettings,
    TriageSettings,
)

__all__ = ["SettingsError", "find_config", "load_settings"]

CONFIG_PLACES = (Path("mendd.toml"), Path("/etc/mendd/mendd.toml"))
DEFAULT_STATE = "/var/lib/mendd"
MOST_BYTES = 1 << 20
NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
SECTIONS: dict[str, type[Any]] = {
    "claude": ClaudeSettings,
    "local": LocalSettings,
    "search": SearchSettings,
    "budget": BudgetSettings,
    "breaker": BreakerSettings,
    "sandbox": SandboxSettings,
    "inbox": InboxSettings,
    "triage": TriageSettings,
    "service": ServiceSettings,
    "modify": ModifySettings,
    "learn": LearnSettings,
    "learning": LearningSettings,
    "alerts": AlertSettings,
    "audit": AuditSettings,
    "research": ResearchSettings,
}
TOP_KEYS = ("state", "kill_switch", "target", *SECTIONS)


def find_config(given: str | None) -> Path:
    """The configuration file: `--config`, `$MENDD_CONFIG`, `./mendd.toml`, `/etc/mendd/`."""
    named = given or os.environ.get("MENDD_CONFIG")
    if named:
        return Path(named).absolute()
    for place in CONFIG_PLACES:
        if place.is_file():
            return place.absolute()
    places = " nor ".join(str(place) for place in CONFIG_PLACES)
    raise SettingsError(
        None,
        [Fault(0, "no file", f"neither {places} exists; 'mendd init PATH' writes one")],
    )


def load_settings(file: Path, text: str | None = None) -> Settings:
    """Read and check the whole file. Raises SettingsError with every fault and its line.

    With `text`, that is taken for the file's content; relative paths still count from the file.
    """
    text = text_of(file) if text is None else text
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(file, [Fault(0, "not TOML", str(error))]) from None
    return _Loader(file, text, document).settings()


def text_of(file: Path) -> str:
    """The file's text, bounded. Raises SettingsError when it cannot be read."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise SettingsError(file, [Fault(0, "size", f"is over {MOST_BYTES} bytes")])
        return file.read_text("utf-8")
    except OSError as error:
        raise SettingsError(file, [Fault(0, "cannot be read", error.strerror or "?")]) from None
    except UnicodeDecodeError as error:
        raise SettingsError(file, [Fault(0, "not UTF-8", str(error))]) from None


class _Loader:
    """One load of one file: gathers faults over all tables before it gives up."""

    def __init__(self, file: Path, text: str, document: dict[str, Any]) -> None:
        self._file = file
        self._lines = Lines(text)
        self._document = document
        self._faults: list[Fault] = []
        self._metrics = 0  # [[target.metric]] tables read so far, over all targets

    def settings(self) -> Settings:
        sections = {name: self._section(name, kind) for name, kind in SECTIONS.items()}
        top = self._top()
        targets = self._targets()
        for name, key, what in section_faults(sections):
            self._faults.append(Fault(self._lines.of(name, key), f"{name}.{key}", what))
        if self._faults:
            raise SettingsError(self._file, self._faults)
        state = self._absolute(top["state"])
        inbox = sections["inbox"].path
        return Settings(
            file=self._file,
            state=state,
            kill_switch=self._absolute(top["kill_switch"])
            if top["kill_switch"]
            else state / "KILL",
            inbox_path=self._absolute(inbox or state / "inbox"),
            targets=targets,
            **sections,
        )

    def _absolute(self, path: str | Path) -> Path:
        return Path(os.path.normpath(self._file.parent / Path(path).expanduser()))

    def _section(self, name: str, kind: type[Any]) -> Any:
        table = self._document.pop(name, {})
        if not isinstance(table, dict):
            self._fault(name, "must be a table")
            return None
        return read_table(
            kind,
            table,
            name=name,
            place=lambda key: self._lines.of(name, key),
            faults=self._faults,
        )

    def _top(self) -> dict[str, str]:
        """`state` and `kill_switch`; whatever else is left over is unknown."""
        values = {"state": DEFAULT_STATE, "kill_switch": ""}
        for key, value in self._document.items():
            if key == "target":
                continue
            if key not in values:
                self._fault(key, f"unknown key; known are {', '.join(TOP_KEYS)}")
            elif not isinstance(value, str) or not value:
                self._fault(key, f"must be a path in quotes, not {value!r}")
            else:
                values[key] = value
        return values

    def _targets(self) -> tuple[TargetSettings, ...]:
        tables = self._document.get("target", [])
        if not isinstance(tables, list) or not tables:
            self._fault("target", "at least one [[target]] with a name and a path is needed")
            return ()
        targets = [self._target(table, nth) for nth, table in enumerate(tables)]
        found = tuple(target for target in targets if target is not None)
        for nth, key, what in target_faults(found):
            where = "target name" if key == "name" else f"target {found[nth].name}.{key}"
            self._faults.append(Fault(self._lines.of("target", key, nth), where, what))
        return found

    def _target(self, table: dict[str, Any], nth: int) -> TargetSettings | None:
        def place(key: str | None) -> int:
            return self._lines.of("target", key, nth)

        table = dict(table)
        metrics = self._metrics_of(table.pop("metric", []), place)
        target = read_table(
            TargetSettings, table, name=f"target {nth + 1}", place=place, faults=self._faults
        )
        if target is None:
            return None
        if not NAME.fullmatch(target.name):
            what = f"{target.name!r} must be 1 to 40 of a-z, 0-9, '-', '_', beginning with a letter"
            self._faults.append(Fault(place("name"), "target name", what))
        if not target.tests:
            self._faults.append(Fault(place("tests"), f"target {target.name}.tests", "is empty"))
        return dataclasses.replace(target, path=self._absolute(target.path), metric=metrics)

    def _metrics_of(
        self, tables: Any, target: Callable[[str | None], int]
    ) -> tuple[MetricSettings, ...]:
        """The `[[target.metric]]` tables below one target."""
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            self._faults.append(Fault(target("metric"), "target.metric", "must be tables"))
            return ()
        found: list[MetricSettings] = []
        for table in tables:
            nth, self._metrics = self._metrics, self._metrics + 1

            def place(key: str | None, nth: int = nth) -> int:
                return self._lines.of("target.metric", key, nth)

            read = read_table(
                MetricSettings, table, name="target.metric", place=place, faults=self._faults
            )
            if read is None:
                continue
            if fault := _metric_fault(read, [other.name for other in found]):
                self._faults.append(Fault(place(fault[0]), f"target.metric.{fault[0]}", fault[1]))
            found.append(read)
        return tuple(found)

    def _fault(self, key: str, what: str) -> None:
        line = self._lines.of("", key) or self._lines.of(key)
        self._faults.append(Fault(line, key, what))


def _metric_fault(metric: MetricSettings, others: Sequence[str]) -> tuple[str, str] | None:
    """Which key is wrong with one metric, and why."""
    if not NAME.fullmatch(metric.name):
        return "name", f"{metric.name!r} must be 1 to 40 of a-z, 0-9, '-', '_'"
    if metric.name in others:
        return "name", f"{metric.name!r} stands twice"
    if not metric.command:
        return "command", "is empty"
    complaint = pattern_complaint(metric.pattern)
    return ("pattern", complaint) if complaint else None


def pattern_complaint(pattern: str) -> str | None:
    """Why this regular expression cannot find a metric, or None: it needs exactly one group."""
    try:
        groups = re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    return None if groups == 1 else f"must have one group, the number; it has {groups}"
