"""
``python -m benchmarks.gate``: how often the gate and the canary are wrong, by simulation.

Prints one JSON object. Nothing is trained: paired scores of a real run, kept in
``measured_scores.json``, are drawn again by cluster, so their spread and their ties are real.
The candidate may be tried in several ways, each as lucky as the first by itself: choosing the best
of them must not promote what is no better.
``--simulations N`` draws fewer or more; ``--record`` measures the scores anew (minutes).
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.machine import describe
from bot.answering.strategy import Strategy
from bot.evaluation.gate import judge
from bot.evaluation.paired import Scored
from bot.evaluation.sequential import ALPHA, CanaryVerdict, Votes, judge_canary
from storage.tables import Verdict

MEASURED = Path(__file__).with_name("measured_scores.json")
SIMULATIONS = 1_000
QUESTIONS = 100
FEW_QUESTIONS = 30
TRUE_GAIN = 0.1
CANARY_SHARE = 0.2
CANARY_VOTES = 400
GOOD_RATES = (0.5, 0.7, 0.9)
#: What a candidate is tried at, by default and with the settings turned up.
NUMBERS, MORE_NUMBERS = (0, 1), (0, 1, 3)
SCALES, MORE_SCALES = (1.0,), (1.0, 0.75, 0.5, 0.25)
CANDIDATE = "workspace-v1"
Random = np.random.Generator
Scores = dict[Strategy, npt.NDArray[np.float64]]
Maker = Callable[[Scores, Random], Scores]


def measure(simulations: int = SIMULATIONS) -> dict[str, Any]:
    started = time.monotonic()
    makers: dict[str, tuple[Maker, int]] = {
        # The same answers, word for word: greedy decoding of the same weights.
        "false_promotions_same_answers": (same_answers, QUESTIONS),
        # As different as tuned and base really were, with no difference on average.
        "false_promotions": (swapped_by_chance, QUESTIONS),
        "false_promotions_30_questions": (swapped_by_chance, FEW_QUESTIONS),
        # Every way of trying the candidate is as good as the best prompting, which is one.
        "false_promotions_three_numbers": (partial(lucky, MORE_NUMBERS, SCALES), QUESTIONS),
        "false_promotions_three_numbers_30_questions": (
            partial(lucky, MORE_NUMBERS, SCALES), FEW_QUESTIONS
        ),
        "false_promotions_four_scales": (partial(lucky, NUMBERS, MORE_SCALES), QUESTIONS),
        # A sixth or so of the facts gain what facts really gained, the others nothing.
        "power": (some_facts_gain, QUESTIONS),
        # Every fact gains, with the whole spread measured: the hardest way to gain so little.
        "power_if_all_spread_remains": (every_fact_gains, QUESTIONS),
    }  # fmt: skip
    rates = [(rate, rate) for rate in GOOD_RATES] + [(0.55, 0.85)]
    with ProcessPoolExecutor() as pool:
        gates = {
            name: pool.submit(promotions, make, questions, simulations)
            for name, (make, questions) in makers.items()
        }
        ends = [pool.submit(canaries, *rate, simulations) for rate in rates]
    figures: dict[str, Any] = {
        "simulations": simulations,
        "measured_clusters": len(load()),
        **{name: found.result() for name, found in gates.items()},
    }
    *wrong, right = [found.result()[CanaryVerdict.ROLL_BACK] for found in ends]
    figures["wrong_rollbacks"] = max(wrong)
    figures["wrong_rollbacks_by_rate"] = dict(zip(map(str, GOOD_RATES), wrong, strict=True))
    figures["right_rollbacks_55_against_85_percent"] = right
    figures["alpha"] = ALPHA
    return figures | {"seconds": round(time.monotonic() - started, 1)}


def load() -> list[Scores]:
    """Token F1 by strategy for each measured cluster: arrays over its questions."""
    strategies = {
        "base+0": Strategy(None, 0), "base+1": Strategy(None, 1),
        "tuned+0": Strategy(CANDIDATE, 0), "tuned+1": Strategy(CANDIDATE, 1),
    }  # fmt: skip
    return [
        {strategies[name]: np.array(scores) for name, scores in cluster.items()}
        for cluster in json.loads(MEASURED.read_text())["clusters"]
    ]


def promotions(make_candidate: Maker, questions: int, simulations: int) -> float:
    """The share of simulated gates that promote."""
    by_cluster = load()
    random = np.random.default_rng(20261124)
    promoted = 0
    for _ in range(simulations):
        drawn = random.integers(len(by_cluster), size=questions)
        gate = [make_candidate(by_cluster[index], random) for index in drawn]
        promoted += judge(*paired(gate), CANDIDATE).verdict is Verdict.PROMOTE
    return promoted / simulations


def paired(gate: list[Scores]) -> tuple[list[Scored], dict[int, Hashable]]:
    scores: dict[Strategy, dict[int, float]] = {strategy: {} for strategy in gate[0]}
    clusters: dict[int, Hashable] = {}
    for number, cluster in enumerate(gate):
        for question in range(len(next(iter(cluster.values())))):
            row = len(clusters)
            clusters[row] = number
            for strategy, values in cluster.items():
                scores[strategy][row] = float(values[question])
    return [Scored(strategy, values) for strategy, values in scores.items()], clusters


def same_answers(cluster: Scores, _random: Random) -> Scores:
    return {strategy: cluster[Strategy(None, strategy.examples)] for strategy in cluster}


def swapped_by_chance(cluster: Scores, random: Random) -> Scores:
    """Whose score is whose, by a coin for each number of examples: no difference on average."""
    made = dict(cluster)
    for examples in (0, 1):
        base, tuned = Strategy(None, examples), Strategy(CANDIDATE, examples)
        if random.random() < 0.5:
            made[base], made[tuned] = cluster[tuned], cluster[base]
    return made


def lucky(
    numbers: Sequence[int], scales: Sequence[float], cluster: Scores, random: Random
) -> Scores:
    """
    Every strategy of the candidate is the base or the tuned model by a coin of its own, and the
    rival by another: the hardest case, since each has luck of its own to choose from.
    """
    rival = Strategy(None, 1)
    tried = [Strategy(CANDIDATE, k, scale) for scale in scales for k in numbers]
    measured = cluster[rival], cluster[Strategy(CANDIDATE, 1)]
    coins = (random.random(1 + len(tried)) < 0.5).tolist()
    return {strategy: measured[coin] for strategy, coin in zip([rival, *tried], coins, strict=True)}


def some_facts_gain(cluster: Scores, random: Random) -> Scores:
    """The candidate is the tuned model on a share of facts that makes the true gain."""
    if random.random() < TRUE_GAIN / measured_gain():
        return cluster
    return same_answers(cluster, random)


def every_fact_gains(cluster: Scores, random: Random) -> Scores:
    """Measured differences, moved so that their mean is the true gain."""
    made = same_answers(cluster, random)
    best = Strategy(None, 1)
    moved = cluster[Strategy(CANDIDATE, 1)] - measured_gain() + TRUE_GAIN
    made[Strategy(CANDIDATE, 1)] = moved
    made[best] = cluster[best]
    return made


@cache
def measured_gain() -> float:
    clusters = load()
    tuned = np.concatenate([cluster[Strategy(CANDIDATE, 1)] for cluster in clusters])
    base = np.concatenate([cluster[Strategy(None, 1)] for cluster in clusters])
    return float(tuned.mean() - base.mean())


def canaries(
    candidate_rate: float, live_rate: float, simulations: int
) -> dict[CanaryVerdict, float]:
    """How canaries end that are looked at after every vote, as shares of all."""
    random = np.random.default_rng(20261125)
    ends = dict.fromkeys(CanaryVerdict, 0)
    for _ in range(simulations):
        ends[one_canary(random, candidate_rate, live_rate)] += 1
    return {verdict: count / simulations for verdict, count in ends.items()}


def one_canary(random: Random, candidate_rate: float, live_rate: float) -> CanaryVerdict:
    is_candidate = random.random(CANARY_VOTES) < CANARY_SHARE
    is_good = random.random(CANARY_VOTES) < np.where(is_candidate, candidate_rate, live_rate)
    good, total = [0, 0], [0, 0]
    for arm, vote in zip(is_candidate.tolist(), is_good.tolist(), strict=True):
        good[arm] += vote
        total[arm] += 1
        live, candidate = (Votes(g, n - g) for g, n in zip(good, total, strict=True))
        verdict = judge_canary(candidate, live)
        if verdict is not CanaryVerdict.GO_ON:
            return verdict
    return CanaryVerdict.GO_ON


def record() -> None:
    """Train the demo's data set once and keep the scores of every strategy by fact."""
    from benchmarks.loop import rows, train
    from tests.running_demo import running_demo

    query = (
        "SELECT r.example_id, r.id, a.strategy, a.f1 FROM evaluation_answer a "
        "JOIN snapshot_row r ON r.id = a.snapshot_row_id WHERE r.split = 'held_out_wording' "
        "ORDER BY r.position"
    )
    with (
        tempfile.TemporaryDirectory(prefix="apprentice-") as folder,
        running_demo(Path(folder)) as demo,
    ):
        train(demo)
        found = rows(demo, query)
    clusters: dict[int, dict[str, list[float]]] = {}
    for example, _row, strategy, f1 in found:
        name, _, examples = strategy.rpartition("+")
        name = f"{'base' if name == 'base' else 'tuned'}+{examples}"
        clusters.setdefault(example, {}).setdefault(name, []).append(round(f1, 4))
    kept = {"measured_with": describe(), "clusters": list(clusters.values())}
    MEASURED.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    if "--record" in sys.argv:
        record()
    wanted = (
        sys.argv[sys.argv.index("--simulations") + 1 :][:1] if "--simulations" in sys.argv else ()
    )
    print(json.dumps({"machine": describe()} | measure(*map(int, wanted)), indent=2))
