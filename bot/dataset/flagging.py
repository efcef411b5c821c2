"""Near-duplicates among what was imported: noted for people, never dropped."""

from collections.abc import Sequence

from sqlmodel import Session, col, func, select

from bot.curation.near_duplicates import note_near_duplicates
from storage.tables import Example, NearDuplicate

#: Each comparison is a search, and the import holds the database as long; more wait for a check.
COMPARED = 2000


def flag_near_duplicates(session: Session, example_ids: Sequence[int]) -> tuple[int, int]:
    """Note pairs of the first ``COMPARED`` examples; returns how many, and how many are left."""
    before = _pairs(session)
    for example_id in example_ids[:COMPARED]:
        note_near_duplicates(session, session.get_one(Example, example_id))
    session.flush()
    return _pairs(session) - before, len(example_ids[COMPARED:])


def _pairs(session: Session) -> int:
    return session.exec(select(func.count(col(NearDuplicate.id)))).one()
