"""From a complete set of answers to the row people read: numbers by strategy, verdict, reason."""

from collections.abc import Hashable, Sequence

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


def conclude(
    run: Run,
    version_id: int,
    candidate: str,
    strategies: Sequence[Strategy],
    rows: Sequence[SnapshotRow],
    answers: Sequence[EvaluationAnswer],
    findings: Findings,
    prices: TokenPrices | None = OWN_MACHINE,
    thresholds: Thresholds | None = None,
    likeness: Likeness | None = None,
    taught: Taught | None = None,
) -> Evaluation:
    """
    Judge the candidate by the held-out wordings of what it was taught.

    Unseen questions are answered and kept, but do not speak for a promotion: an answer in the
    right style with invented facts shares words with the true one. ``prices`` are the tuned
    model's; the base model is always served by our own engine. ``taught`` are the answers of the
    training split, among which stray ones are looked for.
    """
    assert run.id is not None
    wordings = [row for row in rows if row.split == Split.HELD_OUT_WORDING]
    clusters = clusters_of_rows(wordings)
    by_id = {row.id: row for row in rows if row.id is not None}
    by_strategy = {key_of(strategy): strategy for strategy in strategies}
    sheets = {key: [one for one in answers if one.strategy == key] for key in by_strategy}
    asked = {key: row for key, row in by_id.items() if key in clusters}
    taught = taught or Taught({})
    scored = [
        Scored(
            strategy,
            {one.snapshot_row_id: one.f1 for one in sheets[key]},
            strays_among(sheets[key], asked, taught, shows_examples=strategy.examples > 0),
        )
        for key, strategy in by_strategy.items()
    ]
    thresholds = thresholds or Thresholds()
    judgement = judge(scored, clusters, candidate, findings, thresholds)
    gain = judgement.gain
    return Evaluation(
        team_id=run.team_id,
        run_id=run.id,
        version_id=version_id,
        held_out=len(wordings),
        strategies=[
            {
                "name": title_of(strategy, candidate),
                "version": strategy.version_name,
                "examples": strategy.examples,
                "scale": strategy.scale,
                **measures_of(
                    sheets[key],
                    by_id,
                    clusters,
                    prices if strategy.version_name else OWN_MACHINE,
                    likeness,
                ),
            }
            for key, strategy in by_strategy.items()
        ],
        best=title_of(judgement.best, candidate),
        gain=gain.mean if gain else None,
        gain_low=finite(gain.low) if gain else None,
        gain_high=finite(gain.high) if gain else None,
        verdict=judgement.verdict,
        reason=judgement.reason,
        evidence=evidence_of(scored, clusters, candidate, findings, thresholds)
        | ({"similarity": likeness.problem} if likeness and likeness.problem else {}),
    )


def clusters_of_rows(rows: Sequence[SnapshotRow]) -> dict[int, Hashable]:
    """The fact behind each held-out row, by row id."""
    questions: dict[int, list[str]] = {}
    for row in rows:
        questions.setdefault(row.example_id, []).append(row.question)
    cluster = clusters_of(questions)
    return {row.id: cluster[row.example_id] for row in rows if row.id is not None}
