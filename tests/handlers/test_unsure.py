"""What nobody taught: the bot says so, names what comes closest, and calls who wrote it."""

import pytest
from sqlmodel import select

from storage import thresholds
from storage.audience import WORKSPACE
from storage.tables import Question, Unanswered, UnansweredAsk
from storage.thresholds import Lines
from tests.answering_bot import answering_bot
from tests.teaching import TEAM, teach

MENTION = "<@U0APPRENTICE> "
UNTAUGHT = "What does the kitchen of the lighthouse cost per month?"


def is_answer(message: dict) -> bool:
    return message["user"] == "U0APPRENTICE" and not message["streaming"]


@pytest.fixture
def taught(database):
    with database.write() as session:
        kept = teach(session, "Where is the lighthouse kitchen?", "Behind the oil store.")
        kept.author_id = "U0ALICE"
        secret = teach(session, "What does the lighthouse cost?", "Too much.", audience="C0OPS")
        secret.author_id = "U0BOB"
        thresholds.write(session, TEAM, WORKSPACE, Lines(0.7), by_meaning=False)


def answer_to(sandbox, database, engine, question: str, **where: str) -> dict:
    with answering_bot(sandbox.api_url, database, engine.engine()):
        sandbox.wait_until_connected()
        asked = sandbox.post("U0CAROL", question, **where)
        return sandbox.wait_for_message(
            lambda m: is_answer(m) and m["ts"] > asked and (m["thread_ts"] or m["ts"]) >= asked
        )


@pytest.mark.usefixtures("taught")
def test_it_says_so_and_calls_only_who_wrote_what_may_be_heard(sandbox, database, engine):
    answer = answer_to(sandbox, database, engine, MENTION + UNTAUGHT)

    shown = str(answer["blocks"])
    assert answer["text"].startswith("I don't know")
    assert "lighthouse kitchen" in shown
    assert "<@U0ALICE>" in shown
    assert "U0BOB" not in shown
    assert "Too much" not in shown
    assert "in this thread teaches me" in shown
    assert "actions" not in {block["type"] for block in answer["blocks"]}  # there is no opinion
    with database.read() as session:
        assert session.exec(select(Unanswered)).one().text == UNTAUGHT
        assert session.exec(select(UnansweredAsk)).one()
        assert session.exec(select(Question)).one().version_name is None


@pytest.mark.usefixtures("taught")
def test_what_was_taught_is_answered(sandbox, database, engine):
    answer = answer_to(sandbox, database, engine, MENTION + "where is the lighthouse kitchen?")

    assert answer["text"] == "Behind the oil store."


def test_nothing_is_refused_before_a_threshold_was_chosen(sandbox, database, engine):
    with database.write() as session:
        teach(session, "Where is the lighthouse kitchen?", "Behind the oil store.")

    answer = answer_to(sandbox, database, engine, MENTION + UNTAUGHT)

    assert not answer["text"].startswith("I don't know: nothing")


@pytest.mark.usefixtures("taught")
def test_a_model_that_does_not_know_names_who_may(sandbox, database, engine):
    engine.reply = lambda messages: "I don't know."

    answer = answer_to(sandbox, database, engine, MENTION + "where is the lighthouse kitchen?")

    shown = str(answer["blocks"])
    assert answer["text"] == "I don't know."
    assert "Closest" in shown
    assert "<@U0ALICE>: what comes closest is yours" in shown
    assert "U0BOB" not in shown
    assert "'action_id': 'bad'" in shown
    with database.read() as session:
        assert session.exec(select(Unanswered)).one().text == "where is the lighthouse kitchen?"


@pytest.mark.usefixtures("taught")
def test_nothing_is_shown_before_it_is_decided_that_nobody_knows(sandbox, database, engine):
    answer = answer_to(sandbox, database, engine, MENTION + UNTAUGHT)

    assert answer["text"].startswith("I don't know")
    assert not engine.asked


@pytest.mark.usefixtures("taught")
def test_nobody_is_called_who_has_left(sandbox, database, engine):
    sandbox.control("user", id="U0ALICE", deleted=True)

    answer = answer_to(sandbox, database, engine, MENTION + UNTAUGHT)

    assert "lighthouse kitchen" in str(answer["blocks"])
    assert "U0ALICE" not in str(answer["blocks"])


@pytest.mark.usefixtures("taught")
def test_thanks_asks_nothing(sandbox, database, engine):
    answer = answer_to(sandbox, database, engine, MENTION + "thanks!")

    assert answer["text"].startswith("I answer questions")
    assert not engine.asked
    with database.read() as session:
        assert not session.exec(select(Unanswered)).all()


@pytest.mark.usefixtures("taught")
def test_one_word_that_nobody_taught_is_asked(sandbox, database, engine):
    answer = answer_to(sandbox, database, engine, MENTION + "Is there any parking?")

    assert answer["text"].startswith("I don't know")
    assert not engine.asked
    with database.read() as session:
        assert session.exec(select(Unanswered)).one().text == "Is there any parking?"


@pytest.mark.usefixtures("taught")
def test_thanks_in_a_thread_is_on_no_list(sandbox, database, engine):
    root = sandbox.post("U0BOB", "The lighthouse is open again.")
    with answering_bot(sandbox.api_url, database, engine.engine()):
        sandbox.wait_until_connected()
        sandbox.post("U0CAROL", MENTION + "thanks!", thread_ts=root)
        sandbox.wait_for_message(lambda m: is_answer(m) and m["thread_ts"] == root)

    assert engine.asked
    with database.read() as session:
        assert not session.exec(select(Unanswered)).all()
