"""Actions by name: registered, looked up, discovered in other packages, called."""

import difflib
import logging
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic

from daemon.actions.action import Action, ActionError, C

GROUP = "mendd.actions"
log = logging.getLogger("mendd.actions")


class UnknownAction(ActionError):
    """No action has that name; says which near names there are."""


class Registry(Generic[C]):
    """Actions that work with the same context, in the order they were registered."""

    def __init__(self, actions: Iterable[Action[C]] = (), *, noun: str = "action") -> None:
        """`noun` is what an action is called where an unknown one is answered."""
        self._noun = noun
        self._actions: dict[str, Action[C]] = {}
        for action in actions:
            self.register(action)

    def __iter__(self) -> Iterator[Action[C]]:
        return iter(tuple(self._actions.values()))

    def __len__(self) -> int:
        return len(self._actions)

    def __contains__(self, name: object) -> bool:
        return name in self._actions

    def register(self, action: Action[C]) -> Action[C]:
        """Add an action. One of the same name is overwritten, which is logged as a warning."""
        before = self._actions.get(action.name)
        if before is not None and before != action:
            log.warning(
                "action %s from %s is overwritten by the one from %s",
                action.name, _origin(before), _origin(action),
            )  # fmt: skip
        self._actions[action.name] = action
        return action

    def get(self, name: str) -> Action[C]:
        """The action of that name. Raises UnknownAction with the nearest names."""
        action = self._actions.get(name)
        if action is not None:
            return action
        near = difflib.get_close_matches(name[:100], self._actions, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        known = ", ".join(self._actions) or "none"
        noun = self._noun
        raise UnknownAction(f"There is no {noun} {name[:100]!r}. {hint}The {noun}s are: {known}.")

    def call(self, name: str, sent: Any, context: C) -> Any:
        """Look up, check what was sent, execute. Raises ActionError, and what the action raises."""
        return self.get(name).call(sent, context)

    def discover(self, group: str = GROUP) -> list[str]:
        """Register what installed packages offer as entry points; what could not be, in words.

        An entry point names an Action or a sequence of them. A broken one is logged and skipped,
        whole: a package that is half there would be harder to understand than one that is not.
        """
        troubles = []
        for entry in sorted(entry_points(group=group), key=lambda each: each.name):
            try:
                for action in _offered(entry):
                    self.register(action)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's import
                trouble = f"{entry.name} ({entry.value}): {type(error).__name__}: {error}"
                log.warning("no actions from the plug-in %s", trouble)
                troubles.append(trouble)
        return troubles


def _offered(entry: EntryPoint) -> list[Action[Any]]:
    """The actions of one entry point, all of them whole. Raises whatever keeps it from that."""
    found = entry.load()
    actions = [found] if isinstance(found, Action) else list(found)
    for action in actions:
        if not isinstance(action, Action):
            raise TypeError(f"{type(action).__name__} is no Action")
        action.parameters  # noqa: B018 - a schema that cannot be made shows here, not in a session
    return actions


def _origin(action: Action[Any]) -> str:
    return str(getattr(action.execute, "__module__", None) or "an unknown module")
