"""Shows a session of experiments to people: facts, the metric as a line, each edit in a row."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from daemon.show import local_time, one_line

if TYPE_CHECKING:
    from audit.record import Record
    from daemon.show import Screen

GATES = ("policy", "confirmation", "metrics", "suite")


def tell(answer: Mapping[str, Any], screen: "Screen") -> None:
    """One session, as `mendd research status` and every step end with it."""
    if answer.get("outcome"):
        screen.say(f"{answer['session']}: {answer['outcome']}\n")
    if "metric" not in answer:  # it never came about, or cannot be read
        if answer.get("trouble"):
            screen.say(f"{answer['session']}: {answer['trouble']}")
        return
    screen.facts(_facts(answer))
    if answer["tries"]:
        screen.say()
        screen.table(("edit", "outcome", "value", "by", "what"), [_row(t) for t in answer["tries"]])
    loud = [gate for gate in GATES if answer[f"{gate}_enforced"] is False]
    if loud:
        screen.say(f"\nNOT ENFORCED: {', '.join(loud)}. Nothing is kept while a gate cannot run.")
        screen.say(f"last reason: {one_line(answer['last_reason'] or '', 400)}")


def event_line(record: "Record") -> str:
    """One event of a session in a line."""
    data = record.data
    step = str(data.get("step", record.event))
    parts = [
        step,
        str(data.get("iteration", "")) if step in ("edit", "run", "decide") else "",
        str(data.get("outcome") or ""),
        str(data.get("reason") or data.get("commit") or ""),
    ]
    return f"{local_time(record.time)}  {one_line(' '.join(filter(None, parts)), 200)}"


def _facts(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    from daemon.experiment.plot import sparkline

    metric, best, baseline = answer["metric"], answer["best"], answer["baseline"]
    refused = ", ".join(f"{name} {count}" for name, count in answer["rejections"].items() if count)
    counts = ", ".join(
        f"{answer[name]} {name}" for name in ("kept", "reverted", "crashed", "refused")
    )
    facts = [
        ("session", answer["session"]),
        ("state", _state(answer)),
        ("target", answer["target"]),
        (
            "metric",
            f"{metric['name']}, {metric['direction']} is better: {' '.join(metric['command'])}",
        ),
        ("baseline", f"{baseline['value']:g}, noise {baseline['noise']:g}" if baseline else "-"),
        ("best", f"{best['value']:g}, gain {answer['gain']:g}" if best else "-"),
        ("over time", sparkline(answer["best_so_far"])),
        ("edits", f"{answer['iteration']} of {answer['iterations']}: {counts}"),
        ("gates", _gates(answer)),
        ("refused", refused),
        ("last reason", one_line(answer["last_reason"] or "", 160)),
        ("spent", f"${answer['spent_usd']:.2f} of ${answer['spend_usd']:.2f}"),
        ("branch", answer["branch"] or ""),
    ]
    return [(name, words) for name, words in facts if words]


def _state(answer: Mapping[str, Any]) -> str:
    if answer["state"] == "finished":
        return f"finished, {answer.get('verdict')}: {one_line(answer.get('reason') or '', 200)}"
    why = f" ({one_line(answer['waits'], 200)})" if answer.get("waits") else ""
    return f"{answer['state']}, next: {answer['next']}{why}"


def _gates(answer: Mapping[str, Any]) -> str:
    words = {True: "enforced", False: "NOT ENFORCED", None: "not asked yet"}
    return ", ".join(f"{gate} {words[answer[f'{gate}_enforced']]}" for gate in GATES)


def _row(each: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    value = "-" if each["value"] is None else f"{each['value']:g}"
    what = one_line(f"{each['hypothesis']} | {each['reason']}", 200)
    bold = " (bold)" if each["bold"] else ""
    return str(each["iteration"]), each["outcome"], value, f"{each['engine']}{bold}", what
