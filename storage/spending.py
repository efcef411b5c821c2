"""What runs took: money and hours of a month, and how fast a trainer was. Queries never commit."""

from datetime import datetime

from sqlmodel import Session, col, select

from bot.budget import Spent, month_of
from storage import deployments
from storage.tables import Run

#: The newest so many runs say how fast a trainer is.
MEASURED_RUNS = 5


def spent_in_month(session: Session, team_id: str, now: datetime) -> Spent:
    """
    The month's runs whose job began, what was billed where that is known, else the estimate; and
    what deployments cost until now, asked or not.

    A sum over all audiences: it says nothing of what any of them learned.
    """
    found = session.exec(
        select(Run).where(col(Run.team_id) == team_id, col(Run.training_at) >= month_of(now))
    )
    dollars = hours = 0.0
    for run in found:
        dollars += run.cost if run.cost is not None else run.estimate.get("dollars") or 0.0
        hours += _hours(run, now)
    dollars += deployments.hosting(session, team_id, month_of(now), now)
    return Spent(dollars, hours)


def _hours(run: Run, now: datetime) -> float:
    if run.training_seconds is not None:
        return run.training_seconds / 3600
    assert run.training_at is not None
    # While a run rests, it takes none; one that is cancelled then took none since.
    until = run.paused_at or run.ended_at or now
    hours = (until - run.training_at).total_seconds() / 3600
    return hours if run.ended_at else max(hours, run.estimate.get("hours") or 0.0)


def tokens_per_second(session: Session, team_id: str, trainer: str) -> float | None:
    """Tokens as they were estimated, by the seconds their training took; None: never measured."""
    found = session.exec(
        select(Run)
        .where(
            col(Run.team_id) == team_id,
            col(Run.trainer) == trainer,
            col(Run.training_seconds) > 0,
        )
        .order_by(col(Run.id).desc())
        .limit(MEASURED_RUNS)
    ).all()
    tokens = sum(run.estimate.get("tokens") or 0 for run in found)
    seconds = sum(run.training_seconds or 0.0 for run in found)
    return tokens / seconds if tokens and seconds else None
