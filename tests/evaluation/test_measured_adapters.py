"""
What two adapters really answered, judged: one trained as it should be, one with every question's
answer exchanged for another's (``python -m benchmarks sabotage``, 26 November 2026).
"""

import json
from pathlib import Path

import pytest

from bot.answering.strategy import Strategy
from bot.evaluation.gate import Judgement, judge
from bot.evaluation.metrics import token_f1
from bot.evaluation.paired import Scored
from bot.evaluation.strays import Taught
from storage.tables import Verdict

MEASURED = json.loads(Path(__file__).with_name("measured_answers.json").read_text("utf-8"))
ANSWERS = {int(key): answer for key, answer in MEASURED["taught"].items()}
TAUGHT = Taught(ANSWERS)
VERSION = "workspace-v1"


def scored(name: str, strategy: Strategy) -> Scored:
    answers = {one["own"]: one for one in MEASURED["answers"]}
    return Scored(
        strategy,
        {own: token_f1(one[name], ANSWERS[own]) for own, one in answers.items()},
        frozenset(
            own
            for own, one in answers.items()
            if TAUGHT.is_stray(one[name], ANSWERS[own], own, one["shown"])
        ),
    )


def verdict_on(name: str) -> Judgement:
    both = [scored("base", Strategy(None, 1)), scored(name, Strategy(VERSION, 1))]
    return judge(both, {own: own for own in ANSWERS}, VERSION)


def test_an_adapter_that_learned_shuffled_answers_is_rejected_for_that():
    judgement = verdict_on("shuffled")

    assert judgement.gain is not None
    assert judgement.gain.mean > 0  # token F1 alone would have held it
    assert judgement.verdict == Verdict.REJECT
    assert judgement.reason.startswith("It says the answers of other questions: 10 of 30 answers")


def test_one_that_learned_the_right_ones_is_promoted():
    assert verdict_on("good").verdict == Verdict.PROMOTE


@pytest.mark.parametrize("name", ["base", "good"])
def test_neither_prompting_nor_a_good_adapter_says_the_answers_of_other_questions(name):
    assert scored(name, Strategy(None, 1)).strays == frozenset()
