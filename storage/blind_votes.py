"""Blind votes on pairs of answers: numbers and ids, no text. Queries never commit."""

from sqlmodel import Session, col, delete, select

from storage.tables import BlindVote


def of_run(session: Session, team_id: str, run_id: int) -> list[BlindVote]:
    return list(
        session.exec(
            select(BlindVote)
            .where(col(BlindVote.team_id) == team_id, col(BlindVote.run_id) == run_id)
            .order_by(col(BlindVote.id))
        )
    )


def put(session: Session, vote: BlindVote) -> None:
    """Keep a vote; a second one of the same person on the same question takes its place."""
    before = session.exec(
        select(BlindVote).where(
            col(BlindVote.team_id) == vote.team_id,
            col(BlindVote.run_id) == vote.run_id,
            col(BlindVote.snapshot_row_id) == vote.snapshot_row_id,
            col(BlindVote.user_id) == vote.user_id,
        )
    ).first()
    if before is not None:
        session.delete(before)
        session.flush()
    session.add(vote)
    session.flush()


def forget(session: Session, team_id: str, user_id: str) -> int:
    """Delete a person's votes, for who could vote once more counts once; returns how many."""
    cast = delete(BlindVote).where(col(BlindVote.team_id) == team_id)
    return int(session.exec(cast.where(col(BlindVote.user_id) == user_id)).rowcount)
