"""Which engines work on a case, in which order."""

import gc
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


def preload(settings: Settings, environ: Mapping[str, str]) -> None:
    """Import the model's package in the background (it takes 1 s), if a target may ask a model.

    Called when there is work: the import then passes while notes are read and suites run.
    """
    wanted = any(target.engine != "search" for target in settings.targets)
    if wanted and model_is_there(settings, environ):
        threading.Thread(target=_load_package, daemon=True).start()


def _load_package() -> None:
    """Import without garbage collection: its thousands of classes cost a quarter more with it."""
    gc.disable()
    try:
        importlib.import_module("anthropic")
    finally:
        gc.enable()


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
