"""
The verbs of review. Each runs inside the caller's transaction, does nothing twice, leaves a
``ReviewAction`` that can be taken back (``bot.curation.undoing``), and is in the audit.

``seen`` is the revision the reviewer had in sight: nobody decides about words they never saw.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.curation import contributors
from bot.curation.audience import check_may_move
from bot.curation.forgetting import SERVE_DAYS, Grace, move
from bot.curation.lesson import typed
from bot.curation.near_duplicates import note_near_duplicates
from bot.curation.rule_on import check_is_news, rule_on
from bot.curation.settling import rules_of
from bot.errors import (
    AlreadyDecidedError,
    DifferentAudienceError,
    EditedMeanwhileError,
    NotAllowedError,
)
from storage import audit, examples, near_duplicates, review, revisions, unanswered
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.rules import Rules
from storage.tables import (
    Example,
    ExampleState,
    NearDuplicate,
    NearDuplicateState,
    ReviewAction,
    RevisionReason,
    UnansweredState,
    Verb,
    Wording,
)

GOOD, BAD = 1, -1


@dataclass(frozen=True)
class Reviewer:
    """Who decides, what they may see at this moment, and whether they curate by a place's rules."""

    user_id: str
    viewer: Viewer
    curates: Callable[[Rules], bool] = lambda rules: True
    #: How long a version may go on answering that learned what fewer people may hear now.
    serve_days: float = SERVE_DAYS


def approve(
    session: Session, team_id: str, by: Reviewer, example_id: int, seen: int | None = None
) -> ReviewAction:
    """
    Raises:
        NotFoundError, EditedMeanwhileError, AlreadyDecidedError: why not.
    """
    return _decide(session, team_id, by, Verb.APPROVE, example_id, seen)


def reject(
    session: Session, team_id: str, by: Reviewer, example_id: int, seen: int | None = None
) -> ReviewAction:
    """
    Raises:
        NotFoundError, EditedMeanwhileError, AlreadyDecidedError: why not.
    """
    return _decide(session, team_id, by, Verb.REJECT, example_id, seen)


def edit(
    session: Session,
    team_id: str,
    by: Reviewer,
    example_id: int,
    question: str,
    answer: str,
    seen: int,
) -> ReviewAction:
    """
    Give an example other words.

    Raises:
        NotFoundError, EditedMeanwhileError, AlreadyDecidedError, CaptureError: why not.
    """
    example = find(session, team_id, by, example_id, seen)
    question, answer = typed("question", question), typed("answer", answer)
    if (question, answer) == (example.question, example.answer):
        raise AlreadyDecidedError
    before = {"revision": example.revision}
    revisions.change(
        session, example, by.user_id, RevisionReason.EDITED,
        based_on=seen, question=question, answer=answer,
    )  # fmt: skip
    note_near_duplicates(session, example)
    return _keep(session, by, Verb.EDIT, example, {**before, "after": example.revision})


def merge(session: Session, team_id: str, by: Reviewer, pair_id: int, kept_id: int) -> ReviewAction:
    """
    Keep one example of a pair, with the other's question and wordings as wordings of its own.

    The other keeps its votes, its author and a link to the one that stays; keeping one is also
    a vote for it.

    Raises:
        NotFoundError, AlreadyDecidedError: why not.
        DifferentAudienceError: the two are for different people.
    """
    pair = near_duplicates.get(session, team_id, by.viewer, pair_id)
    kept, other = _of_pair(session, by, pair, kept_id)
    if kept.audience != other.audience:
        raise DifferentAudienceError
    action = _new(session, by, Verb.MERGE, kept, other.id)
    ruling = rule_on(session, kept, by.user_id, GOOD, action)
    state = other.state
    other.merged_into, other.state = kept.id, ExampleState.WITHDRAWN
    other.updated_at = utc_now()
    session.add(other)
    added = _take_wordings(session, by, kept, other)
    near_duplicates.resolve(
        session, team_id, by.viewer, pair_id, NearDuplicateState.MERGED, by.user_id
    )
    contributors.is_decided(session, other, by.user_id)
    action.before = {
        "rulings": [ruling.undo], "wordings": added, "pair": pair_id, "merged_state": state.value,
    }  # fmt: skip
    return _recorded(session, action)


