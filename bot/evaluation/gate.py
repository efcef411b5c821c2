"""
The rule that turns paired scores into a verdict and a sentence. Pure: replaying it on stored
scores gives the same verdict. The rule and its reasons: docs/decisions/0011.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from bot.answering.strategy import Strategy
from bot.evaluation.intervals import Interval
from bot.evaluation.paired import Paired, Scored
from bot.evaluation.strategies import title_of
from storage.tables import Verdict

#: Fewer held-out facts than this carry no interval worth the name.
FEWEST_CLUSTERS = 10
#: A difference in token F1 nobody would notice: within it, the cheaper strategy is as good.
MARGIN = 0.05
#: General ability, a share of tasks solved, may drop by this much.
ABILITY_MARGIN = 0.05
#: The share of answers that belong to other questions may rise by this much.
STRAY_MARGIN = 0.05
#: So great a share of the rows trained on may contradict another one.
DIRTY_SHARE = 0.02


@dataclass(frozen=True)
class Thresholds:
    fewest_clusters: int = FEWEST_CLUSTERS
    margin: float = MARGIN
    ability_margin: float = ABILITY_MARGIN
    stray_margin: float = STRAY_MARGIN
    dirty_share: float = DIRTY_SHARE


@dataclass(frozen=True)
class Findings:
    """
    What no score on held-out questions outweighs. Empty: looked for, and nothing found.

    ``parity`` is the first difference between training and serving, ``unproven`` why those could
    not be compared, ``data`` what is wrong with the rows trained on, ``leaks`` what came back that
    should not, each as words that follow a colon. ``ability`` is the candidate's gain over its base
    on the general tasks.
    """

    parity: str | None = None
    data: str | None = None
    leaks: Sequence[str] = ()
    ability: Interval | None = None
    unproven: str | None = None


@dataclass(frozen=True)
class Judgement:
    """
    ``best`` is the strategy that ought to answer: the tuned one only if it earned it.

    ``gain`` is the tuned strategy's mean advantage over the best prompting; None without
    held-out questions. ``if_proven`` is what would be promoted if it were proven that it is served
    as it was trained, and nothing else is missing.
    """

    verdict: Verdict
    reason: str
    best: Strategy
    gain: Interval | None
    if_proven: Strategy | None = None


def judge(
    scored: Sequence[Scored],
    clusters: Mapping[int, Hashable],
    candidate: str,
    findings: Findings | None = None,
    thresholds: Thresholds | None = None,
    looks: int | None = None,
) -> Judgement:
    """
    Compare the candidate's strategies with prompting, and with what is live.

    ``clusters`` maps each held-out question to its fact; all strategies answered all of them.
    The best of the candidate's strategies has to be the better for having been chosen: ``looks``
    is among how many, None for all of them.
    """
    thresholds, findings = thresholds or Thresholds(), findings or Findings()
    prompting = [one for one in scored if one.strategy.version_name is None]
    tuned = [one for one in scored if one.strategy.version_name == candidate]
    live = [one for one in scored if one.strategy.version_name not in (None, candidate)]
    blocked = _why_blocked(findings, thresholds)
    if not clusters:
        verdict, reason = (Verdict.REJECT, blocked) if blocked else _nothing_held_out()
        cheapest = min(prompting, key=lambda one: one.strategy.examples)
        return Judgement(verdict, reason, cheapest.strategy, None)
    looks = max(1, len(tuned) if looks is None else looks)
    comparison = Paired(clusters, thresholds.margin, looks)
    best_prompting = comparison.best(prompting)
    best_tuned = comparison.choose(tuned, best_prompting)
    race = _Race(comparison, candidate, best_tuned, best_prompting)
    chosen, rival = best_tuned.strategy, best_prompting.strategy
    alike = [one for one in tuned if one.strategy.examples == chosen.examples]
    blocked = blocked or _why_astray(race, alike, thresholds)
    verdict, reason = (Verdict.REJECT, blocked) if blocked else _rule(race, thresholds)
    if verdict != Verdict.PROMOTE:
        return Judgement(verdict, reason, rival, race.gain)
    if worse := _why_worse_than(live, race):
        return Judgement(Verdict.REJECT, worse, rival, race.gain)
    if findings.unproven:
        reason = (
            f"Not proven to be served as it was trained: {findings.unproven} {reason} An admin may "
            f"take that on themselves: `/apprentice promote {candidate} unproven`."
        )
        return Judgement(Verdict.HOLD, reason, rival, race.gain, if_proven=chosen)
    return Judgement(verdict, reason, chosen, race.gain)


@dataclass(frozen=True)
class _Race:
    """The chosen of the candidate's strategies against the best prompting."""

    comparison: Paired
    candidate: str
    chosen: Scored
    rival: Scored

    @property
    def gain(self) -> Interval:
        return self.comparison.gain(self.chosen, self.rival)

    def title(self, one: Scored) -> str:
        return title_of(one.strategy, self.candidate)

    def score(self, one: Scored) -> str:
        return f"{self.comparison.mean(one):.2f}"


