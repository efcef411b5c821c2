"""Who is to learn what became of an example: whoever brought it, unless they decided themselves."""

from datetime import timedelta

from sqlmodel import Session, col, select

from bot.curation.rulings import is_ruling
from storage import votes
from storage.columns import utc_now
from storage.tables import ContributorNotice, Example

#: How long a decision may be undone, and others of the same person gather, before anybody is told.
QUIET = timedelta(minutes=15)


def is_decided(session: Session, example: Example, by: str) -> None:
    """Plan the one notice about an example, where somebody else brought it."""
    contributor = contributor_of(session, example)
    if contributor is None or contributor == by:
        return
    notice = _notice(session, example, contributor)
    if notice is None:
        assert example.id is not None
        notice = ContributorNotice(
            team_id=example.team_id, example_id=example.id, user_id=contributor
        )
    if notice.told_at is None:
        notice.due_at = utc_now() + QUIET
        session.add(notice)
        session.flush()


def is_open_again(session: Session, example: Example) -> None:
    """Call off a notice nobody was sent yet: the decision was taken back."""
    contributor = contributor_of(session, example)
    notice = _notice(session, example, contributor) if contributor else None
    if notice is not None and notice.told_at is None:
        session.delete(notice)
        session.flush()


def contributor_of(session: Session, example: Example) -> str | None:
    """Who voted for it first, by reaction, button or form; None for what was imported."""
    return next((vote.user_id for vote in votes.on(session, example) if not is_ruling(vote)), None)


def _notice(session: Session, example: Example, user_id: str) -> ContributorNotice | None:
    return session.exec(
        select(ContributorNotice).where(
            col(ContributorNotice.team_id) == example.team_id,
            col(ContributorNotice.example_id) == example.id,
            col(ContributorNotice.user_id) == user_id,
        )
    ).first()
