"""What every trainer promises: the scripted one, the real local one, one over HTTP."""

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.engines.base_model import BaseModel
from bot.engines.intact import sha256_of
from bot.engines.model_place import RemoteModel
from bot.settings import load_settings
from bot.training.errors import JobNotFinishedError, JobUnknownError, NoRowsError
from bot.training.hyperparameters import Hyperparameters
from bot.training.local import AUTOTRAIN_JOB, TRL_JOB, LocalTrainer
from bot.training.trainer import JobState, Trainer, can_pause
from tests.running_trainer import running_trainer, trainer_at
from tests.scripted_trainer import ScriptedTrainer
from tests.together_wire import PYTHON, together_wire
from tests.training.test_together import together_at
from tests.training_job import TINY_ROWS, wait_for_end, wait_for_step

QUICK, UNHURRIED, ENDLESS = 2, 400, 5_000
REST_SECONDS = 0.5
MakeTrainer = Callable[[int], Trainer]


HAS_TRL = importlib.util.find_spec("trl") is not None
TRL_MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(not HAS_TRL, reason="pip install -r requirements-trl.txt"),
]

TOGETHER_MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.exists(), reason="make together"),
]


@pytest.fixture(
    params=[
        "scripted",
        pytest.param("local", marks=pytest.mark.slow),
        pytest.param("trl", marks=TRL_MARKS),
        pytest.param("autotrain", marks=pytest.mark.autotrain),
        "openai",
        pytest.param("together", marks=TOGETHER_MARKS),
    ]
)
def make_trainer(
    request: pytest.FixtureRequest, tmp_path: Path, models_dir: Path, tiny_base: BaseModel
) -> Iterator[MakeTrainer]:
    """Trainers over one folder, whose jobs take so many steps."""
    jobs = tmp_path / "jobs"

    def scripted(steps: int) -> Trainer:
        return ScriptedTrainer(jobs, total_steps=steps, steps_a_look=1)

    def local(steps: int) -> Trainer:
        options = Hyperparameters(num_train_epochs=steps, threads=1)
        return LocalTrainer(jobs, models_dir, options)

    if request.param == "openai":
        with running_trainer(tmp_path) as service:

            def openai(steps: int) -> Trainer:
                service.steps, service.steps_a_look = steps, 1
                return trainer_at(service)

            yield openai
        return

    if request.param == "together":
        # Its jobs really train: they are those of the trainer ``local``.
        with together_wire(local(QUICK), tiny_base) as wire:

            def together(steps: int) -> Trainer:
                wire.trainer = local(steps)
                return together_at(wire, fewest_rows=1)

            yield together
        return

    def trl(steps: int) -> Trainer:
        options = Hyperparameters(num_train_epochs=steps, threads=1)
        return LocalTrainer(jobs, models_dir, options, child=TRL_JOB)

    def autotrain(steps: int) -> Trainer:
        options = Hyperparameters(num_train_epochs=steps, threads=1)
        python = [str(load_settings().autotrain_command)]
        return LocalTrainer(jobs, models_dir, options, child=AUTOTRAIN_JOB, arguments=python)

    makers = {"scripted": scripted, "local": local, "trl": trl, "autotrain": autotrain}
    yield makers[request.param]
    LocalTrainer(jobs, models_dir).stop()


def test_a_job_runs_to_its_end_and_leaves_an_adapter(make_trainer, tiny_base: BaseModel, request):
    trainer = make_trainer(QUICK)

    status = wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base))
    adapter = trainer.result("run-1")

    assert status.state == JobState.SUCCEEDED
    # AutoTrain cuts the rows into blocks of its own: there the number says how many passes.
    steps = status.total_steps if request.node.callspec.params["make_trainer"] == "autotrain" else 2
    assert (status.step, status.total_steps, status.error) == (steps, steps, None)
    assert [metric.step for metric in status.metrics] == list(range(1, steps + 1))
    if isinstance(adapter, RemoteModel):
        assert "run-1" in adapter.model_id
        return
    assert adapter.gguf_path.read_bytes().startswith(b"GGUF")
    assert adapter.checksum == sha256_of(adapter.gguf_path)


def test_a_name_that_was_started_is_not_started_again(make_trainer, tiny_base: BaseModel):
    trainer = make_trainer(QUICK)
    first = trainer.start("run-1", TINY_ROWS, tiny_base)
    wait_for_end(trainer, first)

    again = make_trainer(QUICK).start("run-1", TINY_ROWS, tiny_base)

    assert again == first
    assert trainer.status(again).state == JobState.SUCCEEDED


def test_another_life_of_the_bot_finds_the_job(make_trainer, tiny_base: BaseModel):
    job_id = make_trainer(QUICK).start("run-1", TINY_ROWS, tiny_base)

    status = wait_for_end(make_trainer(QUICK), job_id)

    assert status.state == JobState.SUCCEEDED


def test_a_cancelled_job_stays_cancelled_and_has_no_result(make_trainer, tiny_base: BaseModel):
    trainer = make_trainer(ENDLESS)
    job_id = trainer.start("run-1", TINY_ROWS, tiny_base)

    trainer.cancel(job_id)

    assert trainer.status(job_id).state == JobState.CANCELLED
    with pytest.raises(JobNotFinishedError):
        trainer.result(job_id)


def test_a_paused_job_rests_also_in_another_life_and_goes_on(
    make_trainer, tiny_base: BaseModel, request
):
    trainer = make_trainer(UNHURRIED)
    if not can_pause(trainer):
        pytest.skip("it cannot pause")
    job_id = trainer.start("run-1", TINY_ROWS, tiny_base)
    wait_for_step(trainer, job_id, 1)

    trainer.pause(job_id)
    trainer.pause(job_id)
    rested = trainer.status(job_id)
    other_life = make_trainer(UNHURRIED)
    time.sleep(REST_SECONDS)
    still = other_life.status(job_id)

    assert (rested.state, still.state) == (JobState.RUNNING, JobState.RUNNING)
    assert still.step == rested.step < UNHURRIED

    other_life.resume(job_id)
    other_life.resume(job_id)
    after = wait_for_step(other_life, job_id, rested.step + 1)
    assert after.step > rested.step
    assert [metric.step for metric in after.metrics] == list(range(1, after.step + 1))
    other_life.cancel(job_id)


def test_pausing_what_has_ended_does_nothing(make_trainer, tiny_base: BaseModel):
    trainer = make_trainer(QUICK)
    if not can_pause(trainer):
        pytest.skip("it cannot pause")
    wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base))

    trainer.pause("run-1")
    trainer.resume("run-1")

    assert trainer.status("run-1").state == JobState.SUCCEEDED


def test_cancelling_what_is_finished_or_unknown_does_nothing(make_trainer, tiny_base: BaseModel):
    trainer = make_trainer(QUICK)
    wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base))

    trainer.cancel("run-1")
    trainer.cancel("run-2")

    assert trainer.status("run-1").state == JobState.SUCCEEDED


def test_an_unknown_job_and_no_rows_are_refused(make_trainer, tiny_base: BaseModel):
    trainer = make_trainer(QUICK)

    with pytest.raises(JobUnknownError):
        trainer.status("run-9")
    with pytest.raises(NoRowsError):
        trainer.start("run-1", [], tiny_base)
