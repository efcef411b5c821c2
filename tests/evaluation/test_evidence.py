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
