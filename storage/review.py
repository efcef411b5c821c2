"""
The review queue, read for somebody, and the decisions that were made. Queries never commit.

Whatever the viewer may not see is in no list, in no count and cannot be decided about.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from bot.errors import NotFoundError
from storage import near_duplicates, rules, unanswered
from storage.audience import Viewer
from storage.columns import utc_now
from storage.tables import (
    Example,
    ExampleState,
    NearDuplicateKind,
    ReviewAction,
    Verb,
)

#: No private data is so old; stands for "never" where an example does not grow stale by age.
_NEVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Queue(StrEnum):
    """The parts of the review queue, the most pressing first."""

    DISPUTED = "disputed"
    HELD = "held"
    CONTRADICTION = "contradiction"
    PROPOSED = "proposed"
    WIDENING = "widening"
    NEAR_DUPLICATE = "near_duplicate"
    STALE = "stale"
    UNANSWERED = "unanswered"


#: Decisions whose ``other_id`` is the other example of a pair.
ABOUT_PAIRS = (Verb.MERGE, Verb.SETTLE, Verb.KEEP_APART)
OF_EXAMPLES = (Queue.DISPUTED, Queue.HELD, Queue.PROPOSED, Queue.STALE)
OF_PAIRS = {
    Queue.CONTRADICTION: NearDuplicateKind.CONTRADICTION,
    Queue.NEAR_DUPLICATE: NearDuplicateKind.NEAR_DUPLICATE,
}


@dataclass(frozen=True)
class StaleBefore:
    """An approved example that nobody looked at since is stale; by channel where rules differ."""

    usual: datetime
    by_channel: Mapping[str, datetime] = field(default_factory=dict)


def stale_before(session: Session, team_id: str, now: datetime | None = None) -> StaleBefore:
    """From when on an example counts as looked at, by the rules of its place."""
    now = now or utc_now()

    def since(channel_id: str | None) -> datetime:
        days = rules.rules_for(session, team_id, channel_id).stale_days
        return now - timedelta(days=days) if days else _NEVER

    channels = rules.channels_with_rules(session, team_id)
    return StaleBefore(since(None), {channel_id: since(channel_id) for channel_id in channels})


def counts(session: Session, team_id: str, viewer: Viewer, stale: StaleBefore) -> dict[Queue, int]:
    """How much waits in each part; parts where nothing does are left out."""
    found = {
        queue: session.exec(
            select(func.count()).select_from(Example).where(*_waits(team_id, viewer, queue, stale))
        ).one()
        for queue in OF_EXAMPLES
    }
    for queue, kind in OF_PAIRS.items():
        found[queue] = near_duplicates.count_open(session, team_id, viewer, kind)
    found[Queue.WIDENING] = session.exec(
        select(func.count()).select_from(ReviewAction).where(*_asked(team_id, viewer))
    ).one()
    found[Queue.UNANSWERED] = unanswered.count_open(session, team_id, viewer)
    return {queue: found[queue] for queue in Queue if found[queue]}


def examples_in(
    session: Session,
    team_id: str,
    viewer: Viewer,
    queue: Queue,
    stale: StaleBefore,
    *,
    offset: int = 0,
    limit: int = 10,
) -> list[Example]:
    """The examples of one part, those that wait longest first."""
    return list(
        session.exec(
            select(Example)
            .where(*_waits(team_id, viewer, queue, stale))
            .order_by(col(Example.created_at), col(Example.id))
            .offset(offset)
            .limit(limit)
        )
    )


def widenings(
    session: Session, team_id: str, viewer: Viewer, *, offset: int = 0, limit: int = 10
) -> list[tuple[ReviewAction, Example]]:
    """What one member of a private channel wants others to hear, waiting for a second member."""
    rows = session.exec(
        select(ReviewAction, Example)
        .join(Example, col(Example.id) == col(ReviewAction.example_id))
        .where(*_asked(team_id, viewer), col(Example.audience).in_(viewer.audiences))
        .order_by(col(ReviewAction.id))
        .offset(offset)
        .limit(limit)
    )
    return [(action, example) for action, example in rows]


def get(session: Session, team_id: str, viewer: Viewer, action_id: int) -> ReviewAction:
    """
    Raises:
        NotFoundError: there is no such decision for this viewer.
    """
    action = session.exec(
        select(ReviewAction).where(
            col(ReviewAction.team_id) == team_id,
            col(ReviewAction.id) == action_id,
            col(ReviewAction.audience).in_(viewer.audiences),
        )
    ).first()
    if action is None:
        raise NotFoundError("There is no such decision that you may see.")
    return action


def open_request(session: Session, example: Example) -> ReviewAction | None:
    """The standing wish of one member to let others hear a private example."""
    return session.exec(
        select(ReviewAction).where(
            col(ReviewAction.team_id) == example.team_id,
            col(ReviewAction.example_id) == example.id,
            col(ReviewAction.verb) == Verb.ASK_AUDIENCE,
            col(ReviewAction.undone_at).is_(None),
        )
    ).first()


def newest_about(session: Session, team_id: str, example_ids: set[int]) -> ReviewAction | None:
    """
    The newest decision about any of these examples that stands. Asks for no viewer: it tells
    whoever undoes an older one only that there is one.
    """
    return session.exec(
        select(ReviewAction)
        .where(
            col(ReviewAction.team_id) == team_id,
            col(ReviewAction.undone_at).is_(None),
            sa.or_(
                col(ReviewAction.example_id).in_(example_ids),
                sa.and_(
                    col(ReviewAction.other_id).in_(example_ids),
                    col(ReviewAction.verb).in_(ABOUT_PAIRS),
                ),
            ),
        )
        .order_by(col(ReviewAction.id).desc())
    ).first()


def _waits(
    team_id: str, viewer: Viewer, queue: Queue, stale: StaleBefore
) -> tuple[sa.ColumnElement[bool], ...]:
    is_held = col(Example.held_reason).is_not(None)
    state = col(Example.state)
    condition = {
        Queue.DISPUTED: sa.and_(state == ExampleState.DISPUTED, sa.not_(is_held)),
        Queue.HELD: sa.and_(state != ExampleState.WITHDRAWN, is_held),
        Queue.PROPOSED: sa.and_(state == ExampleState.PROPOSED, sa.not_(is_held)),
        Queue.STALE: sa.and_(
            state == ExampleState.APPROVED,
            sa.not_(is_held),
            sa.or_(col(Example.stale_since).is_not(None), _is_stale(stale)),
        ),
    }[queue]
    return (
        col(Example.team_id) == team_id,
        col(Example.audience).in_(viewer.audiences),
        col(Example.erased_at).is_(None),
        condition,
    )


def _is_stale(stale: StaleBefore) -> sa.ColumnElement[bool]:
    looked_at = sa.func.coalesce(col(Example.reviewed_at), col(Example.updated_at))
    special = list(stale.by_channel)
    channel = sa.func.coalesce(col(Example.channel_id), "")
    by_age = [sa.and_(channel.not_in(special), looked_at < stale.usual)]
    by_age += [
        sa.and_(channel == channel_id, looked_at < since)
        for channel_id, since in stale.by_channel.items()
    ]
    return sa.or_(*by_age)


def _asked(team_id: str, viewer: Viewer) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(ReviewAction.team_id) == team_id,
        col(ReviewAction.verb) == Verb.ASK_AUDIENCE,
        col(ReviewAction.undone_at).is_(None),
        col(ReviewAction.audience).in_(viewer.audiences),
    )


def withdraw_requests(session: Session, team_id: str, user_id: str) -> None:
    """
    Take back what a person asked another member to agree to. Without their name on it nobody
    could tell that they agree to their own request.
    """
    asked = select(ReviewAction).where(
        col(ReviewAction.team_id) == team_id,
        col(ReviewAction.verb) == Verb.ASK_AUDIENCE,
        col(ReviewAction.actor_id) == user_id,
        col(ReviewAction.undone_at).is_(None),
    )
    for action in session.exec(asked):
        action.undone_at, action.undone_by = utc_now(), user_id
        session.add(action)
    session.flush()
