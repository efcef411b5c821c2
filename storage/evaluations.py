"""Answers given while strategies are compared, and what came of it."""

from sqlmodel import Session, col, select

from storage.audience import Viewer
from storage.tables import Evaluation, EvaluationAnswer, Run


def answers_of(
    session: Session, team_id: str, run_id: int, viewer: Viewer
) -> list[EvaluationAnswer]:
    """A run's answers so far; they quote examples, so a viewer outside the audience gets none."""
    return list(
        session.exec(
            select(EvaluationAnswer)
            .join(Run, col(Run.id) == col(EvaluationAnswer.run_id))
            .where(
                col(EvaluationAnswer.team_id) == team_id,
                col(EvaluationAnswer.run_id) == run_id,
                col(Run.audience).in_(viewer.audiences),
            )
            .order_by(col(EvaluationAnswer.id))
        )
    )


def answered_before(
    session: Session, team_id: str, asked: str, viewer: Viewer
) -> EvaluationAnswer | None:
    """An answer to the same, for whoever may see the run it was given in."""
    return session.exec(
        select(EvaluationAnswer)
        .join(Run, col(Run.id) == col(EvaluationAnswer.run_id))
        .where(
            col(EvaluationAnswer.team_id) == team_id,
            col(EvaluationAnswer.asked) == asked,
            col(Run.audience).in_(viewer.audiences),
        )
        .limit(1)
    ).first()


def of_run(session: Session, team_id: str, run_id: int) -> Evaluation | None:
    return session.exec(
        select(Evaluation).where(
            col(Evaluation.team_id) == team_id, col(Evaluation.run_id) == run_id
        )
    ).first()


def of_version(session: Session, team_id: str, version_id: int) -> Evaluation | None:
    """The newest evaluation of a version."""
    return session.exec(
        select(Evaluation)
        .where(col(Evaluation.team_id) == team_id, col(Evaluation.version_id) == version_id)
        .order_by(col(Evaluation.id).desc())
    ).first()


def of_audience(session: Session, team_id: str, audience: str, viewer: Viewer) -> list[Evaluation]:
    """All evaluations of an audience's versions, the newest first."""
    if audience not in viewer.audiences:
        return []
    return list(
        session.exec(
            select(Evaluation)
            .join(Run, col(Run.id) == col(Evaluation.run_id))
            .where(col(Evaluation.team_id) == team_id, col(Run.audience) == audience)
            .order_by(col(Evaluation.id).desc())
        )
    )
