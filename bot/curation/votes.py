"""What becomes of an example by its votes. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from bot.curation.rulings import without_overruled
from storage.audit import ERASED
from storage.rules import Rules
from storage.tables import HELD_BURST, ExampleState, Vote

#: Votes cast by sending a form: what one types oneself is meant, so it is no self-vote.
FORM = "form:"


@dataclass(frozen=True)
class Decision:
    """
    ``missing`` is how many more curators have to approve, ``has_approval`` whether one has.
    ``held_reason`` is set where votes that would change the state have no effect until another
    curator has looked at them.
    """

    state: ExampleState
    missing: int = 0
    held_reason: str | None = None
    has_approval: bool = field(default=False, compare=False)


def decide(
    votes: Iterable[Vote],
    rules: Rules | None = None,
    *,
    author_id: str | None = None,
    is_private: bool = False,
    in_burst: Collection[str] = (),
) -> Decision:
    """
    Return what votes make of an example, in whatever order they are given.

    Of each person the newest vote that stands counts. Curators decide, as many as the quorum
    asks for; where they disagree the example is disputed, until one of them decides in the review
    queue. Without them anybody's ✅ proposes, and ❌ alone marks it as wrong. The author's own ✅
    weighs as anybody's, not as a curator's. Who was forgotten and votes once more adds nothing to
    a vote without a name that says the same: it may be their own.
    ``in_burst`` are the keys of votes that came in a burst: they propose and do no more.
    """
    rules = rules or Rules()
    ballots = _once(
        _Ballot.of(vote, rules, author_id) for vote in without_overruled(votes) if vote.value
    )
    quorum = rules.quorum_for(is_private=is_private)
    free = [ballot for ballot in ballots if ballot.key not in in_burst]
    decision = _count(free, quorum)
    held = [ballot for ballot in ballots if ballot.key in in_burst]
    if not held:
        return decision
    if not free:
        return Decision(ExampleState.PROPOSED, quorum, HELD_BURST)
    reviewed_at = max((ballot.order_key for ballot in free if ballot.is_curators), default="")
    is_new = max(ballot.order_key for ballot in held) > reviewed_at
    if is_new and _count(ballots, quorum).state is not decision.state:
        return replace(decision, held_reason=HELD_BURST)
    return decision


def state_of(votes: Iterable[Vote]) -> ExampleState:
    """The state under the rules nobody has changed."""
    return decide(votes).state


def is_self_vote(vote: Vote, author_id: str | None) -> bool:
    """Say whether somebody praises an answer of their own, other than by writing it."""
    return vote.value == 1 and vote.user_id == author_id and not vote.key.startswith(FORM)


def may_repeat(vote: Vote, cast: Iterable[Vote]) -> bool:
    """Say whether a vote adds nothing, as one without a name may be the same curator's."""
    own = _Ballot.of(vote, Rules(self_votes=True), None)
    others = [other for other in cast if other.key != vote.key and other.value]
    return any(own.may_repeat(_Ballot.of(other, Rules(), None)) for other in others)


def crowded(times: Sequence[float], limit: int, seconds: float) -> set[int]:
    """
    The indices of the times that lie, with more than ``limit`` of them, within ``seconds``.

    ``times`` ascend.
    """
    found: set[int] = set()
    for last in range(limit, len(times)):
        if times[last] - times[last - limit] <= seconds:
            found.update(range(last - limit, last + 1))
    return found


@dataclass(frozen=True)
class _Ballot:
    key: str
    user_id: str
    value: int
    is_curators: bool
    order_key: str
    after_opt_out: bool

    @classmethod
    def of(cls, vote: Vote, rules: Rules, author_id: str | None) -> "_Ballot":
        is_curators = vote.by_curator and (rules.self_votes or not is_self_vote(vote, author_id))
        return cls(
            vote.key, vote.user_id, vote.value, is_curators, vote.order_key, vote.after_opt_out
        )

    @property
    def is_nameless(self) -> bool:
        return self.user_id.startswith(ERASED)

    def may_repeat(self, other: "_Ballot") -> bool:
        """Say whether both may be one curator's, who was forgotten in between."""
        is_same = self.is_curators and (other.is_curators, other.value) == (True, self.value)
        return self.after_opt_out and other.is_nameless and is_same


def _once(ballots: Iterable[_Ballot]) -> list[_Ballot]:
    """Leave out what may be said twice: nobody can tell, so the quorum waits for somebody else."""
    kept: list[_Ballot] = []
    # The nameless first, and of those the ones that repeat nobody.
    for ballot in sorted(ballots, key=lambda each: (each.after_opt_out, not each.is_nameless)):
        if not any(ballot.may_repeat(other) for other in kept):
            kept.append(ballot)
    return kept


def _count(ballots: Iterable[_Ballot], quorum: int) -> Decision:
    standing = _positions(ballots)
    approving = sum(ballot.is_curators and ballot.value == 1 for ballot in standing)
    refusing = sum(ballot.is_curators and ballot.value == -1 for ballot in standing)
    missing = max(quorum - approving, 0)
    if refusing:
        return Decision(ExampleState.DISPUTED if approving else ExampleState.REJECTED, missing)
    if approving >= quorum:
        return Decision(ExampleState.APPROVED)
    if any(ballot.value == 1 for ballot in standing):
        return Decision(ExampleState.PROPOSED, missing, has_approval=approving > 0)
    return Decision(ExampleState.REJECTED if standing else ExampleState.WITHDRAWN, missing)


def _positions(ballots: Iterable[_Ballot]) -> list[_Ballot]:
    """Each person's newest vote; of two at one time the one whose key comes last."""
    ordered = sorted(ballots, key=lambda ballot: (ballot.order_key, ballot.key))
    return list({ballot.user_id: ballot for ballot in ordered}.values())
