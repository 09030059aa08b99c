"""`mendd audit`: list, show, verify, report, export and key; the trail itself is only read."""

import argparse
from typing import TYPE_CHECKING, Any

from daemon.actions import looking
from daemon.commands import Exit, add_json, audit_seals, settings_of

if TYPE_CHECKING:
    from audit.record import Record
    from daemon.settings import Settings
    from daemon.show import Screen

EXAMPLE = """\
  mendd audit list --event applied --since 2d
  mendd audit show 20261120T0918          a reflection, by any unambiguous part of its id
  mendd audit show 42                     record 42
  mendd audit verify --head "120 3f0c…"   also against a head noted elsewhere
  mendd audit verify --checkpoints copy.jsonl --signers signers
  mendd audit export copy.jsonl           the signed checkpoints that it does not hold yet
  mendd audit report 20261120T0918 > report.md
"""
TOLD = ("reason", "summary", "outcome", "rationale", "task_summary", "what", "how", "tests", "file")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The ways to look, each with its own options."""
    ways = parser.add_subparsers(dest="way", metavar="WAY", required=True)
    listing = ways.add_parser("list", help="the newest records, one a line")
    listing.add_argument("--event", help="only this event, e.g. applied")
    listing.add_argument("--reflection", metavar="ID", help="only this reflection")
    listing.add_argument("--target", help="only this target")
    listing.add_argument("--since", metavar="WHEN", help="30m, 2h, 3d, today or a date and time")
    listing.add_argument(
        "--last",
        type=_count,
        default=looking.LAST,
        metavar="N",
        help=f"newest N ({looking.LAST}); 0 means all",
    )
    showing = ways.add_parser("show", help="all about one reflection, or one record")
    showing.add_argument(
        "id", metavar="ID", help="reflection (may be abbreviated) or record number"
    )
    verifying = ways.add_parser("verify", help="check the whole chain; names the first bad record")
    audit_seals.add_arguments(verifying)
    reporting = ways.add_parser("report", help="the report on one reflection")
    reporting.add_argument("id", metavar="ID", help="the reflection; may be abbreviated")
    exporting = ways.add_parser("export", help="hand out the signed checkpoints")
    exporting.add_argument(
        "file", metavar="FILE", nargs="?", default="-", help="what it lacks is added ('-': all)"
    )
    key = ways.add_parser("key", help="who signs here, as ssh-keygen's allowed_signers")
    for way in (listing, showing, verifying, reporting, exporting, key):
        way.formatter_class, way.epilog = parser.formatter_class, f"example:\n{EXAMPLE.rstrip()}"
        way.add_argument("--config", default=argparse.SUPPRESS, help="the configuration file")
        add_json(way)


def run(options: argparse.Namespace) -> int:
    """Look at the trail in the way asked for."""
    from daemon.show import Screen

    settings = settings_of(options)
    ways = {
        "list": list_records,
        "show": show,
        "verify": audit_seals.verify_chain,
        "report": report,
        "export": audit_seals.export,
        "key": audit_seals.key,
    }
    return ways[options.way](options, settings, Screen())


def list_records(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> int:
    """The newest records that match, oldest first, in one line each."""
    from daemon.show import local_time

    records = looking.records(
        settings,
        event=options.event,
        reflection=options.reflection,
        target=options.target,
        since=options.since,
        last=options.last,
    )
    if options.json:
        screen.document({"records": [record.to_json() for record in records]})
        return Exit.DONE
    if not records:
        screen.say("no record matches")
        return Exit.DONE
    rows = [
        (str(r.seq), local_time(r.time), r.event, r.reflection or "-", r.target or "-", gist(r))
        for r in records
    ]
    screen.table(("seq", "time", "event", "reflection", "target", "what"), rows)
    return Exit.DONE


def show(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> int:
    """Every record of one reflection, or the one record with this number."""
    records = looking.records_of(settings, options.id)
    if options.json:
        screen.document({"records": [record.to_json() for record in records]})
        return Exit.DONE
    for number, record in enumerate(records):
        if number:
            screen.say()
        _show_record(record, screen)
    return Exit.DONE


def report(options: argparse.Namespace, settings: "Settings", screen: "Screen") -> int:
    """The saved report, or one made now from the trail."""
    found = looking.saved_report(settings, options.id)
    if options.json:
        screen.document(vars(found))
    else:
        screen.markdown(found.markdown)
    return Exit.DONE


def gist(record: "Record") -> str:
    """What a record says, in a few words."""
    from daemon.show import one_line

    data = record.data
    evidence, files = data.get("evidence"), data.get("files")
    words = [evidence] if isinstance(evidence, str) else []
    if isinstance(files, list) and files:
        words.append(", ".join(map(str, files[:3])))
    told = next((data[name] for name in TOLD if data.get(name) not in (None, "", [])), None)
    if told is not None and not (files and record.event == "applied"):
        words.append(f"{told} tests" if isinstance(told, int) else str(told))
    return one_line(": ".join(words), 100)


def _show_record(record: "Record", screen: "Screen") -> None:
    from daemon.show import local_time

    of = f"  {record.reflection}" if record.reflection else ""
    target = f"  ({record.target})" if record.target else ""
    screen.heading(f"#{record.seq}  {local_time(record.time)}  {record.event}{of}{target}")
    plain = {name: value for name, value in record.data.items() if not _is_text_block(value)}
    screen.facts(((name, _value(value)) for name, value in plain.items()), indent="  ")
    for name, value in record.data.items():
        if name not in plain:
            screen.say(f"  {name}:")
            (screen.diff if name == "diff" else screen.say)(str(value).rstrip("\n"))


def _is_text_block(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value.strip()


def _value(value: Any) -> str:
    import json

    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number
