"""Gives what held here to the peers and takes in what held there; nothing taken is believed yet."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from audit.trail import Trail
from daemon.learning.book import RecipeBook
from daemon.learning.bundle import BadBundle, Packed, pack, unpack
from daemon.learning.keys import BadKey, own_key, public_text
from daemon.learning.peers import Peer, PeerAway
from daemon.settings import Settings

log = logging.getLogger("mendd.learning")
MARK = "exchanged"


@dataclass(kw_only=True)
class Exchange:
    """What one exchange came to, by peer or file."""

    sent: int = 0
    kept_back: dict[str, str] = field(default_factory=dict)
    taken: int = 0
    refused: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dict(vars(self))


def packed(settings: Settings, now: datetime) -> Packed:
    """Our bundle. Raises OSError, BadKey."""
    book = RecipeBook.open(settings.state)
    return pack(list(book.recipes.values()), own_key(settings.state), now=now)


def take_in(data: bytes, settings: Settings) -> int:
    """Put a bundle's recipes into the book, untested; how many were new. Raises BadBundle."""
    own = public_text(own_key(settings.state))
    recipes = unpack(data, [key for key in settings.learning.trust if key != own])
    with RecipeBook.changing(settings.state) as book:
        before = len(book.recipes)
        for recipe in recipes:
            book.put(recipe)
        return len(book.recipes) - before


def exchange(settings: Settings, environ: Mapping[str, str], now: datetime) -> Exchange:
    """Push to and pull from every peer; one that is away does not stop the others."""
    outcome = Exchange()
    own = public_text(own_key(settings.state))
    ours = packed(settings, now) if settings.learning.share != "nothing" else None
    if ours:
        outcome.kept_back = ours.kept_back
    for url in settings.learning.peers:
        try:
            peer = Peer(url, environ)
            if ours:
                peer.push(own, ours.data)
                outcome.sent = ours.count
            for key in settings.learning.trust:
                if key != own and (data := peer.pull(key)) is not None:
                    _taken(data, url, outcome, settings)
        except PeerAway as error:
            outcome.refused[url] = str(error)
    return outcome


def _taken(data: bytes, url: str, outcome: Exchange, settings: Settings) -> None:
    """One bundle of a peer; a bad one does not keep the others away."""
    try:
        outcome.taken += take_in(data, settings)
    except (BadBundle, BadKey) as error:
        outcome.refused[url] = str(error)


def exchange_if_due(
    settings: Settings, trail: Trail, environ: Mapping[str, str], now: datetime
) -> Exchange | None:
    """The exchange, once in `learning.sync_h`; recorded. None when it is not due."""
    due = next_exchange(settings, now)
    if due is None or due > now:
        return None
    try:
        outcome = exchange(settings, environ, now)
    except (OSError, BadKey) as error:
        outcome = Exchange(refused={"here": str(error)})
    (settings.state / MARK).write_text(now.astimezone(UTC).isoformat(), "utf-8")
    trail.append("learned", data={"step": "exchanged", **outcome.to_json()})
    for where, why in outcome.refused.items():
        log.warning("recipes were not exchanged with %s: %s", where, why)
    return outcome


def next_exchange(settings: Settings, now: datetime) -> datetime | None:
    """When the next exchange is due, at once after a clock that was wrong; None without peers."""
    if not settings.learning.peers:
        return None
    try:
        last = datetime.fromisoformat((settings.state / MARK).read_text("utf-8")).astimezone(UTC)
        due = last + timedelta(hours=settings.learning.sync_h)
    except (OSError, ValueError, OverflowError):
        return now
    return due if last <= now else now
