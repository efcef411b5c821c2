"""Reads what one reviewer sees of the queue. Only reads."""

from collections.abc import Sequence

from sqlmodel import Session

from handlers.review_blocks import PAGE, Asked, Entry, Look, Pair, Sight
from storage import near_duplicates, review, unanswered
from storage.audience import Viewer
from storage.review import OF_PAIRS, Queue


def look_at(session: Session, team_id: str, user_id: str, viewer: Viewer, look: Look) -> Sight:
    """
    The part that is looked at, or the first one where something waits.

    A page that is not there any more, because its last entry was decided, is the one before it.
    """
    stale = review.stale_before(session, team_id)
    counts = review.counts(session, team_id, viewer, stale)
    queue = look.queue if look.queue in counts else next(iter(counts), None)
    if queue is None:
        return Sight({}, Look(), ())
    last = (counts[queue] - 1) // PAGE
    page = min(max(look.page, 0), last) if queue is look.queue else 0
    window = {"offset": page * PAGE, "limit": PAGE}
    entries: Sequence[Entry]
    if queue in OF_PAIRS:
        found = near_duplicates.open_pairs(session, team_id, viewer, kind=OF_PAIRS[queue], **window)
        entries = [Pair(*row) for row in found]
    elif queue is Queue.WIDENING:
        entries = [
            Asked(action, example, is_own=action.actor_id == user_id)
            for action, example in review.widenings(session, team_id, viewer, **window)
        ]
    elif queue is Queue.UNANSWERED:
        entries = unanswered.most_asked(session, team_id, viewer, **window)
    else:
        entries = review.examples_in(session, team_id, viewer, queue, stale, **window)
    return Sight(counts, Look(queue, page), entries)
