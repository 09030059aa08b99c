"""The doctor's look at one target: its folder, git, tests and what may be done to it."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from daemon.checks.own_source import review_reason
from daemon.commands.finding import Finding, bad, ok, weak

if TYPE_CHECKING:
    from daemon.settings import Settings, TargetSettings


def target_findings(target: "TargetSettings", settings: "Settings") -> Iterator[Finding]:
    """Everything about one target that can be told without running it."""
    area = f"target {target.name}"
    trouble = _folder_trouble(area, target)
    if trouble is not None:
        yield trouble
        return
    yield ok(area, "folder", f"{target.path}, autonomy {target.autonomy}")
    own = review_reason(target.name, target.path)
    if own:
        yield weak(area, "autonomy", own, "approve its patches one by one; nothing else is needed")
    yield from _writable(area, target)
    yield _git(area, target)
    yield _tests(area, target)


def _folder_trouble(area: str, target: "TargetSettings") -> Finding | None:
    path = target.path
    if path.is_symlink():
        return bad(area, "folder", f"{path} is a symbolic link", "name the real folder as its path")
    if not path.is_dir():
        return bad(area, "folder", f"{path} is no folder", "correct `path` in the configuration")
    if not os.access(path, os.R_OK | os.X_OK):
        return bad(area, "folder", f"{path} cannot be read", "run as a user who may read it")
    return None


def _writable(area: str, target: "TargetSettings") -> Iterator[Finding]:
    if target.autonomy != "explain" and not os.access(target.path, os.W_OK):
        yield bad(
            area, "folder", f"{target.path} is not writable, so no patch can be applied",
            'run as a user who may write there, or set autonomy = "explain"',
        )  # fmt: skip


def _git(area: str, target: "TargetSettings") -> Finding:
    """How a patch would be applied."""
    if target.git == "plain":
        return ok(area, "git", "not used (git = plain): files are replaced, originals are kept")
    import shutil

    from daemon.changes.gitrepo import GitFailed, find_repository

    try:
        repository = find_repository(target.path)
        branch = repository.branch() if repository else None
        busy = repository.under_way() if repository else None
    except (GitFailed, OSError) as error:
        return bad(area, "git", str(error), "see that the repository can be read by this user")
    if repository is None:
        if target.git == "auto":
            return ok(area, "git", "no repository: files are replaced, originals are kept")
        return bad(area, "git", "no repository", f'git init, or set git = "plain" ({target.path})')
    if shutil.which("git") is None:
        return bad(area, "git", "a repository, but no git", 'install git, or set git = "plain"')
    if busy:
        return weak(area, "git", f"{busy} is under way", "finish it; patches wait for it")
    return ok(area, "git", f"a repository, {_head(branch)} ({target.git})")


def _head(branch: str | None) -> str:
    return f"on {branch.removeprefix('refs/heads/')}" if branch else "with a detached head"


def _tests(area: str, target: "TargetSettings") -> Finding:
    from daemon.commands.project import look_at

    command = " ".join(target.tests)
    found = look_at(target.path).tests
    if found:
        return ok(area, "tests", f"{command} (tests in {found})")
    if "pytest" not in command:
        return ok(area, "tests", command)
    return weak(
        area, "tests", f"{command}, but no test file was found",
        "without any test nothing can judge a patch, and notes wait: write tests, or set `tests`",
    )  # fmt: skip