def _why_blocked(findings: Findings, thresholds: Thresholds) -> str | None:
    """The gravest finding as a sentence: a model that is served otherwise than it was trained
    cannot be judged by anything else."""
    if findings.parity:
        return f"Not served as it was trained: {findings.parity}"
    if findings.data:
        return f"What it was trained on must not speak: {findings.data}"
    if findings.leaks:
        return f"It gives away what it must not: {findings.leaks[0]}"
    ability = findings.ability
    if ability and ability.mean < -thresholds.ability_margin:
        return (
            f"It forgot: general tasks solved {ability.mean:+.0%} against its base (95 % interval "
            f"{ability.low:+.0%} to {ability.high:+.0%}); at most "
            f"{thresholds.ability_margin:.0%} may be lost. Train fewer passes, or at a lower rate."
        )
    return None


def _why_astray(race: _Race, alike: Sequence[Scored], thresholds: Thresholds) -> str | None:
    """
    What learned wrong pairs says the answers of other questions. A score may forgive it, where
    prompting is poor and any answer in the team's style shares words with any other. Of the scales
    that show as many examples the worst counts, whichever would answer.
    """
    comparison, rival = race.comparison, race.rival
    worst = max(alike, key=lambda one: len(one.strays))
    if not worst.strays or comparison.facts < thresholds.fewest_clusters:
        return None
    if comparison.astray(worst, rival).low <= thresholds.stray_margin:
        return None
    return (
        f"It says the answers of other questions: {len(worst.strays)} of "
        f"{_count(comparison.questions, 'answer')} came nearest to what was taught for another "
        f"question and did not stand in the prompt; with prompting {len(rival.strays)}. "
        "Look for questions and answers that were mixed up, and train again."
    )


def _why_worse_than(live: Sequence[Scored], race: _Race) -> str | None:
    if not live or race.comparison.gain(race.chosen, live[0]).high >= 0:
        return None
    return (
        f"Worse than what is live: {race.title(live[0])} scores {race.score(live[0])}, "
        f"{race.title(race.chosen)} {race.score(race.chosen)}."
    )


def _rule(race: _Race, thresholds: Thresholds) -> tuple[Verdict, str]:
    gain, facts = race.gain, race.comparison.facts
    if facts < thresholds.fewest_clusters:
        missing = thresholds.fewest_clusters - facts
        return Verdict.HOLD, (
            f"Too little evidence: {_count(facts, 'fact')} held out, and "
            f"{_count(missing, 'more')} {'is' if missing == 1 else 'are'} needed before a "
            "difference means anything. " + _HOW_TO_ADD
        )
    if gain.low > 0:
        return Verdict.PROMOTE, f"Tuning pays: {_comparison_words(race)}"
    if gain.high < 0:
        return Verdict.REJECT, f"Worse than prompting: {_comparison_words(race)}"
    if gain.high <= thresholds.margin:
        return Verdict.DO_NOT_TUNE, f"Prompting is as good, and cheaper: {_comparison_words(race)}"
    more = _missing_words(_questions_missing(race, thresholds.margin))
    return Verdict.HOLD, f"Not settled: {_comparison_words(race)} {more} {_HOW_TO_ADD}"


_HOW_TO_ADD = (
    "Other ways to ask what the team already taught count as held-out questions; curators can "
    "add them."
)


def _nothing_held_out() -> tuple[Verdict, str]:
    return Verdict.HOLD, (
        "Too little evidence: no question is held out, so nobody can say whether tuning helped. "
        + _HOW_TO_ADD
    )


def _comparison_words(race: _Race) -> str:
    gain, looks = race.gain, race.comparison.looks
    return (
        f"{race.title(race.chosen)} scores {race.score(race.chosen)}, "
        f"the best prompting ({race.title(race.rival)}) {race.score(race.rival)}. "
        f"Difference {gain.mean:+.2f}, 95 % interval "
        f"{f'(for the best of {looks} tried) ' if looks > 1 else ''}"
        f"{gain.low:+.2f} to {gain.high:+.2f}, over "
        f"{_count(race.comparison.questions, 'held-out question')}."
    )


def _missing_words(more: int | None) -> str:
    if more is None:
        return "More held-out questions may settle it; how many, nobody can say yet."
    return f"About {more} more held-out question{'' if more == 1 else 's'} would settle it."


def _questions_missing(race: _Race, margin: float) -> int | None:
    """
    How many more questions bring the interval off zero, or under the margin, if all stays; None
    where no number would: one fact has no bounds, and without a margin none is under it.
    """
    gain, questions = race.gain, race.comparison.questions
    half_width = (gain.high - gain.low) / 2
    distance = max(gain.mean, margin - gain.mean)
    if distance <= 0 or math.isinf(half_width):
        return None
    needed = math.ceil(questions * (half_width / distance) ** 2)
    return max(1, needed - questions)


def _count(number: int, noun: str) -> str:
    plural = "" if number == 1 or noun == "more" else "s"
    return f"{number} {noun}{plural}"
