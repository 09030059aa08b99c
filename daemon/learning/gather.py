"""Turns what became of patches into recipes: a win when one was applied, a loss when it failed."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from daemon.learning.book import RecipeBook
from daemon.learning.demo import demo_of
from daemon.learning.recipe import Demo, Kind, Recipe
from daemon.learning.shapes import shape_of
from daemon.road.proof import Proof

if TYPE_CHECKING:
    from daemon.desk.workshop import Workshop
    from daemon.road.job import Job

log = logging.getLogger("mendd.learning")


def learn_from_applied(proof: Proof, job: "Job") -> None:
    """A patch was applied: its recipe is in the book, with one win more.

    Learning never keeps a patch from being recorded: what goes wrong here is only told.
    """
    if job.work.kind not in ("bug", "promotion"):
        return
    try:
        texts = {name: text for name in proof.after if (text := job.source.text(name))}
        after = {name: data.decode("utf-8", "replace") for name, data in proof.after.items()}
        recipe = recipe_of(
            texts,
            after,
            kind="bug",
            evidence=proof.judgement.evidence.value,
            template=job.template,
            demo=_demo(proof, texts, after, job),
        )
        if recipe:
            job.held_data["recipe"] = won(recipe, job.shop)
    except Exception:
        log.exception("no recipe could be made of %s", job.work.id)


def learn_late(
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    evidence: str,
    shop: "Workshop",
    *,
    win: bool,
) -> str | None:
    """The same for a patch whose job a crash ended: the recipe's id; counted only if it is a `win`.

    The template that made it and its demonstration are not known any more.
    """
    try:
        texts, patched = _decoded(before), _decoded(after)
        recipe = recipe_of(texts, patched, kind="bug", evidence=evidence)
        if recipe is None or not (win or recipe.id in RecipeBook.open(shop.state).recipes):
            return None
        return won(recipe, shop) if win else recipe.id
    except Exception:
        log.exception("no recipe could be made of a change that a crash cut off")
        return None


def _decoded(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: data.decode("utf-8", "replace") for name, data in files.items()}


def recipe_of_gain(
    before: Mapping[str, bytes | None], after: Mapping[str, bytes], evidence: str
) -> Recipe | None:
    """The recipe of an edit that an experiment kept, where it has a shape worth keeping."""
    try:
        return recipe_of(
            {name: data.decode("utf-8", "replace") for name, data in before.items() if data},
            {name: data.decode("utf-8", "replace") for name, data in after.items()},
            kind="performance",
            evidence=evidence,
        )
    except Exception:
        log.exception("no recipe could be made of a kept edit")
        return None


def learn_from_gain(recipe: Recipe, job: "Job") -> None:
    """An edit of an experiment was kept: its recipe is in the book, with one win more."""
    try:
        won(recipe, job.shop)
    except Exception:
        log.exception("no recipe could be kept of an edit of %s", job.work.id)


def learnt(job: "Job") -> tuple[str, ...]:
    """Recipes that may help with this work, for a model: by the note and what its failures show."""
    kind: Kind = "bug" if job.task.kind == "mend" else "performance"
    book = RecipeBook.open(job.shop.state)
    if not book.trusted(kind):
        return ()
    shown = [*job.task.files] if kind == "performance" else []
    texts = [job.source.text(name) or "" for name in shown]
    if kind == "bug":
        texts += [job.reflection.text, *job.baseline().run.messages.values()]
    return tuple(hint for hint in book.hints(kind, "\n".join(texts)) if hint not in job.task.hints)


def won(recipe: Recipe, shop: "Workshop") -> str:
    """A recipe that won here: in the book, counted; its id."""
    with RecipeBook.changing(shop.state) as book:
        book.put(recipe)
        book.outcome(recipe.id, won=True)
    return recipe.id


def lost(kept: Mapping[str, Any], reason: str, shop: "Workshop") -> None:
    """A patch did not hold: each of its recipes has one loss more; what does harm is retired.

    `kept` is what the work keeps in store or archive: a patch has one recipe, a session of
    experiments one for each edit that was kept.
    """
    ids = [kept.get("recipe"), *(kept.get("recipes") or ())]
    for id_ in dict.fromkeys(each for each in ids if isinstance(each, str) and each):
        _lost(id_, reason, shop)


def _lost(id_: str, reason: str, shop: "Workshop") -> None:
    try:
        with RecipeBook.changing(shop.state) as book:
            retired = book.outcome(id_, won=False)
    except OSError as error:
        log.warning("the book of recipes cannot be written: %s", error)
        return
    if retired:
        outcomes = f"held {retired.wins} times, failed {retired.losses} times"
        data = {"step": "harm", "recipe": id_, "reason": f"{reason}; it {outcomes}"}
        shop.trail.append("learned", data=data)


def recipe_of(
    before: Mapping[str, str],
    after: Mapping[str, str],
    *,
    kind: Kind,
    evidence: str,
    template: str = "",
    demo: Demo | None = None,
) -> Recipe | None:
    """The recipe of an edit of one file; None for what has no shape worth keeping."""
    changed = [name for name in after if before.get(name) != after[name]]
    if len(changed) != 1 or changed[0] not in before:
        return None
    shape = shape_of(before[changed[0]], after[changed[0]])
    if shape is None:
        return None
    if demo and shape_of(demo.before, demo.after) != shape:  # nobody would believe it
        demo = None
    return Recipe(kind=kind, shape=shape, template=template, evidence=evidence, demo=demo)


def _demo(
    proof: Proof, before: Mapping[str, str], after: Mapping[str, str], job: "Job"
) -> Demo | None:
    """A demonstration, where the settings allow code to be shown and one test proves the patch."""
    if job.shop.settings.learning.share != "examples" or len(after) != 1 or not proof.goal.tests:
        return None
    name, test = next(iter(after)), proof.goal.tests[0]
    text = job.source.text(test.split("::", 1)[0])
    if text is None or name not in before:
        return None
    return demo_of(before[name], after[name], text, test)
