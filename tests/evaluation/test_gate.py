"""A version is promoted only on proof; everything else has a verdict and a sentence of its own."""

import re

import numpy as np
import pytest

from bot.answering.strategy import Strategy
from bot.evaluation.gate import FEWEST_CLUSTERS, Findings, Judgement, Thresholds, judge
from bot.evaluation.intervals import Interval
from bot.evaluation.paired import Scored
from storage.tables import Verdict

VERSION = "workspace-v3"
BASE, BASE_1 = Strategy(None, 0), Strategy(None, 1)
TUNED, TUNED_1 = Strategy(VERSION, 0), Strategy(VERSION, 1)


def gate(
    means: dict[Strategy, float],
    questions: int = 30,
    spread: float = 0.1,
    wordings: int = 1,
    findings: Findings | None = None,
) -> Judgement:
    """Scores around means; ``wordings`` questions make one fact."""
    random = np.random.default_rng(7)
    scored = [
        Scored(
            strategy,
            dict(enumerate(np.clip(mean + random.normal(0, spread, questions), 0, 1).tolist())),
        )
        for strategy, mean in means.items()
    ]
    return judge(scored, {n: n // wordings for n in range(questions)}, VERSION, findings)


def test_a_clear_gain_is_promoted_with_its_numbers():
    judgement = gate({BASE: 0.15, BASE_1: 0.36, TUNED: 0.42, TUNED_1: 0.74})

    assert judgement.verdict == Verdict.PROMOTE
    assert judgement.best == TUNED_1
    assert judgement.gain is not None
    assert judgement.gain.low > 0
    assert judgement.gain.mean == pytest.approx(0.38, abs=0.06)
    assert "30 held-out questions" in judgement.reason
    assert "base + 1 example" in judgement.reason


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        (Findings(parity="token 3 is 17 there and 4 here."), "Not served as it was trained"),
        (Findings(data="1 row was erased."), "must not speak"),
        (Findings(leaks=["it said a planted word."]), "gives away"),
        (Findings(ability=Interval(-0.2, -0.3, -0.1)), "forgot"),
    ],
)
def test_a_clear_gain_outweighs_no_finding(findings, words):
    judgement = gate({BASE: 0.15, BASE_1: 0.36, TUNED: 0.42, TUNED_1: 0.74}, findings=findings)

    assert judgement.verdict == Verdict.REJECT
    assert words in judgement.reason
    assert judgement.best == BASE_1


def test_a_clear_gain_whose_serving_nobody_could_compare_is_held_and_remembered():
    why = "`openai` does not say which tokens it trained on."
    clear = {BASE: 0.15, BASE_1: 0.36, TUNED: 0.42, TUNED_1: 0.74}

    found = gate(clear, findings=Findings(unproven=why))

    assert found.verdict is Verdict.HOLD
    assert found.reason.startswith(f"Not proven to be served as it was trained: {why} Tuning pays")
    assert (found.if_proven, found.best) == (TUNED_1, BASE_1)
    assert found.gain == gate(clear).gain


def test_what_cannot_be_compared_excuses_nothing_else():
    clear = {BASE: 0.15, BASE_1: 0.36, TUNED: 0.42, TUNED_1: 0.74}
    leaking = gate(clear, findings=Findings(unproven="who knows.", leaks=["it said a word."]))
    worse = gate({BASE: 0.7, BASE_1: 0.7, TUNED: 0.2}, findings=Findings(unproven="who knows."))

    assert (leaking.verdict, leaking.if_proven) == (Verdict.REJECT, None)
    assert (worse.verdict, worse.if_proven) == (Verdict.REJECT, None)


def test_an_ability_that_drops_less_than_the_margin_blocks_nothing():
    findings = Findings(ability=Interval(-0.02, -0.08, 0.04))

    judgement = gate({BASE: 0.15, TUNED: 0.74}, findings=findings)

    assert judgement.verdict == Verdict.PROMOTE


def test_a_leak_is_named_though_nothing_is_held_out():
    findings = Findings(leaks=["it said a planted word."])

    judgement = judge([Scored(BASE, {}), Scored(TUNED, {})], {}, VERSION, findings)

    assert judgement.verdict == Verdict.REJECT
    assert "planted" in judgement.reason


def test_a_model_that_answers_exactly_as_the_base_does_is_never_promoted():
    scores = {n: (n % 5) / 5 for n in range(40)}
    scored = [Scored(strategy, scores) for strategy in (BASE, BASE_1, TUNED, TUNED_1)]

    judgement = judge(scored, {n: n for n in range(40)}, VERSION)

    assert judgement.verdict == Verdict.DO_NOT_TUNE
    assert judgement.best == BASE


