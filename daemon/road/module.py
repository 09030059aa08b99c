"""A target's settings as the value the sandbox knows it by."""

from daemon.settings import TargetSettings
from sandbox.module import share_of_a_test
from sandbox.trial import Module


def module_of(target: TargetSettings) -> Module:
    """The target as the sandbox knows it."""
    writable = {"auto": None, "yes": True, "no": False}[target.writable_tree]
    return Module(
        name=target.name,
        root=target.path,
        command=target.tests,
        python=target.python or None,
        requirements=requirements_of(target),
        exclude=target.exclude,
        writable_tree=writable,
        junit_xml=target.junit_xml or None,
        env=target.env,
        test_timeout_s=target.test_timeout_s or share_of_a_test(target.timeout_s),
    )


def requirements_of(target: TargetSettings) -> tuple[str, ...] | None:
    """The files named, none for `["-"]`, and what the sandbox finds where none is named."""
    return () if target.requirements == ("-",) else target.requirements or None