def keep_apart(session: Session, team_id: str, by: Reviewer, pair_id: int) -> ReviewAction:
    """
    Say that both examples of a pair are right as they are.

    Raises:
        NotFoundError, AlreadyDecidedError: why not.
    """
    pair = near_duplicates.get(session, team_id, by.viewer, pair_id)
    first, second = _of_pair(session, by, pair, pair.first_id)
    near_duplicates.resolve(
        session, team_id, by.viewer, pair_id, NearDuplicateState.KEPT_APART, by.user_id
    )
    return _keep(session, by, Verb.KEEP_APART, first, {"pair": pair_id}, second)


def settle(
    session: Session, team_id: str, by: Reviewer, pair_id: int, right_id: int
) -> ReviewAction:
    """
    Of two examples that contradict each other say which is right; the other one is rejected.

    Raises:
        NotFoundError, AlreadyDecidedError: why not.
    """
    pair = near_duplicates.get(session, team_id, by.viewer, pair_id)
    right, wrong = _of_pair(session, by, pair, right_id)
    action = _new(session, by, Verb.SETTLE, right, wrong.id, _narrowest(right, wrong))
    rulings = [
        rule_on(session, right, by.user_id, GOOD, action).undo,
        rule_on(session, wrong, by.user_id, BAD, action).undo,
    ]
    action.before = {"rulings": rulings}
    return _recorded(session, action)


def change_audience(
    session: Session, team_id: str, by: Reviewer, example_id: int, audience: str
) -> ReviewAction:
    """
    Say who may hear an example. What leaves a private channel needs two of its members: the
    first one asks (``Verb.ASK_AUDIENCE``), a second one agrees (``agree``).

    Raises:
        NotFoundError, AlreadyDecidedError: why not.
        NotAMemberError: the reviewer is not in the channel it would be for.
    """
    example = find(session, team_id, by, example_id)
    check_may_move(by.viewer, example, audience)
    if asked := review.open_request(session, example):
        if asked.before["to"] != audience or asked.actor_id == by.user_id:
            raise AlreadyDecidedError
        return agree(session, team_id, by, _id(asked))
    before = {"audience": example.audience, "to": audience, "revision": example.revision}
    if example.audience != WORKSPACE:
        return _keep(session, by, Verb.ASK_AUDIENCE, example, before)
    _move(session, by, example, audience)
    return _keep(session, by, Verb.CHANGE_AUDIENCE, example, before)


def agree(session: Session, team_id: str, by: Reviewer, action_id: int) -> ReviewAction:
    """
    Agree, as a second member, to what another member asked for.

    Raises:
        NotFoundError, EditedMeanwhileError, AlreadyDecidedError: why not.
        NotAMemberError: the reviewer is not in the channel it would be for.
    """
    action = review.get(session, team_id, by.viewer, action_id)
    is_open = action.verb is Verb.ASK_AUDIENCE and action.undone_at is None
    if not is_open or action.actor_id == by.user_id:
        raise AlreadyDecidedError
    assert action.example_id is not None
    example = find(session, team_id, by, action.example_id, action.before["revision"])
    if example.audience != action.before["audience"]:
        raise EditedMeanwhileError(example.revision)
    check_may_move(by.viewer, example, action.before["to"])
    _move(session, by, example, action.before["to"])
    action.verb, action.seconded_by = Verb.CHANGE_AUDIENCE, by.user_id
    return _recorded(session, action, by.user_id)


def refuse(session: Session, team_id: str, by: Reviewer, action_id: int) -> ReviewAction:
    """
    Take another member's wish to let others hear an example off the list.

    Raises:
        NotFoundError, AlreadyDecidedError: why not.
    """
    action = review.get(session, team_id, by.viewer, action_id)
    if action.verb is not Verb.ASK_AUDIENCE or action.undone_at is not None:
        raise AlreadyDecidedError
    action.undone_at, action.undone_by = utc_now(), by.user_id
    return _recorded(session, action, by.user_id, "review.refuse_audience")


