"""Carries out `mendd learn`: the command kept the sessions, the worker opens their work."""

from datetime import datetime
from pathlib import PurePosixPath

from daemon.desk.intake import note_words
from daemon.desk.orders import Order
from daemon.desk.workshop import Workshop
from daemon.prompting.begin import begin
from daemon.prompting.kept import kept

MOST_SESSIONS = 200
OPENED, NOT_BEGUN = "opened", "not begun"


def begin_learning(order: Order, shop: Workshop) -> str:
    """Open the work, or say why not. The same order carried out twice opens one work."""
    digests, target = order.data.get("sessions"), order.data.get("target")
    prompt = order.data.get("prompt", "")
    if not isinstance(digests, list) or not digests:
        return f"{NOT_BEGUN}: the order names no sessions"
    if len(digests) > MOST_SESSIONS:
        return f"{NOT_BEGUN}: more than {MOST_SESSIONS} sessions at once; learn from some of them"
    if not isinstance(prompt, str) or not (target is None or isinstance(target, str)):
        return f"{NOT_BEGUN}: the order's target or prompt is no text"
    if PurePosixPath(prompt).is_absolute() or ".." in PurePosixPath(prompt).parts:
        return f"{NOT_BEGUN}: the prompt file must be a path inside the target"
    found = [kept(shop.state, digest) for digest in digests if isinstance(digest, str)]
    sessions = [session for session in found if session is not None]
    if len(sessions) != len(digests):
        return f"{NOT_BEGUN}: {len(digests) - len(sessions)} of its sessions are gone"
    begun = begin(
        sessions,
        shop,
        source="mendd learn",
        received=datetime.fromisoformat(order.time),
        target=target,
        prompt=prompt,
    )
    said = {**begun.data, "by": order.by, **note_words(begun.note)}
    shop.trail.append(begun.event, reflection=begun.note.id, target=begun.note.target, data=said)
    if begun.event == "ignored":
        return f"{NOT_BEGUN}: {begun.data['reason']}; 'mendd audit show {begun.note.id}' tells"
    return f"{OPENED}: {begun.note.id}"
