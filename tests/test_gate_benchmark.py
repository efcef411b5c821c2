"""The gate's figures can be computed again by anybody, as one JSON object; here with few draws."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_it_prints_one_object_with_the_figures_wanted():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gate", "--simulations", "40"],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip

    figures = json.loads(done.stdout)
    assert figures["simulations"] == 40
    assert figures["false_promotions_same_answers"] == 0
    wrong = [value for name, value in figures.items() if name.startswith("false_promotions")]
    # Of forty draws with 5 % each, seven or more come less than once in a hundred.
    assert len(wrong) == 6
    assert max(*wrong, figures["wrong_rollbacks"]) <= 6 / 40
    assert figures["power"] >= 0.8
    assert figures["right_rollbacks_55_against_85_percent"] >= 0.8
