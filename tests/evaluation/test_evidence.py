"""A verdict can be reached again from what was kept of it, and that holds no words of the team."""

import json

from bot.answering.strategy import Strategy
from bot.evaluation.evidence import evidence_of, replay
from bot.evaluation.gate import Findings, Thresholds, judge
from bot.evaluation.intervals import Interval
from bot.evaluation.paired import Scored
from storage.tables import Verdict

VERSION = "workspace-v3"
SCORED = [
    Scored(Strategy(None, 0), {n: (n % 4) / 10 for n in range(24)}),
    Scored(Strategy(None, 1), {n: (n % 5) / 10 for n in range(24)}),
    Scored(Strategy(VERSION, 1), {n: 0.5 + (n % 6) / 12 for n in range(24)}),
]
CLUSTERS = {n: f"secret question {n // 2}" for n in range(24)}


def test_the_same_evidence_gives_the_same_verdict_after_a_round_through_json():
    for findings in (
        Findings(),
        Findings(ability=Interval(-0.3, -0.4, -0.2)),
        Findings(leaks=["a code came back."], data="x", parity=None),
        Findings(parity="token 3 was 7 in training and is 8 in serving."),
        Findings(leaks=["a code came back."]),
        Findings(unproven="the provider says nothing of its tokens."),
    ):
        reached = judge(SCORED, CLUSTERS, VERSION, findings, Thresholds())
        kept = json.loads(
            json.dumps(evidence_of(SCORED, CLUSTERS, VERSION, findings, Thresholds()))
        )

        assert replay(kept) == reached


def test_no_question_is_kept():
    kept = json.dumps(evidence_of(SCORED, CLUSTERS, VERSION, Findings(), Thresholds()))

    assert "secret question" not in kept


def test_other_thresholds_may_reach_another_verdict():
    strict = Thresholds(fewest_clusters=50)
    kept = evidence_of(SCORED, CLUSTERS, VERSION, Findings(), strict)

    assert replay(kept).verdict is Verdict.HOLD


def evidence_before_rule_2(lift: float, *, scales: bool) -> dict:
    """As verdicts were kept before choosing was paid for and stray answers were looked for."""
    base = {str(n): (n % 7) / 10 for n in range(30)}
    tuned = {
        key: min(1.0, max(0.0, score + lift + (0.25 if int(key) % 2 else -0.2)))
        for key, score in base.items()
    }
    scores = [
        {"version": None, "examples": 0, "f1": base},
        {"version": VERSION, "examples": 0, "f1": base},
        {"version": VERSION, "examples": 1, "f1": tuned},
    ]
    if scales:  # the first evidence knew none
        scores = [{**one, "scale": 1.0} for one in scores]
        scores.append({"version": VERSION, "examples": 1, "scale": 0.5, "f1": base})
    return {
        "candidate": VERSION,
        "clusters": {key: int(key) for key in base},
        "scores": scores,
        "findings": {"parity": None, "data": None, "leaks": [], "ability": None},
        "thresholds": {"fewest_clusters": 10, "margin": 0.05, "ability_margin": 0.05},
    }


def test_a_verdict_of_an_older_rule_is_reached_again_by_that_rule():
    # What the code of then said, word for word.
    said = (
        "Tuning pays: tuned + 1 example scores 0.37, the best prompting (base) 0.28. Difference "
        "+0.08, 95 % interval +0.00 to +0.17, over 30 held-out questions."
    )
    kept = evidence_before_rule_2(0.04, scales=False)

    assert (replay(kept).verdict, replay(kept).reason) == (Verdict.PROMOTE, said)
    assert replay({**kept, "rule": 2}).verdict is Verdict.HOLD


def test_before_rule_3_nobody_was_held_for_want_of_a_proof():
    kept = evidence_of(SCORED, CLUSTERS, VERSION, Findings(), Thresholds())
    kept["findings"] = {**kept["findings"], "parity_proven": False}
    del kept["findings"]["unproven"]

    assert replay({**kept, "rule": 2}).verdict is Verdict.PROMOTE


def test_of_several_scales_the_older_rule_paid_for_the_scales_alone():
    kept = evidence_before_rule_2(0.05, scales=True)

    assert replay(kept).verdict is Verdict.PROMOTE
    assert replay({**kept, "rule": 2}).verdict is Verdict.HOLD
    assert replay(evidence_before_rule_2(0.04, scales=True)).verdict is Verdict.HOLD


def test_settings_changed_since_do_not_change_a_kept_verdict():
    lenient = Thresholds(stray_margin=1.0, fewest_clusters=3)
    astray = [
        *SCORED[:2], Scored(SCORED[2].strategy, SCORED[2].scores, frozenset(range(20)))
    ]  # fmt: skip
    kept = evidence_of(astray, CLUSTERS, VERSION, Findings(), lenient)

    assert replay(kept).verdict is Verdict.PROMOTE
    strict = {**kept, "thresholds": {**kept["thresholds"], "stray_margin": 0.05}}
    assert replay(strict).reason.startswith("It says the answers of other questions")
