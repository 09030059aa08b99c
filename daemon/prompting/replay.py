"""Replays sessions up to where they went wrong, with a rule and without it, and compares.

The model gets the session before its first bad message, once with the prompt file as it is and
once with the rule in it. What it would do next is judged by the detector that found the habit;
a call that the session had made already is given the answer it had there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from daemon.engines.dialogue.answer import Answer
from daemon.prompting.turns import next_message, request
from reflections.transcripts.detect import Detector
from reflections.transcripts.transcript import Message, Result, Step, Transcript


class Asked(Protocol):
    """Whoever answers; daemon/prompting/player.py has the real one."""

    def ask(self, request: dict[str, object]) -> Answer: ...


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How replays came out: the habit shown only without the rule (won), only with it, alike."""

    wins: int = 0
    losses: int = 0
    ties: int = 0

    @property
    def played(self) -> int:
        """All of them."""
        return self.wins + self.losses + self.ties

    @property
    def won(self) -> bool:
        """Whether the rule is better than no rule."""
        return self.wins > self.losses


def replays(
    habit: Detector,
    sessions: Iterable[Transcript],
    prompts: tuple[str, str],
    player: Asked,
    *,
    most: int,
    step: Callable[[str], None],
) -> Tally:
    """At most so many replays; `prompts` are the file without and with the rule.

    `step` is told before each and may raise. EngineError when the model cannot be asked.
    """
    tally = Tally()
    for session in sessions:
        found = next(habit.find(session), None)
        if found is None or not any(
            m.role == "user" for m in session.before(found.message).messages
        ):
            continue
        step(f"{habit.title}: replay {tally.played + 1} of at most {most}")
        bare, ruled = (
            goes_wrong(habit, session, found.message, prompt, player) for prompt in prompts
        )
        if bare == ruled:
            tally = replace(tally, ties=tally.ties + 1)
        elif bare:
            tally = replace(tally, wins=tally.wins + 1)
        else:
            tally = replace(tally, losses=tally.losses + 1)
        if tally.played >= most:
            break
    return tally


def goes_wrong(
    habit: Detector, session: Transcript, number: int, prompt: str, player: Asked
) -> bool:
    """Whether the model, put before that message, shows the habit in its own next step."""
    before = session.before(number)
    answer = player.ask(request(before, prompt))
    made = next_message(answer, before, number)
    answered = _answered(made, session, number)
    messages = (*before.messages, made, *answered)
    continued = Transcript(format=session.format, messages=messages)
    return any(found.message >= number for found in habit.find(continued))


def _answered(made: Message, session: Transcript, number: int) -> tuple[Message, ...]:
    """The answers that the session itself gave to the same calls, the one of that place first."""
    results = []
    for call in made.calls:
        same = [each for each in session.steps if each.call.same == call.same and each.result]
        chosen = min(same, key=lambda each: _distance(each, number), default=None)
        if chosen is not None and chosen.result is not None:
            results.append(Result(id=call.id, text=chosen.result.text, failed=chosen.result.failed))
    if not results:
        return ()
    return (Message(number=number + 1, role="tool", results=tuple(results)),)


def _distance(step: Step, number: int) -> int:
    return abs(step.number - number)
