"""From a complete set of answers to the row people read: numbers by strategy, verdict, reason."""

from collections.abc import Hashable, Mapping, Sequence
from math import isfinite
from statistics import fmean
from typing import Any

from bot.answering.strategy import Strategy
from bot.dataset.clusters import clusters_of
from bot.evaluation.evidence import evidence_of
from bot.evaluation.gate import Findings, Scored, Thresholds, judge
from bot.evaluation.intervals import interval_of
from bot.evaluation.strategies import key_of, title_of
from storage.tables import Evaluation, EvaluationAnswer, Run, SnapshotRow, Split


def conclude(
    run: Run,
    version_id: int,
    candidate: str,
    strategies: Sequence[Strategy],
    rows: Sequence[SnapshotRow],
    answers: Sequence[EvaluationAnswer],
    findings: Findings,
) -> Evaluation:
    """
    Judge the candidate by the held-out wordings of what it was taught.

    Unseen questions are answered and kept, but do not speak for a promotion: an answer in the
    right style with invented facts shares words with the true one.
    """
    assert run.id is not None
    wordings = [row for row in rows if row.split == Split.HELD_OUT_WORDING]
    clusters = _clusters(wordings)
    by_strategy = {key_of(strategy): strategy for strategy in strategies}
    sheets = {key: [one for one in answers if one.strategy == key] for key in by_strategy}
    scored = [
        Scored(strategy, {one.snapshot_row_id: one.f1 for one in sheets[key]})
        for key, strategy in by_strategy.items()
    ]
    thresholds = Thresholds()
    judgement = judge(scored, clusters, candidate, findings, thresholds)
    gain = judgement.gain
    return Evaluation(
        team_id=run.team_id,
        run_id=run.id,
        version_id=version_id,
        held_out=len(wordings),
        strategies=[
            _line(strategy, candidate, sheets[key], clusters)
            for key, strategy in by_strategy.items()
        ],
        best=title_of(judgement.best, candidate),
        gain=gain.mean if gain else None,
        gain_low=_finite(gain.low) if gain else None,
        gain_high=_finite(gain.high) if gain else None,
        verdict=judgement.verdict,
        reason=judgement.reason,
        evidence=evidence_of(scored, clusters, candidate, findings, thresholds),
    )


def _clusters(rows: Sequence[SnapshotRow]) -> dict[int, Hashable]:
    questions: dict[int, list[str]] = {}
    for row in rows:
        questions.setdefault(row.example_id, []).append(row.question)
    cluster = clusters_of(questions)
    return {row.id: cluster[row.example_id] for row in rows if row.id is not None}


def _line(
    strategy: Strategy,
    candidate: str,
    answers: Sequence[EvaluationAnswer],
    clusters: Mapping[int, Hashable],
) -> dict[str, Any]:
    line: dict[str, Any] = {
        "name": title_of(strategy, candidate),
        "version": strategy.version_name,
        "examples": strategy.examples,
    }
    counted = [one for one in answers if one.snapshot_row_id in clusters]
    if not counted:
        return line
    f1 = interval_of(
        [one.f1 for one in counted], [clusters[one.snapshot_row_id] for one in counted]
    )
    line |= {
        "f1": f1.mean,
        "f1_low": _finite(f1.low),
        "f1_high": _finite(f1.high),
        "answer_tokens": fmean(one.answer_tokens for one in counted),
        "prompt_tokens": fmean(one.prompt_tokens for one in counted),
        "seconds": fmean(one.seconds for one in counted),
    }
    return line


def _finite(bound: float) -> float | None:
    """One fact has an interval without bounds, which JSON cannot hold."""
    return bound if isfinite(bound) else None
