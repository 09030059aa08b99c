"""Names derived from a work's id, which may hold any character, for files, branches and changes."""

import hashlib


def short_id(work_id: str) -> str:
    """Ten characters that stand for a work's id where any character will not do."""
    return hashlib.sha256(work_id.encode()).hexdigest()[:10]


def change_owner(change_id: str, work_id: str) -> bool:
    """Whether a change of the module was made for this work."""
    return change_id.startswith(f"{short_id(work_id)}-")
