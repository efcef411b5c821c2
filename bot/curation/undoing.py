"""
Taking back what a reviewer decided. The newest decision about an example goes first, so that
everything returns to exactly what it was.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from bot.curation import contributors
from bot.curation.forgetting import Grace, move
from bot.curation.near_duplicates import note_near_duplicates
from bot.curation.review import Reviewer
from bot.curation.rule_on import restore_state, take_back
from bot.errors import AlreadyDecidedError, ChangedSinceError, NotYourDecisionError
from storage import audit, examples, near_duplicates, review, revisions, unanswered
from storage.audience import WORKSPACE
from storage.columns import utc_now
from storage.tables import (
    Example,
    ExampleState,
    NearDuplicateState,
    ReviewAction,
    RevisionReason,
    UnansweredState,
    Verb,
    Wording,
)


def undo(session: Session, team_id: str, by: Reviewer, action_id: int) -> ReviewAction:
    """
    Take a decision back, once.

    Raises:
        NotFoundError: there is none that this reviewer may see.
        NotYourDecisionError: others may decide anew, but not take it back.
        AlreadyDecidedError: it was taken back before.
        ChangedSinceError: something else happened to the example after it.
    """
    action = review.get(session, team_id, by.viewer, action_id)
    if by.user_id not in (action.actor_id, action.seconded_by):
        raise NotYourDecisionError
    if action.undone_at is not None:
        raise AlreadyDecidedError
    newest = review.newest_about(session, team_id, _about(action))
    if newest is not None and newest.id != action.id:
        raise ChangedSinceError
    _REVERSE[action.verb](session, by, action)
    action.undone_at, action.undone_by = utc_now(), by.user_id
    session.add(action)
    audit.record(
        session, team_id, actor=by.user_id, action=f"review.undo_{action.verb}",
        subject=f"example:{action.example_id}" if action.example_id else
        f"question:{action.other_id}",
        audience=action.audience, details={"action": action.id, "other": action.other_id},
    )  # fmt: skip
    session.flush()
    return action


def _about(action: ReviewAction) -> set[int]:
    if action.example_id is None:
        return set()
    is_pair = action.verb in review.ABOUT_PAIRS and action.other_id is not None
    return {action.example_id, action.other_id or 0} if is_pair else {action.example_id}


def _ruling(session: Session, by: Reviewer, action: ReviewAction) -> None:
    for ruling in reversed(action.before["rulings"]):
        take_back(session, ruling)


def _edit(session: Session, by: Reviewer, action: ReviewAction) -> None:
    example = _example(session, by, action)
    if not _says_the_same(session, by, example, action.before["after"]):
        raise ChangedSinceError
    earlier = {
        revision.number: revision
        for revision in revisions.of_example(
            session, action.team_id, by.viewer, action.example_id or 0
        )
    }[action.before["revision"]]
    revisions.change(
        session, example, by.user_id, RevisionReason.RESTORED,
        question=earlier.question, answer=earlier.answer, context=list(earlier.context),
    )  # fmt: skip
    note_near_duplicates(session, example)


def _merge(session: Session, by: Reviewer, action: ReviewAction) -> None:
    assert action.other_id is not None
    other = examples.get(session, action.team_id, by.viewer, action.other_id)
    other.merged_into = None
    session.add(other)
    _drop_wordings(session, action)
    near_duplicates.resolve(
        session, action.team_id, by.viewer, action.before["pair"], NearDuplicateState.OPEN,
        by.user_id,
    )  # fmt: skip
    restore_state(session, other, ExampleState(action.before["merged_state"]))
    contributors.is_open_again(session, other)
    _ruling(session, by, action)


def _keep_apart(session: Session, by: Reviewer, action: ReviewAction) -> None:
    near_duplicates.resolve(
        session, action.team_id, by.viewer, action.before["pair"], NearDuplicateState.OPEN,
        by.user_id,
    )  # fmt: skip


def _change_audience(session: Session, by: Reviewer, action: ReviewAction) -> None:
    """
    Return to the audience before. Where that is everybody, nothing may have been added since:
    it would be widened without a second member.
    """
    example, before = _example(session, by, action), action.before["audience"]
    if example.audience != action.before["to"] or before not in by.viewer.audiences:
        raise ChangedSinceError
    if before == WORKSPACE and _has_grown(session, by, example, action):
        raise ChangedSinceError
    move(session, example, before, Grace(utc_now(), by.serve_days))
    note_near_duplicates(session, example)


def _withdraw_request(session: Session, by: Reviewer, action: ReviewAction) -> None:
    """Nothing happened yet but that somebody asked."""


def _confirm(session: Session, by: Reviewer, action: ReviewAction) -> None:
    example, before = _example(session, by, action), action.before
    example.reviewed_at = _time(before["reviewed_at"])
    example.stale_since, example.stale_reason = _time(before["stale_since"]), before["stale_reason"]
    session.add(example)


def _take_edit(session: Session, by: Reviewer, action: ReviewAction) -> None:
    _edit(session, by, action)
    _confirm(session, by, action)


def _add_wording(session: Session, by: Reviewer, action: ReviewAction) -> None:
    _drop_wordings(session, action)


def _dismiss(session: Session, by: Reviewer, action: ReviewAction) -> None:
    question = unanswered.get(session, action.team_id, by.viewer, action.other_id or 0)
    if question.state is not UnansweredState.DISMISSED:
        raise ChangedSinceError
    question.state = UnansweredState.OPEN
    session.add(question)


def _example(session: Session, by: Reviewer, action: ReviewAction) -> Example:
    return examples.get(session, action.team_id, by.viewer, action.example_id or 0)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _has_grown(session: Session, by: Reviewer, example: Example, action: ReviewAction) -> bool:
    newer = session.exec(
        select(Wording.id).where(
            col(Wording.team_id) == example.team_id,
            col(Wording.example_id) == example.id,
            col(Wording.created_at) > action.made_at,
        )
    ).first()
    return newer is not None or not _says_the_same(session, by, example, action.before["revision"])


def _says_the_same(session: Session, by: Reviewer, example: Example, number: int) -> bool:
    """An edit that was undone raised the number and left the words as they were."""
    if example.revision == number:
        return True
    kept = revisions.of_example(session, example.team_id, by.viewer, example.id or 0)
    words = {revision.number: (revision.question, revision.answer) for revision in kept}
    return words.get(number) == (example.question, example.answer)


def _drop_wordings(session: Session, action: ReviewAction) -> None:
    for wording_id in action.before["wordings"]:
        wording = session.get(Wording, wording_id)
        if wording is not None:
            session.delete(wording)
    session.flush()


_REVERSE: dict[Verb, Callable[[Session, Reviewer, ReviewAction], Any]] = {
    Verb.APPROVE: _ruling,
    Verb.REJECT: _ruling,
    Verb.SETTLE: _ruling,
    Verb.EDIT: _edit,
    Verb.MERGE: _merge,
    Verb.KEEP_APART: _keep_apart,
    Verb.CHANGE_AUDIENCE: _change_audience,
    Verb.ASK_AUDIENCE: _withdraw_request,
    Verb.CONFIRM: _confirm,
    Verb.TAKE_EDIT: _take_edit,
    Verb.ADD_WORDING: _add_wording,
    Verb.DISMISS: _dismiss,
}
