"""
The audit table: who changed what and when. Entries are only ever added.

Every change of an example, a setting, a right or a model records itself in the transaction that
makes it. What anybody wrote is never recorded, only ids, counts and words of our own; so an entry
needs no erasing when a text does. Two things are possible besides adding, because people have a
right to them: a person's id is replaced by their pseudonym, and a workspace takes everything away.
"""

from typing import Any

from sqlalchemy import delete, insert, update
from sqlmodel import Session, col, select

from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.tables import AuditEntry, Setting

#: What a pseudonym begins with; the trigger lets nothing else be written over a person's id.
ERASED = "erased-"
#: While this setting exists, the trigger lets a workspace's entries be deleted.
_PURGING = "purging_audit"
_INSERT = insert(AuditEntry)


def record(
    session: Session,
    team_id: str,
    *,
    actor: str,
    action: str,
    subject: str,
    audience: str = WORKSPACE,
    details: dict[str, Any] | None = None,
) -> None:
    """Add an entry to the transaction that makes the change; see ``AuditEntry`` for the words."""
    # Not as an object: several entries a vote, and nobody looks at one again in its transaction.
    session.connection().execute(
        _INSERT,
        {
            "team_id": team_id,
            "at": utc_now(),
            "actor": actor,
            "action": action,
            "subject": subject,
            "audience": audience,
            "details": details or {},
        },
    )


def entries(
    session: Session, team_id: str, viewer: Viewer, *, after: int = 0, limit: int | None = None
) -> list[AuditEntry]:
    """What the viewer may know of, oldest first, from the one behind the id ``after`` on."""
    return list(
        session.exec(
            select(AuditEntry)
            .where(
                col(AuditEntry.team_id) == team_id,
                col(AuditEntry.audience).in_(viewer.audiences),
                col(AuditEntry.id) > after,
            )
            .order_by(col(AuditEntry.id))
            .limit(limit)
        )
    )


def pseudonymise(session: Session, team_id: str, user_id: str, pseudonym: str) -> None:
    """
    Put a pseudonym in a person's place, for good; what was done stays on record.

    Raises:
        ValueError: the pseudonym does not begin with ``ERASED``.
    """
    if not pseudonym.startswith(ERASED):
        raise ValueError(f"A pseudonym begins with {ERASED}.")
    session.flush()
    session.connection().execute(
        update(AuditEntry)
        .where(col(AuditEntry.team_id) == team_id, col(AuditEntry.actor) == user_id)
        .values(actor=pseudonym)
    )
    session.connection().execute(
        update(AuditEntry)
        .where(col(AuditEntry.team_id) == team_id, col(AuditEntry.subject) == person(user_id))
        .values(subject=person(pseudonym))
    )
    session.expire_all()


def purge(session: Session, team_id: str) -> None:
    """Delete every entry of a workspace that has left; once more does nothing."""
    own = select(AuditEntry.id).where(col(AuditEntry.team_id) == team_id)
    if session.exec(own.limit(1)).first() is None:
        return
    leave = Setting(team_id=team_id, key=_PURGING, value=True, changed_by="uninstall")
    session.add(leave)
    session.flush()
    session.connection().execute(delete(AuditEntry).where(col(AuditEntry.team_id) == team_id))
    session.delete(leave)
    session.flush()


def person(user_id: str) -> str:
    """The subject of an entry about a person."""
    return f"person:{user_id}"
