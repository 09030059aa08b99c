"""What can go wrong between the inbox and the archive.

ReflectionsError         the root of this package's family
  UnreadableNote         a file, or one record of it, is not a reflection (an expected end)
  InboxUnusable          the watched folder cannot be listed, or a file cannot be moved
  StoreUnwritable        store or archive could not be written; what was there before still is
  StoreDamaged           store.json is not what mendd wrote; it was left as it is
  NotOpen                the work asked for is not (or no longer) in the store
"""


class ReflectionsError(Exception):
    """Something in this package could not be done; says what, to what, and what to do next."""


class UnreadableNote(ReflectionsError):
    """A note is not a reflection: `reason` says why, `where` is a place such as "record 2"."""

    def __init__(self, reason: str, where: str = "") -> None:
        self.reason = reason
        self.where = where
        super().__init__(f"{where}: {reason}" if where else reason)


class InboxUnusable(ReflectionsError):
    """The watched folder cannot be used at all, or a file in it cannot be moved away."""


class StoreUnwritable(ReflectionsError):
    """Nothing was written; the old content is whole. Usually a full disk."""


class StoreDamaged(ReflectionsError):
    """The store cannot be read and was not touched; a person has to look."""


class NotOpen(ReflectionsError):
    """No open work carries this id."""
