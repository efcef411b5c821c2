"""
A verdict's evidence as JSON, and the verdict reached again from it. Pure.

Numbers and reasons, no word of the team: it stays when texts are erased.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

from bot.evaluation.gate import Findings, Judgement, Thresholds, judge
from bot.evaluation.intervals import Interval
from bot.evaluation.lines import strategy_of_line
from bot.evaluation.paired import Scored

#: Since 2 the interval is as wide as the choice among all of the candidate's strategies demands;
#: before, among its scales alone (decision 0116). Since 3 nothing is promoted of which nobody can
#: say whether it is served as it was trained (decision 0127).
RULE = 3


def evidence_of(
    scored: Sequence[Scored],
    clusters: Mapping[int, Hashable],
    candidate: str,
    findings: Findings,
    thresholds: Thresholds,
) -> dict[str, Any]:
    """Everything ``judge`` was given."""
    # A cluster is known by who is in it; its name may quote a question.
    names = {name: number for number, name in enumerate(dict.fromkeys(clusters.values()))}
    return {
        "rule": RULE,
        "candidate": candidate,
        "clusters": {str(row): names[name] for row, name in clusters.items()},
        "scores": [
            {
                "version": one.strategy.version_name,
                "examples": one.strategy.examples,
                "scale": one.strategy.scale,
                "f1": {str(row): score for row, score in one.scores.items()},
                "strays": sorted(one.strays),
            }
            for one in scored
        ],
        "findings": {
            "parity": findings.parity,
            "parity_proven": findings.unproven is None and findings.parity is None,
            "unproven": findings.unproven,
            "data": findings.data,
            "leaks": list(findings.leaks),
            "ability": _bounds(findings.ability),
        },
        "thresholds": asdict(thresholds),
    }


def replay(evidence: Mapping[str, Any]) -> Judgement:
    """
    Reach the verdict again, by the rule of its time.

    Raises:
        KeyError: this is no evidence.
    """
    found = evidence["findings"]
    ability = found["ability"]
    scored = [
        Scored(
            strategy_of_line(one),
            {int(row): score for row, score in one["f1"].items()},
            frozenset(one.get("strays", ())),  # older evidence did not look for them
        )
        for one in evidence["scores"]
    ]
    candidate = evidence["candidate"]
    scales = {one.strategy.scale for one in scored if one.strategy.version_name == candidate}
    return judge(
        scored,
        {int(row): cluster for row, cluster in evidence["clusters"].items()},
        candidate,
        Findings(
            found["parity"],
            found["data"],
            found["leaks"],
            Interval(*ability) if ability else None,
            found.get("unproven"),
        ),
        Thresholds(**evidence["thresholds"]),
        looks=None if evidence.get("rule", 1) >= 2 else len(scales),
    )


def _bounds(interval: Interval | None) -> list[float] | None:
    if interval is None:
        return None
    bounds = [interval.mean, interval.low, interval.high]
    return bounds if all(map(isfinite, bounds)) else None
