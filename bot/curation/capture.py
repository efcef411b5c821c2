"""
The verbs of capture: keep what somebody voted for, and take a vote back.

Each runs inside the caller's transaction and does nothing twice: an event that is not newer than
what was counted under its key changes nothing.
"""

from dataclasses import asdict, dataclass, replace

from sqlmodel import Session

from bot.curation import contributors
from bot.curation.ballot import Ballot
from bot.curation.forgetting import check_may_keep
from bot.curation.lesson import Lesson
from bot.curation.near_duplicates import note_near_duplicates
from bot.curation.rewording import follow, keep_messages, new_example, record
from bot.curation.settling import DECIDED, rules_of, settle, settle_burst, settle_new
from bot.curation.votes import Decision, is_self_vote, may_repeat
from storage import opt_outs, revisions, votes
from storage.near_duplicates import COMPARED
from storage.tables import Example, ExampleState, Vote

__all__ = [
    "Ballot",
    "Outcome",
    "collect_example",
    "take_vote_back",
    "undo_vote",
    "vote_on_known",
]

_OPEN = (ExampleState.PROPOSED, ExampleState.DISPUTED)


@dataclass(frozen=True)
class Outcome:
    """
    An example, its state after a vote and before; None if it was not there.

    ``missing`` and ``held_reason`` as in ``bot.curation.votes.Decision``. ``is_own``: the voter is
    the answer's author, whose vote proposes and no more. ``may_repeat``: the voter was forgotten,
    and a vote without a name may be theirs. ``has_approval``: a curator approved it.
    """

    example: Example
    state: ExampleState
    before: ExampleState | None
    missing: int = 0
    held_reason: str | None = None
    is_own: bool = False
    may_repeat: bool = False
    has_approval: bool = False


def collect_example(
    session: Session, team_id: str, audience: str, lesson: Lesson, ballot: Ballot
) -> Outcome | None:
    """
    Keep a lesson under a vote, or add the vote to the example that is kept already.

    Returns None when the ballot was counted before.

    Raises:
        OptedOutError, MessageGoneError: it may not be kept, whoever votes for it.
    """
    vote = votes.find(session, team_id, ballot.key)
    if _is_counted(vote, ballot):
        return None
    has_opted_out = check_may_keep(session, team_id, lesson, ballot.user_id)
    example = _known(session, team_id, lesson)
    if example is None:
        example = new_example(team_id, audience, lesson)
        if vote is None:
            return _keep_with_vote(session, example, lesson, ballot, has_opted_out=has_opted_out)
        _keep(session, example, lesson, ballot)
        return _cast(session, example, vote, ballot, before=None)
    if follow(session, example, audience, lesson, ballot):
        keep_messages(session, example, lesson, ballot)
        note_near_duplicates(session, example)
    return _cast(session, example, vote, ballot, before=example.state)


def _keep(session: Session, example: Example, lesson: Lesson, ballot: Ballot) -> None:
    votes.add_example(session, example)
    keep_messages(session, example, lesson, ballot, is_new=True)
    record(session, example, ballot.user_id, "example.kept")
    revisions.record_first(session, example, ballot.user_id)


def _keep_with_vote(
    session: Session, example: Example, lesson: Lesson, ballot: Ballot, *, has_opted_out: bool
) -> Outcome:
    """
    As ``_keep`` and ``_cast``, where there is neither example nor vote yet: of what is new nothing
    has to be looked for, and it is written once, as it is in the end.
    """
    vote = Vote(team_id=example.team_id, example_id=0, after_opt_out=has_opted_out,
                **asdict(ballot))  # fmt: skip
    decision, others = settle_new(session, example, vote)
    _keep(session, example, lesson, ballot)
    vote.example_id = _id(example)
    votes.add(session, vote)
    if example.state in COMPARED:
        note_near_duplicates(session, example, is_new=True)
    outcome = _outcome(example, decision, None)
    _record_vote(session, vote, outcome)
    _watch(session, vote, example, None, others)
    return _with_voter(session, vote, outcome)


def vote_on_known(
    session: Session, team_id: str, channel_id: str, answer_ts: str, ballot: Ballot
) -> Outcome | None:
    """
    Add a vote to the example whose answer begins at a message, as it was kept.

    Returns None when there is none, or the ballot was counted before.
    """
    example = votes.example_at(session, team_id, channel_id, answer_ts)
    vote = votes.find(session, team_id, ballot.key)
    if example is None or _is_counted(vote, ballot):
        return None
    return _cast(session, example, vote, ballot, before=example.state)


