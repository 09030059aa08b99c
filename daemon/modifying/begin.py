"""Opens the work of an instruction: checked, one at a time, and recorded like every note."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from daemon.desk.intake import note_words
from daemon.desk.lock import held_by
from daemon.desk.orders import Order
from daemon.desk.progress import read_progress
from daemon.desk.workshop import Workshop
from daemon.modifying.instruction import BadInstruction, Instruction, instruction_from
from daemon.modifying.lane import OURS, ready
from daemon.road.naming import short_id
from reflections.reflection import Reflection, is_generated
from reflections.secrets import redact
from reflections.store import State, Store, Work

KIND = "modify"
OPENED, NOT_BEGUN = "opened", "not begun"  # how an order's outcome begins
URGENT = 100  # a person waits for it: before every note


def begin(order: Order, shop: Workshop) -> str:
    """Open the work, or say why not. The same order carried out twice opens one work."""
    if not is_generated(order.id):
        return f"{NOT_BEGUN}: its id is none that 'mendd modify' gives"
    if shop.store.find_archived(order.id):
        return f"{NOT_BEGUN}: it was carried out before; 'mendd audit show {order.id}' tells"
    other = under_way(shop.store, but=order.id)
    if other is not None:
        return f"{NOT_BEGUN}: {told(other, shop.state)}"
    try:
        given = instruction_from({**order.data, "by": order.by, "since": order.time})
        given = replace(given, words=redact(given.words))
        wanted = ready(given, shop.settings, shop.environ)
    except BadInstruction as error:
        return f"{NOT_BEGUN}: {error}"
    return open_work(order.id, wanted, shop)


def open_work(id_: str, wanted: Instruction, shop: Workshop) -> str:
    """First stored, with everything the work needs, then recorded; a crash repeats a step."""
    note = Reflection(
        id=id_,
        timestamp=datetime.fromisoformat(wanted.since),
        task_summary=wanted.words,
        outcome="",
        reflection="",
        target=wanted.target,
        labels=(KIND, f"order {id_}"),  # the same words may be asked for again
        source="mendd modify",
    )
    data = {
        KIND: wanted.to_json(),
        "branch": wanted.branch or f"{OURS}-{short_id(id_)}",
        "subject": str(wanted),
    }
    with shop.store.batch():
        added = shop.store.add(note, kind=KIND, signature=f"{KIND} {id_}", now=shop.clock())
        shop.store.update(added.work, priority=URGENT, data={**added.work.data, **data})
    if added.how == "new" or not any(shop.trail.records(reflection=id_, event="received")):
        said = {"work": id_, "how": added.how, "kind": KIND, "by": wanted.by, **files_data(wanted)}
        shop.trail.append(
            "received", reflection=id_, target=wanted.target, data={**said, **note_words(note)}
        )
    return f"{OPENED}: {', '.join(each.filename for each in wanted.files)}"


def files_data(wanted: Instruction) -> dict[str, object]:
    """What a record says of the files chosen."""
    why = {each.filename: each.why for each in wanted.files}
    return {"files": [*why], "why": why}


def under_way(store: Store, *, but: str = "") -> Work | None:
    """The modification that is open now, other than `but`; held ones wait for a person."""
    for work in store.all():
        if work.kind == KIND and work.state in (State.OPEN, State.WAITING) and work.id != but:
            return work
    return None


def told(work: Work, state: Path) -> str:
    """Which modification is under way, since when, by whom, and in which process."""
    data = work.data.get(KIND, {})
    words = " ".join(str(data.get("words", work.reflection.task_summary)).split())[:200]
    given = f"given by {data.get('by') or 'somebody'} at {data.get('since') or work.opened}"
    return (
        f'another modification is under way: "{words}" ({work.id}), {given}; '
        f"{_worker(work, state)}. One at a time: wait for it, or drop it with "
        f"'mendd reject {work.id}'"
    )


def _worker(work: Work, state: Path) -> str:
    holder, progress = held_by(state / "work.lock"), read_progress(state)
    if holder is None:
        if work.not_before is not None:
            return f"it waits until {work.not_before:%Y-%m-%d %H:%M:%S} UTC and for a worker"
        return "no worker is at it now; the service or 'mendd run --once' takes it up"
    if progress is not None and progress.reflection == work.id:
        return f"process {holder.pid} is at it, stage {progress.stage}"
    return f"process {holder.pid} works on something else first"
