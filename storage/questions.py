"""The queue of questions put to the bot, oldest first. Queries never commit."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, or_
from sqlmodel import Session, col, func, select, update
from sqlmodel.sql.expression import SelectOfScalar

from storage.columns import is_due, moments, utc_now
from storage.tables import OutboxMessage, Question, QuestionState, Standing

_KEY = "answer:"
_OPEN = (QuestionState.QUEUED, QuestionState.ANSWERING)


def answer_key(question_id: int) -> str:
    """The outbox key of a question's answer."""
    return f"{_KEY}{question_id}"


def ask(
    session: Session,
    team_id: str,
    *,
    channel_id: str,
    message_ts: str,
    thread_ts: str,
    user_id: str,
    queue_limit: int,
) -> Question:
    """
    Put a question into the queue, or DECLINE it when ``queue_limit`` questions wait already.

    Asking twice about one message returns what became of the first.
    """
    known = find(session, team_id, channel_id, message_ts)
    if known is not None:
        return known
    is_full = waiting(session, team_id) >= queue_limit
    state = QuestionState.DECLINED if is_full else QuestionState.QUEUED
    return _add(session, team_id, channel_id, message_ts, thread_ts, user_id, state)


def decline(
    session: Session,
    team_id: str,
    *,
    channel_id: str,
    message_ts: str,
    thread_ts: str,
    user_id: str,
) -> Question:
    """Note a question that is not answered because of who asked, or where."""
    known = find(session, team_id, channel_id, message_ts)
    if known is not None:
        return known
    state = QuestionState.DECLINED
    return _add(session, team_id, channel_id, message_ts, thread_ts, user_id, state)


def find(session: Session, team_id: str, channel_id: str, message_ts: str) -> Question | None:
    """The question asked by a message."""
    return session.exec(
        select(Question).where(
            col(Question.team_id) == team_id,
            col(Question.channel_id) == channel_id,
            col(Question.message_ts) == message_ts,
        )
    ).first()


def find_by_answer(
    session: Session, team_id: str, channel_id: str, answer_ts: str
) -> Question | None:
    """The question that one of the bot's own messages answers."""
    return session.exec(
        select(Question).where(
            col(Question.team_id) == team_id,
            col(Question.channel_id) == channel_id,
            col(Question.answer_ts) == answer_ts,
        )
    ).first()


def waiting(session: Session, team_id: str) -> int:
    """How many questions wait for their turn."""
    return session.exec(
        select(func.count())
        .select_from(Question)
        .where(col(Question.team_id) == team_id, col(Question.state) == QuestionState.QUEUED)
    ).one()


def before(session: Session, question: Question) -> int:
    """How many questions are answered before this one, those under work included."""
    return session.exec(
        select(func.count())
        .select_from(Question)
        .where(
            col(Question.team_id) == question.team_id,
            col(Question.state).in_(_OPEN),
            col(Question.id) < question.id,
        )
    ).one()


def queued(session: Session, limit: int) -> list[Question]:
    """Those that wait, the next one first."""
    return list(
        session.exec(
            select(Question)
            .where(col(Question.state) == QuestionState.QUEUED)
            .order_by(col(Question.id))
            .limit(limit)
        )
    )


def has_due(session: Session, now: datetime | None = None) -> bool:
    """Say whether ``claim`` would find a question; reading needs no turn to write."""
    return session.exec(_due(now or utc_now())).first() is not None


def claim(session: Session, now: datetime | None = None) -> Question | None:
    """Take the oldest question whose time has come; ANSWERING until ended or handed back."""
    now = now or utc_now()
    question = session.exec(_due(now).with_for_update(skip_locked=True)).first()
    if question is not None:
        question.state = QuestionState.ANSWERING
        question.attempts += 1
        question.started_at = question.started_at or now
        session.add(question)
    return question


def chose(
    session: Session,
    question_id: int,
    version_name: str | None,
    example_ids: Sequence[int],
    canary_id: int | None = None,
    standing: Standing = Standing.SURE,
) -> None:
    """Note with which strategy the question is being answered, and in which canary it counts."""
    question = session.get_one(Question, question_id)
    question.version_name, question.example_ids = version_name, list(example_ids)
    question.canary_id, question.engine_failed = canary_id, False
    question.standing = standing
    session.add(question)


def engine_failed(session: Session, question_id: int) -> None:
    """Note that the chosen strategy gave no answer."""
    question = session.get_one(Question, question_id)
    question.engine_failed = True
    session.add(question)


def outcomes(
    session: Session,
    team_id: str,
    version_name: str | None,
    *,
    limit: int,
    since: datetime | None = None,
    before: datetime | None = None,
    canary_id: int | None = None,
) -> list[Question]:
    """The newest questions a version answered, or failed to; None is the base model."""
    has_ended = or_(
        col(Question.state) == QuestionState.ANSWERED,
        and_(col(Question.state) == QuestionState.FAILED, col(Question.engine_failed)),
    )
    found = select(Question).where(
        col(Question.team_id) == team_id,
        col(Question.version_name) == version_name,
        col(Question.standing) == Standing.SURE,
        has_ended,
    )
    if since is not None:
        found = found.where(col(Question.asked_at) >= since)
    if before is not None:
        found = found.where(col(Question.asked_at) < before)
    if canary_id is not None:
        found = found.where(col(Question.canary_id) == canary_id)
    return list(session.exec(found.order_by(col(Question.id).desc()).limit(limit)))


def end(session: Session, question_id: int, state: QuestionState, error: str | None = None) -> None:
    """Close a question; what people see of it is in the outbox by now."""
    question = session.get_one(Question, question_id)
    question.state, question.error, question.ended_at = state, error, utc_now()
    session.add(question)


def retry_later(session: Session, question: Question, not_before: datetime, error: str) -> None:
    """Hand a question back to the queue, with its count of attempts, until its time comes."""
    row = session.get_one(Question, question.id)
    row.state, row.attempts = QuestionState.QUEUED, question.attempts
    row.not_before, row.error = not_before, error
    session.add(row)


def note_answer_ts(session: Session, row: OutboxMessage) -> None:
    """Note where the answer is, if the outbox row is one; so a ✅ on it finds its question."""
    if row.key.startswith(_KEY) and row.message_ts:
        question = session.get_one(Question, int(row.key.removeprefix(_KEY)))
        question.answer_ts = row.message_ts
        session.add(question)


def take_up_again(session: Session) -> int:
    """Put what a crash left under work back into the queue; returns how many questions."""
    result = session.exec(
        update(Question)
        .where(col(Question.state) == QuestionState.ANSWERING)
        .values(state=QuestionState.QUEUED)
    )
    return int(result.rowcount)


def _add(
    session: Session,
    team_id: str,
    channel_id: str,
    message_ts: str,
    thread_ts: str,
    user_id: str,
    state: QuestionState,
) -> Question:
    question = Question(
        team_id=team_id, channel_id=channel_id, message_ts=message_ts, thread_ts=thread_ts,
        user_id=user_id, state=state,
    )  # fmt: skip
    question.ended_at = utc_now() if state is QuestionState.DECLINED else None
    session.add(question)
    session.flush()
    return question


def _due(now: datetime) -> SelectOfScalar[Question]:
    return (
        select(Question)
        .where(col(Question.state) == QuestionState.QUEUED, is_due(col(Question.not_before)))
        .params(moments(now))
        .order_by(col(Question.id))
        .limit(1)
    )
