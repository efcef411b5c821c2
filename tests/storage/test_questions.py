"""The queue of questions: bounded, in order, each once."""

from datetime import timedelta

import pytest

from storage import outbox, questions
from storage.columns import utc_now
from storage.tables import OutboxKind, QuestionState, Standing
from tests.teaching import TEAM


def ask(database, ts="1.0", limit=10):
    with database.write() as session:
        return questions.ask(
            session, TEAM, channel_id="C1", message_ts=ts, thread_ts=ts, user_id="U1",
            queue_limit=limit,
        )  # fmt: skip


def claim(database, **options):
    with database.write() as session:
        return questions.claim(session, **options)


def test_the_oldest_question_is_answered_first(database):
    asked = [ask(database, f"{number}.0") for number in (1, 2)]

    assert [claim(database).id, claim(database).id] == [question.id for question in asked]
    assert claim(database) is None


def test_asking_twice_about_one_message_is_one_question(database):
    assert ask(database).id == ask(database).id


def test_a_full_queue_declines_and_those_under_work_do_not_count(database):
    ask(database, "1.0", limit=1)
    declined = ask(database, "2.0", limit=1)
    claim(database)
    taken = ask(database, "3.0", limit=1)

    assert declined.state is QuestionState.DECLINED
    assert taken.state is QuestionState.QUEUED


def test_people_are_told_how_many_come_before_them(database):
    asked = [ask(database, f"{number}.0") for number in (1, 2, 3)]
    claim(database)

    with database.read() as session:
        assert questions.before(session, asked[2]) == 2


def test_what_a_crash_left_under_work_goes_back_into_the_queue(database):
    ask(database)
    claim(database)

    with database.write() as session:
        questions.take_up_again(session)

    assert claim(database).attempts == 2


def test_a_question_handed_back_waits_for_its_time(database):
    ask(database)
    question = claim(database)
    later = utc_now() + timedelta(seconds=9)

    with database.write() as session:
        questions.retry_later(session, question, later, "ratelimited")

    assert claim(database) is None
    assert claim(database, now=later).id == question.id


def test_an_answer_leads_back_to_its_question(database):
    question = ask(database)
    with database.write() as session:
        row = outbox.put(
            session, TEAM, questions.answer_key(question.id), channel_id="C1", text="",
            kind=OutboxKind.STREAM,
        )  # fmt: skip
        row.message_ts = "5.0"
        questions.note_answer_ts(session, row)

    with database.read() as session:
        assert questions.find_by_answer(session, TEAM, "C1", "5.0").id == question.id
        assert questions.find_by_answer(session, TEAM, "C1", "6.0") is None
        assert questions.find_by_answer(session, "T0OTHER", "C1", "5.0") is None


@pytest.mark.parametrize("standing", Standing)
def test_only_what_a_model_said_is_an_outcome_of_it(database, standing):
    asked = ask(database)
    with database.write() as session:
        questions.chose(session, asked.id, None, [], standing=standing)
        questions.end(session, asked.id, QuestionState.ANSWERED)

        found = questions.outcomes(session, TEAM, None, limit=9)

    assert len(found) == (standing is Standing.SURE)
