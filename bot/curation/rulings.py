"""
How a reviewer's decision weighs against votes. Pure.

A ruling is a curator's vote cast in the review queue. It overrules what was voted the other way
before it, so that a dispute can be settled; what is voted later counts again.
"""

from collections.abc import Iterable, Sequence

from storage.tables import Vote

#: What the key of a ruling's vote begins with; the rest is the id of its ``ReviewAction``.
RULING = "review:"


def is_ruling(vote: Vote) -> bool:
    return vote.key.startswith(RULING)


def without_overruled(votes: Iterable[Vote]) -> list[Vote]:
    """Leave out what the newest standing ruling decided against."""
    votes = list(votes)
    ruling = max(
        (vote for vote in votes if vote.value and is_ruling(vote)),
        key=lambda vote: vote.order_key,
        default=None,
    )
    if ruling is None:
        return votes
    return [
        vote
        for vote in votes
        if vote.order_key >= ruling.order_key or vote.value in (0, ruling.value)
    ]


def order_after(votes: Sequence[Vote], now: str) -> str:
    """
    An ``order_key`` for a ruling: now, or just after the newest vote where clocks disagree.

    ``now`` is the time as Slack writes it.
    """
    newest = max((vote.order_key for vote in votes), default="")
    return now if now > newest else f"{newest}5"
