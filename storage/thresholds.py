"""Below which confidence the bot says that it does not know, by audience. Queries never commit."""

from sqlmodel import Session, col, select

from storage import audit
from storage.audience import WORKSPACE
from storage.columns import utc_now
from storage.tables import Setting

_BY = "evaluation"


def read(session: Session, team_id: str, audience: str, *, by_meaning: bool) -> float | None:
    """A private channel without one of its own has the workspace's."""
    for name in (audience, WORKSPACE):
        if (found := _find(session, team_id, _key(name, by_meaning))) is not None:
            return float(found.value)
    return None


def write(session: Session, team_id: str, audience: str, below: float, *, by_meaning: bool) -> None:
    key, value = _key(audience, by_meaning), round(below, 4)
    row = _find(session, team_id, key) or Setting(team_id=team_id, key=key, changed_by=_BY)
    if row.value == value:
        return
    audit.record(
        session, team_id, actor=_BY, action="settings.changed", subject=f"settings:{audience}",
        audience=audience, details={"before": {key: row.value}, "after": {key: value}},
    )  # fmt: skip
    row.value, row.changed_at = value, utc_now()
    session.add(row)
    session.flush()


def _find(session: Session, team_id: str, key: str) -> Setting | None:
    return session.exec(
        select(Setting).where(col(Setting.team_id) == team_id, col(Setting.key) == key)
    ).first()


def _key(audience: str, by_meaning: bool) -> str:
    return f"unsure_below:{'meaning' if by_meaning else 'words'}:{audience}"
