"""
Gives an example the state its votes make of it, and looks for bursts.

Everything is worked out anew from the vote rows, so it does not matter in which order, how often
or how late they came.
"""

from sqlmodel import Session

from bot.curation import contributors
from bot.curation.near_duplicates import note_near_duplicates
from bot.curation.votes import Decision, crowded, decide
from storage import votes
from storage.audience import WORKSPACE
from storage.columns import utc_now
from storage.near_duplicates import COMPARED
from storage.rules import Rules, rules_for
from storage.tables import Example, ExampleState, Vote

#: Whoever brought an example in one of these is told so.
DECIDED = (ExampleState.APPROVED, ExampleState.REJECTED)
#: Of the votes that decide nothing this many are looked at for bursts, the newest first.
_WATCHED = 20


def rules_of(session: Session, example: Example) -> Rules:
    """The rules of the channel an example comes from, or is for."""
    private = None if example.audience == WORKSPACE else example.audience
    return rules_for(session, example.team_id, example.channel_id or private)


def settle(session: Session, example: Example) -> Decision:
    """Bring an example's state up to its votes; one that was merged keeps its own."""
    session.flush()
    if example.merged_into is not None:
        return Decision(example.state)
    rules = rules_of(session, example)
    cast = votes.on(session, example)
    decision = decide(
        cast,
        rules,
        author_id=example.author_id,
        is_private=example.audience != WORKSPACE,
        in_burst=_in_burst(session, cast, rules),
    )
    if (decision.state, decision.held_reason) != (example.state, example.held_reason):
        is_compared_now = decision.state in COMPARED and example.state not in COMPARED
        if example.state in DECIDED and decision.state not in DECIDED:
            contributors.is_open_again(session, example)
        example.state, example.held_reason = decision.state, decision.held_reason
        example.updated_at = utc_now()
        session.add(example)
        session.flush()
        if is_compared_now:
            note_near_duplicates(session, example)
    return decision


def settle_new(
    session: Session, example: Example, vote: Vote
) -> tuple[Decision, list[votes.Moment]]:
    """
    Give an example that is not kept yet the state its first vote makes of it.

    Returns what was decided, and the other votes around this one.
    """
    rules = rules_of(session, example)
    others = _others_around(session, vote, rules, vote.order_key)
    in_burst = _members([*others, *votes.moments(vote, vote.order_key)], rules) & {vote.key}
    decision = decide(
        [vote],
        rules,
        author_id=example.author_id,
        is_private=example.audience != WORKSPACE,
        in_burst=in_burst,
    )
    example.state, example.held_reason = decision.state, decision.held_reason
    return decision, others


def settle_burst(
    session: Session,
    vote: Vote,
    rules: Rules,
    *,
    stood_at: str | None,
    others: list[votes.Moment] | None = None,
) -> list[Example]:
    """
    Settle the other examples whose votes belong to a burst now and did not before one vote was
    cast or taken back, or the other way round; returns them.

    ``stood_at`` is the vote's time before; None where it did not stand. ``others`` are the votes
    around it, where they are known already.
    """
    session.flush()
    now_at = vote.order_key if vote.value else None
    ids: set[int] = set()
    for centre in {now_at, stood_at} - {None}:
        assert centre is not None
        near = _others_around(session, vote, rules, centre) if others is None else others
        before = _members([*near, *votes.moments(vote, stood_at)], rules)
        after = _members([*near, *votes.moments(vote, now_at)], rules)
        ids |= {each.example_id for each in near if each.key in before ^ after}
    changed = [session.get_one(Example, each) for each in sorted(ids - {vote.example_id})]
    for example in changed:
        settle(session, example)
    return changed


def _in_burst(session: Session, cast: list[Vote], rules: Rules) -> set[str]:
    """The keys of the votes that came with too many others of their person's."""
    standing = [vote for vote in cast if vote.value and vote.cleared_by is None]
    deciding = [vote for vote in standing if vote.by_curator]
    others = [vote for vote in standing if not vote.by_curator]
    return {
        vote.key
        for vote in (*deciding, *others[-_WATCHED:])
        if vote.key in _members(_around(session, vote, rules), rules)
    }


def _others_around(session: Session, vote: Vote, rules: Rules, at: str) -> list[votes.Moment]:
    """
    A person's other votes around one: twice as many, and twice as far off, as make a burst.
    Whether one of them belongs to a burst is told by what is as near to it.
    """
    far = 2 * _seconds_of_a_burst(rules)
    found = votes.around(session, vote, 2 * rules.burst_votes, far, at=at)
    return [each for each in found if each.key != vote.key]


def _around(session: Session, vote: Vote, rules: Rules) -> list[votes.Moment]:
    return votes.around(session, vote, rules.burst_votes, _seconds_of_a_burst(rules))


def _seconds_of_a_burst(rules: Rules) -> float:
    return rules.burst_minutes * 60.0


def _members(around: list[votes.Moment], rules: Rules) -> set[str]:
    """The keys of the votes that belong to a burst."""
    around = sorted(around, key=lambda each: (each.at, each.key))
    crowd = crowded([each.at for each in around], rules.burst_votes, _seconds_of_a_burst(rules))
    return {around[index].key for index in crowd}
