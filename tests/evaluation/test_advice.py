"""What tuning costs against what it saves: said where it is known, and only there."""

from dataclasses import replace

import pytest

from bot.evaluation.advice import Advice, Answer, Costs, Figure, Material, Measured
from bot.evaluation.advice_page import sections
from storage.tables import Verdict

PROMPTED = Figure("base + 3 examples", 0.4, 0.3, 0.5, 600.0, 5.0, 0.90)
TUNED = Figure("tuned", 0.7, 0.6, 0.8, 100.0, 2.0, 0.30)
HERE = Costs("local", True, 10.0, None, 0.0, "")
THERE = Costs("openai", False, 10.0, 6.0, 0.0, "1 June 2026")


def costs_of(costs: Costs, prompting: Figure = PROMPTED, tuned: Figure = TUNED) -> str:
    measured = Measured(
        Verdict.PROMOTE, "", "workspace-v1", is_live=False, held_out=30, trained_on=40,
        prompting=prompting, tuned=tuned,
    )  # fmt: skip
    material = Material(40, 40, 30, 30, 20, 30, 8, is_attested=True)
    page = dict(sections(Advice("workspace", Answer.YES, material, costs, measured)))
    return " ".join(page["What does tuning cost?"])


def test_a_run_here_pays_back_its_time_after_so_many_faster_answers():
    assert "3.0 s faster: after about 200 answers the run's time is back" in costs_of(HERE)


def test_a_run_at_a_provider_is_paid_for_after_so_many_cheaper_answers():
    assert "A run costs about $6.00 at openai, at prices seen 1 June 2026." in costs_of(THERE)
    assert "the run is paid for after about 10,000 answers" in costs_of(THERE)


@pytest.mark.parametrize(
    ("costs", "tuned", "words"),
    [
        (HERE, replace(TUNED, seconds=6.0), "time does not pay for the run"),
        (THERE, replace(TUNED, dollars_per_1000=1.0), "money does not pay for the run"),
        (THERE, replace(TUNED, dollars_per_1000=None), "is not known: set PROVIDER_TOKEN_PRICES"),
        (replace(THERE, dollars=None), TUNED, "is not known here: ask the provider"),
        (replace(THERE, hosting_per_hour=1.7), TUNED, "Hosting: $1.70 an hour, also while nobody"),
    ],
)
def test_where_nothing_is_saved_or_known_that_is_said(costs, tuned, words):
    assert words in costs_of(costs, tuned=tuned)
