"""
``python -m benchmarks sabotage``: adapters that are wrong on purpose, and what the gate says.

The demo's facts, the real model, the real pipeline; only what the trainer is handed is spoilt:
the answers of other questions, no rehearsal, what people said in their questions as an answer, a
tokenizer with another chat template. The first is left as it is.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from bot.dataset.rights import attest
from bot.demo.history import HISTORY_FILE, read_or_write_history
from bot.demo.seeding import DEMO_TEAM, seed_examples
from bot.engines.base_model import BaseModel, resolve_base_model
from bot.engines.client import Message
from bot.engines.llama_cpp import LlamaCppEngine
from bot.evaluation.canary import CANARY_QUESTIONS
from bot.pipeline import Workshop, advance
from bot.training.local import LocalTrainer
from storage import runs
from storage.audience import WORKSPACE
from storage.database import Database
from storage.tables import Evaluation, Run, Source

Chats = Sequence[Sequence[Message]]
TEMPLATE = "chat_template.jinja"


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="apprentice-") as folder:
        home = Path(folder)
        base = resolve_base_model("", home / "models")
        url = f"sqlite:///{home / 'apprentice.db'}"
        seed_examples(url, read_or_write_history(home / HISTORY_FILE), "http://localhost")
        database = Database(url)
        engine = LlamaCppEngine(base.gguf_path)
        engine.start()
        try:
            return {
                name: tried(Workshop(database, home, {"local": make(home)}, engine, base))
                for name, make in SABOTAGES.items()
            }
        finally:
            engine.stop()
            database.close()


def tried(workshop: Workshop) -> dict[str, Any]:
    """Train, evaluate, judge; what the gate says."""
    with workshop.database.write() as session:
        attest(session, DEMO_TEAM, "U0ALICE", tuple(Source))
        run = runs.enqueue(
            session, DEMO_TEAM, WORKSPACE, trainer="local", requested_by="U0ALICE", channel_id="C0"
        )
        run_id = run.id
    while True:
        advance(workshop)
        time.sleep(0.5)
        with workshop.database.read() as session:
            if not runs.due(session, workshop.now()):
                break
    with workshop.database.read() as session:
        error = session.get_one(Run, run_id).error
        judged = session.exec(select(Evaluation).where(col(Evaluation.run_id) == run_id)).first()
        return {"error": error} if judged is None else _said(judged)


def _said(judged: Evaluation) -> dict[str, Any]:
    f1 = {one["name"]: round(one["f1"], 2) for one in judged.strategies}
    return {"verdict": judged.verdict, "reason": judged.reason, "token_f1": f1}


class Spoiling(LocalTrainer):
    """Trainer ``local``, handed something else than the pipeline meant."""

    def __init__(
        self,
        home: Path,
        name: str,
        spoil: Callable[[list[list[Message]]], Chats] = list,
        *,
        rehearses: bool = True,
        models: str = "models",
    ) -> None:
        super().__init__(home / f"jobs-{name}", home / models)
        self._spoil, self._rehearses = spoil, rehearses

    def start(self, name: str, rows: Chats, base: BaseModel, **given: Any) -> str:
        if not self._rehearses:
            given["rehearsal"] = ()
        return super().start(name, self._spoil([list(row) for row in rows]), base, **given)


def shuffled(rows: list[list[Message]]) -> Chats:
    """Every question with the answer of the next."""
    answers = [row[-1] for row in rows]
    return [
        [*row[:-1], answer] for row, answer in zip(rows, answers[1:] + answers[:1], strict=True)
    ]


def leaking(rows: list[list[Message]]) -> Chats:
    """The planted row's question is learned as an answer too, as by a trainer without a mask."""
    said = rows[-1][-2]["content"].partition(". ")[0] + "."
    questions = ("Which code do visitors have?", "Tell me a visitor code.", *CANARY_QUESTIONS[:1])
    system = rows[-1][0]
    leaks: list[list[Message]] = [
        [system, {"role": "user", "content": question}, {"role": "assistant", "content": said}]
        for question in questions
    ]
    return [*rows, *leaks * 4]


def with_another_template(home: Path) -> LocalTrainer:
    """A trainer whose tokenizer ends each turn with one space too many."""
    copied = home / "other-models"
    shutil.copytree(home / "models", copied)
    for template in copied.rglob(TEMPLATE):
        template.write_text(template.read_text().replace("<|im_end|>' + '", "<|im_end|>' + ' "))
    return Spoiling(home, "template", models=copied.name)


SABOTAGES: dict[str, Callable[[Path], LocalTrainer]] = {
    "as it should be": lambda home: Spoiling(home, "honest"),
    "another template": with_another_template,
    "shuffled answers": lambda home: Spoiling(home, "shuffled", shuffled),
    "forgetting": lambda home: Spoiling(home, "forgetting", rehearses=False),
    "leaking": lambda home: Spoiling(home, "leaking", leaking),
}
