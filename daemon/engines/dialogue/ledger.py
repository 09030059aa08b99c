"""What a session's calls cost: the worst case booked before each try, the real usage after it."""

from dataclasses import replace

from daemon.budget import Budget, Reservation
from daemon.engines import Spending
from daemon.engines.dialogue.answer import Answer, Usage
from daemon.engines.dialogue.faults import Billed
from daemon.settings import ClaudeSettings

BYTES_PER_TOKEN = 3.0  # fewer than usual (about 4), so an estimate errs on the high side
MILLION = 1_000_000


class Ledger:
    """Books the calls of one session under its reflection."""

    def __init__(self, settings: ClaudeSettings, budget: Budget, reflection: str) -> None:
        self._settings = settings
        self._budget = budget
        self._reflection = reflection
        self._counted_tokens = 0  # the conversation when a server last counted it
        self._counted_bytes = 0
        self._next_bytes = 0
        self._reserved: Reservation | None = None
        self.spending = Spending()

    def expect(self, size_bytes: int) -> None:
        """The next request has this size."""
        self._next_bytes = size_bytes

    def reserve(self) -> None:
        """Book the worst case of one try. Raises BudgetSpent; then nothing may be sent."""
        self._reserved = None
        new_bytes = max(0, self._next_bytes - self._counted_bytes)
        tokens_in = self._counted_tokens + int(new_bytes / BYTES_PER_TOKEN) + 1
        self._reserved = self._budget.reserve(
            self._reflection,
            usd=worst_usd(self._settings, tokens_in),
            tokens=tokens_in + self._settings.max_tokens,
        )

    def settle(self, outcome: Answer | Billed) -> None:
        """Book what a try used; what nobody can know stays booked at its worst."""
        self.spending = replace(self.spending, calls=self.spending.calls + 1)
        booked, self._reserved = self._reserved, None
        if booked is None:
            return
        if isinstance(outcome, Answer) and outcome.usage is not None:
            self._count(booked, outcome.usage)
        elif outcome is Billed.NOTHING:
            self._budget.settle(booked, usd=0.0, tokens=0)
        elif outcome is Billed.INPUT:
            tokens = booked.tokens - self._settings.max_tokens
            answer_usd = self._settings.max_tokens * self._settings.output_usd / MILLION
            self._budget.settle(booked, usd=booked.usd - answer_usd, tokens=tokens)

    def _count(self, booked: Reservation, usage: Usage) -> None:
        usd = cost_usd(self._settings, usage)
        self._counted_tokens, self._counted_bytes = usage.whole_input, self._next_bytes
        self.spending = _added(self.spending, usage, usd)
        self._budget.settle(booked, usd=usd, tokens=usage.whole_input + usage.output_tokens)


def caches(settings: ClaudeSettings) -> bool:
    """Whether caching pays; local servers, at no price, are sent no cache marks."""
    return settings.cache_read_usd < settings.input_usd


def cost_usd(settings: ClaudeSettings, usage: Usage) -> float:
    """The price of one call in US dollars."""
    parts = (
        usage.input_tokens * settings.input_usd,
        usage.cache_read_input_tokens * settings.cache_read_usd,
        usage.cache_creation_input_tokens * settings.cache_write_usd,
        usage.output_tokens * settings.output_usd,
    )
    return sum(parts) / MILLION


def worst_usd(settings: ClaudeSettings, tokens_in: int) -> float:
    """The price of a call whose whole input is billed at the dearest rate and answer is longest."""
    dearest = max(settings.input_usd, settings.cache_write_usd, settings.cache_read_usd)
    return (tokens_in * dearest + settings.max_tokens * settings.output_usd) / MILLION


def _added(spending: Spending, usage: Usage, usd: float) -> Spending:
    return replace(
        spending,
        input_tokens=spending.input_tokens + usage.input_tokens,
        output_tokens=spending.output_tokens + usage.output_tokens,
        cache_read_tokens=spending.cache_read_tokens + usage.cache_read_input_tokens,
        cache_write_tokens=spending.cache_write_tokens + usage.cache_creation_input_tokens,
        cost_usd=round(spending.cost_usd + usd, 9),
    )
