"""200 questions at once: all acknowledged, each answered exactly once or told why not."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from handlers.mentions import FULL
from tests.answering_bot import answering_bot
from tests.running_sandbox import running_sandbox

QUESTIONS = 200
QUEUE = 30


@pytest.fixture
def sandbox():
    with running_sandbox(no_limits=True) as running:  # with Slack's own patience
        yield running


def test_two_hundred_questions_at_once(sandbox, database, engine):
    engine.reply = lambda messages: f"You asked {messages[-1]['content']}."
    engine.piece_seconds = 0.02

    with answering_bot(sandbox.api_url, database, engine.engine(), answer_queue=QUEUE):
        sandbox.wait_until_connected()
        with ThreadPoolExecutor(20) as people:
            asked = list(people.map(lambda n: ask(sandbox, n), range(QUESTIONS)))
        sandbox.wait_for(
            lambda state: len(finished(state)) >= QUESTIONS, timeout=300, only=("messages",)
        )
        state = sandbox.state()

    answers = finished(state)
    threads = Counter(answer["thread_ts"] for answer in answers)
    assert set(threads) == set(asked)
    assert set(threads.values()) == {1}
    for answer in answers:
        number = asked.index(answer["thread_ts"])
        assert answer["text"] in (FULL, f"You asked number {number}.")
    assert sum(answer["text"] != FULL for answer in answers) >= QUEUE
    mentions = [d for d in state["deliveries"] if d["event_type"] == "app_mention"]
    assert [d["state"] for d in mentions] == ["acknowledged"] * QUESTIONS


def ask(sandbox, number):
    return sandbox.post("U0CAROL", f"<@U0APPRENTICE> number {number}")


def finished(state):
    return [m for m in state["messages"] if m["user"] == "U0APPRENTICE" and m["metadata"]]
