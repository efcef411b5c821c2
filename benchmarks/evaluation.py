"""
``python -m benchmarks evaluation``: 100 held-out questions and six strategies, asked for real.

The seed's facts are taught in their first wording and asked in the second. The adapter has seen 24
of them once: how good it is does not matter here, how long it talks does. Then another version of
the same file: what did not change is not asked again.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

from bot.answering.strategy import Strategy
from bot.dataset.rights import attest
from bot.dataset.snapshot import freeze
from bot.engines.base_model import BaseModel, resolve_base_model
from bot.engines.llama_cpp import LlamaCppEngine
from bot.evaluation.evaluate import Exam, ask, held_out
from bot.evaluation.strategies import competitors, key_of
from bot.pipeline.rehearsal import rehearsal_rows
from bot.pipeline.training_rows import training_rows
from bot.seed.organisation import load_facts
from bot.training.hyperparameters import Hyperparameters
from bot.training.local import LocalTrainer
from bot.training.trainer import JobState
from storage import runs, snapshots
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.schema import upgrade
from storage.tables import Example, ExampleState, SnapshotRow, Source, Wording, WordingUse

TEAM = "T0DEMO"
QUESTIONS, TRAINED = 100, 24
#: With the numbers of examples that are tried by default, six strategies.
SCALES = (1.0, 0.5)
VERSIONS = ("workspace-v1", "workspace-v2")


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="apprentice-") as folder:
        home = Path(folder)
        database = Database(f"sqlite:///{home / 'apprentice.db'}")
        upgrade(database)
        base = resolve_base_model("", home / "models")
        rows = _taught(database)
        adapter = _trained(home, base, rows[:TRAINED])
        engine = LlamaCppEngine(base.gguf_path, dict.fromkeys(VERSIONS, adapter))
        engine.start()
        try:
            seconds = [_asked(database, engine, base, rows, version) for version in VERSIONS]
        finally:
            engine.stop()
            database.close()
    return {
        "questions": QUESTIONS,
        "strategies": [key_of(strategy) for strategy in strategies_of(VERSIONS[0])],
        "seconds": seconds[0],
        "seconds_of_the_next_version": seconds[1],
    }


def strategies_of(version: str) -> list[Strategy]:
    return competitors(version, None, scales=SCALES)


def _taught(database: Database) -> list[SnapshotRow]:
    with database.write() as session:
        for fact in load_facts()[:QUESTIONS]:
            example = Example(
                team_id=TEAM, audience=WORKSPACE, state=ExampleState.APPROVED,
                question=fact.wordings[0], answer=fact.answer,
                question_source=Source.AUTHORED, answer_source=Source.AUTHORED,
            )  # fmt: skip
            session.add(example)
            session.flush()
            assert example.id is not None
            session.add(
                Wording(team_id=TEAM, example_id=example.id, text=fact.wordings[1],
                        use=WordingUse.EVALUATION)
            )  # fmt: skip
        session.flush()
        taken = freeze(session, TEAM, WORKSPACE, attest(session, TEAM, "U0ALICE", tuple(Source)))
        assert taken.snapshot.id is not None
        return snapshots.rows_of(session, TEAM, taken.snapshot.id, Viewer.model(WORKSPACE))


def _trained(home: Path, base: BaseModel, rows: list[SnapshotRow]) -> Path:
    trainer = LocalTrainer(home / "jobs", home / "models", Hyperparameters(num_train_epochs=1))
    job_id = trainer.start("bench", training_rows(rows), base, rehearsal=rehearsal_rows(rows, ""))
    while trainer.status(job_id).state == JobState.RUNNING:
        time.sleep(0.2)
    return trainer.result(job_id).gguf_path


def _asked(
    database: Database, engine: LlamaCppEngine, base: BaseModel, rows: list[SnapshotRow], name: str
) -> float:
    """Seconds until all is answered."""
    with database.write() as session:
        run = runs.enqueue(
            session, TEAM, WORKSPACE, trainer="local", requested_by="U0ALICE", channel_id="C0"
        )
        session.flush()
        run_id = run.id or 0
    exam = Exam(
        team_id=TEAM,
        run_id=run_id,
        audience=WORKSPACE,
        rows=held_out(rows),
        strategies=strategies_of(name),
        digests={None: base.digest, name: name},
    )
    started = time.monotonic()
    ask(database, engine, exam, keep_going=lambda: True, report=lambda *_: None)
    return round(time.monotonic() - started, 1)