def test_prompting_that_is_as_good_wins_because_it_is_cheaper():
    judgement = gate({BASE: 0.3, BASE_1: 0.7, TUNED: 0.3, TUNED_1: 0.7}, 200, spread=0.05)

    assert judgement.verdict == Verdict.DO_NOT_TUNE
    assert judgement.best == BASE_1


def test_a_worse_model_is_rejected():
    judgement = gate({BASE: 0.3, BASE_1: 0.6, TUNED: 0.1, TUNED_1: 0.3})

    assert judgement.verdict == Verdict.REJECT
    assert judgement.best == BASE_1


def test_a_model_worse_than_the_live_one_is_rejected_although_it_beats_prompting():
    live = Strategy("workspace-v2", 1)

    judgement = gate({BASE: 0.1, BASE_1: 0.3, TUNED: 0.3, TUNED_1: 0.5, live: 0.8})

    assert judgement.verdict == Verdict.REJECT
    assert "workspace-v2 + 1 example" in judgement.reason


def test_a_model_that_may_be_as_good_as_the_live_one_is_promoted():
    live = Strategy("workspace-v2", 1)

    judgement = gate({BASE: 0.1, BASE_1: 0.2, TUNED: 0.3, TUNED_1: 0.6, live: 0.61})

    assert (judgement.verdict, judgement.best) == (Verdict.PROMOTE, TUNED_1)


def test_few_held_out_facts_are_too_little_evidence_whatever_they_say():
    judgement = gate({BASE: 0.0, TUNED: 1.0}, questions=FEWEST_CLUSTERS - 3)

    assert judgement.verdict == Verdict.HOLD
    assert "3 more are needed" in judgement.reason


def test_many_wordings_of_few_facts_are_still_few_facts():
    judgement = gate({BASE: 0.1, TUNED: 0.9}, questions=24, wordings=4)

    assert judgement.verdict == Verdict.HOLD
    assert "6 facts held out" in judgement.reason


def test_nothing_held_out_says_so():
    judgement = judge([Scored(BASE, {}), Scored(TUNED, {})], {}, VERSION)

    assert judgement.verdict == Verdict.HOLD
    assert judgement.gain is None
    assert "no question is held out" in judgement.reason


def test_an_open_race_says_how_many_more_questions_would_settle_it():
    judgement = gate({BASE: 0.4, TUNED: 0.47}, questions=25, spread=0.3)

    assert judgement.verdict == Verdict.HOLD
    missing = re.search(r"About (\d+) more held-out questions would settle it", judgement.reason)
    assert missing is not None
    assert 1 <= int(missing[1]) < 1000


def test_without_a_margin_equal_answers_are_still_no_reason_to_tune():
    scores = {n: (n % 5) / 5 for n in range(40)}
    scored = [Scored(strategy, scores) for strategy in (BASE, TUNED)]

    judgement = judge(scored, {n: n for n in scores}, VERSION, thresholds=Thresholds(margin=0.0))

    assert judgement.verdict == Verdict.DO_NOT_TUNE


def test_where_no_number_of_questions_would_settle_it_none_is_named():
    balanced = {n: 0.75 if n % 2 else 0.25 for n in range(40)}
    scored = [Scored(BASE, dict.fromkeys(balanced, 0.5)), Scored(TUNED, balanced)]

    judgement = judge(scored, {n: n for n in balanced}, VERSION, thresholds=Thresholds(margin=0.0))

    assert judgement.verdict == Verdict.HOLD
    assert "how many, nobody can say yet" in judgement.reason


def test_the_cheaper_of_two_equal_tuned_strategies_goes_live():
    tuned_3 = Strategy(VERSION, 3)

    judgement = gate({BASE: 0.2, TUNED: 0.3, TUNED_1: 0.80, tuned_3: 0.81}, 100, spread=0.03)

    assert judgement.verdict == Verdict.PROMOTE
    assert judgement.best == TUNED_1


def test_a_cheaper_strategy_that_did_not_earn_it_itself_does_not_go_live():
    base = dict.fromkeys(range(40), 0.5)
    scored = [
        Scored(BASE, base),
        Scored(TUNED, {n: 0.57 if n % 2 else 0.46 for n in base}),  # near, but not surely better
        Scored(TUNED_1, dict.fromkeys(base, 0.53)),
    ]

    judgement = judge(scored, {n: n for n in base}, VERSION)

    assert (judgement.verdict, judgement.best) == (Verdict.PROMOTE, TUNED_1)


def test_one_fact_alone_is_held_without_breaking():
    judgement = judge([Scored(BASE, {1: 0.0}), Scored(TUNED, {1: 1.0})], {1: 1}, VERSION)

    assert judgement.verdict == Verdict.HOLD


