"""What a patch brings in that a repair has no business with: the AST after, minus the AST before.

An old use stays allowed where it was (same function), or moved word for word. So a file that
already calls `subprocess.run` may have that call mended, and may not get another one.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from daemon.checks.denied import ADVICE, FILE_CHANGE
from daemon.checks.findings import Finding, findings
from daemon.checks.parsing import Change

MOST_SHOWN = 4
REMOVED_CHECKS = 2  # one `raise` fewer may be the honest fix; two or more are a clearance


def complaint(
    changes: Sequence[Change], deny: tuple[str, ...], *, asked_for: bool = False
) -> str | None:
    """What the patch adds that is denied, and what to do instead; None when there is nothing.

    `asked_for`: a person wants this change, and may want files written.
    """
    news = [
        (change.filename, finding)
        for change in changes
        for finding in added(change, deny)
        if not (asked_for and finding.rule == FILE_CHANGE.name)
    ]
    if news:
        return _in_words(news)
    return _removed_checks(changes)


def added(change: Change, deny: tuple[str, ...] = ()) -> list[Finding]:
    """The findings of the new file that the old one does not account for."""
    after = findings(change.after, deny)
    if change.before is None:
        return list(_not_in_text(after, change.before_text))
    old = findings(change.before, deny)
    unmatched = Counter(old)
    news = [finding for finding in after if not _used_up(finding, unmatched)]
    left = list(unmatched.elements())
    return [finding for finding in news if not _takes(finding, left)]


def _used_up(finding: Finding, unmatched: Counter[Finding]) -> bool:
    """Whether the same finding stood in the same place before; each old one counts once."""
    if unmatched[finding] == 0:
        return False
    unmatched[finding] -= 1
    return True


def _takes(finding: Finding, old: list[Finding]) -> bool:
    """Use up the old finding that stands for this one: the same code, or the same function."""
    same = [each for each in old if (each.rule, each.what) == (finding.rule, finding.what)]
    best = [each for each in same if each.code == finding.code] or [
        each for each in same if each.where == finding.where
    ]
    if not best:
        return False
    old.remove(next((each for each in best if each.where == finding.where), best[0]))
    return True


def _not_in_text(after: list[Finding], before: str) -> Iterator[Finding]:
    """For an old file that does not parse (the bug may be just that): count its words instead."""
    used: Counter[str] = Counter()
    for finding in after:
        word = finding.what.rpartition(".")[2]
        used[word] += 1
        if before.count(word) < used[word]:
            yield finding


def _removed_checks(changes: Sequence[Change]) -> str | None:
    gone = sum(_checks(change.before) - _checks(change.after) for change in changes)
    if gone < REMOVED_CHECKS:
        return None
    return (
        f"the patch takes out {gone} `raise` or `assert` statements (removed checks); "
        f"{ADVICE['removed checks']}"
    )


def _checks(tree: ast.Module | None) -> int:
    if tree is None:
        return 0
    return sum(isinstance(node, ast.Raise | ast.Assert) for node in ast.walk(tree))


def _in_words(news: list[tuple[str, Finding]]) -> str:
    shown = [
        f"{finding.what} ({finding.rule}, {filename} line {finding.line})"
        for filename, finding in news[:MOST_SHOWN]
    ]
    more = f" and {len(news) - MOST_SHOWN} more" if len(news) > MOST_SHOWN else ""
    rules = dict.fromkeys(finding.rule for _, finding in news)
    advice = "; ".join(f"{rule}: {ADVICE[rule]}" for rule in rules)
    return f"the patch adds {', '.join(shown)}{more}. {advice}"
