"""Those who wait see how many come before them, and are not forgotten."""

import pytest

from handlers.status import LOOK_SECONDS, REPEAT_SECONDS, WaitingLine
from storage import questions
from storage.tables import QuestionState
from tests.teaching import TEAM


@pytest.fixture
def sandbox(shared_sandbox):
    return shared_sandbox


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def asked(sandbox, database):
    threads = [sandbox.post("U0CAROL", f"Question {number}") for number in range(3)]
    with database.write() as session:
        return [
            questions.ask(
                session, TEAM, channel_id="C0HELP", message_ts=ts, thread_ts=ts,
                user_id="U0CAROL", queue_limit=9,
            )
            for ts in threads
        ]  # fmt: skip


def status_of(sandbox, question):
    statuses = sandbox.state()["statuses"]
    return next((s["text"] for s in statuses if s["thread_ts"] == question.thread_ts), "")


def clear(sandbox, question):
    sandbox.client().assistant_threads_setStatus(
        channel_id="C0HELP", thread_ts=question.thread_ts, status=""
    )


def test_the_line_moves_up(sandbox, database, asked):
    clock = Clock()
    line = WaitingLine(database, sandbox.client(), clock)
    clock.now = LOOK_SECONDS
    line.step()
    first = [status_of(sandbox, question) for question in asked]
    with database.write() as session:
        questions.end(session, questions.claim(session).id, QuestionState.ANSWERED)

    clock.now += LOOK_SECONDS
    line.step()

    assert "2 questions before yours" in first[2]
    assert "1 question before yours" in status_of(sandbox, asked[2])


def test_a_status_is_repeated_only_before_slack_takes_it_away(sandbox, database, asked):
    clock = Clock()
    line = WaitingLine(database, sandbox.client(), clock)
    clock.now = LOOK_SECONDS
    line.step()
    clear(sandbox, asked[1])

    clock.now += LOOK_SECONDS
    line.step()
    soon = status_of(sandbox, asked[1])
    clock.now += REPEAT_SECONDS
    line.step()

    assert soon == ""
    assert "1 question before yours" in status_of(sandbox, asked[1])
