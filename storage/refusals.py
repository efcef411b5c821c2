"""
How often requests were refused since the admins heard of it, by what was wrong with them.

Counted in the workspace's settings, so that a restart forgets none. Queries never commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from storage.columns import utc_now
from storage.tables import Setting

_BY = "webhook"
_NOTHING: dict[str, Any] = {"untold": 0, "told_at": None, "newest": {}}


@dataclass(frozen=True)
class Untold:
    """``last_told`` is when the admins heard of such a thing; ``newest`` says what it was."""

    number: int
    last_told: datetime | None
    newest: Mapping[str, Any]


def count(session: Session, team_id: str, why: str, number: int, newest: Mapping[str, Any]) -> None:
    """Add to what the admins have not heard of."""
    row = _find(session, team_id, why) or Setting(
        team_id=team_id, key=_key(why), value=_NOTHING, changed_by=_BY
    )
    untold = row.value["untold"] + number
    row.value, row.changed_at = {**row.value, "untold": untold, "newest": {**newest}}, utc_now()
    session.add(row)
    session.flush()


def due(session: Session, team_id: str, why: str, now: datetime, pause: timedelta) -> Untold | None:
    """What to tell now; None where there is nothing new, or the admins heard not long ago."""
    row = _find(session, team_id, why)
    if row is None or not row.value["untold"]:
        return None
    last = datetime.fromisoformat(row.value["told_at"]) if row.value["told_at"] else None
    if last and now - last < pause:
        return None
    return Untold(row.value["untold"], last, row.value["newest"])


def told(session: Session, team_id: str, why: str, now: datetime) -> None:
    """Begin to count anew."""
    row = _find(session, team_id, why)
    if row is not None:
        row.value = {**row.value, "untold": 0, "told_at": now.isoformat()}
        session.add(row)
        session.flush()


def _find(session: Session, team_id: str, why: str) -> Setting | None:
    return session.exec(
        select(Setting).where(col(Setting.team_id) == team_id, col(Setting.key) == _key(why))
    ).first()


def _key(why: str) -> str:
    return f"refused:{why}"
