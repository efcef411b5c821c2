"""
The whole loop in a demo: training 30 examples to the verdict, with four answers going on.

The first run trains undisturbed, which is the time to the verdict. While a second one trains,
four people ask for a while, each the next question when the last is answered: the
acknowledgements are those of a busy bot.
"""

import json
import sqlite3
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from bot.seed.organisation import curated_facts
from tests.running_demo import RunningDemo, running_demo

TIMEOUT_SECONDS = 1800.0
ASKERS = ("U0ALICE", "U0BOB", "U0CAROL", "U0BOB")
WARM_QUESTIONS = 10
BUSY_SECONDS = 90.0
MEGABYTE = 1024**2


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="apprentice-") as folder:
        home = Path(folder)
        with running_demo(home) as demo:
            figures = first_tokens(demo)
            memory = Memory(demo)
            figures["seconds_to_the_verdict"] = round(train(demo), 1)
            figures |= memory.stop() | verdict(demo)
        started = time.monotonic()
        with running_demo(home) as demo:
            figures["second_start_seconds"] = round(time.monotonic() - started, 1)
            figures |= acknowledgements(demo)
    return figures


def first_tokens(demo: RunningDemo) -> dict[str, Any]:
    """Seconds from the question's post to the first visible word, one question at a time."""
    ask(demo, "U0CAROL", curated_facts()[0].wordings[0])
    waits = [
        ask(demo, "U0CAROL", fact.wordings[0]) for fact in curated_facts()[1 : WARM_QUESTIONS + 1]
    ]
    return {
        "first_token_seconds_median": round(statistics.median(waits), 2),
        "first_token_seconds_all": [round(wait, 2) for wait in waits],
    }


def ask(demo: RunningDemo, user: str, question: str) -> float:
    """Ask, wait for the whole answer, return the seconds to its first visible word."""
    started = time.monotonic()
    ts = demo.post(user, f"<@U0APPRENTICE> {question}")
    first = 0.0

    def is_answered(state: Any) -> bool:
        nonlocal first
        answers = [m for m in state["messages"] if m["thread_ts"] == ts and m["bot_id"]]
        if answers and answers[0]["text"] and not first:
            first = time.monotonic() - started
        return bool(first) and not answers[0]["streaming"]

    demo.wait_for(is_answered, timeout=300, only=("messages",))
    return first


def train(demo: RunningDemo) -> float:
    """Train as Alice does; returns the seconds from her statement to the verdict."""
    known = len(runs(demo))
    demo.command("U0ALICE", "train")
    if not known:
        form = demo.wait_for(lambda _: demo.views("U0ALICE"), 30, ("connected",))[-1]
        demo.action("U0ALICE", "attest", view_id=form["id"])
    started = time.monotonic()
    demo.wait_for(lambda _: is_over(demo, known), TIMEOUT_SECONDS, ("connected",))
    return time.monotonic() - started


def is_over(demo: RunningDemo, known: int) -> bool:
    found = runs(demo)
    return len(found) > known and found[-1] in {"done", "failed", "cancelled"}


def runs(demo: RunningDemo) -> list[str]:
    return [state for (state,) in rows(demo, "SELECT state FROM run ORDER BY id")]


def verdict(demo: RunningDemo) -> dict[str, Any]:
    """What the held-out third wordings say of each strategy."""
    query = "SELECT verdict, held_out, gain, gain_low, gain_high, strategies FROM evaluation"
    kind, held_out, gain, low, high, strategies = rows(demo, query)[-1]
    return {
        "verdict": kind,
        "held_out": held_out,
        "gain": gain,
        "gain_interval": [low, high],
        "token_f1": {s["name"]: round(s["f1"], 3) for s in json.loads(strategies)},
    }


def acknowledgements(demo: RunningDemo) -> dict[str, Any]:
    """Milliseconds from an event's sending to its acknowledgement: one training, four answers."""
    demo.command("U0ALICE", "train")
    demo.wait_for(lambda _: runs(demo)[-1] == "training", 120, ("connected",))
    stopping = threading.Event()
    askers = [
        threading.Thread(target=keep_asking, args=(demo, user, number, stopping))
        for number, user in enumerate(ASKERS)
    ]
    before = len(demo.deliveries())
    for asker in askers:
        asker.start()
    time.sleep(BUSY_SECONDS)
    stopping.set()
    for asker in askers:
        asker.join()
    done = [d for d in demo.deliveries()[before:] if d["latency_seconds"] is not None]
    waits = sorted(1000 * d["latency_seconds"] for d in done)
    return {
        "acknowledged_events": len(waits),
        "acknowledgement_ms_p50": round(statistics.median(waits)),
        "acknowledgement_ms_p99": round(waits[int(0.99 * (len(waits) - 1))]),
        "still_training_at_the_end": runs(demo)[-1] == "training",
    }


def keep_asking(demo: RunningDemo, user: str, number: int, stopping: threading.Event) -> None:
    facts = curated_facts()
    turn = number
    while not stopping.is_set():
        ask(demo, user, facts[turn % len(facts)].wordings[0])
        turn += len(ASKERS)


class Memory:
    """The largest resident memory of each process, in megabytes, looked at twice a second."""

    def __init__(self, demo: RunningDemo) -> None:
        self._demo = demo
        self._peaks: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> dict[str, Any]:
        self._stopping.set()
        self._thread.join()
        return {"memory_mb_peak": {name: round(mb) for name, mb in self._peaks.items()}}

    def _watch(self) -> None:
        while not self._stopping.wait(0.5):
            for name, process in self._demo.processes().items():
                try:
                    used = process.memory_info().rss / MEGABYTE
                except psutil.Error:
                    continue
                self._peaks[name] = max(used, self._peaks.get(name, 0.0))


def rows(demo: RunningDemo, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{demo.database}?mode=ro", uri=True) as database:
        return database.execute(query).fetchall()
