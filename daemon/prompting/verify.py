"""Verifies rules before they are added, if a model can be asked: fail, rewrite, retry, verify."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from daemon.prompting import book as books
from daemon.prompting.book import Book, Record
from daemon.prompting.counted import Reader
from daemon.prompting.decide import Decision
from daemon.prompting.delta import patch_of
from daemon.prompting.player import Player, can_ask
from daemon.prompting.replay import Tally, replays
from daemon.prompting.wording import other_words
from reflections.transcripts.detect import Detector, detect
from reflections.transcripts.transcript import Transcript
from sandbox.patch import patched

if TYPE_CHECKING:
    from daemon.road.job import Job


def verified(
    decision: Decision, book: Book, habits: Sequence[Detector], job: "Job"
) -> tuple[Decision, Book]:
    """The decision without the rules that won no replay, and the book that remembers it.

    Without a model nothing is taken away: later sessions will judge. Raises EngineError.
    """
    if not decision.add or not can_ask(job):
        return decision, book
    added, words = list[Record](), list(decision.words)
    with contextlib.closing(Player(job)) as player:
        for record in decision.add:
            habit = next(each for each in habits if each.name == record.id)
            tested = Rehearsal(habit, book, job, player).of(record)
            book = book.with_records(tested)
            books.save(job.shop.state, book)
            words.append(f"{habit.title}: {tested.why}")
            if tested.standing == "wanted":
                added.append(tested)
    return replace(decision, add=tuple(added), words=tuple(words)), book


class Rehearsal:
    """The replays of one habit."""

    def __init__(self, habit: Detector, book: Book, job: "Job", player: Player) -> None:
        self._habit, self._book, self._job, self._player = habit, book, job, player
        self._reader = Reader(job.shop.state)
        self._most = job.shop.settings.learn.replays

    def of(self, record: Record) -> Record:
        """The record with its replays; standing `not better` when no wording won."""
        if record.wins + record.losses + record.ties:  # played before an interruption
            return record
        shown, held_out = self._halves()
        tally = self._played(record, (*held_out, *shown))
        if tally.won or not tally.played:
            return _told(record, tally)
        self._record(record, tally)
        rewritten = self._rewritten(record, shown if held_out else ())
        if rewritten is None:
            return _told(record, tally)
        return _told(rewritten, self._played(rewritten, held_out or shown))

    def _halves(self) -> tuple[tuple[Transcript, ...], tuple[Transcript, ...]]:
        """Sessions with the habit, newest first: those a model may see, those held out."""
        digests = [
            each.digest
            for each in reversed(self._book.sessions)
            if each.counts.get(self._habit.name)
        ]
        kept = {digest: self._reader(digest) for digest in digests}
        halves: tuple[list[Transcript], list[Transcript]] = ([], [])
        for digest, session in kept.items():
            if session is not None:
                halves[int(digest[0], 16) % 2].append(session)
        return tuple(halves[0]), tuple(halves[1])

    def _played(self, record: Record, sessions: Sequence[Transcript]) -> Tally:
        prompts = tuple(self._prompts(record))
        return replays(
            self._habit,
            sessions,
            (prompts[0], prompts[1]),
            self._player,
            most=self._most,
            step=lambda words: self._job.stage("replay", words),
        )

    def _prompts(self, record: Record) -> Iterator[str]:
        """The prompt file as it is, and with the rule."""
        name, read = self._job.target.prompt, self._job.source.read
        before = read(name)
        text = None if before is None else before.decode("utf-8", "replace")
        yield text or ""
        patch = patch_of(Decision(add=(record,)), name, text)
        yield patched(patch, read)[name].decode("utf-8", "replace") if patch.hunks else text or ""

    def _rewritten(self, record: Record, shown: Sequence[Transcript]) -> Record | None:
        self._job.stage("replay", f"{self._habit.title}: other words")
        seen = [each for session in shown for each in detect(session, (self._habit,))]
        known = [session for half in self._halves() for session in half]
        rule = other_words(self._habit, record.text, seen[:3], self._player, known)
        return None if rule is None else replace(record, text=rule.text, by_model=True)

    def _record(self, record: Record, tally: Tally) -> None:
        self._job.chronicle.write(
            "learned", step="replayed", rule=record.id, text=record.text, replays=vars(tally)
        )


def _told(record: Record, tally: Tally) -> Record:
    """The record with its wins and losses; without any replay later sessions are to judge."""
    played = replace(record, wins=tally.wins, losses=tally.losses, ties=tally.ties)
    if not tally.played:
        return replace(played, why="no session could be replayed; later ones will judge")
    told = f"{tally.wins} replays won, {tally.losses} lost, {tally.ties} alike"
    return replace(played, why=told, standing="wanted" if tally.won else "not better")
