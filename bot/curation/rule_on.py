"""A reviewer's decision about one example, and its reverse, in the caller's transaction."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.curation import contributors
from bot.curation.near_duplicates import note_near_duplicates
from bot.curation.rulings import RULING, is_ruling, order_after
from bot.curation.settling import settle
from bot.errors import AlreadyDecidedError
from storage import opt_outs, votes
from storage.columns import utc_now
from storage.tables import Example, ExampleState, ReviewAction, Vote


@dataclass(frozen=True)
class Ruling:
    """``undo`` is what ``take_back`` needs: ids and states, fit for JSON."""

    vote: Vote
    undo: dict[str, Any]


def check_is_news(session: Session, example: Example, user_id: str, value: int) -> None:
    """
    Raises:
        AlreadyDecidedError: this was the reviewer's last word already, and nothing came after it.
    """
    standing = [vote for vote in votes.on(session, example) if vote.value]
    newest = max(standing, key=lambda vote: vote.order_key, default=None)
    is_same = newest is not None and (newest.user_id, newest.value) == (user_id, value)
    if newest and is_same and is_ruling(newest) and example.held_reason is None:
        raise AlreadyDecidedError


def rule_on(
    session: Session, example: Example, user_id: str, value: int, action: ReviewAction
) -> Ruling:
    """Cast a curator's vote that overrules what was voted the other way, and let held votes go."""
    assert example.id is not None
    cast = votes.on(session, example)
    before, held, reviewed_at = example.state, example.held_reason, example.reviewed_at
    cleared = [vote for vote in cast if held and vote.cleared_by is None]
    for vote in cleared:
        vote.cleared_by = user_id
        session.add(vote)
    ruling = Vote(
        team_id=example.team_id,
        key=f"{RULING}{action.id}:{example.id}",
        example_id=example.id,
        user_id=user_id,
        value=value,
        by_curator=True,
        order_key=order_after(cast, f"{time.time():.6f}"),
        # A reviewer who looks at many examples in a row is no burst.
        cleared_by=user_id,
        after_opt_out=opt_outs.is_opted_out(session, example.team_id, user_id),
    )
    session.add(ruling)
    settle(session, example)
    if value > 0 and before is ExampleState.APPROVED:
        # What was imported has no votes; one more voice for it must not make it less approved.
        example.state = before
    example.reviewed_at = utc_now()
    session.add(example)
    session.flush()
    contributors.is_decided(session, example, user_id)
    undo = {
        "example": example.id,
        "vote": ruling.id,
        "state": before.value,
        "held": held,
        "reviewed_at": reviewed_at.isoformat() if reviewed_at else None,
        "cleared": [vote.id for vote in cleared],
    }
    return Ruling(ruling, undo)


def take_back(session: Session, undo: dict[str, Any]) -> Example:
    """Let an example be what it would be without a ruling."""
    ruling = session.get_one(Vote, undo["vote"])
    example = session.get_one(Example, undo["example"])
    session.delete(ruling)
    for vote_id in undo["cleared"]:
        vote = session.get_one(Vote, vote_id)
        vote.cleared_by = None
        session.add(vote)
    looked_at = undo["reviewed_at"]
    example.reviewed_at = datetime.fromisoformat(looked_at) if looked_at else None
    session.add(example)
    session.flush()
    restore_state(session, example, ExampleState(undo["state"]))
    contributors.is_open_again(session, example)
    return example


def restore_state(session: Session, example: Example, before: ExampleState) -> None:
    """Count the votes again; where nobody cast one, as with an import, return to ``before``."""
    if votes.on(session, example):
        settle(session, example)
    elif example.state is not before:
        example.state, example.updated_at = before, utc_now()
        session.add(example)
        session.flush()
        note_near_duplicates(session, example)
