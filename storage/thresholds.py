"""
Below which confidence the bot does not answer, by audience. Queries never commit.

``lines`` are for serving; ``drawn_on`` is how much was known when they were drawn.
"""

from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import Session, col, select

from storage import audit
from storage.audience import WORKSPACE
from storage.columns import utc_now
from storage.tables import Setting

_BY = "calibration"


@dataclass(frozen=True)
class Lines:
    """
    Confidence below ``unsure_below`` says that nothing fits, below ``sure_from`` that it is not
    sure whether something does; None where too little is known to draw a line.
    """

    unsure_below: float | None = None
    sure_from: float | None = None


def read(session: Session, team_id: str, audience: str, *, by_meaning: bool) -> Lines:
    """A private channel without a line of its own has the workspace's."""
    found: dict[str, float] = {}
    for place in (WORKSPACE, audience):
        for name in asdict(Lines()):
            if (row := _find(session, team_id, _key(name, place, by_meaning))) is not None:
                found[name] = float(row.value)
    return Lines(**found)


def write(session: Session, team_id: str, audience: str, lines: Lines, *, by_meaning: bool) -> None:
    """Keep the lines that were drawn; one that was not stays as it is."""
    for name, value in asdict(lines).items():
        if value is not None:
            key = _key(name, audience, by_meaning)
            before = _put(session, team_id, key, value)
            if before != value:
                audit.record(
                    session, team_id, actor=_BY, action="settings.changed",
                    subject=f"settings:{audience}", audience=audience,
                    details={"before": {key: before}, "after": {key: value}},
                )  # fmt: skip


def drawn_on(session: Session, team_id: str, audience: str) -> int:
    """How many examples and wordings were known when the lines were drawn last."""
    row = _find(session, team_id, _drawn(audience))
    return 0 if row is None else int(row.value)


def note_drawn(session: Session, team_id: str, audience: str, known: int) -> None:
    _put(session, team_id, _drawn(audience), known)


def _put(session: Session, team_id: str, key: str, value: float) -> Any:
    """Returns what was there before."""
    row = _find(session, team_id, key) or Setting(team_id=team_id, key=key, changed_by=_BY)
    before = row.value
    row.value, row.changed_at = value, utc_now()
    session.add(row)
    session.flush()
    return before


def _find(session: Session, team_id: str, key: str) -> Setting | None:
    return session.exec(
        select(Setting).where(col(Setting.team_id) == team_id, col(Setting.key) == key)
    ).first()


def _key(name: str, audience: str, by_meaning: bool) -> str:
    return f"{name}:{'meaning' if by_meaning else 'words'}:{audience}"


def _drawn(audience: str) -> str:
    return f"lines_drawn:{audience}"
