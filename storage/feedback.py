"""
What people said of single answers, counted by the version that answered. Queries never commit.

One person has one opinion of one answer: whoever says both 👍 and ❌ counts as ❌. Who was
forgotten and says the same once more adds nothing: the opinion without a name may be their own.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from storage import opt_outs
from storage.audit import ERASED
from storage.tables import Feedback, Question

#: Good and bad opinions.
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


def of_canary(session: Session, team_id: str, canary_id: int) -> dict[str | None, Tally]:
    """By the version that answered; None is the base model."""
    return _tally(session, team_id, [col(Question.canary_id) == canary_id])


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
    if repeated := _repeated(session, team_id, which):
        which = [*which, col(Feedback.id).not_in(repeated)]
    opinions = (
        select(
            col(Question.version_name).label("name"), func.min(col(Feedback.value)).label("value")
        )
        .join(Feedback, col(Feedback.question_id) == col(Question.id))
        .where(col(Question.team_id) == team_id, col(Feedback.value) != 0, *which)
        .group_by(col(Question.version_name), col(Feedback.question_id), col(Feedback.user_id))
        .subquery()
    )
    counted: Any = select(opinions.c.name, opinions.c.value, func.count()).group_by(
        opinions.c.name, opinions.c.value
    )
    tally: dict[str | None, Tally] = {}
    for name, value, number in session.exec(counted):
        good, bad = tally.get(name, (0, 0))
        tally[name] = (number, bad) if value > 0 else (good, number)
    return tally


def _repeated(
    session: Session, team_id: str, which: Sequence[ColumnElement[bool]]
) -> list[int | None]:
    """What people say who opted out, on answers of which somebody without a name says the same."""
    nameless = aliased(Feedback)
    same = (
        select(Feedback)
        .join(Question, col(Question.id) == col(Feedback.question_id))
        .join(nameless, col(nameless.question_id) == col(Feedback.question_id))
        .where(
            col(Question.team_id) == team_id,
            *which,
            col(Feedback.value) != 0,
            col(nameless.value) == col(Feedback.value),
            col(nameless.user_id).startswith(ERASED),
            col(Feedback.user_id).not_like(f"{ERASED}%"),
        )
    )
    found = session.exec(same).all()
    left = opt_outs.opted_out(session, team_id, {row.user_id for row in found}) if found else ()
    return [row.id for row in found if row.user_id in left]


def _find(session: Session, team_id: str, key: str) -> Feedback | None:
    return session.exec(
        select(Feedback).where(col(Feedback.team_id) == team_id, col(Feedback.key) == key)
    ).first()
