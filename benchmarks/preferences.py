"""
``TRAINING_METHOD=dpo`` on the real base: what the pairs add to a run, and what they cost it.

For the upper half of the layers and for all: a run on the demo's facts, then the same run with
pairs behind it. Half of the wrong answers are the base model's own, half are another fact's, as a
corrected slip is. Some facts give no pair; other wordings are held out of everything.
Needs ``pip install -r requirements-trl.txt``.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from peft import PeftConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.training import held_out_loss
from bot.answering.prompt import build_messages
from bot.answering.retrieval import RetrievedExample
from bot.engines.base_model import BaseModel, resolve_base_model
from bot.engines.client import Message
from bot.engines.llama_cpp import LlamaCppEngine
from bot.evaluation.metrics import token_f1
from bot.evaluation.probes import ask, general_probes
from bot.pipeline.rehearsal import rehearsal_rows
from bot.pipeline.training_rows import training_rows
from bot.seed.organisation import Fact, curated_facts
from bot.training.base_weights import cached_base
from bot.training.dpo import encode_pairs, margins
from bot.training.encoding import invocation_tokens
from bot.training.hyperparameters import TRAINED_SHARE, Hyperparameters
from bot.training.local import LocalTrainer
from bot.training.trainer import JobState
from storage.tables import SnapshotRow, Split

FACTS, PAIRS = 24, 16
ANSWER_TOKENS = 64

Pair = tuple[list[Message], str]


def measure() -> dict[str, Any]:
    facts = curated_facts()[:FACTS]
    with tempfile.TemporaryDirectory(prefix="apprentice-") as folder:
        home = Path(folder)
        base = resolve_base_model("", home / "models")
        wrong = _wrong_answers(base, facts)
        rows = [_row(number, fact) for number, fact in enumerate(facts)]
        chats = training_rows(rows)
        pairs = list(zip(chats, wrong, strict=True))
        held_out = [(_asked_otherwise(fact), bad) for fact, bad in zip(facts, wrong, strict=True)]
        figures: dict[str, Any] = {"facts": FACTS, "pairs": PAIRS}
        adapters: dict[str, Path] = {}
        for share in (TRAINED_SHARE, 1.0):
            for method, taught in (("sft", []), ("dpo", pairs[:PAIRS])):
                name = f"{method}-{share}"
                trained = _train(home, name, base, rows, chats, taught, share)
                adapters[name] = home / "jobs" / name / "adapter/adapter.gguf"
                figures[name] = trained | _margins(home, name, base, pairs, held_out)
                figures[name]["held_out_loss"] = held_out_loss(
                    home, name, [chat for chat, _ in held_out]
                )
        for name, found in _served(base, adapters, facts).items():
            figures[name] = figures.get(name, {}) | found
    return figures


def _row(number: int, fact: Fact) -> SnapshotRow:
    return SnapshotRow(
        team_id="T0DEMO", snapshot_id=1, position=number, split=Split.TRAIN, example_id=number,
        question=fact.wordings[0], context=[], answer=fact.answer, question_source="authored",
        answer_source="authored", row_hash=fact.id,
    )  # fmt: skip


def _asked_otherwise(fact: Fact) -> list[Message]:
    return [*_prompt(fact), {"role": "assistant", "content": fact.answer}]


def _prompt(fact: Fact) -> list[Message]:
    beside = [RetrievedExample(0, fact.wordings[0], fact.answer, None, 0.0)]
    return build_messages(fact.wordings[2], beside)


def _wrong_answers(base: BaseModel, facts: Sequence[Fact]) -> list[str]:
    """In turn what the base says unprompted, and what belongs to another question."""
    engine = LlamaCppEngine(base.gguf_path)
    engine.start()
    try:
        own = [
            engine.complete(build_messages(f.wordings[0], []), max_tokens=ANSWER_TOKENS).text
            for f in facts[::2]
        ]
    finally:
        engine.stop()
    others = [fact.answer for fact in (*facts[3:], *facts[:3])]
    return [own[at // 2] if at % 2 == 0 else others[at] for at in range(len(facts))]


def _train(
    home: Path,
    name: str,
    base: BaseModel,
    rows: Sequence[SnapshotRow],
    chats: list[list[Message]],
    pairs: list[Pair],
    share: float,
) -> dict[str, Any]:
    trainer = LocalTrainer(home / "jobs", home / "models", Hyperparameters(trained_share=share))
    began = time.monotonic()
    trainer.start(name, chats, base, rehearsal=rehearsal_rows(rows, "seed"), pairs=pairs)
    while (status := trainer.status(name)).state == JobState.RUNNING:
        time.sleep(0.2)
    if status.state != JobState.SUCCEEDED:
        raise RuntimeError(f"{name}: {status.error}")
    found: dict[str, Any] = {"seconds": round(time.monotonic() - began)}
    if about := status.record.get("preferences"):
        found["trained pairs, before"], found["trained pairs, after"] = (
            about["before"], about["after"],
        )  # fmt: skip
    return found


def _margins(
    home: Path, name: str, base: BaseModel, pairs: list[Pair], held_out: list[Pair]
) -> dict[str, Any]:
    """By how much the wanted answer is the likelier one, as the saved adapter has it."""
    weights = cached_base(base, home / "models")
    tokenizer = AutoTokenizer.from_pretrained(weights)
    model: Any = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32)
    folder = home / "jobs" / name / "adapter"
    shape: Any = PeftConfig.from_pretrained(folder)
    shape.alora_invocation_tokens = list(invocation_tokens(tokenizer))
    adapted: Any = PeftModel.from_pretrained(model, folder, config=shape).eval()
    kinds = {
        "margin, pairs": pairs[:PAIRS],
        "margin, facts without a pair": pairs[PAIRS:],
        "margin, pairs in other words": held_out[:PAIRS],
    }
    found = {}
    for kind, some in kinds.items():
        each = margins(adapted, encode_pairs(some, tokenizer, 2048))
        won = sum(margin > 0 for margin in each)
        found[kind] = f"{fmean(each):.1f} nats, {won} of {len(each)} preferred"
    return found


def _served(
    base: BaseModel, adapters: dict[str, Path], facts: Sequence[Fact]
) -> dict[str, dict[str, Any]]:
    """What people would get: general tasks solved, and answers to wordings nobody trained."""
    engine = LlamaCppEngine(base.gguf_path, adapters)
    engine.start()
    probes = general_probes()
    found = {}
    try:
        for name in (None, *adapters):
            solved = ask(engine, name, probes)
            scores = [
                token_f1(
                    engine.complete(_prompt(f), adapter=name, max_tokens=ANSWER_TOKENS).text,
                    f.answer,
                )
                for f in facts
            ]
            found[name or "base"] = {
                "general tasks": f"{sum(solved.values())} of {len(solved)}",
                "held-out F1": round(fmean(scores), 3),
            }
    finally:
        engine.stop()
    return found
