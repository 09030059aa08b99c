"""Asks the model for one answer at a time, booked like every other call."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from daemon.config.secrets import api_key, local_key
from daemon.engines import Spending
from daemon.engines.choose import answering, model_is_there
from daemon.engines.dialogue.answer import Answer
from daemon.engines.dialogue.ledger import Ledger
from daemon.engines.dialogue.transport import Transport

if TYPE_CHECKING:
    from daemon.road.job import Job


MOST_TOKENS = 2_000  # of one answer: the next step of a session, or one rule


class Player:
    """One model for one piece of work; used by one thread."""

    def __init__(self, job: "Job") -> None:
        """Raises EngineError when the model cannot be asked now."""
        shop = job.shop
        name = answering(job.target.engine, shop.settings, shop.environ)
        local = name == "local"
        chosen = shop.settings.local if local else shop.settings.claude
        self._settings = replace(chosen, max_tokens=min(chosen.max_tokens, MOST_TOKENS))
        key = local_key(shop.environ) if local else api_key(shop.environ)
        self._transport = Transport(self._settings, key, stop=job.stop, progress=shop.beacon.detail)
        self._ledger = Ledger(self._settings, shop.budget, job.work.id)
        job.pays_for(self)
        job.engine_name, job.model = name, self._settings.model

    @property
    def spending(self) -> Spending:
        """What was used so far."""
        return self._ledger.spending

    def ask(self, request: dict[str, Any]) -> Answer:
        """One answer. Raises EngineError, BudgetSpent among them."""
        whole = {
            "model": self._settings.model,
            "max_tokens": self._settings.max_tokens,
            "tool_choice": {"type": "auto"},
            **request,
        }
        if not whole.get("tools"):
            whole = {k: v for k, v in whole.items() if k not in ("tools", "tool_choice")}
        self._ledger.expect(len(json.dumps(whole, ensure_ascii=False).encode()))
        return self._transport.send(whole, before=self._ledger.reserve, after=self._ledger.settle)

    def close(self) -> None:
        """Give the connection back."""
        self._transport.close()


def can_ask(job: "Job") -> bool:
    """Whether rules are to be replayed: a model is set and the settings want it."""
    wanted = job.shop.settings.learn.replays > 0 and job.target.engine != "search"
    return wanted and model_is_there(job.shop.settings, job.shop.environ)