def test_the_best_of_several_scales_has_to_be_the_better_for_it():
    """A gain that would do if it had been asked once may be the luckiest of three."""
    half, quarter = Strategy(VERSION, 1, 0.5), Strategy(VERSION, 1, 0.25)
    two, three = (
        gate({BASE_1: 0.4, TUNED_1: 0.4} | dict.fromkeys(others, 0.52), 30, spread=0.25)
        for others in ([half], [half, quarter])
    )

    assert two.gain is not None
    assert three.gain is not None
    assert three.gain.low < two.gain.low
    assert "best of 3 tried" in three.reason


def test_the_best_of_several_numbers_of_examples_has_to_be_the_better_for_it():
    one, three = (
        gate({BASE_1: 0.4} | dict.fromkeys(tuned, 0.52), 30, spread=0.25)
        for tuned in ([TUNED_1], [TUNED_1, TUNED, Strategy(VERSION, 3)])
    )

    assert one.gain is not None
    assert three.gain is not None
    assert three.gain.high - three.gain.low > one.gain.high - one.gain.low
    assert "tried" not in one.reason


#: Ten of thirty questions were given the answer of another one.
ASTRAY = frozenset(range(0, 30, 3))


def with_strays(tuned: frozenset[int], prompted: frozenset[int] = frozenset(), gain=0.3):
    """Scores that would promote, and who said the answers of other questions how often."""
    scored = [
        Scored(BASE_1, {n: 0.3 + n % 5 / 50 for n in range(30)}, prompted),
        Scored(TUNED_1, {n: 0.3 + gain + n % 7 / 50 for n in range(30)}, tuned),
    ]
    return judge(scored, {n: n for n in range(30)}, VERSION)


def test_a_model_that_says_the_answers_of_other_questions_is_rejected_whatever_it_scores():
    for gain in (0.3, 0.0):
        judgement = with_strays(ASTRAY, gain=gain)

        assert judgement.verdict == Verdict.REJECT
        assert judgement.best == BASE_1
        assert judgement.reason.startswith("It says the answers of other questions: 10 of 30")
        assert "with prompting 0" in judgement.reason


def test_a_scale_at_which_it_says_its_own_answers_does_not_excuse_the_adapter():
    half = Scored(Strategy(VERSION, 1, 0.5), dict.fromkeys(range(30), 0.65))
    scored = [
        Scored(BASE_1, dict.fromkeys(range(30), 0.3)),
        Scored(TUNED_1, dict.fromkeys(range(30), 0.6), ASTRAY),
        half,
    ]

    judgement = judge(scored, {n: n for n in range(30)}, VERSION)

    assert judgement.verdict == Verdict.REJECT
    assert "answers of other questions" in judgement.reason


def test_what_it_says_with_fewer_examples_than_it_would_be_shown_does_not_count():
    """A bare question reminds even a good adapter of the wrong answer."""
    scored = [
        Scored(BASE_1, dict.fromkeys(range(30), 0.3)),
        Scored(TUNED, dict.fromkeys(range(30), 0.2), ASTRAY),
        Scored(TUNED_1, dict.fromkeys(range(30), 0.7)),
    ]

    assert judge(scored, {n: n for n in range(30)}, VERSION).verdict == Verdict.PROMOTE


def test_where_prompting_says_them_as_often_the_model_is_not_to_blame():
    assert with_strays(ASTRAY, ASTRAY).verdict == Verdict.PROMOTE


def test_one_or_two_answers_of_other_questions_are_chance():
    assert with_strays(frozenset({4, 20})).verdict == Verdict.PROMOTE


def test_too_few_facts_accuse_nobody():
    few = range(FEWEST_CLUSTERS - 1)
    scored = [
        Scored(BASE_1, dict.fromkeys(few, 0.3)),
        Scored(TUNED_1, dict.fromkeys(few, 0.3), frozenset(few)),
    ]

    assert judge(scored, {n: n for n in few}, VERSION).verdict == Verdict.HOLD


@pytest.mark.parametrize("questions", [12, 30])
def test_a_base_model_in_disguise_is_promoted_in_at_most_one_of_twenty(questions):
    """Every strategy draws its scores from one distribution: any gain is luck."""
    random = np.random.default_rng(11)
    half, half_1 = (Strategy(VERSION, k, 0.5) for k in (0, 1))
    promoted = 0
    for _ in range(120):
        scored = [
            Scored(strategy, dict(enumerate(random.beta(0.5, 0.5, questions).tolist())))
            for strategy in (BASE, BASE_1, TUNED, TUNED_1, half, half_1)
        ]
        verdict: Judgement = judge(scored, {n: n for n in range(questions)}, VERSION)
        promoted += verdict.verdict == Verdict.PROMOTE

    assert promoted / 120 <= 0.05
