"""`store.json`: the open works as documents of a TinyDB table."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from tinydb import TinyDB
from tinydb.table import Document

from reflections.errors import StoreDamaged
from reflections.storage import AtomicStorage
from reflections.work import Work

SCHEMA = 1


class WorkFile:
    """Loads and changes the documents; each change is one durable write of the whole file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._storage = AtomicStorage(path)

    @property
    def stamp(self) -> tuple[int, int, int] | None:
        """Changes whenever the file on disk does."""
        return self._storage.stamp

    def load(self) -> dict[str, Work]:
        """All works by id; StoreDamaged, and nothing touched, if one of them cannot be read."""
        database = self._database()
        schema = database.table("schema").get(doc_id=1)
        version = schema["version"] if isinstance(schema, Document) else SCHEMA
        if version != SCHEMA:
            raise StoreDamaged(
                f"{self._path} has layout {version}, this mendd knows {SCHEMA}; it was not "
                "touched. Use the version of mendd that wrote it."
            )
        try:
            works = [Work.from_json(document) for document in database.table("work").all()]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StoreDamaged(
                f"{self._path} holds work that cannot be read ({error!r}); it was not touched. "
                "Restore it from a backup."
            ) from None
        return {work.id: work for work in works}

    def save(self, changes: Mapping[str, Work | None]) -> None:
        """Put works in, or for None out. StoreUnwritable leaves the file as it was."""
        numbers = {_number(id_): work for id_, work in changes.items()}
        database = self._database()
        with self._storage.together():
            database.table("schema").upsert(Document({"version": SCHEMA}, doc_id=1))
            table = database.table("work")
            table.remove(doc_ids=[number for number in numbers if table.contains(doc_id=number)])
            table.insert_multiple(
                Document(work.to_json(), doc_id=number)
                for number, work in numbers.items()
                if work is not None
            )

    def _database(self) -> TinyDB:
        return TinyDB(storage=lambda: self._storage)


def _number(id_: str) -> int:
    """TinyDB's number for an id; counted numbers would clash between two handles on one file."""
    return int(sha256(id_.encode()).hexdigest()[:15], 16)
