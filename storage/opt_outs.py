"""
Who wants nothing of theirs kept, and who was told that something was. Queries never commit.

Both outlive the person's data, so they hold a digest of the id instead of the id. It is no secret
(who knows an id can test it), but nothing in the table names anybody.
"""

from collections.abc import Collection

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from storage.ledger import digest
from storage.tables import OptOut, ToldAuthor

# Put together once: capture asks these for every vote, and that takes longer than asking.
_OPTED_OUT = select(OptOut.person).where(
    col(OptOut.team_id) == bindparam("team_id"),
    col(OptOut.person).in_(bindparam("people", expanding=True)),
)
_TOLD = select(ToldAuthor.id).where(
    col(ToldAuthor.team_id) == bindparam("team_id"), col(ToldAuthor.person) == bindparam("person")
)


def opt_out(session: Session, team_id: str, user_id: str) -> bool:
    """Keep nothing of a person from now on; returns whether that is news."""
    return opt_out_digest(session, team_id, digest(team_id, user_id))


def opt_out_digest(session: Session, team_id: str, person: str) -> bool:
    """The same of somebody who is known by their digest alone."""
    known = select(OptOut).where(col(OptOut.team_id) == team_id, col(OptOut.person) == person)
    if session.exec(known).first() is not None:
        return False
    session.add(OptOut(team_id=team_id, person=person))
    session.flush()
    return True


def opted_out(session: Session, team_id: str, user_ids: Collection[str]) -> frozenset[str]:
    """Those of the people of whom nothing may be kept."""
    people = {digest(team_id, user_id): user_id for user_id in user_ids}
    asked = {"team_id": team_id, "people": list(people)}
    session.flush()
    found = session.connection().execute(_OPTED_OUT, asked).scalars()
    return frozenset(people[person] for person in found)


def is_opted_out(session: Session, team_id: str, user_id: str) -> bool:
    return bool(opted_out(session, team_id, [user_id]))


def is_first_capture(session: Session, team_id: str, user_id: str) -> bool:
    """Say whether the person is still to be told that answers are kept; True only once."""
    person = digest(team_id, user_id)
    session.flush()
    known = session.connection().execute(_TOLD, {"team_id": team_id, "person": person}).first()
    if known is None:
        session.add(ToldAuthor(team_id=team_id, person=person))
        session.flush()
    return known is None
