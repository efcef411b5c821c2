"""
Questions the bot could not answer, read for somebody. Queries never commit.

What was asked in a private channel is there for its members alone.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from bot.errors import NotFoundError
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.tables import (
    Question,
    Unanswered,
    UnansweredAsk,
    UnansweredState,
    WhyUnanswered,
)


@dataclass(frozen=True)
class OpenQuestion:
    """An unanswered question, how often it was asked and by how many people."""

    unanswered: Unanswered
    asks: int
    askers: int


def most_asked(
    session: Session, team_id: str, viewer: Viewer, *, offset: int = 0, limit: int = 10
) -> list[OpenQuestion]:
    """The open questions the viewer may know of, the most asked first."""
    asks = func.count(col(UnansweredAsk.id))
    askers = func.count(sa.distinct(col(UnansweredAsk.user_id)))
    rows = session.exec(
        select(Unanswered, asks, askers)
        .join(UnansweredAsk, col(UnansweredAsk.unanswered_id) == col(Unanswered.id))
        .where(*_open(team_id, viewer))
        .group_by(col(Unanswered.id))
        .order_by(asks.desc(), askers.desc(), col(Unanswered.id))
        .offset(offset)
        .limit(limit)
    )
    return [OpenQuestion(*row) for row in rows]


def asked_in_vain(
    session: Session, team_id: str, viewer: Viewer, *, limit: int
) -> list[Unanswered]:
    """
    Open questions to which nothing fitted or the model itself did not know, the most asked first.

    Those that a wrong answer alone brought on the list may have a right one that was taught.
    """
    asks = func.count(col(UnansweredAsk.id))
    return list(
        session.exec(
            select(Unanswered)
            .join(UnansweredAsk, col(UnansweredAsk.unanswered_id) == col(Unanswered.id))
            .where(*_open(team_id, viewer), col(UnansweredAsk.why) != WhyUnanswered.BAD_ANSWER)
            .group_by(col(Unanswered.id))
            .order_by(asks.desc(), col(Unanswered.id))
            .limit(limit)
        )
    )


def count_open(session: Session, team_id: str, viewer: Viewer) -> int:
    """How many open questions the viewer may know of."""
    asked = select(UnansweredAsk.id).where(col(UnansweredAsk.unanswered_id) == col(Unanswered.id))
    return session.exec(
        select(func.count()).select_from(Unanswered).where(*_open(team_id, viewer), asked.exists())
    ).one()


def get(session: Session, team_id: str, viewer: Viewer, unanswered_id: int) -> Unanswered:
    """
    Raises:
        NotFoundError: there is no such question for this viewer.
    """
    found = session.exec(
        select(Unanswered).where(
            col(Unanswered.team_id) == team_id,
            col(Unanswered.audience).in_(viewer.audiences),
            col(Unanswered.id) == unanswered_id,
        )
    ).first()
    if found is None:
        raise NotFoundError("That question is not on your list any more.")
    return found


def of_question(session: Session, question: Question) -> Unanswered | None:
    """What a question somebody asked was counted as, if it was asked in vain."""
    ask = _ask_of(session, question)
    return session.get(Unanswered, ask.unanswered_id) if ask else None


def note(
    session: Session,
    question: Question,
    *,
    audience: str,
    topic: str,
    text: str,
    why: WhyUnanswered,
) -> Unanswered:
    """Count one time a question was asked in vain; the same message counts once."""
    assert question.id is not None
    known = _with_topic(session, question.team_id, audience, topic)
    if known is None:
        known = Unanswered(team_id=question.team_id, audience=audience, topic=topic, text=text)
        session.add(known)
        session.flush()
    assert known.id is not None
    if _ask_of(session, question) is None:
        known.last_asked_at = utc_now()
        session.add(known)
        session.add(
            UnansweredAsk(
                team_id=question.team_id,
                unanswered_id=known.id,
                question_id=question.id,
                user_id=question.user_id,
                why=why,
            )
        )
        session.flush()
    return known


def take_back(session: Session, question: Question, why: WhyUnanswered | None = None) -> None:
    """Forget that a question was asked in vain, with ``why`` only if that was the reason."""
    ask = _ask_of(session, question)
    if ask is not None and why in (None, ask.why):
        session.delete(ask)
        session.flush()


def narrow(session: Session, team_id: str, channel_id: str) -> int:
    """
    Let what everybody could read, and was first asked in a channel, be its members' alone: the
    words are whose asked first. Returns how many questions.
    """
    asks = session.exec(
        select(UnansweredAsk, Unanswered, Question.channel_id)
        .join(Unanswered, col(Unanswered.id) == col(UnansweredAsk.unanswered_id))
        .join(Question, col(Question.id) == col(UnansweredAsk.question_id))
        .where(col(Unanswered.team_id) == team_id, col(Unanswered.audience) == WORKSPACE)
        .order_by(col(UnansweredAsk.id))
    )
    by_question: dict[int, list[tuple[UnansweredAsk, Unanswered, str]]] = {}
    for ask, known, place in asks:
        by_question.setdefault(ask.unanswered_id, []).append((ask, known, place))
    own = [rows for rows in by_question.values() if rows[0][2] == channel_id]
    for rows in own:
        _narrow(session, rows[0][1], channel_id, [ask for ask, _, at in rows if at == channel_id])
    session.flush()
    return len(own)


def _narrow(
    session: Session, known: Unanswered, channel_id: str, asks: list[UnansweredAsk]
) -> None:
    there = _with_topic(session, known.team_id, channel_id, known.topic)
    if there is None:
        there = Unanswered(**known.model_dump(exclude={"id"}) | {"audience": channel_id})
        session.add(there)
        session.flush()
    assert there.id is not None
    for ask in asks:
        ask.unanswered_id = there.id
        session.add(ask)
    session.flush()
    session.expire(known)
    session.delete(known)
    session.flush()


def _open(team_id: str, viewer: Viewer) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(Unanswered.team_id) == team_id,
        col(Unanswered.audience).in_(viewer.audiences),
        col(Unanswered.state) == UnansweredState.OPEN,
    )


def _with_topic(session: Session, team_id: str, audience: str, topic: str) -> Unanswered | None:
    return session.exec(
        select(Unanswered).where(
            col(Unanswered.team_id) == team_id,
            col(Unanswered.audience) == audience,
            col(Unanswered.topic) == topic,
        )
    ).first()


def _ask_of(session: Session, question: Question) -> UnansweredAsk | None:
    return session.exec(
        select(UnansweredAsk).where(
            col(UnansweredAsk.team_id) == question.team_id,
            col(UnansweredAsk.question_id) == question.id,
        )
    ).first()
