"""From a complete set of answers to the row people read: numbers by strategy, verdict, reason."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bot.answering.parity import IF_PROVEN
from bot.answering.strategy import Strategy
from bot.dataset.clusters import clusters_of
from bot.evaluation.evidence import evidence_of
from bot.evaluation.gate import Findings, Thresholds, judge
from bot.evaluation.likeness import Likeness
from bot.evaluation.measures import OWN_MACHINE, TokenPrices, finite, measures_of
from bot.evaluation.paired import Scored
from bot.evaluation.strategies import key_of, title_of
from bot.evaluation.strays import Taught, strays_among
from storage.tables import Evaluation, EvaluationAnswer, Run, SnapshotRow, Split


@dataclass(frozen=True)
class InVain:
    """
    To how many of ``of`` questions nobody has answered each strategy, by its key, said that it
    does not know; to ``by_retrieval`` serving says so before any model is asked.
    """

    declined: Mapping[str, int]
    of: int
    by_retrieval: int


@dataclass(frozen=True)
class Heard:
    """
    All that was asked and answered for one candidate, complete.

    ``prices`` are the tuned model's; the base model is always served by our own engine. ``taught``
    are the answers of the training split, among which stray ones are looked for.
    """

    candidate: str
    strategies: Sequence[Strategy]
    rows: Sequence[SnapshotRow]
    answers: Sequence[EvaluationAnswer]
    prices: TokenPrices | None = OWN_MACHINE
    likeness: Likeness | None = None
    taught: Taught = field(default_factory=lambda: Taught({}))
    in_vain: InVain | None = None

    @cached_property
    def wordings(self) -> dict[int, Hashable]:
        """The fact behind each held-out wording of what was taught, by row id."""
        return clusters_of_rows([row for row in self.rows if row.split == Split.HELD_OUT_WORDING])

    @cached_property
    def by_id(self) -> dict[int, SnapshotRow]:
        return {row.id: row for row in self.rows if row.id is not None}

    def sheet(self, strategy: Strategy) -> list[EvaluationAnswer]:
        return [one for one in self.answers if one.strategy == key_of(strategy)]


def conclude(
    run: Run,
    version_id: int,
    heard: Heard,
    findings: Findings,
    thresholds: Thresholds | None = None,
) -> Evaluation:
    """
    Judge the candidate by the held-out wordings of what it was taught.

    Unseen questions are answered and kept, but do not speak for a promotion: an answer in the
    right style with invented facts shares words with the true one.
    """
    assert run.id is not None
    thresholds = thresholds or Thresholds()
    candidate, clusters = heard.candidate, heard.wordings
    scored = [_scored(heard, strategy) for strategy in heard.strategies]
    judgement = judge(scored, clusters, candidate, findings, thresholds)
    gain = judgement.gain
    evidence = evidence_of(scored, clusters, candidate, findings, thresholds)
    if judgement.if_proven:
        evidence[IF_PROVEN] = title_of(judgement.if_proven, candidate)
    if heard.likeness and heard.likeness.problem:
        evidence["similarity"] = heard.likeness.problem
    if heard.in_vain:
        evidence["in_vain"] = {
            "of": heard.in_vain.of, "by_retrieval": heard.in_vain.by_retrieval
        }  # fmt: skip
    return Evaluation(
        team_id=run.team_id,
        run_id=run.id,
        version_id=version_id,
        held_out=len(clusters),
        strategies=[_line(heard, strategy) for strategy in heard.strategies],
        best=title_of(judgement.best, candidate),
        gain=gain.mean if gain else None,
        gain_low=finite(gain.low) if gain else None,
        gain_high=finite(gain.high) if gain else None,
        verdict=judgement.verdict,
        reason=judgement.reason,
        evidence=evidence,
    )


def _scored(heard: Heard, strategy: Strategy) -> Scored:
    """One strategy as the gate sees it."""
    sheet = heard.sheet(strategy)
    asked = {key: heard.by_id[key] for key in heard.wordings}
    strays = strays_among(sheet, asked, heard.taught, shows_examples=strategy.examples > 0)
    return Scored(strategy, {one.snapshot_row_id: one.f1 for one in sheet}, strays)


def _line(heard: Heard, strategy: Strategy) -> dict[str, Any]:
    """One strategy as people see it."""
    prices = heard.prices if strategy.version_name else OWN_MACHINE
    figures = measures_of(
        heard.sheet(strategy), heard.by_id, heard.wordings, prices, heard.likeness
    )
    return {
        "name": title_of(strategy, heard.candidate),
        "version": strategy.version_name,
        "examples": strategy.examples,
        "scale": strategy.scale,
        **figures,
        **_abstained(figures, heard.in_vain, key_of(strategy)),
    }


def _abstained(figures: Mapping[str, Any], asked: InVain | None, key: str) -> dict[str, Any]:
    """Rightly, to unseen questions of the data set and to what people asked in vain together."""
    if asked is None:
        return {}
    unseen = figures.get("abstained_right_of", 0)
    rightly = figures.get("abstained_right", 0.0) * unseen + asked.declined[key]
    total = unseen + asked.of
    return {"abstained_right": rightly / total, "abstained_right_of": total}


def clusters_of_rows(rows: Sequence[SnapshotRow]) -> dict[int, Hashable]:
    """The fact behind each held-out row, by row id."""
    questions: dict[int, list[str]] = {}
    for row in rows:
        questions.setdefault(row.example_id, []).append(row.question)
    cluster = clusters_of(questions)
    return {row.id: cluster[row.example_id] for row in rows if row.id is not None}
