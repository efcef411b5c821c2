"""
What was said in the demo's workspace before anybody opened it: the threads of the curated facts.

Written once to a file which the sandbox loads into an empty workspace; the examples seeded into
the bot's database carry the same timestamps, so that their links lead somewhere.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.seed.organisation import Fact, curated_facts

HISTORY_FILE = "sandbox-history.json"
#: Bob is the demo's curator; where he answered himself, Alice marked it.
CURATOR, OTHER_CURATOR = "U0BOB", "U0ALICE"
GOOD = "white_check_mark"
_DAY = 86_400
_SPREAD_DAYS = 24
_ANSWER_AFTER_SECONDS = 240


@dataclass(frozen=True)
class Past:
    """One curated fact as a thread: ``fact_id`` asked at one ts, answered at another."""

    fact_id: str
    channel: str
    asked_by: str
    answered_by: str
    marked_by: str
    question: str
    answer: str
    question_ts: str
    answer_ts: str


def read_or_write_history(path: Path) -> list[Past]:
    """Return the history of ``path``; at the first start make it up, as of now."""
    if path.exists():
        return [Past(**thread) for thread in json.loads(path.read_text("utf-8"))["threads"]]
    threads = _threads(curated_facts(), int(time.time()))
    file = {"messages": _messages(threads), "threads": [asdict(thread) for thread in threads]}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(file, indent=1, ensure_ascii=False), "utf-8")
    partial.replace(path)
    return threads


def _threads(facts: tuple[Fact, ...], now: int) -> list[Past]:
    threads = []
    for number, fact in enumerate(facts):
        assert fact.thread is not None  # the loader promises it for curated facts
        asked = now - _SPREAD_DAYS * _DAY + number * (_SPREAD_DAYS - 1) * _DAY // len(facts)
        answered_by = fact.thread.answered_by
        threads.append(
            Past(
                fact_id=fact.id,
                channel=fact.thread.channel,
                asked_by=fact.thread.asked_by,
                answered_by=answered_by,
                marked_by=OTHER_CURATOR if answered_by == CURATOR else CURATOR,
                question=fact.wordings[0],
                answer=fact.answer,
                question_ts=f"{asked}.{number:06d}",
                answer_ts=f"{asked + _ANSWER_AFTER_SECONDS}.{number:06d}",
            )
        )
    return threads


def _messages(threads: list[Past]) -> list[dict[str, object]]:
    """The sandbox's form: flat, oldest first, reactions by name."""
    messages: list[dict[str, object]] = []
    for thread in threads:
        messages += [
            {
                "channel": thread.channel,
                "user": thread.asked_by,
                "ts": thread.question_ts,
                "thread_ts": thread.question_ts,
                "text": thread.question,
            },
            {
                "channel": thread.channel,
                "user": thread.answered_by,
                "ts": thread.answer_ts,
                "thread_ts": thread.question_ts,
                "text": thread.answer,
                "reactions": {GOOD: [thread.marked_by]},
            },
        ]
    return messages
