"""Which engines work on a case, in which order."""

import importlib
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from daemon.config.secrets import api_key
from daemon.engines import Engine
from daemon.settings import Settings

if TYPE_CHECKING:
    from daemon.road.job import Job


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
    if not model_is_there(job.shop.settings, job.shop.environ):
        return (_search(job),)
    return (_search(job), _claude(job)) if job.baseline().failing else (_claude(job),)


def model_is_there(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Whether the settings and the environment name a model to talk to."""
    return bool(settings.claude.base_url or api_key(environ))


def preload(job: "Job") -> None:
    """Import the model's package in the background, while the baseline runs (it takes 1 s)."""
    settings, environ = job.shop.settings, job.shop.environ
    if job.target.engine != "search" and model_is_there(settings, environ):
        threading.Thread(target=importlib.import_module, args=("anthropic",), daemon=True).start()


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
