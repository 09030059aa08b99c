"""Which kept sessions are still needed: those of open work, and the newest that show a habit."""

from daemon.desk.workshop import Workshop
from daemon.prompting.begin import sessions_of
from daemon.prompting.book import Book, load_all
from daemon.prompting.kept import prune


def forget_sessions(book: Book, shop: Workshop) -> None:
    """Remove the files that neither open work nor a replay to come needs."""
    needed = {digest for work in shop.store.all() for digest in sessions_of(work)}
    for each in (book, *load_all(shop.state, but=book)):
        shown = [looked.digest for looked in each.sessions if looked.counts]
        needed.update(shown[-shop.settings.learn.keep :])
    prune(shop.state, needed)
