"""What the search engine came to is kept with the work, so that it is not searched twice.

It asks nobody and throws no dice of its own: on the same snapshot, for the same note, under the
same settings it comes to the same. Work that waits for a model that is away would repeat it with
every try.
"""

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from daemon.engines import Engine
from daemon.road.ending import Ending, Verdict

if TYPE_CHECKING:
    from daemon.road.job import Job

KEY = "searched"


def known_ending(engine: Engine, job: "Job") -> Ending | None:
    """How this engine ended here before, with its hints for the next one; None: let it try."""
    kept = job.work.data.get(KEY)
    if engine.name != "search" or not isinstance(kept, dict) or kept.get("what") != _what(job):
        return None
    try:
        ending = Ending(
            verdict=Verdict(kept["verdict"]), reason=str(kept["reason"]), passes_on=True
        )
    except (KeyError, ValueError):
        return None
    job.hints = str(kept.get("hints", ""))
    job.held_data = {"suspicious": list(kept.get("suspicious", []))}
    job.stage("search", "nothing has changed since it found no patch")
    return ending


def keep_ending(engine: Engine, ending: Ending, job: "Job") -> None:
    """Remember an ending after which another engine may still try."""
    if engine.name != "search" or not ending.passes_on or job.task.kind != "mend":
        return
    kept: dict[str, Any] = {
        "what": _what(job),
        "verdict": ending.verdict.value,
        "reason": ending.reason,
        "hints": job.hints,
        "suspicious": job.held_data.get("suspicious", []),
    }
    stored = job.shop.store.get(job.work.id)
    if stored is not None:
        job.shop.store.update(stored, data={**stored.data, KEY: kept})


def _what(job: "Job") -> str:
    """Names everything the search depends on."""
    parts = (
        job.target.name,
        job.bench.image_id,
        job.bench.tree.hash,
        job.reflection.digest,
        sorted(asdict(job.target).items(), key=str),
        sorted(asdict(job.shop.settings.search).items()),
    )
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()
