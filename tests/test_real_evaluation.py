"""
Evaluating and comparing with nothing scripted: a real job, a real engine that is killed in the
middle, and the command line beside them. The model is tiny and speaks nonsense.
"""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from sqlmodel import select

from bot.answering import promotion
from bot.answering.strategy import BASE, Strategy, live_strategy
from bot.engines.errors import AdapterUnknownError
from bot.engines.llama_cpp import LlamaCppEngine
from bot.pipeline import Workshop, adapters_to_serve, reconcile
from bot.training.hyperparameters import Hyperparameters
from bot.training.local import LocalTrainer
from bot.training.trainer import PARITY_FILE
from storage.audience import WORKSPACE
from storage.database import Database
from storage.tables import (
    Evaluation,
    EvaluationAnswer,
    ModelVersion,
    OutboxMessage,
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


def damaged(path: Path) -> None:
    """One bit of it is another: it may load, and say who knows what."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [Path.unlink, damaged])
def test_a_version_whose_file_is_gone_or_another_is_refused_with_a_sentence(
    home,
    database,
    tiny_base,  # noqa: F811
    harm,
):
    path = home / only(database, ModelVersion).gguf_path
    made = path.read_bytes()
    harm(path)
    try:
        judged = bot("evaluate", "workspace-v1", home=home, **models(tiny_base))
        compared = bot("models", "compare", "workspace-v1", "base", home=home, **models(tiny_base))
    finally:
        path.write_bytes(made)

    assert judged.returncode == 1
    assert "The files of workspace-v1 are gone, or are not those that were made" in judged.stderr
    assert "Traceback" not in judged.stderr
    assert "workspace-v1 cannot answer any more" in compared.stdout


@pytest.mark.parametrize("harm", [Path.unlink, damaged])
@pytest.mark.parametrize("is_killed", [False, True])
def test_a_file_that_goes_under_a_running_engine_leaves_no_question_without_an_answer(
    home,
    tiny_base,  # noqa: F811
    tmp_path,
    harm,
    is_killed,
):
    shutil.copytree(home, tmp_path / "home")
    database = Database(f"sqlite:///{tmp_path / 'home' / 'apprentice.db'}")
    with database.write() as session:
        version = session.exec(select(ModelVersion)).one()
        promotion.put_live(session, version, Strategy(version.name, 1), "U0ALICE", "U0ALICE")
    engine = LlamaCppEngine(tiny_base.gguf_path, threads=1, context_per_slot=256, slots=1)
    workshop = Workshop(database, tmp_path / "home", {}, engine, tiny_base)
    asked = [{"role": "user", "content": "Where is the key?"}]
    engine.switch(adapters_to_serve(workshop))
    try:
        harm(tmp_path / "home" / version.gguf_path)
        if is_killed:
            os.kill(engine.process_id, signal.SIGKILL)
        else:  # what it has loaded answers on
            engine.complete(asked, adapter="workspace-v1", max_tokens=2)

        assert reconcile(workshop)

        assert engine.adapters == frozenset()
        engine.complete(asked, max_tokens=2)
        with pytest.raises(AdapterUnknownError):
            engine.complete(asked, adapter="workspace-v1", max_tokens=2)
        with database.read() as session:
            assert live_strategy(session, TEAM, WORKSPACE) == BASE
            told = session.exec(select(OutboxMessage.text)).all()
        assert any("files of *workspace-v1* are missing or broken" in text for text in told)
    finally:
        engine.stop()
        database.close()


def models(base) -> dict[str, str]:
    return {"BASE_MODEL": str(base.gguf_path), "ENGINE_THREADS": "1", "SENTENCE_MODEL": "off"}
