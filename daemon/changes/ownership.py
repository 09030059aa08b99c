"""What a replaced file keeps: owner, mode, access list; and what a new one is given."""

import contextlib
import errno
import os
import stat

OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How a file of the module is opened: never through a link, never waiting on a pipe."""


def like_folder(folder: int, new: int, mode: int) -> None:
    """What is new gets the folder's owner and mode, so that a strict umask hides nothing."""
    above = os.fstat(folder)
    with contextlib.suppress(PermissionError):
        os.fchown(new, above.st_uid, above.st_gid)
    os.fchmod(new, stat.S_IMODE(above.st_mode) & mode)


def keep_owner_and_mode(folder: int, leaf: str, spare: int) -> bool:
    """The new file, open as `spare`, gets what the old one has; False when there is no old file.

    Raises PermissionError when the owner cannot be kept.
    """
    try:
        source = os.open(leaf, OPEN_FILE, dir_fd=folder)
    except FileNotFoundError:
        return False
    try:
        old, new = os.fstat(source), os.fstat(spare)
        if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
            _give_to(spare, old, leaf)
        for name in os.listxattr(source):  # access lists and labels, where they can be set
            with contextlib.suppress(OSError):
                os.setxattr(spare, name, os.getxattr(source, name))
        os.fchmod(spare, stat.S_IMODE(old.st_mode))
        return True
    finally:
        os.close(source)


def _give_to(spare: int, old: os.stat_result, leaf: str) -> None:
    try:
        os.fchown(spare, old.st_uid, old.st_gid)
    except PermissionError:
        raise PermissionError(
            errno.EPERM,
            f"it belongs to user {old.st_uid}, group {old.st_gid}, which mendd (user "
            f'{os.geteuid()}) cannot keep; run mendd as that user or set git = "branch"',
            leaf,
        ) from None
