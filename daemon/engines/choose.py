"""Which engines work on a case, in which order."""

from typing import TYPE_CHECKING

from daemon.engines import Engine
from daemon.secrets import api_key

if TYPE_CHECKING:
    from daemon.job import Job


def engines_for(job: "Job") -> tuple[Engine, ...]:
    """The target's engine; `auto` asks the free one first when there is a test to meet.

    A model is there when a key or a `base_url` is set; importing its package waits until a
    conversation really opens (it costs a second and 66 MiB).
    """
    name = job.target.engine
    if name == "search":
        return (_search(job),)
    if name == "claude":
        return (_claude(job),)
    if not model_is_there(job):
        return (_search(job),)
    return (_search(job), _claude(job)) if job.baseline().failing else (_claude(job),)


def model_is_there(job: "Job") -> bool:
    """Whether the settings and the environment name a model to talk to."""
    return bool(job.shop.settings.claude.base_url or api_key(job.shop.environ))


def _search(job: "Job") -> Engine:
    from daemon.engines.search.engine import SearchEngine

    return SearchEngine(job.shop.settings.search)


def _claude(job: "Job") -> Engine:
    from daemon.engines.claude import ClaudeEngine

    shop = job.shop
    return ClaudeEngine(
        shop.settings.claude,
        budget=shop.budget,
        key=api_key(shop.environ),
        reflection=job.work.id,
    )
