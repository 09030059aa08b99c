"""Which engines work on a case, in which order."""

import contextlib
import gc
import http.client
import importlib
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from daemon.config.secrets import api_key, local_key
from daemon.engines import Engine, EngineError
from daemon.learning.scores import search_is_hopeless, up_to_date
from daemon.settings import Settings

if TYPE_CHECKING:
    from daemon.road.job import Job

PROBE_S = 3.0


def engines_for(job: "Job") -> tuple[Engine, ...]:
    """The target's engine; `auto` asks the free one first when there is a test to meet.

    Where the free one hardly ever found anything by this target's record, the model goes first.

    Tasks other than mending need a model. One is there when a key or a `base_url` is set;
    importing its package waits until a conversation really opens (it costs a second and 66 MiB).
    Raises EngineError when a task needs a model and none is set, or its server does not answer.
    """
    name = job.target.engine
    if job.task.kind != "mend":
        return (_model(job, answering(name, job.shop.settings, job.shop.environ)),)
    if name == "search":
        return (_search(job),)
    model = name if name != "auto" else first_model(job.shop.settings, job.shop.environ)
    if model is None:
        return (_search(job),)
    if name == "auto" and job.baseline().failing:
        turns = (_search(job), _model(job, model))
        scores = up_to_date(job.shop.state)
        return turns[::-1] if search_is_hopeless(scores, "bug", job.target.name) else turns
    return (_model(job, model),)


def model_is_there(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Whether the settings and the environment name a model to talk to."""
    return first_model(settings, environ) is not None


def first_model(
    settings: Settings, environ: Mapping[str, str]
) -> Literal["claude", "local"] | None:
    """The model `auto` means: Claude where a key or address is set, else the local server's."""
    if settings.claude.base_url or api_key(environ):
        return "claude"
    return "local" if settings.local.base_url else None


def lacks_model(name: str, settings: Settings, environ: Mapping[str, str]) -> str | None:
    """Why an engine of that name cannot carry out instructions, or None when it can."""
    if name == "search":
        return (
            "the search engine mends what a failing test shows and cannot carry out "
            'instructions; use engine "claude", "local" or "auto"'
        )
    if name == "auto" and first_model(settings, environ) is None:
        return (
            "no model is set, and the search engine cannot carry out instructions: set "
            "ANTHROPIC_API_KEY, or [local] base_url and model for a server of your own"
        )
    return None


def answering(name: str, settings: Settings, environ: Mapping[str, str]) -> str:
    """The model of that engine; a local one that `auto` would take has to answer first.

    Raises EngineError otherwise: the work is put off and no attempt is used up.
    """
    lacking = lacks_model(name, settings, environ)
    if lacking:
        raise EngineError(lacking)
    chosen = name if name != "auto" else str(first_model(settings, environ))
    if name == "auto" and chosen == "local" and not answers(settings.local.base_url):
        where = settings.local.base_url
        raise EngineError(
            f"the local server {where} does not answer; start it, or set a Claude key"
        )
    return chosen


def answers(url: str) -> bool:
    """Whether anything speaks HTTP at that address; what it says does not matter."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        with contextlib.closing(kind(parts.hostname or "", parts.port, timeout=PROBE_S)) as line:
            line.request("GET", "/")
            line.getresponse()
    except (OSError, http.client.HTTPException, ValueError):
        return False
    return True


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
    from daemon.learning.book import RecipeBook

    weights = RecipeBook.open(job.shop.state).weights()
    return SearchEngine(job.shop.settings.search, weights)


def _model(job: "Job", name: str) -> Engine:
    from daemon.engines.claude import ClaudeEngine

    shop, local = job.shop, name == "local"
    return ClaudeEngine(
        shop.settings.local if local else shop.settings.claude,
        budget=shop.budget,
        key=local_key(shop.environ) if local else api_key(shop.environ),
        reflection=job.work.id,
    )
