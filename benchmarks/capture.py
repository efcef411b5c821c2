"""50 reactions a second for a minute: each is an example within a second, none lost, none twice."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlmodel import col, func, select

from storage.database import Database
from storage.rules import set_values
from storage.schema import upgrade
from storage.tables import Example, Vote
from tests.made_up_words import Words
from tests.running_sandbox import HELP, RunningSandbox, running_sandbox
from tests.scripted_engine import scripted_engine

PER_SECOND = 50
SECONDS = 60
TIMEOUT_SECONDS = 600.0
TEAM = "T0DEMO"
CURATOR = "U0BOB"


def measure(seconds: int = SECONDS) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="apprentice-") as folder:
        home = Path(folder)
        answers = _write_past(home / "past.json", PER_SECOND * seconds)
        with (
            running_sandbox(history=home / "past.json", no_limits=True) as sandbox,
            scripted_engine() as engine,
            _running_bot(sandbox, home, engine.url) as bot,
        ):
            processes = {"bot": bot.pid, "sandbox": sandbox.process.pid, "who_reacts": os.getpid()}
            before = {name: _processor_seconds(pid) for name, pid in processes.items()}
            figures = _react(sandbox, home, answers)
            figures["processor_ms_an_event"] = {
                name: round(1000 * (_processor_seconds(pid) - before[name]) / len(answers), 1)
                for name, pid in processes.items()
            }
            return figures


def _write_past(path: Path, threads: int) -> list[str]:
    """A question and its answer in each thread; returns each answer's ts."""
    words = Words(seed=7)
    messages, answers = [], []
    for number in range(threads):
        asked, answered = f"{1_760_000_000 + number}.000100", f"{1_760_000_000 + number}.000200"
        question, answer = words.sentence(6, 14), words.sentence(15, 40)
        said = (("U0CAROL", asked, f"{question}?"), ("U0ALICE", answered, answer))
        messages += [
            {"channel": HELP, "user": user, "ts": ts, "thread_ts": asked, "text": text}
            for user, ts, text in said
        ]
        answers.append(answered)
    path.write_text(json.dumps({"messages": sorted(messages, key=lambda m: m["ts"])}), "utf-8")
    return answers


@contextmanager
def _running_bot(
    sandbox: RunningSandbox, home: Path, engine_url: str
) -> Iterator[subprocess.Popen[bytes]]:
    database = Database(f"sqlite:///{home / 'apprentice.db'}")
    upgrade(database)
    with database.write() as session:
        # One person reacts for all here, which would otherwise be held for review as a burst.
        set_values(session, TEAM, None, {"burst_minutes": 0}, "U0ALICE")
    database.close()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "run"],
        env={
            **os.environ,
            "APPRENTICE_HOME": str(home),
            "APPRENTICE_CURATORS": CURATOR,
            "SLACK_API_URL": sandbox.api_url,
            "SLACK_BOT_TOKEN": sandbox.bot_token,
            "SLACK_APP_TOKEN": sandbox.app_token,
            "ENGINE": "openai_api",
            "ENGINE_BASE_URL": engine_url,  # nobody asks anything
            "LOG_LEVEL": "ERROR",
        },
    )
    try:
        sandbox.wait_until_connected(60)
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _react(sandbox: RunningSandbox, home: Path, answers: list[str]) -> dict[str, Any]:
    sent: dict[str, float] = {}
    client = sandbox.client(CURATOR)

    def react(number: int) -> None:
        time.sleep(max(0.0, started + number / PER_SECOND - time.monotonic()))
        sent[answers[number]] = time.time()
        client.reactions_add(channel=HELP, timestamp=answers[number], name="white_check_mark")

    started = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(react, range(len(answers))))
    took = time.monotonic() - started
    database = Database(f"sqlite:///{home / 'apprentice.db'}")
    stored = _await_stored(database, len(answers))
    with database.read() as session:
        votes = Counter(session.exec(select(Vote.example_id)))
    waits = sorted(stored[ts].timestamp() - sent[ts] for ts in stored)
    database.close()
    return {
        "load_average": os.getloadavg()[0],
        "events": len(answers),
        "events_per_second": round(len(answers) / took, 1),
        "lost": len(set(answers) - set(stored)),
        "votes_counted_twice": sum(count > 1 for count in votes.values()),
        "event_to_example_seconds": {
            name: round(waits[int(share * (len(waits) - 1))], 2)
            for name, share in (("median", 0.5), ("p99", 0.99), ("slowest", 1.0))
        },
        "events_sent_again_by_the_sandbox": sum(
            delivery["attempts"] > 1 for delivery in sandbox.deliveries("reaction_added")
        ),
    }


def _processor_seconds(pid: int) -> float:
    """What a process has used of the processor, which a crowded machine changes little."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _await_stored(database: Database, count: int) -> dict[str, datetime]:
    """When each example was stored, by its answer's ts."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline and _stored(database) < count:
        time.sleep(0.2)
    with database.read() as session:
        rows = session.exec(select(Example.answer_ts, Example.created_at)).all()
    return {ts: at.astimezone(UTC) for ts, at in rows if ts}


def _stored(database: Database) -> int:
    with database.read() as session:
        return session.exec(select(func.count(col(Example.id)))).one()