def take_vote_back(session: Session, team_id: str, key: str, order_key: str) -> Outcome | None:
    """Take back what was cast under ``key``; returns None when nothing changed by it."""
    vote = votes.find(session, team_id, key)
    if vote is None or order_key <= vote.order_key:
        return None
    stood_at, vote.order_key = vote.order_key, order_key
    session.add(vote)
    return _clear(session, vote, stood_at)


def undo_vote(session: Session, team_id: str, key: str, order_key: str) -> Outcome | None:
    """
    Take back one vote as it was cast at ``order_key``, leaving Slack's events their order.

    A replay of the event that cast it stays without effect, a newer event counts again. Returns
    None when that vote does not stand any more.
    """
    vote = votes.find(session, team_id, key)
    if vote is None or vote.order_key != order_key:
        return None
    return _clear(session, vote, order_key)


def _clear(session: Session, vote: Vote, stood_at: str) -> Outcome | None:
    if vote.value == 0:
        return None
    vote.value = 0
    session.add(vote)
    example = votes.example_of(session, vote)
    outcome = _settle(session, example, before=example.state)
    record(session, example, vote.user_id, "vote.taken_back", state=outcome.state)
    _watch(session, vote, example, stood_at)
    return outcome


def _is_counted(vote: Vote | None, ballot: Ballot) -> bool:
    return vote is not None and ballot.order_key <= vote.order_key


def _known(session: Session, team_id: str, lesson: Lesson) -> Example | None:
    if lesson.example_id is not None:
        return votes.example_numbered(session, team_id, lesson.example_id)
    if lesson.at is None:
        return None
    return votes.example_at(session, team_id, lesson.at.channel_id, lesson.at.answer_ts)


def _cast(
    session: Session,
    example: Example,
    vote: Vote | None,
    ballot: Ballot,
    before: ExampleState | None,
) -> Outcome:
    if vote is None:
        vote = Vote(team_id=example.team_id, example_id=_id(example), **asdict(ballot))
        stood_at = None
    else:
        stood_at = vote.order_key if vote.value else None
    left = vote.example_id if vote.example_id != example.id else None
    vote.example_id, vote.value = _id(example), ballot.value
    vote.by_curator, vote.order_key = ballot.by_curator, ballot.order_key
    vote.reason, vote.cleared_by = ballot.reason, None
    vote.after_opt_out = opt_outs.is_opted_out(session, example.team_id, ballot.user_id)
    session.add(vote)
    if left is not None:
        # The thread was cut since: what was the middle of an answer is now its beginning.
        abandoned = _settle(session, session.get_one(Example, left), None)
        record(session, abandoned.example, vote.user_id, "vote.moved", state=abandoned.state)
    outcome = _settle(session, example, before)
    _record_vote(session, vote, outcome)
    _watch(session, vote, example, stood_at)
    if before in _OPEN and outcome.state in DECIDED:
        contributors.is_decided(session, example, vote.user_id)
    return _with_voter(session, vote, outcome)


def _record_vote(session: Session, vote: Vote, outcome: Outcome) -> None:
    record(
        session,
        outcome.example,
        vote.user_id,
        "vote.cast",
        value=vote.value,
        by_curator=vote.by_curator,
        state=outcome.state,
    )


def _with_voter(session: Session, vote: Vote, outcome: Outcome) -> Outcome:
    example = outcome.example
    is_own = is_self_vote(vote, example.author_id) and vote.by_curator
    return replace(
        outcome,
        is_own=is_own and not rules_of(session, example).self_votes,
        may_repeat=vote.after_opt_out and may_repeat(vote, votes.on(session, example)),
    )


def _settle(session: Session, example: Example, before: ExampleState | None) -> Outcome:
    return _outcome(example, settle(session, example), before)


def _outcome(example: Example, decision: Decision, before: ExampleState | None) -> Outcome:
    return Outcome(
        example,
        decision.state,
        before,
        decision.missing,
        decision.held_reason,
        has_approval=decision.has_approval,
    )


def _watch(
    session: Session,
    vote: Vote,
    example: Example,
    stood_at: str | None,
    others: list[votes.Moment] | None = None,
) -> None:
    """Hold what else belongs to a burst that this vote completes; let go what no longer does."""
    rules = rules_of(session, example)
    for other in settle_burst(session, vote, rules, stood_at=stood_at, others=others):
        action = "example.held" if other.held_reason else "example.released"
        record(session, other, vote.user_id, action, state=other.state)


def _id(example: Example) -> int:
    assert example.id is not None  # it was flushed
    return example.id
