"""
``python -m benchmarks autotrain``: the demo's facts by AutoTrain Advanced, or by another trainer.

The real pipeline from snapshot to verdict, once. What it takes is given in processor time, since
most of a run waits for nobody. Needs ``make setup-autotrain``.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.sabotage import tried
from bot.demo.history import HISTORY_FILE, read_or_write_history
from bot.demo.seeding import seed_examples
from bot.engines.base_model import resolve_base_model
from bot.engines.llama_cpp import LlamaCppEngine
from bot.pipeline import Workshop
from bot.settings import load_settings
from bot.trainers import make_trainers
from bot.training.local import LocalTrainer
from storage.database import Database


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="apprentice-") as folder:
        return judged(Path(folder), "autotrain")


def judged(home: Path, name: str) -> dict[str, Any]:
    settings = load_settings(apprentice_home=home)
    base = resolve_base_model("", home / "models")
    url = f"sqlite:///{home / 'apprentice.db'}"
    seed_examples(url, read_or_write_history(home / HISTORY_FILE), "http://localhost")
    database = Database(url)
    trainers = make_trainers(settings, LocalTrainer(home / "jobs", home / "models"), base)
    engine = LlamaCppEngine(base.gguf_path)
    engine.start()
    started, before = time.monotonic(), _processor_seconds()
    try:
        # The run is queued for `local`: whatever is behind that name trains it.
        found = tried(Workshop(database, home, {"local": trainers[name]}, engine, base))
    finally:
        engine.stop()
        database.close()
    seconds = time.monotonic() - started
    return {
        "trainer": name,
        "seconds": round(seconds, 1),
        "processor_seconds": round(_processor_seconds() - before, 1),
        "load_average": os.getloadavg()[0],
        **found,
    }


def _processor_seconds() -> float:
    """Of children that have ended, this process's own included."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    home = Path(sys.argv[1])
    print(judged(home, sys.argv[2]))
