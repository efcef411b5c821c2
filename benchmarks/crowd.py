"""200 questions at once: all acknowledged in time, each answered once or told of the full queue."""

import collections
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.seed.organisation import load_facts
from tests.running_demo import RunningDemo, running_demo

QUESTIONS = 200
CHANNELS = ("C0HELP", "C0GENERAL")
TIMEOUT_SECONDS = 1800.0


def measure() -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="apprentice-") as folder,
        running_demo(Path(folder)) as demo,
    ):
        return crowd(demo)


def crowd(demo: RunningDemo) -> dict[str, Any]:
    facts = load_facts()
    before = len(demo.deliveries())
    started = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        asked = list(pool.map(lambda n: ask(demo, n, facts[n % len(facts)].wordings[0]),
                              range(QUESTIONS)))  # fmt: skip
    posted = time.monotonic() - started
    demo.wait_for(
        lambda state: len(settled(state, asked)) == QUESTIONS, TIMEOUT_SECONDS, ("messages",)
    )
    replies = replies_of(demo.state("messages"), asked)
    waits = sorted(
        1000 * (d["latency_seconds"] or float("inf")) for d in demo.deliveries()[before:]
    )
    full = sum("queue" in str(reply) or "many questions" in str(reply) for reply in replies)
    return {
        "questions": QUESTIONS,
        "seconds_to_post_them": round(posted, 1),
        "seconds_until_all_were_settled": round(time.monotonic() - started, 1),
        "events": len(waits),
        "events_sent_more_than_once": sum(d["attempts"] > 1 for d in demo.deliveries()[before:]),
        "acknowledgement_ms_p99": round(waits[int(0.99 * (len(waits) - 1))]),
        "acknowledgement_ms_max": round(waits[-1]),
        "replies_per_question": dict(collections.Counter(count(demo, asked))),
        "answered": QUESTIONS - full,
        "told_that_the_queue_is_full": full,
    }


def ask(demo: RunningDemo, number: int, question: str) -> str:
    # Slack's limit on posting is the app's, not a person's; the sandbox keeps people to it too.
    while True:
        try:
            return demo.post(
                "U0CAROL", f"<@U0APPRENTICE> {question} (No. {number})",
                CHANNELS[number % len(CHANNELS)],
            )  # fmt: skip
        except SlackApiError as error:
            if error.response["error"] != "ratelimited":
                raise
            time.sleep(0.5)


def settled(state: Any, asked: list[str]) -> set[str]:
    wanted = set(asked)
    return {
        m["thread_ts"]
        for m in state["messages"]
        if m["bot_id"] and m["thread_ts"] in wanted and not m["streaming"]
    }


def replies_of(state: Any, asked: list[str]) -> list[str]:
    wanted = set(asked)
    return [m["text"] for m in state["messages"] if m["bot_id"] and m["thread_ts"] in wanted]


def count(demo: RunningDemo, asked: list[str]) -> list[int]:
    per_question = collections.Counter(
        m["thread_ts"] for m in demo.messages() if m["bot_id"] and m["thread_ts"] in set(asked)
    )
    return [per_question[ts] for ts in asked]
