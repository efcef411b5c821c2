"""
``python -m benchmarks scale [--rows N ...]``: the data set at several sizes, how each step grows.

Sentences of made-up words, as unevenly frequent as a language's; see ``docs/benchmarks.md``.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text
from sqlmodel import Session

from bot.answering.retrieval import full_text_query, question_words, retrieve
from bot.curation.near_duplicates import near_duplicates, note_near_duplicates
from bot.dataset.rights import attest
from bot.dataset.snapshot import freeze
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.database import Database
from storage.schema import upgrade
from storage.tables import Example, ExampleState, Source
from tests.made_up_words import Words

TEAM = "T0DEMO"
_EXHAUSTIVE = text(
    """
    SELECT example.id, -bm25(example_text, 3.0, 1.0) AS score
    FROM example_text JOIN example ON example.id = example_text.rowid
    WHERE example_text MATCH :match AND example.team_id = :team_id
      AND example.state = 'approved' AND example.audience = 'workspace'
    ORDER BY score DESC, example.id
    LIMIT 100
    """
)
#: Scores this near to each other are the same but for rounding.
SAME_SCORE = 1e-9
SIZES = (1_000, 10_000, 100_000)
#: What each step costs, by its figures.
COSTS: dict[str, Callable[[dict[str, Any]], float]] = {
    "storing": lambda figures: figures["processor_seconds_to_store_them"],
    "retrieval, median": lambda figures: figures["retrieval_ms"]["processor_median"],
    "retrieval, p99": lambda figures: figures["retrieval_ms"]["processor_p99"],
    "near-duplicate check, p99": lambda figures: figures["near_duplicate_check_ms"][
        "processor_p99"
    ],
    "noting pairs, p99": lambda figures: figures["noting_a_new_examples_pairs_ms"]["processor_p99"],
    "snapshot": lambda figures: figures["snapshot_processor_seconds"],
    "memory": lambda figures: figures["most_memory_mb_before_and_after_the_snapshot"][1],
    "database": lambda figures: figures["database_mb"],
}
#: How many questions each latency is measured with, and each recall.
QUESTIONS, RECALL_QUESTIONS = 300, 60
#: Recall is also measured with so many words of each question.
SHORT = (2, 3, 5)
PRIVATE, PRIVATE_EXAMPLES = "C0OPS", 10
EVERYBODY = Viewer.channel("C0HELP", is_private=False)
OPS = Viewer.channel(PRIVATE, is_private=True)


def measure(sizes: tuple[int, ...] | None = None) -> dict[str, Any]:
    measured = {rows: _measured_alone(rows) for rows in sizes or _asked_for()}
    figures: dict[str, Any] = {f"{rows:,} examples": each for rows, each in measured.items()}
    return figures | {"growth": _growth(measured)}


def _growth(measured: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """
    How many times as much each step costs as a size before, as a share of how many times as many
    examples there are: 1 is linear, more is worse. Time is the processor's.
    """
    growth = {
        step: [
            round(cost(measured[after]) / cost(measured[before]) / (after / before), 2)
            for before, after in pairwise(sorted(measured))
        ]
        for step, cost in COSTS.items()
    }
    worst = max((max(ratios), step) for step, ratios in growth.items()) if len(measured) > 1 else ()
    return growth | {"worst": worst}


def _asked_for() -> tuple[int, ...]:
    asked = sys.argv[sys.argv.index("--rows") + 1 :] if "--rows" in sys.argv else ()
    return tuple(int(number.replace(",", "")) for number in asked) or SIZES


def _measured_alone(rows: int) -> dict[str, Any]:
    """In a process of its own, whose memory is this size's alone."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_one_size, (rows,))


def _one_size(rows: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="apprentice-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'apprentice.db'}")
        upgrade(database)
        words = Words(seed=1)
        used = time.process_time()
        questions = list(_fill(database, words, rows))
        figures: dict[str, Any] = {
            "processor_seconds_to_store_them": round(time.process_time() - used, 1)
        }
        asked = [words.reworded(question) for question in questions]
        figures |= _retrieval(database, asked) | _near_duplicates(database, asked)
        figures |= _snapshot(database)
        figures["database_mb"] = round((Path(folder) / "apprentice.db").stat().st_size / 2**20)
        database.close()
    return figures


