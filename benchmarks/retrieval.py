"""
How often the right example comes first, and among three, for a question in other words.

By words alone (BM25), by meaning alone, and by both as the bot does. Weights were chosen on the
second wordings; the third ones are only reported.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import psutil

from benchmarks.seed_team import EVERYBODY, TEAM, running_model, seed_team
from bot.answering.retrieval import retrieve
from bot.embedding.index import Nearness
from bot.embedding.meaning import Meaning
from bot.embedding.sentence_model import SentenceModel
from bot.seed import curated_facts, load_facts
from bot.seed.organisation import Fact
from storage.audience import WORKSPACE
from storage.database import Database

Search = Callable[[str], list[int]]
#: How many vectors a search by meaning is timed with.
MANY = 100_000


def measure() -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with running_model() as model:
        for facts in (list(curated_facts()), list(load_facts())):
            figures |= _measured(facts, model)
        if model and model.process_id:
            memory = psutil.Process(model.process_id).memory_info().rss
            figures["memory of the sentence model, MB"] = round(memory / 1e6)
    figures[f"search by meaning among {MANY}, ms"] = _timed()
    return figures


def _measured(facts: Sequence[Fact], model: SentenceModel | None) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with seed_team(facts, model) as (database, ids, meaning):
        ways: dict[str, Search] = {"words": lambda asked: _retrieved(database, asked, None)}
        if meaning:
            ways["meaning"] = lambda asked: _nearest(database, asked, meaning)
            ways["both"] = lambda asked: _retrieved(database, asked, meaning)
        for wording, name in ((1, "second"), (2, "third")):
            for by, search in ways.items():
                figures[f"{len(facts)} facts, {name} wordings, by {by}"] = _figures(
                    search, [fact.wordings[wording] for fact in facts], ids
                )
    return figures


def _figures(search: Search, asked: Sequence[str], ids: Sequence[int]) -> dict[str, float]:
    found, took = [], []
    for question in asked:
        before = time.perf_counter()
        found.append(search(question))
        took.append(time.perf_counter() - before)
    hits = list(zip(ids, found, strict=True))
    return {
        "recall@1": round(sum(own in those[:1] for own, those in hits) / len(ids), 3),
        "recall@3": round(sum(own in those for own, those in hits) / len(ids), 3),
        "median_ms": round(1000 * median(took), 1),
    }


def _retrieved(database: Database, question: str, meaning: Meaning | None) -> list[int]:
    with database.read() as session:
        found = retrieve(session, TEAM, WORKSPACE, EVERYBODY, question, 3, meaning=meaning)
    return [example.id for example in found]


def _nearest(database: Database, question: str, meaning: Meaning) -> list[int]:
    with database.read() as session:
        nearness = meaning.nearness(session, TEAM, question)
    return nearness.nearest(3) if nearness else []


def _timed() -> dict[str, float]:
    """The comparison alone: the table is looked at, but not read, by every search."""
    made = np.random.default_rng(1)
    matrix = made.standard_normal((MANY, 384), np.float32)
    ids = np.arange(MANY)
    took = []
    for _ in range(50):
        vector = made.standard_normal(384, np.float32)
        before = time.perf_counter()
        Nearness(ids, matrix @ vector, {}).nearest(100)
        took.append(time.perf_counter() - before)
    return {"median": round(1000 * median(took), 1), "slowest": round(1000 * max(took), 1)}
