"""What can go wrong between the inbox and the archive.

ReflectionsError         the root of this package's family
  UnreadableNote         a file, or one record of it, is not a reflection (an expected end)
  InboxUnusable          the watched folder cannot be listed, or a file cannot be moved
  StoreUnwritable        store or archive could not be written; what was there before still is
  StoreDamaged           store.json is not what mendd wrote; it was left as it is
  NotOpen                the work asked for is not (or no longer) in the store
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reflections.reflection import Reflection


class ReflectionsError(Exception):
    """Something in this package could not be done; says what, to what, and what to do next."""


class UnreadableNote(ReflectionsError):
    """A note, or a record of it, is not a reflection: `reason` says why, `where` is a place.

    `where` reads like "record 2 (line 3 column 7)". `readable` holds the reflections of the same
    file that are good: take them in, and keep the file for the others.
    """

    def __init__(
        self, reason: str, where: str = "", *, readable: "tuple[Reflection, ...]" = ()
    ) -> None:
        self.reason = reason
        self.where = where
        self.readable = readable
        super().__init__(f"{where}: {reason}" if where else reason)


class InboxUnusable(ReflectionsError):
    """The watched folder cannot be used at all, or a file in it cannot be moved away."""


class StoreUnwritable(ReflectionsError):
    """Nothing was written; the old content is whole. Usually a full disk."""


class StoreDamaged(ReflectionsError):
    """The store cannot be read and was not touched; a person has to look."""


class NotOpen(ReflectionsError):
    """No open work carries this id."""