def _fill(database: Database, words: Words, rows: int) -> Iterator[str]:
    """Store the examples; yields some of their questions, evenly spread."""
    step = max(1, rows // QUESTIONS)
    for start in range(0, rows, 5_000):
        batch = [
            _example(words, WORKSPACE if number >= PRIVATE_EXAMPLES else PRIVATE)
            for number in range(start, min(rows, start + 5_000))
        ]
        with database.write() as session:
            session.connection().execute(insert(Example), batch)
        yield from (
            example["question"]
            for number, example in enumerate(batch, start)
            if number % step == 0 and number >= PRIVATE_EXAMPLES
        )


def _example(words: Words, audience: str) -> dict[str, Any]:
    return {
        "team_id": TEAM,
        "audience": audience,
        "state": ExampleState.APPROVED,
        "question": words.sentence(6, 14),
        "answer": words.sentence(15, 40),
        "question_source": Source.IMPORT,
        "answer_source": Source.IMPORT,
        "context": [],
        "revision": 1,
        "created_at": utc_now(),
        "updated_at": utc_now(),
    }


def _retrieval(database: Database, asked: list[str]) -> dict[str, Any]:
    def ask(session: Session, question: str, viewer: Viewer = EVERYBODY) -> list[int]:
        audience = WORKSPACE if viewer is EVERYBODY else PRIVATE
        return [e.id for e in retrieve(session, TEAM, audience, viewer, question, 3)]

    with database.read() as session:
        times = _times(lambda question: ask(session, question), asked)
        some = asked[:: max(1, len(asked) // RECALL_QUESTIONS)]
        slow = _times(lambda question: _exhaustive(session, question), some[:30])
        recall = {
            str(count) if count else "all": _recall(session, ask, some, count)
            for count in (*SHORT, None)
        }
        private = [session.get_one(Example, each + 1) for each in range(PRIVATE_EXAMPLES)]
        seen = sum(each.id in ask(session, each.question, OPS) for each in private)
    return {
        "retrieval_ms": _summary(times),
        "exhaustive_ms": _summary(slow),
        "recall_at_3_by_words_asked": recall,
        "private_examples_found": f"{seen} of {PRIVATE_EXAMPLES}",
    }


def _recall(
    session: Session,
    ask: Callable[[Session, str], list[int]],
    questions: list[str],
    words: int | None,
) -> float:
    """
    The share of exhaustive BM25's best three; of examples that score the same, each counts.

    With ``words`` of so many words of each question alone.
    """
    hits = wanted = 0
    for question in (" ".join(each.split()[:words]) for each in questions):
        best = _exhaustive(session, question)
        if not best:
            continue
        third = best[:3][-1].score - SAME_SCORE
        hits += len({each.id for each in best if each.score >= third} & set(ask(session, question)))
        wanted += len(best[:3])
    return round(hits / max(wanted, 1), 4)


def _exhaustive(session: Session, question: str) -> Sequence[Any]:
    """What SQLite itself ranks best of all rows with any word."""
    values = {"match": full_text_query(question_words(question)), "team_id": TEAM}
    return session.connection().execute(_EXHAUSTIVE, values).all()


def _near_duplicates(database: Database, asked: list[str]) -> dict[str, Any]:
    with database.read() as session:
        times = _times(lambda text: near_duplicates(session, TEAM, EVERYBODY, text), asked)
    stored = []
    for question in asked[:50]:
        with database.write() as session:
            example = Example(**{**_example(Words(seed=2), WORKSPACE), "question": question})
            session.add(example)
            session.flush()
            stored.append(_timed(partial(note_near_duplicates, session, example)))
            session.delete(example)
    return {
        "near_duplicate_check_ms": _summary(times),
        "noting_a_new_examples_pairs_ms": _summary(stored),
    }


def _snapshot(database: Database) -> dict[str, Any]:
    before = _most_memory_mb()
    started, used = time.monotonic(), time.process_time()
    with database.write() as session:
        attestation = attest(session, TEAM, "U0ALICE", tuple(Source))
        frozen = freeze(session, TEAM, WORKSPACE, attestation)
    return {
        "snapshot_hash": frozen.snapshot.hash,
        "snapshot_seconds": round(time.monotonic() - started, 1),
        "snapshot_processor_seconds": round(time.process_time() - used, 1),
        "most_memory_mb_before_and_after_the_snapshot": [before, _most_memory_mb()],
    }


def _times(work: Callable[[str], object], questions: list[str]) -> list[tuple[float, float]]:
    """What each took, after one that warms the cache."""
    work(questions[0])
    return [_timed(partial(work, question)) for question in questions]


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds by the clock, and of the processor: those a crowded machine does not change."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - clock), 1000 * (time.process_time() - processor)


def _summary(times: list[tuple[float, float]]) -> dict[str, float]:
    clock, processor = (sorted(each) for each in zip(*times, strict=True))
    p99 = int(0.99 * (len(times) - 1))
    return {
        "median": round(clock[len(clock) // 2], 1),
        "p99": round(clock[p99], 1),
        "processor_median": round(processor[len(processor) // 2], 1),
        "processor_p99": round(processor[p99], 1),
    }


def _most_memory_mb() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
