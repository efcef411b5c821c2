"""The bot is killed between every two steps of an answer: nothing is lost, nothing comes twice."""

import contextlib
from collections.abc import Iterator

import pytest
from sqlmodel import select

from storage.tables import (
    InboxItem,
    InboxState,
    OutboxMessage,
    OutboxState,
    Question,
    QuestionState,
)
from tests.answering_bot import answering_bot
from tests.forked import Forked
from tests.teaching import teach

ANSWER = "Ask Bob for the role staging-reader and wait for his mail."
STEPS = [
    "item claimed",
    "item worked on",
    "question claimed",
    "prompt built",
    "place reserved",
    "stream started",
    "ts stored",
    "piece appended",
    "text stored",
    "stream stopped",
    "answer delivered",
]


@pytest.fixture
def sandbox(shared_sandbox):
    """Starting one for each of so many tests would take minutes."""
    return shared_sandbox


@contextlib.contextmanager
def child(sandbox, database, engine, die_at: str = "") -> Iterator[Forked]:
    process = Forked(
        "tests.answering_bot", "--api-url", sandbox.api_url,
        "--database", str(database.path), "--engine-url", engine.url, "--die-at", die_at,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def die_at(step: str, sandbox, database, engine) -> None:
    with child(sandbox, database, engine, step) as process:
        assert process.wait(60) == -9, f"never came to {step!r}"


def recover(sandbox, database, engine) -> None:
    with answering_bot(sandbox.api_url, database, engine.engine()):
        sandbox.wait_for(lambda _: is_all_done(database), timeout=30)


def is_all_done(database) -> bool:
    with database.read() as session:
        items = session.exec(select(InboxItem)).all()
        asked = session.exec(select(Question)).all()
        rows = session.exec(select(OutboxMessage)).all()
    return (
        bool(asked and rows)
        and all(item.state is InboxState.DONE for item in items)
        and all(question.state is QuestionState.ANSWERED for question in asked)
        and all(row.state is OutboxState.SENT for row in rows)
    )


def ask(sandbox, database, engine) -> str:
    with database.write() as session:
        teach(session, "How do I get access to the staging database?", ANSWER)
    engine.piece_seconds = 0.12
    # What is said now must wait for the bot of this test, not go to one that is just leaving.
    sandbox.wait_for(lambda state: not state["connected"])
    return sandbox.post("U0CAROL", "<@U0APPRENTICE> access to the staging database?")


def answers_in(sandbox, thread_ts):
    said = sandbox.messages("C0HELP", thread_ts)
    return [message for message in said if message["user"] == "U0APPRENTICE"]


def assert_answered_once(sandbox, database, asked):
    [answer] = answers_in(sandbox, asked)
    assert ANSWER in answer["text"]
    assert answer["text"].count("Ask Bob") == 1
    assert not answer["streaming"]
    assert "'action_id': 'good'" in str(answer["blocks"])
    assert answer["metadata"]["event_payload"] == {"key": "answer:1"}
    with database.read() as session:
        assert session.exec(select(Question)).one().answer_ts == answer["ts"]


@pytest.mark.parametrize("step", STEPS)
def test_killed_at(step, sandbox, database, engine):
    asked = ask(sandbox, database, engine)

    die_at(step, sandbox, database, engine)
    recover(sandbox, database, engine)

    assert_answered_once(sandbox, database, asked)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("stream started", "question claimed"),
        ("ts stored", "text stored"),
        ("stream started", "row claimed"),
        ("ts stored", "row posted"),
    ],
)
def test_killed_twice(first, second, sandbox, database, engine):
    asked = ask(sandbox, database, engine)

    die_at(first, sandbox, database, engine)
    die_at(second, sandbox, database, engine)
    recover(sandbox, database, engine)

    assert_answered_once(sandbox, database, asked)


@pytest.mark.parametrize("step", ["row claimed", "row posted"])
def test_killed_while_a_refused_stream_is_posted_whole(step, sandbox, database, engine):
    sandbox.fault("chat.startStream", error="unknown_method")
    asked = ask(sandbox, database, engine)

    die_at(step, sandbox, database, engine)
    recover(sandbox, database, engine)

    assert_answered_once(sandbox, database, asked)


def test_killed_with_two_questions_in_one_thread(sandbox, database, engine):
    asked = ask(sandbox, database, engine)
    sandbox.post("U0BOB", "<@U0APPRENTICE> and for staging reports?", thread_ts=asked)

    die_at("stream started", sandbox, database, engine)
    recover(sandbox, database, engine)
    recover(sandbox, database, engine)

    answers = answers_in(sandbox, asked)
    keys = sorted(answer["metadata"]["event_payload"]["key"] for answer in answers)
    assert keys == ["answer:1", "answer:2"]
    assert all(ANSWER in answer["text"] for answer in answers)
