"""
Results of probes, and the one read that looks outside an audience. Queries never commit.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlmodel import Session, col, select

from storage.audience import WORKSPACE
from storage.tables import Example, ExampleState, ProbeResult


class Forbidden(NamedTuple):
    """An example that a model must not know. For the leak test alone: goes to no person."""

    example_id: int
    revision: int
    question: str
    answer: str


def results_of(session: Session, team_id: str, model_digest: str) -> dict[str, bool]:
    """By key, whether the model passed each probe it was asked so far."""
    rows = session.exec(
        select(ProbeResult).where(
            col(ProbeResult.team_id) == team_id, col(ProbeResult.model_digest) == model_digest
        )
    )
    return {row.key: row.passed for row in rows}


def keep(session: Session, team_id: str, model_digest: str, results: Mapping[str, bool]) -> None:
    """Keep results that are not kept yet."""
    known = results_of(session, team_id, model_digest)
    for key, passed in results.items():
        if key not in known:
            session.add(
                ProbeResult(team_id=team_id, model_digest=model_digest, key=key, passed=passed)
            )


def forbidden_to(session: Session, team_id: str, audience: str, limit: int) -> list[Forbidden]:
    """
    Approved examples that a model of ``audience`` must not know, a fixed choice of them.

    What is returned may be put to the model and compared with what it says, and is then dropped:
    it is neither stored nor shown, so no viewer is asked for.
    """
    rows = session.exec(
        select(Example)
        .where(
            col(Example.team_id) == team_id,
            col(Example.state) == ExampleState.APPROVED,
            col(Example.audience).not_in({WORKSPACE, audience}),
        )
        .order_by(col(Example.id))
        .limit(limit)
    )
    return [Forbidden(row.id or 0, row.revision, row.question, row.answer) for row in rows]
