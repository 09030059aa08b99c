"""Running collected pytest items directly.

`pytest.main` for each candidate reached 17 candidates a second; calling the setup, call and
teardown hooks of items that were collected once skips reporting, capturing and collecting.
"""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

QUIET: tuple[str, ...] = ("logging-plugin", "capturemanager", "faulthandler", "unraisableexception")
QUIET += ("threadexception", "terminalreporter", "cacheprovider", "lfplugin", "nfplugin")


try:
    from _pytest.tmpdir import tmppath_result_key as _TMP_PATH
except ImportError:  # before pytest 7.3
    _TMP_PATH = None  # type: ignore[assignment]


class Skipped(Exception):
    """The test skipped itself: neither passed nor failed."""


def run_item(item: pytest.Item, following: pytest.Item | None = None) -> BaseException | None:
    """Set the test up, call it, tear it down; what it raised, or None when it passed."""
    raised: BaseException | None = None
    try:
        item.ihook.pytest_runtest_setup(item=item)
        item.ihook.pytest_runtest_call(item=item)
    except pytest.skip.Exception as error:
        raised = Skipped(str(error))
    except BaseException as error:  # noqa: BLE001 - a test may raise anything, SystemExit too
        raised = error
    if _TMP_PATH is not None:  # its teardown asks for what the reporting would have left
        item.stash[_TMP_PATH] = {"setup": True, "call": raised is None}
    try:
        item.session._setupstate.teardown_exact(following)
    except BaseException as error:  # noqa: BLE001
        raised = raised or error
    return raised


def runner(item: pytest.Item) -> Callable[[], BaseException | None]:
    """The cheapest way to run this item that does all that pytest would do for it."""
    arguments = plain_arguments(item)
    if arguments is None:
        return lambda: run_item(item)
    function = item.obj  # type: ignore[attr-defined]

    def direct() -> BaseException | None:
        try:
            function(**arguments)
        except pytest.skip.Exception as error:
            return Skipped(str(error))
        except BaseException as error:  # noqa: BLE001
            return error
        return None

    return direct


# pytest's own, and plugins that do nothing for a plain synchronous function
HARMLESS = ("_pytest.", "pytest_timeout", "_hypothesis_pytestplugin", "anyio.", "pytest_asyncio")


def plain_arguments(item: pytest.Item) -> dict[str, Any] | None:
    """The arguments of a plain test function that needs nothing but them, else None.

    Plain: a module's function, no fixture (autouse and xunit set-up are fixtures too), only direct
    parameters, no skip or xfail mark, and no foreign plugin or conftest that hooks into its run.
    """
    if type(item) is not pytest.Function or item.cls is not None:
        return None
    if inspect.iscoroutinefunction(item.obj) or hasattr(item.obj, "hypothesis"):
        return None
    if any(mark.name in ("skipif", "skip", "xfail") for mark in item.iter_markers()):
        return None
    for hook in ("pytest_runtest_setup", "pytest_runtest_call", "pytest_pyfunc_call"):
        for found in getattr(item.ihook, hook).get_hookimpls():
            if not str(found.function.__module__).startswith(HARMLESS):
                return None
    callspec = getattr(item, "callspec", None)
    params = dict(callspec.params) if callspec is not None else {}
    made = item._fixtureinfo.name2fixturedefs
    for name in item.fixturenames:
        defs = made.get(name, ())
        if name not in params or any("direct_param" not in d.func.__name__ for d in defs):
            return None
    return {name: params[name] for name in item._fixtureinfo.argnames}


@contextlib.contextmanager
def quietly(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Without the plugins that only watch and report, unless a test asks for their fixture."""
    manager = config.pluginmanager
    asked = {name for item in items for name in getattr(item, "fixturenames", ())}
    keep = {"logging-plugin"} if "caplog" in asked else set()
    keep |= (
        {"capturemanager"} if asked & {"capsys", "capfd", "capsysbinary", "capfdbinary"} else set()
    )
    taken = []
    for name in QUIET:
        plugin = manager.get_plugin(name)
        if plugin is not None and name not in keep:
            manager.unregister(plugin)
            taken.append((name, plugin))
    try:
        yield
    finally:
        for name, plugin in reversed(taken):
            manager.register(plugin, name)
