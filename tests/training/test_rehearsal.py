"""General rows among a team's own: how many, when, and that they end no run and draw no curve."""

import pytest

from bot.training.batches import plan_batches
from bot.training.encoding import EncodedRow
from bot.training.hyperparameters import Hyperparameters
from bot.training.job_folder import JobFolder
from bot.training.local import LocalTrainer
from bot.training.stopping import Stopping
from tests.training_job import TINY_ROWS, row, wait_for_end

ROWS = [EncodedRow((1,) * n, (2,), (3,) * n) for n in range(1, 17)]


@pytest.mark.parametrize("rehearsal", [1, 5, 40])
def test_every_third_batch_is_of_general_rows_however_many_there_are(rehearsal):
    plan = plan_batches(ROWS, batch_size=4, epochs=3, seed=1, rehearsal=rehearsal)

    general = [batch[0] >= len(ROWS) for batch in plan]
    assert general == [False, False, True] * 6
    assert all((n >= len(ROWS)) == is_general
               for batch, is_general in zip(plan, general, strict=True) for n in batch)  # fmt: skip
    assert {n for batch in plan for n in batch} <= set(range(len(ROWS) + rehearsal))
    own = [n for batch in plan for n in batch if n < len(ROWS)]
    assert sorted(own) == sorted([*range(len(ROWS))] * 3)


def test_without_general_rows_the_plan_is_of_rows_alone():
    plan = plan_batches(ROWS, batch_size=4, epochs=2, seed=1)

    assert sorted(n for batch in plan for n in batch) == sorted([*range(len(ROWS))] * 2)


def test_a_run_is_over_when_its_own_rows_are_learned_whatever_the_general_ones_cost():
    own = {"loss": 0.001, "rehearsal": False}
    general = {"loss": 2.0, "rehearsal": True}

    assert Stopping(6, True, [own, own, general] * 2).is_over
    assert not Stopping(6, True, [own | {"loss": 1.0}, own, general] * 2).is_over


def test_the_loss_curve_is_of_the_teams_own_rows(tmp_path, models_dir, tiny_base):
    short = Hyperparameters(num_train_epochs=2, batch_size=1, threads=1)
    trainer = LocalTrainer(tmp_path / "jobs", models_dir, short)
    general = [row("What is the capital of Spain?", "Madrid.")]

    job_id = trainer.start("run-1", TINY_ROWS, tiny_base, rehearsal=general)
    status = wait_for_end(trainer, job_id)

    steps = JobFolder(tmp_path / "jobs" / job_id).read_metrics()
    assert [step["rehearsal"] for step in steps] == [False, False, True, False] * 2
    assert [metric.step for metric in status.metrics] == [1, 2, 4, 5, 6, 8]
