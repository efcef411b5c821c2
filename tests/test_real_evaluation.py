"""
Evaluating and comparing with nothing scripted: a real job, a real engine that is killed in the
middle, and the command line beside them. The model is tiny and speaks nonsense.
"""

import json
import os
import signal
from pathlib import Path

import pytest
from sqlmodel import select

from bot.engines.llama_cpp import LlamaCppEngine
from bot.pipeline import Workshop
from bot.training.hyperparameters import Hyperparameters
from bot.training.local import LocalTrainer
from bot.training.trainer import PARITY_FILE
from storage.database import Database
from storage.tables import (
    Evaluation,
    EvaluationAnswer,
    ModelVersion,
    Run,
    RunState,
    Verdict,
    Wording,
)
from tests.cli_home import bot
from tests.models import models_dir, tiny_base, tiny_folder  # noqa: F401 - fixtures
from tests.pipeline_parts import ask_for_run, only, work_until_done
from tests.teaching import TEAM, fresh_database, teach_facts

#: After so many answers the engine's process is killed.
DIES_AFTER = 7
FACTS = 12


class Death:
    """A checkpoint that ends the engine's process once, with no chance to tidy up."""

    def __init__(self, engine: LlamaCppEngine) -> None:
        self._engine, self._answers, self.came = engine, 0, False

    def __call__(self, name: str) -> None:
        self._answers += name == "answer kept"
        if self._answers == DIES_AFTER and not self.came:
            self.came = True
            os.kill(self._engine.process_id, signal.SIGKILL)


@pytest.fixture(scope="module")
def home(tiny_base, models_dir, tmp_path_factory) -> Path:  # noqa: F811 - fixtures
    """Where a run was trained and judged although its engine died."""
    home = tmp_path_factory.mktemp("home")
    database = fresh_database(home)
    with database.write() as session:
        teach_facts(session, FACTS)
        ask_for_run(session)
    trainer = LocalTrainer(
        home / "jobs", models_dir, Hyperparameters(num_train_epochs=1, threads=1)
    )
    engine = LlamaCppEngine(tiny_base.gguf_path, threads=1)
    engine.start()
    death = Death(engine)
    try:
        work_until_done(
            Workshop(database, home, {"local": trainer}, engine, tiny_base, checkpoint=death,
                     draw=lambda *_: []),
            steps=10_000,
            rest=0.05,
        )  # fmt: skip
    finally:
        engine.stop()
        database.close()
    assert death.came
    return home


@pytest.fixture
def database(home) -> Database:
    return Database(f"sqlite:///{home / 'apprentice.db'}")


def test_an_engine_that_dies_in_the_middle_costs_no_answer_and_promotes_nothing(database):
    run, evaluation = only(database, Run), only(database, Evaluation)

    assert (run.state, run.error) == (RunState.DONE, None)
    assert evaluation.held_out == FACTS
    assert evaluation.verdict != Verdict.PROMOTE
    with database.read() as session:
        answers = session.exec(select(EvaluationAnswer)).all()
    assert len({(one.strategy, one.snapshot_row_id) for one in answers}) == FACTS * 4
    assert len(answers) == FACTS * 4
    assert evaluation.evidence["findings"]["parity"] is None
    assert evaluation.evidence["findings"]["parity_proven"]


def test_evaluate_asks_todays_questions_of_the_real_engine(home, database, tiny_base):  # noqa: F811
    with database.write() as session:
        for wording in session.exec(select(Wording)).all():
            session.add(
                Wording(team_id=TEAM, example_id=wording.example_id, text=f"Hey! {wording.text}")
            )

    done = bot("evaluate", "workspace-v1", "--json", home=home, **models(tiny_base))

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["held_out"] == 2 * FACTS
    assert said["verdict"] == only(database, Evaluation).verdict.value
    assert [line["name"] for line in said["strategies"]][-1] == "tuned + 1 example"
    with database.read() as session:
        answers = session.exec(select(EvaluationAnswer)).all()
    assert len({(one.strategy, one.snapshot_row_id) for one in answers}) >= 2 * FACTS * 4


def test_models_compare_speaks_of_what_the_real_engine_answered(home, database, tiny_base):  # noqa: F811
    done = bot(
        "models", "compare", "workspace-v1", "base", "--json", home=home, **models(tiny_base)
    )

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["questions"] == only(database, Evaluation).held_out
    assert (said["first"], said["second"]) == ("workspace-v1", "base")


def test_a_version_that_is_served_otherwise_than_it_was_trained_is_blocked(
    home,
    database,
    tiny_base,  # noqa: F811
):
    path = home / only(database, ModelVersion).adapter_path / PARITY_FILE
    before = path.read_text()
    rows = json.loads(before)
    rows[0]["tokens"][2] += 1
    path.write_text(json.dumps(rows))
    try:
        done = bot("evaluate", "workspace-v1", home=home, **models(tiny_base))
    finally:
        path.write_text(before)

    assert "reject: Not served as it was trained: in row 1, token 2 was" in done.stdout


def test_a_version_whose_file_is_gone_is_refused_with_a_sentence(home, database, tiny_base):  # noqa: F811
    path = home / only(database, ModelVersion).gguf_path
    away = path.rename(path.with_suffix(".away"))
    try:
        done = bot("evaluate", "workspace-v1", home=home, **models(tiny_base))
    finally:
        away.rename(path)

    assert done.returncode == 1
    assert "The files of workspace-v1 are gone" in done.stderr
    assert "Traceback" not in done.stderr


def models(base) -> dict[str, str]:
    return {"BASE_MODEL": str(base.gguf_path), "ENGINE_THREADS": "1", "SENTENCE_MODEL": "off"}
