"""THE STORY of learning: from agents' sessions to a rule in their prompt file, and back out of it.

A rule is a patch like any other: proposed, gated, tried, settled, recorded, reverted. What is its
own is where it comes from (counts over sessions), how it is verified (replays with a model, later
sessions without one), and that it goes again when it does not help. docs/learn.md has the rules.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace

from daemon.cycle import try_out
from daemon.engines import Feedback, Proposal
from daemon.prompting import book as books
from daemon.prompting.book import Book
from daemon.prompting.counted import Reader, Session, counted, sessions
from daemon.prompting.decide import Decision, decided
from daemon.prompting.delta import patch_of
from daemon.prompting.habits import detectors
from daemon.prompting.retention import forget_sessions
from daemon.prompting.section import Damaged, Rule, rules_in
from daemon.prompting.untested import has_tests, settle_untested
from daemon.prompting.verify import verified
from daemon.road.ending import Ending, Verdict
from daemon.road.job import Job
from daemon.road.proof import Goal

RULES = "rules"  # of a held patch, in its work's data


def learn(job: Job) -> Ending:
    """Count what the sessions show; put in the rules that are called for, take out the useless."""
    job.stage("learn", job.target.prompt)
    habits = detectors(job.shop.settings.learn)
    reader = Reader(job.shop.state)
    looked_at = sessions(job.work, reader, habits, lambda words: job.stage("learn", words))
    analysed(looked_at, job)
    try:
        standing = rules_in(prompt_text(job) or "")
    except Damaged as error:
        return Ending(verdict=Verdict.DECLINED, reason=f"{job.target.prompt}: {error}")
    book = remembered(looked_at, standing, job)
    decision = decided(
        book, standing, habits, job.shop.settings.learn,
        now=job.shop.clock().isoformat(), work=job.work.id,
    )  # fmt: skip
    decision, book = verified(decision, book, habits, job)
    return written(decision, book, job)


def analysed(looked_at: tuple[Session, ...], job: Job) -> None:
    """What was found in this work's sessions goes on record."""
    for each in looked_at:
        job.chronicle.write(
            "learned",
            step="analysed",
            session=each.digest,
            format=each.transcript.format,
            messages=len(each.transcript.messages),
            habits=[
                {
                    "habit": seen.pattern,
                    "count": seen.count,
                    "examples": [vars(example) for example in seen.examples],
                }
                for seen in each.seen
            ],
        )


def remembered(looked_at: tuple[Session, ...], standing: Mapping[str, Rule], job: Job) -> Book:
    """The book of this prompt file with these sessions, in step with the file."""
    shop, now = job.shop, job.shop.clock()
    open_works = {work.id for work in shop.store.all()}
    book = books.load(shop.state, job.target.name, job.target.prompt)
    book = counted(book, job.work, looked_at, now).standing(standing, now.isoformat())
    book = book.without_abandoned(open_works, lambda id_: refused(id_, job), now.isoformat())
    books.save(shop.state, book)
    return book


def refused(id_: str, job: Job) -> bool:
    """Whether a person rejected the patch of that work."""
    archived = job.shop.store.find_archived(id_) or {}
    return archived.get("verdict") == "rejected" and str(archived["reason"]).startswith("by ")


def written(decision: Decision, book: Book, job: Job) -> Ending:
    """The decision as a patch on the ordinary road; without a change it is the answer itself."""
    book = book.with_records(*decision.judged, *decision.add)
    books.save(job.shop.state, book)
    forget_sessions(book, job.shop)
    reason = "; ".join(decision.words) or "no bad habit was found"
    if not decision.changes:
        return Ending(verdict=Verdict.DECLINED, reason=f"no rule is added or taken out: {reason}")
    job.engine_name = job.engine_name or "learn"
    patch = patch_of(decision, job.target.prompt, prompt_text(job))
    answer = Proposal(patch=patch, explanation=reason)
    outcome = try_out(answer, Goal(), job) if has_tests(job) else settle_untested(answer, job)
    if isinstance(outcome, Ending) and outcome.verdict is Verdict.APPLIED:
        stands(decision, book, job)
        return outcome
    # it stands for now: looked at again when there are twice as many sessions
    waiting = (replace(each, standing="active", why="") for each in decision.retire)
    books.save(job.shop.state, book.with_records(*waiting))
    if isinstance(outcome, Feedback):
        return Ending(verdict=Verdict.REJECTED, reason=outcome.reason)
    job.held_data[RULES] = {
        name: [asdict(each) for each in getattr(decision, name)] for name in ("add", "retire")
    }
    return outcome


def approved(job: Job) -> None:
    """A person approved the held patch, and it was applied: the rules stand from now on."""
    kept = job.work.data.get(RULES, {})
    add, retire = (
        tuple(books.Record(**each) for each in kept.get(name, ())) for name in ("add", "retire")
    )
    decision = Decision(add=add, retire=retire)
    stands(decision, books.load(job.shop.state, job.target.name, job.target.prompt), job)


def stands(decision: Decision, book: Book, job: Job) -> None:
    """The file was changed: on record rule by rule, and remembered; sessions count from now."""
    now = job.shop.clock().isoformat()
    for step, records in (("added", decision.add), ("retired", decision.retire)):
        for record in records:
            job.chronicle.write(
                "learned",
                step=step,
                rule=record.id,
                text=record.text,
                by_model=record.by_model,
                confidence=f"{record.confidence:.3f}",
                replays={"wins": record.wins, "losses": record.losses, "ties": record.ties},
                reason=record.why,
                files=[job.target.prompt],
            )
    added = (replace(record, standing="active", since=now) for record in decision.add)
    books.save(job.shop.state, book.with_records(*added, *decision.retire))


def prompt_text(job: Job) -> str | None:
    """The prompt file as the snapshot has it; None where there is none."""
    data = job.source.read(job.target.prompt)
    return None if data is None else data.decode("utf-8", "replace")
