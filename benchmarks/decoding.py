"""
Decoding with one adapter: our engine against transformers + peft ``generate``, same prompts.

Also what the engine child and a training child take of memory. Both sides decode greedily, one
answer at a time, the same number of tokens.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bot.answering.prompt import build_messages
from bot.engines.base_model import BaseModel, resolve_base_model
from bot.engines.client import Message
from bot.engines.llama_cpp import LlamaCppEngine
from bot.seed import organisation
from bot.training.hyperparameters import Hyperparameters
from bot.training.local import LocalTrainer
from bot.training.trainer import JobState

QUESTIONS = 6
TOKENS = 48


def measure() -> dict[str, Any]:
    base = resolve_base_model("", Path("data/models"))
    facts = organisation.curated_facts()
    chats = [build_messages(fact.wordings[1], []) for fact in facts[:QUESTIONS]]
    rows = [
        [*build_messages(fact.wordings[0], []), {"role": "assistant", "content": fact.answer}]
        for fact in facts[:8]
    ]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        trained = _train(base, rows, home)
        weights = next((home / "models").glob("base-*/config.json")).parent
        engine = _engine(base, home / "jobs/bench/adapter/adapter.gguf", chats)
        reference = _generate(weights, home / "jobs/bench/adapter", chats)
    return {
        **trained,
        **engine,
        "transformers + peft, tokens/s": round(reference, 1),
        "engine against it, times": round(engine["engine, tokens/s"] / reference, 1),
    }


def _train(base: BaseModel, rows: list[list[Message]], home: Path) -> dict[str, Any]:
    """A short run: its adapter is what is decoded with, its peak memory is a figure."""
    trainer = LocalTrainer(home / "jobs", home / "models", Hyperparameters(num_train_epochs=2))
    job_id = trainer.start("bench", rows, base)
    peak = 0
    while trainer.status(job_id).state == JobState.RUNNING:
        peak = max(peak, _memory(home / "jobs/bench/process_id"))
        time.sleep(0.2)
    trainer.result(job_id)
    return {"training child, peak MB": round(peak / 1e6)}


def _memory(process_id: Path) -> int:
    try:
        return int(psutil.Process(int(process_id.read_text())).memory_info().rss)
    except (OSError, ValueError, psutil.Error):
        return 0


def _engine(base: BaseModel, adapter: Path, chats: list[list[Message]]) -> dict[str, Any]:
    engine = LlamaCppEngine(base.gguf_path, {"bench": adapter}, warm_up=chats[0])
    engine.start()
    try:
        speeds, first_words = [], []
        for chat in chats:
            started = time.monotonic()
            stream = engine.stream(chat, adapter="bench", max_tokens=TOKENS)
            next(stream)
            first_words.append(time.monotonic() - started)
            stream.close()
            # The second time the prompt is known, as it is to `generate` below.
            warm = engine.complete(chat, adapter="bench", max_tokens=TOKENS)
            speeds.append(warm.completion_tokens / warm.seconds)
        memory = psutil.Process(engine.process_id).memory_info().rss
    finally:
        engine.stop()
    return {
        "engine, tokens/s": round(median(speeds), 1),
        "first words without examples, median s": round(median(first_words), 2),
        "engine child, MB": round(memory / 1e6),
    }


def _generate(weights: Path, adapter: Path, chats: list[list[Message]]) -> float:
    """Tokens per second of transformers + peft, in a process of its own."""
    task = {"weights": str(weights), "adapter": str(adapter), "chats": chats, "tokens": TOKENS}
    answer = subprocess.run(
        [sys.executable, "-c", _REFERENCE],
        input=json.dumps(task),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(answer.stdout.splitlines()[-1])


#: Only the tokens after the first count: what reads the prompt is not decoding.
_REFERENCE = """
import json, statistics, sys, time, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

task = json.load(sys.stdin)
tokenizer = AutoTokenizer.from_pretrained(task["weights"])
model = AutoModelForCausalLM.from_pretrained(task["weights"], dtype=torch.float32)
model = PeftModel.from_pretrained(model, task["adapter"]).eval()
speeds = []
for chat in task["chats"]:
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    prompt = tokenizer(text, add_special_tokens=False, return_tensors="pt")

    def generate(tokens):
        started = time.monotonic()
        with torch.inference_mode():
            out = model.generate(**prompt, do_sample=False, max_new_tokens=tokens)
        return out.shape[1] - prompt["input_ids"].shape[1], time.monotonic() - started

    one, reading = generate(1)
    made, seconds = generate(task["tokens"])
    if made > 1:
        speeds.append((made - one) / (seconds - reading))
print(statistics.median(speeds))
"""