def confirm(
    session: Session, team_id: str, by: Reviewer, example_id: int, seen: int | None = None
) -> ReviewAction:
    """
    Say that a stale example is still right.

    Raises:
        NotFoundError: there is no such example for this reviewer.
    """
    example = find(session, team_id, by, example_id, seen)
    before = _looked_at(session, example)
    return _keep(session, by, Verb.CONFIRM, example, before)


def take_edit(
    session: Session, team_id: str, by: Reviewer, example_id: int, seen: int | None = None
) -> ReviewAction:
    """
    Let a stale example say what its message says since it was edited in Slack.

    Raises:
        NotFoundError, EditedMeanwhileError: why not.
        AlreadyDecidedError: nothing is proposed.
    """
    example = find(session, team_id, by, example_id, seen)
    if example.stale_since is None or not example.proposal:
        raise AlreadyDecidedError
    before = {"revision": example.revision, **_looked_at(session, example)}
    revisions.change(
        session, example, by.user_id, RevisionReason.MESSAGE_EDITED, **example.proposal
    )
    note_near_duplicates(session, example)
    return _keep(session, by, Verb.TAKE_EDIT, example, {**before, "after": example.revision})


def add_wording(
    session: Session, team_id: str, by: Reviewer, example_id: int, text: str
) -> ReviewAction:
    """
    Keep another way to ask, for evaluation.

    Raises:
        NotFoundError, AlreadyDecidedError, CaptureError: why not.
    """
    example = find(session, team_id, by, example_id)
    text = typed("question", text)
    known = {w.text for w in examples.wordings(session, team_id, by.viewer, example_id)}
    if text in known | {example.question}:
        raise AlreadyDecidedError
    wording = examples.add_wording(session, team_id, by.viewer, example_id, text)
    return _keep(session, by, Verb.ADD_WORDING, example, {"wordings": [wording.id]})


def dismiss(session: Session, team_id: str, by: Reviewer, unanswered_id: int) -> ReviewAction:
    """
    Take an unanswered question off the list without an answer.

    Raises:
        NotFoundError, AlreadyDecidedError: why not.
    """
    question = unanswered.get(session, team_id, by.viewer, unanswered_id)
    if question.state is not UnansweredState.OPEN:
        raise AlreadyDecidedError
    question.state = UnansweredState.DISMISSED
    session.add(question)
    action = ReviewAction(
        team_id=team_id, verb=Verb.DISMISS, actor_id=by.user_id, audience=question.audience,
        other_id=question.id,
    )  # fmt: skip
    session.add(action)
    return _recorded(session, action)


def find(
    session: Session, team_id: str, by: Reviewer, example_id: int, seen: int | None = None
) -> Example:
    """
    Raises:
        NotFoundError: there is no such example for this reviewer.
        NotAllowedError: the reviewer is no curator where it comes from.
        AlreadyDecidedError: it was merged into another.
        EditedMeanwhileError: it says something else than what the reviewer had in sight.
    """
    example = examples.get(session, team_id, by.viewer, example_id)
    if not by.curates(rules_of(session, example)):
        raise NotAllowedError("curator", "decide about this example")
    if example.merged_into is not None:
        raise AlreadyDecidedError
    if seen is not None and seen != example.revision:
        raise EditedMeanwhileError(example.revision)
    return example


def _decide(
    session: Session, team_id: str, by: Reviewer, verb: Verb, example_id: int, seen: int | None
) -> ReviewAction:
    example = find(session, team_id, by, example_id, seen)
    value = GOOD if verb is Verb.APPROVE else BAD
    check_is_news(session, example, by.user_id, value)
    action = _new(session, by, verb, example)
    ruling = rule_on(session, example, by.user_id, value, action)
    action.before = {"rulings": [ruling.undo]}
    return _recorded(session, action)


