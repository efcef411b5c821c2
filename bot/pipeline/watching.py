"""
Watching what answers: canaries are judged after every vote, promoted versions by how they fare.

What the bot decides by itself it says once, in one sentence, and keeps with its reason. It
promotes only what people preferred in a canary, and nothing that it took back before.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.answering import canary as canaries_of
from bot.answering import promotion
from bot.answering.choice import can_answer
from bot.answering.strategy import Strategy, live_strategy
from bot.evaluation.health import Limits, Record, liked, what_is_wrong
from bot.evaluation.sequential import CanaryVerdict, Votes, judge_canary
from bot.pipeline.telling import place_of, tell
from storage import canaries, evaluations, feedback, questions, versions
from storage.audience import WORKSPACE
from storage.columns import utc_now
from storage.database import Database
from storage.tables import Canary, CanaryState, ModelVersion, Promotion, Question, QuestionState

log = logging.getLogger(__name__)

#: Who decided, where it was nobody in person.
CANARY = "the canary"
WATCH = "the watch"
#: So many conversations of either side others must have judged, whoever is left out: one is a slip.
FEWEST_OTHERS = 2
#: How many answers of each side are looked at for errors and waiting.
ANSWERS = 50
#: Promoted versions are looked at so often at most; canaries whenever anything changed.
EVERY = timedelta(seconds=5)


@dataclass
class Watch:
    """The work of one loop. Needs neither Slack nor an engine."""

    database: Database
    limits: Limits = field(default_factory=Limits)
    now: Callable[[], datetime] = utc_now
    _looked_at: datetime | None = None

    def step(self) -> bool:
        """Decide what can be decided; returns whether anything was."""
        now = self.now()
        with self.database.read() as session:
            due = [one for one in canaries.all_running(session) if _decide(session, one, self)]
            ill = self._ill(session, now)
        for one in due:
            self._end(one)
        for promoted in ill:
            self._roll_back(promoted)
        return bool(due or ill)

    def _ill(self, session: Session, now: datetime) -> list[Promotion]:
        since = None if self._looked_at is None else now - self._looked_at
        if since is not None and timedelta(0) <= since < EVERY:  # below: the clock was put back
            return []
        self._looked_at = now
        return [one for one in versions.standing(session) if _illness(session, one, self.limits)]

    def _end(self, found: Canary) -> None:
        """Look again inside the transaction that acts: a person may have been faster."""
        with self.database.write() as session:
            canary = session.get_one(Canary, found.id)
            if canary.state is not CanaryState.RUNNING:
                return
            decision = _decide(session, canary, self)
            if decision is not None:
                _carry_out(session, canary, decision, self.now())

    def _roll_back(self, found: Promotion) -> None:
        with self.database.write() as session:
            newest = versions.live(session, found.team_id, found.audience)
            reason = _illness(session, found, self.limits)
            if newest is None or newest.id != found.id or reason is None:
                return
            _take_back(session, found, reason, self.now())


@dataclass(frozen=True)
class _Decision:
    """``why`` is a clause that follows what was done."""

    state: CanaryState
    why: str


def _decide(session: Session, canary: Canary, watch: Watch) -> _Decision | None:
    assert canary.id is not None
    version = versions.get(session, canary.team_id, canary.version_id)
    if version is None or not can_answer(version):
        return _Decision(CanaryState.ROLLED_BACK, "it cannot answer any more")
    evaluation = evaluations.of_version(session, canary.team_id, canary.version_id)
    if not canaries_of.may_be_tried(version, evaluation):
        return _Decision(CanaryState.ROLLED_BACK, "its evaluation was judged anew and forbids it")
    live_name = live_strategy(session, canary.team_id, canary.audience).version_name
    live_id = canaries_of.id_of(session, canary.team_id, live_name, canary.audience)
    if live_id != canary.live_id:
        return _Decision(CanaryState.STOPPED, "what it was compared with was replaced")
    candidate = _record(session, canary, version.name)
    live = _record(session, canary, live_name)
    said = (
        f"people liked it in {liked(candidate.votes)} conversations, and {_speaker(live_name)} in "
        f"{liked(live.votes)}"
    )
    # Votes are for the sequential test alone, which is the stricter one.
    wrong = what_is_wrong(candidate, live, Limits(*_without_feedback(watch.limits)))
    if wrong is not None:
        return _Decision(CanaryState.ROLLED_BACK, wrong)
    verdict = judge_canary(candidate.votes, live.votes)
    if verdict is CanaryVerdict.ROLL_BACK:
        return _Decision(CanaryState.ROLLED_BACK, said)
    if verdict is CanaryVerdict.PROMOTE and version.taken_back_at is not None:
        return _Decision(CanaryState.HELD, f"{said}, but I took it back once before")
    is_better = verdict is CanaryVerdict.PROMOTE
    if is_better and not _is_one_persons_word(session, canary, version.name, live_name):
        return _Decision(CanaryState.PROMOTED, said)
    if watch.now() >= canary.ends_at:
        why = "but without one person's votes it is no better"
        if not is_better:
            why = "which is too little to tell them apart"
        return _Decision(CanaryState.HELD, f"{said}, {why}")
    return None


def _is_one_persons_word(
    session: Session, canary: Canary, name: str, live_name: str | None
) -> bool:
    """
    Say whether somebody's votes alone make the candidate the better one: without them the others
    do not like it more, or hardly judged either side.

    Answers carry their version, so whoever wants one live could vote for it all day.
    """
    assert canary.id is not None
    for person in feedback.voters(session, canary.team_id, canary.id):
        tally = feedback.of_canary(session, canary.team_id, canary.id, without=person)
        one, other = (Votes(*tally.get(each, (0, 0))) for each in (name, live_name))
        if min(one.total, other.total) < FEWEST_OTHERS or one.share_good <= other.share_good:
            return True
    return False


def _without_feedback(limits: Limits) -> tuple[float, float, float]:
    return limits.error_share, limits.latency_factor, 0.0


def _carry_out(session: Session, canary: Canary, decision: _Decision, now: datetime) -> None:
    version = canaries_of.end(session, canary, decision.state, decision.why, CANARY, now)
    if version is None:
        return
    if decision.state is CanaryState.PROMOTED:
        promotion.put_live(
            session,
            version,
            Strategy(version.name, canary.examples, canary.scale),
            CANARY,
            canary.started_by,
            decision.why,
        )
    log.info("The canary of %s ended: %s, %s", version.name, decision.state, decision.why)
    words = f"{_ENDED[decision.state].format(version=version.name, by=canary.started_by)}: "
    text = words + decision.why + "." + _what_next(session, canary, decision.state, version)
    tell(session, canary.team_id, f"canary:{canary.id}", canary.channel_id, text)


_ENDED = {
    CanaryState.PROMOTED: "*{version}* answers everywhere from now on",
    CanaryState.ROLLED_BACK: "I ended the canary of *{version}*",
    CanaryState.HELD: "I hold *{version}*",
    CanaryState.STOPPED: "The canary of *{version}* is over",
}


def _what_next(session: Session, canary: Canary, state: CanaryState, version: ModelVersion) -> str:
    if state is CanaryState.PROMOTED:
        return " `/apprentice rollback` returns to what was before."
    live = live_strategy(session, canary.team_id, canary.audience).version_name
    again = ""
    if state is CanaryState.HELD:
        again = f" `/apprentice canary {version.name} 50%` would ask more people."
    return f" Everybody gets {_speaker(live)}.{again}"


def _illness(session: Session, promoted: Promotion, limits: Limits) -> str | None:
    """What is wrong with a promoted version compared with the one before it."""
    version = versions.get(session, promoted.team_id, promoted.version_id or 0)
    if version is None:
        return None
    since, team_id = promoted.created_at, promoted.team_id
    before = _before(session, promoted)
    return what_is_wrong(
        Record(
            _outcomes(
                questions.outcomes(session, team_id, version.name, limit=ANSWERS, since=since)
            ),
            Votes(*feedback.of_version(session, team_id, version.name, since=since)),
        ),
        Record(
            _outcomes(questions.outcomes(session, team_id, before, limit=ANSWERS, before=since)),
            Votes(*feedback.of_version(session, team_id, before, before=since)),
        ),
        limits,
    )


def _take_back(session: Session, promoted: Promotion, reason: str, now: datetime) -> None:
    version = versions.get(session, promoted.team_id, promoted.version_id or 0)
    assert version is not None
    back = promotion.rollback(session, promoted.team_id, promoted.audience, WATCH, reason)
    version.taken_back_at = now
    session.add(version)
    live = live_strategy(session, promoted.team_id, promoted.audience).version_name
    log.warning("%s is rolled back: %s", version.name, reason)
    text = (
        f"I rolled *{version.name}* back: {reason}. {_speaker(live, at_start=True)} answers again; "
        f"an admin can put it live with `/apprentice promote {version.name}`."
    )
    place = place_of(session, version, promoted.promoted_by)
    tell(session, promoted.team_id, f"rolled-back:{back.id}", place, text)


def _before(session: Session, promoted: Promotion) -> str | None:
    """The name of what answered before a promotion; None is the base model."""
    rows = versions.promotions(session, promoted.team_id, promoted.audience)
    earlier = next((row for row in rows if (row.id or 0) < (promoted.id or 0)), None)
    if earlier is not None and earlier.version_id is not None:
        version = versions.get(session, promoted.team_id, earlier.version_id)
        return version.name if version else None
    if promoted.audience == WORKSPACE:
        return None
    return live_strategy(session, promoted.team_id, WORKSPACE).version_name


def _record(session: Session, canary: Canary, name: str | None) -> Record:
    assert canary.id is not None
    answered = questions.outcomes(session, canary.team_id, name, limit=ANSWERS, canary_id=canary.id)
    tally = feedback.of_canary(session, canary.team_id, canary.id)
    return Record(_outcomes(answered), Votes(*tally.get(name, (0, 0))))


def _outcomes(answered: list[Question]) -> list[float | None]:
    return [
        (one.ended_at - one.started_at).total_seconds()
        if one.state is QuestionState.ANSWERED and one.ended_at and one.started_at
        else None
        for one in answered
    ]


def _speaker(name: str | None, *, at_start: bool = False) -> str:
    if name:
        return f"*{name}*"
    return f"{'The' if at_start else 'the'} base model with your examples"
