"""Every setting as text: the Markdown tables of docs/configuration.md and the pieces of a config.

`python -m daemon.commands.settings_table` prints the page. It is made from the dataclasses in
daemon/settings.py, and a test keeps the two in step.
"""

import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from daemon.config.config_file import DEFAULT_STATE, SECTIONS
from daemon.settings import MetricSettings, TargetSettings

INTRODUCTION = """\
# Configuration

One TOML file holds every setting. mendd looks for it in this order: `--config FILE`,
`$MENDD_CONFIG`, `./mendd.toml`, `/etc/mendd/mendd.toml`. `mendd init PATH` writes one with every
setting in it, commented out at its default; `mendd check` says what is wrong with it.

Unknown keys are refused and all faults are reported together, each with its line. Relative paths
count from the folder of the configuration file. A command may be a list or one text that is split
as a shell would (`tests = "python -m pytest -q"`); it is never given to a shell. The running
service reads the file again on SIGHUP (`systemctl reload mendd`).

Secrets never stand in the file. The model's key comes from `$ANTHROPIC_API_KEY` or from the
systemd credential `anthropic_api_key`.

```toml
state = ".mendd"

[[target]]
name = "shop"
path = "."
autonomy = "apply-proven"
```

This page is made from daemon/settings.py by `python -m daemon.commands.settings_table`.
"""
MEANINGS = {
    "": "At the top of the file.",
    "target": "One `[[target]]` for each code base; at least one.",
    "claude": "`[claude]`: the model, its limits and its prices.",
    "local": "`[local]`: a model on a server of one's own that speaks the Messages API; the same "
    "settings as `[claude]` with other defaults.",
    "search": "`[search]`: the embedded engine, which needs no model.",
    "budget": "`[budget]`: what may be spent on models; reserved before each call.",
    "sandbox": "`[sandbox]`: the throwaway containers.",
    "inbox": "`[inbox]`: the watched folder.",
    "triage": "`[triage]`: the words that decide the kind of a reflection; a list that is given "
    "takes the place of the built-in one.",
    "service": "`[service]`: when the service works.",
    "target.metric": "`[[target.metric]]` below its `[[target]]`: a number for experiments "
    "(docs/research.md). The first is optimised unless a session names another; the others watch.",
    "research": "`[research]`: what a session of experiments gets unless it is told otherwise.",
    "learn": "Rules for a prompt file, learned from agents' sessions (docs/learn.md).",
    "modify": "`[modify]`: what a person's instruction may do (docs/modify.md).",
    "learning": "`[learning]`: recipes of edits that held, and their exchange (docs/learning.md).",
    "breaker": "`[breaker]`: when a target is left alone for a while (docs/service.md).",
    "alerts": "`[alerts]`: what counts as a concern, and who is told (docs/monitoring.md).",
    "audit": "`[audit]`: the trail's files and its signed checkpoints (docs/audit.md).",
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting in words. `default` is TOML text, empty for one that must be given."""

    key: str
    default: str
    kind: str
    doc: str


def tables() -> dict[str, list[Setting]]:
    """Table name ("" for the top) -> its settings, in the order of the dataclasses."""
    top = [
        Setting(
            key="state",
            default=toml_value(DEFAULT_STATE),
            kind="path",
            doc="the folder for everything mendd keeps; .mendd beside the file suits a project",
        ),
        Setting(
            key="kill_switch",
            default=toml_value(f"{DEFAULT_STATE}/KILL"),
            kind="path",
            doc="while anything stands at this path mendd does nothing; not given: KILL in `state`",
        ),
    ]
    found = {"": top, "target": settings_in(TargetSettings)}
    return found | {name: settings_in(kind) for name, kind in SECTIONS.items()}


def settings_in(kind: type[Any]) -> list[Setting]:
    """The settings one dataclass declares."""
    hints = get_type_hints(kind)
    return [
        Setting(
            key=field.name,
            default=_default(field),
            kind=_kind(hints[field.name], field.metadata.get("least")),
            doc=field.metadata["doc"],
        )
        for field in fields(kind)
    ]


def toml_value(value: Any) -> str:
    """A Python value as TOML text: the shapes settings have."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:_}" if isinstance(value, int) and value > 9999 else repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, dict | types.MappingProxyType):
        inside = ", ".join(f"{_quoted(key)} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    return _quoted(str(value))


def page() -> str:
    """docs/configuration.md, whole."""
    return "\n".join([INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    found = tables()
    nested = {"target.metric": settings_in(MetricSettings)}
    for name, settings in (
        {"": found.pop(""), "target": found.pop("target")} | nested | found
    ).items():
        shown = f"[[{name}]]" if name.startswith("target") else f"[{name}]"
        yield f"## {shown}" if name else "## Top level"
        yield f"\n{MEANINGS[name]}\n"
        yield "| setting | default | values | meaning |"
        yield "|---|---|---|---|"
        for each in settings:
            default = f"`{each.default}`" if each.default else "must be given"
            yield f"| `{each.key}` | {default} | {_cell(each.kind)} | {_cell(each.doc)} |"
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _default(field: Field[Any]) -> str:
    if field.default is not MISSING:
        return toml_value(field.default)
    return "" if field.default_factory is MISSING else toml_value(field.default_factory())


def _kind(hint: Any, least: float | None) -> str:
    if get_origin(hint) is Literal:
        return ", ".join(f"`{toml_value(choice)}`" for choice in get_args(hint))
    if get_origin(hint) is tuple:
        return "list of texts" if get_args(hint)[0] is str else "tables"
    if get_origin(hint) in (dict, Mapping):
        return "table of texts"
    names = {bool: "`true`, `false`", int: "whole number", float: "number", Path: "path"}
    name = names.get(hint, "text")
    return name if least is None else f"{name}, at least {least:g}"


def _quoted(text: str) -> str:
    """A TOML basic string (https://toml.io/en/v1.0.0#string)."""
    out = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in out) + '"'


if __name__ == "__main__":
    sys.stdout.write(page())
