"""
How the words of an example come about: kept from a lesson, followed, edited, corrected.

Decides who may change what is known. Runs inside the caller's transaction; votes are counted by
``bot.curation.capture``.
"""

from typing import Any

from sqlmodel import Session

from bot.curation.ballot import Ballot
from bot.curation.forgetting import Grace, look_again, move
from bot.curation.lesson import Lesson
from storage import audit, erasure, revisions, votes
from storage.audience import WORKSPACE
from storage.columns import utc_now
from storage.tables import Example, ExampleState, RevisionReason, Source


def new_example(team_id: str, audience: str, lesson: Lesson) -> Example:
    """What a lesson says, as an example for which nobody has voted yet."""
    example = Example(
        team_id=team_id,
        audience=audience,
        # Until its vote is counted, in the same transaction, nobody vouches for it.
        state=ExampleState.WITHDRAWN,
        question=lesson.question,
        context=list(lesson.context),
        answer=lesson.answer,
        question_source=lesson.question_source,
        answer_source=lesson.answer_source,
        tags=list(lesson.tags or ()),
        original_answer=_original(lesson),
    )
    if at := lesson.at:
        example.channel_id, example.thread_ts = at.channel_id, at.thread_ts
        example.question_ts, example.answer_ts = at.question_ts, at.answer_ts
        example.asker_id, example.author_id = at.asker_id, at.author_id
        example.permalink = at.permalink
    return example


def follow(
    session: Session, example: Example, audience: str, lesson: Lesson, ballot: Ballot
) -> bool:
    """
    Bring a known example up to what its thread or a form says now, where nobody else vouched for
    it.

    A curator also takes in what the author has added since, and edits or corrects it in a form.
    An audience is only ever narrowed. Returns whether the words changed.

    Raises:
        EditedMeanwhileError: it was changed while the form was open.
    """
    if audience != WORKSPACE and example.audience == WORKSPACE:
        # What the workspace was taught of it is taken back, as when Slack says it turned private.
        move(session, example, audience, Grace(utc_now()))
        record(session, example, ballot.user_id, "example.narrowed")
    if ballot.value < 0 or not _may_change(session, example, lesson, ballot):
        return False
    changed = _changed(example, lesson)
    if not changed:
        return False
    if "answer" in changed and lesson.is_edited:
        _keep_original(example, lesson, ballot)
    reason = _reason(lesson)
    revisions.change(session, example, ballot.user_id, reason, based_on=lesson.based_on, **changed)
    record(session, example, ballot.user_id, f"example.{_ACTIONS[reason]}",
           revision=example.revision)  # fmt: skip
    if lesson.is_correction:
        _retire_votes(session, example, ballot)
    return True


def keep_messages(
    session: Session, example: Example, lesson: Lesson, ballot: Ballot, *, is_new: bool = False
) -> None:
    """Note whose words an example holds, message by message."""
    if lesson.at is None:
        return
    messages = lesson.at.all_messages()
    erasure.record_messages(session, example, messages, is_new=is_new)
    if lesson.is_edited:
        # A thread is read when it is kept; a form was filled in before.
        keys = [f"{lesson.at.channel_id}:{ts}" for ts, _, _ in messages]
        look_again(session, example.team_id, keys, ballot.order_key)


def record(session: Session, example: Example, actor: str, action: str, **details: Any) -> None:
    """Note in the audit table what somebody did to an example."""
    audit.record(
        session,
        example.team_id,
        actor=actor,
        action=action,
        subject=f"example:{example.id}",
        audience=example.audience,
        details=details,
    )


_ACTIONS = {
    RevisionReason.FOLLOWED: "revised",
    RevisionReason.EDITED: "revised",
    RevisionReason.CORRECTED: "corrected",
}


def _may_change(session: Session, example: Example, lesson: Lesson, ballot: Ballot) -> bool:
    if example.original_answer is not None and not lesson.is_edited:
        return False  # a person put other words in the place of the thread's
    has_grown = lesson.answer.startswith(example.answer)
    if ballot.by_curator and (lesson.is_edited or has_grown):
        return True
    others = [
        vote for vote in votes.on(session, example)
        if vote.value and vote.user_id != ballot.user_id
    ]  # fmt: skip
    if lesson.is_correction:
        # Who marked the old answer as wrong vouches for nothing that a better one would lose.
        return all(vote.value < 0 for vote in others)
    return not others


def _changed(example: Example, lesson: Lesson) -> dict[str, Any]:
    """What the lesson says otherwise. A form does not show the turns before, so it keeps them."""
    said: dict[str, Any] = {"question": lesson.question, "answer": lesson.answer}
    if not lesson.is_edited:
        said["context"] = list(lesson.context)
    if lesson.tags is not None:
        said["tags"] = list(lesson.tags)
    changed = {name: value for name, value in said.items() if getattr(example, name) != value}
    # Turns alone are no news: they are read anew with every vote.
    return changed if changed.keys() - {"context"} else {}


def _keep_original(example: Example, lesson: Lesson, ballot: Ballot) -> None:
    """Keep what stood in Slack beside what a person made of it, whatever is edited later."""
    if example.original_answer is None and example.answer_source in (
        Source.SLACK_MESSAGE,
        Source.BOT_ANSWER,
    ):
        example.original_answer = example.answer
    if lesson.is_correction:
        example.answer_source, example.author_id = Source.AUTHORED, ballot.user_id


def _retire_votes(session: Session, example: Example, ballot: Ballot) -> None:
    """Votes were about the answer that was corrected; their order stays, so none comes back."""
    for vote in votes.on(session, example):
        if vote.key != ballot.key and vote.value:
            vote.value = 0
            session.add(vote)
            record(session, example, ballot.user_id, "vote.retired", vote=vote.id)


def _reason(lesson: Lesson) -> RevisionReason:
    if lesson.is_correction:
        return RevisionReason.CORRECTED
    return RevisionReason.EDITED if lesson.is_edited else RevisionReason.FOLLOWED


def _original(lesson: Lesson) -> str | None:
    is_other = lesson.original is not None and lesson.original != lesson.answer
    return lesson.original if is_other else None
