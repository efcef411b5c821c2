"""
What people said of single answers, counted by the version that answered. Queries never commit.

One person has one opinion of one answer: whoever says both 👍 and ❌ counts as ❌. A conversation
is one vote, that of the majority, because all its answers come from one side of a canary; people
who are divided say nothing (decision 0122).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, delete, select

from storage.tables import Feedback, Question

#: Conversations people liked and disliked.
Tally = tuple[int, int]


def note(
    session: Session, question: Question, *, key: str, user_id: str, value: int, order_key: str
) -> bool:
    """Keep an opinion, or the newer one of the same key; returns whether it was news."""
    row = _find(session, question.team_id, key)
    if row is not None and order_key <= row.order_key:
        return False
    assert question.id is not None
    row = row or Feedback(
        team_id=question.team_id, key=key, question_id=question.id, user_id=user_id,
        value=value, order_key=order_key,
    )  # fmt: skip
    row.value, row.order_key = value, order_key
    session.add(row)
    session.flush()
    return True


def take_back(session: Session, team_id: str, key: str, order_key: str) -> None:
    """Take back what was said under ``key``, unless something newer was."""
    row = _find(session, team_id, key)
    if row is not None and order_key > row.order_key:
        row.value, row.order_key = 0, order_key
        session.add(row)


def undo(session: Session, team_id: str, key: str, order_key: str) -> None:
    """Take back what was said at ``order_key``; a newer event counts again."""
    row = _find(session, team_id, key)
    if row is not None and row.order_key == order_key:
        row.value = 0
        session.add(row)


def is_liked(session: Session, question: Question) -> bool:
    """Say whether somebody's 👍 on the answer to a question stands."""
    liked = col(Feedback.question_id) == question.id, col(Feedback.value) > 0
    return session.exec(select(Feedback.id).where(*liked)).first() is not None


def forget(session: Session, team_id: str, user_id: str) -> int:
    """
    Delete what a person said; returns how many opinions. Without a name they would count beside
    whatever the same person says later, as if somebody else had said them (decision 0123).
    """
    said = delete(Feedback).where(col(Feedback.team_id) == team_id)
    return int(session.exec(said.where(col(Feedback.user_id) == user_id)).rowcount)


def of_canary(
    session: Session, team_id: str, canary_id: int, *, without: str | None = None
) -> dict[str | None, Tally]:
    """By the version that answered, None is the base model; ``without`` what one person said."""
    which = [col(Question.canary_id) == canary_id]
    if without is not None:
        which.append(col(Feedback.user_id) != without)
    return _tally(session, team_id, which)


def voters(session: Session, team_id: str, canary_id: int) -> list[str]:
    """Who said something in a canary."""
    return list(
        session.exec(
            select(Feedback.user_id)
            .join(Question, col(Question.id) == col(Feedback.question_id))
            .where(
                col(Question.team_id) == team_id,
                col(Question.canary_id) == canary_id,
                col(Feedback.value) != 0,
            )
            .distinct()
        )
    )


def of_version(
    session: Session,
    team_id: str,
    version_name: str | None,
    *,
    since: datetime | None = None,
    before: datetime | None = None,
) -> Tally:
    """Of a version's answers to what was asked in a time; None is the base model."""
    which = [col(Question.version_name) == version_name]
    if since is not None:
        which.append(col(Question.asked_at) >= since)
    if before is not None:
        which.append(col(Question.asked_at) < before)
    return _tally(session, team_id, which).get(version_name, (0, 0))


def _tally(
    session: Session, team_id: str, which: Sequence[ColumnElement[bool]]
) -> dict[str | None, Tally]:
    place = col(Question.version_name), col(Question.channel_id), col(Question.thread_ts)
    opinions = (
        select(*place, func.min(col(Feedback.value)).label("value"))
        .join(Feedback, col(Feedback.question_id) == col(Question.id))
        .where(col(Question.team_id) == team_id, col(Feedback.value) != 0, *which)
        .group_by(*place, col(Feedback.question_id), col(Feedback.user_id))
        .subquery()
    )
    by = opinions.c
    conversations = (
        select(by.version_name, (func.sum(by.value) > 0).label("is_good"))
        .group_by(by.version_name, by.channel_id, by.thread_ts)
        .having(func.sum(by.value) != 0)
        .subquery()
    )
    found = conversations.c
    counted: Any = select(found.version_name, found.is_good, func.count()).group_by(
        found.version_name, found.is_good
    )
    tally: dict[str | None, Tally] = {}
    for name, is_good, number in session.exec(counted):
        good, bad = tally.get(name, (0, 0))
        tally[name] = (number, bad) if is_good else (good, number)
    return tally


def _find(session: Session, team_id: str, key: str) -> Feedback | None:
    return session.exec(
        select(Feedback).where(col(Feedback.team_id) == team_id, col(Feedback.key) == key)
    ).first()