def _of_pair(
    session: Session, by: Reviewer, pair: NearDuplicate, chosen_id: int
) -> tuple[Example, Example]:
    """The chosen example of an open pair, and the other one."""
    if pair.state is not NearDuplicateState.OPEN or chosen_id not in (
        pair.first_id,
        pair.second_id,
    ):
        raise AlreadyDecidedError
    other_id = pair.second_id if chosen_id == pair.first_id else pair.first_id
    chosen = find(session, pair.team_id, by, chosen_id)
    other = find(session, pair.team_id, by, other_id)
    if not {chosen.state, other.state} <= set(near_duplicates.COMPARED):
        raise AlreadyDecidedError
    return chosen, other


def _looked_at(session: Session, example: Example) -> dict[str, Any]:
    """
    Note that somebody looked at an example now; returns how it was before.

    What is proposed stays beside it: it counts only while the example is stale.
    """
    before = {
        "reviewed_at": _iso(example.reviewed_at),
        "stale_since": _iso(example.stale_since),
        "stale_reason": example.stale_reason,
    }
    example.reviewed_at, example.stale_since, example.stale_reason = utc_now(), None, None
    session.add(example)
    return before


def _take_wordings(session: Session, by: Reviewer, kept: Example, other: Example) -> list[int]:
    """Add the other's ways to ask to those of the example that stays; returns the new ones."""
    team_id = kept.team_id
    known = {w.text for w in examples.wordings(session, team_id, by.viewer, _id(kept))}
    known.add(kept.question)
    added = []
    asked = Wording(
        team_id=team_id, example_id=_id(other), text=other.question, asker_id=other.asker_id,
        message_ts=other.question_ts,
    )  # fmt: skip
    for each in [asked, *examples.wordings(session, team_id, by.viewer, _id(other))]:
        if each.text not in known:
            known.add(each.text)
            wording = examples.add_wording(session, team_id, by.viewer, _id(kept), each.text)
            # Whose words they are goes along, so that they leave when the person, the message or
            # the channel does.
            wording.asker_id, wording.message_ts = each.asker_id, each.message_ts
            wording.channel_id = each.channel_id or other.channel_id
            session.add(wording)
            added.append(_id(wording))
    return added


def _move(session: Session, by: Reviewer, example: Example, audience: str) -> None:
    move(session, example, audience, Grace(utc_now(), by.serve_days))
    note_near_duplicates(session, example)


def _new(
    session: Session,
    by: Reviewer,
    verb: Verb,
    example: Example,
    other_id: int | None = None,
    audience: str | None = None,
) -> ReviewAction:
    action = ReviewAction(
        team_id=example.team_id, verb=verb, actor_id=by.user_id, example_id=example.id,
        other_id=other_id, audience=audience or example.audience,
    )  # fmt: skip
    session.add(action)
    session.flush()
    return action


def _keep(
    session: Session,
    by: Reviewer,
    verb: Verb,
    example: Example,
    before: Mapping[str, Any],
    other: Example | None = None,
) -> ReviewAction:
    audience = _narrowest(example, other) if other else example.audience
    if verb is Verb.CHANGE_AUDIENCE and audience == WORKSPACE:
        audience = before["audience"]
    action = _new(session, by, verb, example, other.id if other else None, audience)
    action.before = dict(before)
    return _recorded(session, action)


def _recorded(
    session: Session, action: ReviewAction, actor: str | None = None, done: str | None = None
) -> ReviewAction:
    session.add(action)
    session.flush()
    subject = f"example:{action.example_id}" if action.example_id else f"question:{action.other_id}"
    audit.record(
        session, action.team_id, actor=actor or action.actor_id,
        action=done or f"review.{action.verb}",
        subject=subject, audience=action.audience,
        details={"action": action.id, "other": action.other_id},
    )  # fmt: skip
    return action


def _narrowest(one: Example, other: Example) -> str:
    """Two private ones of different channels are compared by nobody."""
    return one.audience if one.audience != WORKSPACE else other.audience


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when else None


def _id(row: Any) -> int:
    assert row.id is not None  # it was flushed
    return int(row.id)
