"""What Slack tells us: once each, never lost, and nothing stored that is none of our business."""

import pytest
import sqlalchemy as sa
from sqlmodel import select

from storage.tables import InboxItem, InboxKind, Question, QuestionState
from tests.answering_bot import answering_bot

MENTION = "<@U0APPRENTICE> "


@pytest.fixture
def sandbox(shared_sandbox):
    return shared_sandbox


def rows(database, table):
    with database.read() as session:
        return session.exec(select(table)).all()


def bots_words(sandbox, thread_ts):
    return [m for m in sandbox.messages(None, thread_ts) if m["user"] == "U0APPRENTICE"]


def wait_for_answer(sandbox, thread_ts):
    return sandbox.wait_for_message(
        lambda m: m["user"] == "U0APPRENTICE" and m["thread_ts"] == thread_ts and m["metadata"]
    )


def wait_until_all_acknowledged(sandbox):
    sandbox.wait_for(
        lambda state: all(d["state"] == "acknowledged" for d in state["deliveries"]), timeout=15
    )


def test_a_mention_that_arrives_as_two_events_is_one_question(sandbox, database, bot):
    asked = sandbox.post("U0CAROL", MENTION + "what is this?")
    wait_for_answer(sandbox, asked)
    wait_until_all_acknowledged(sandbox)

    assert len(rows(database, InboxItem)) == len(rows(database, Question)) == 1
    assert len(bots_words(sandbox, asked)) == 1


def test_a_replayed_event_asks_nothing_again(sandbox, database, bot):
    asked = sandbox.post("U0CAROL", MENTION + "what is this?")
    wait_for_answer(sandbox, asked)
    event = {
        "type": "app_mention", "user": "U0CAROL", "channel": "C0HELP", "ts": asked,
        "text": MENTION + "what is this?", "event_ts": asked,
    }  # fmt: skip

    for _ in range(3):
        sandbox.event(event, event_id="EvREPLAY")
    wait_until_all_acknowledged(sandbox)

    assert len(rows(database, Question)) == 1
    assert len(bots_words(sandbox, asked)) == 1


def test_what_cannot_be_stored_is_not_acknowledged_and_comes_again(sandbox, database, bot):
    with database.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE inbox RENAME TO hidden"))

    asked = sandbox.post("U0CAROL", MENTION + "is anybody there?")
    refused = sandbox.wait_for(
        lambda state: [d for d in state["deliveries"] if d["attempts"] > 1 and is_about(d, asked)]
    )
    assert all(d["acknowledged_at"] is None for d in refused)
    with database.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE hidden RENAME TO inbox"))

    wait_for_answer(sandbox, asked)
    assert len(bots_words(sandbox, asked)) == 1


def is_about(delivery, ts):
    return delivery["payload"].get("event", {}).get("ts") == ts


def test_a_direct_message_needs_no_mention(sandbox, database, bot):
    direct = sandbox.client("U0CAROL").conversations_open(users="U0APPRENTICE")["channel"]["id"]

    asked = sandbox.post("U0CAROL", "what is this?", channel=direct)

    assert wait_for_answer(sandbox, asked)["channel"] == direct


def test_irrelevant_messages_leave_no_row(sandbox, database, bot):
    root = sandbox.post("U0CAROL", "Just talking")
    sandbox.post("U0BOB", "Me too", thread_ts=root)
    sandbox.client("U0CAROL").chat_update(channel="C0HELP", ts=root, text=MENTION + "edited in")
    sandbox.client().chat_postMessage(channel="C0HELP", text=MENTION + "talking to myself")
    sandbox.client("U0CAROL").chat_delete(channel="C0HELP", ts=root)
    wait_until_all_acknowledged(sandbox)

    assert [i for i in rows(database, InboxItem) if i.kind is InboxKind.MENTION] == []


def test_a_follow_up_without_a_mention_is_between_people(sandbox, database, bot):
    asked = sandbox.post("U0CAROL", MENTION + "what is this?")
    wait_for_answer(sandbox, asked)

    sandbox.post("U0CAROL", "and that?", thread_ts=asked)
    wait_until_all_acknowledged(sandbox)

    assert len(rows(database, Question)) == 1


def test_a_follow_up_with_a_mention_knows_the_thread(sandbox, database, bot, engine):
    asked = sandbox.post("U0CAROL", MENTION + "where is the printer?")
    wait_for_answer(sandbox, asked)

    sandbox.post("U0CAROL", MENTION + "and the scanner?", thread_ts=asked)
    sandbox.wait_for(lambda _: len(engine.asked) == 2)

    turns = [(m["role"], m["content"]) for m in engine.asked[1]["messages"][1:]]
    assert turns == [
        ("user", "where is the printer?"),
        ("assistant", "I don't know."),
        ("user", "and the scanner?"),
    ]


def test_nothing_of_what_people_wrote_is_kept(sandbox, database, bot):
    asked = sandbox.post("U0CAROL", MENTION + "is the xylophone tuned?")
    wait_for_answer(sandbox, asked)

    kept = [*rows(database, InboxItem), *rows(database, Question)]

    assert "xylophone" not in str(kept)


@pytest.mark.parametrize(
    ("user", "channel"),
    [("U0DAVE", "C0HELP"), ("U0ERIN", "C0PARTNER"), ("U0CAROL", "C0PARTNER")],
)
def test_outsiders_are_declined_politely(sandbox, database, bot, engine, user, channel):
    asked = sandbox.post(user, MENTION + "what do you know?", channel=channel)

    assert "only answer members" in wait_for_answer(sandbox, asked)["text"]
    assert engine.asked == []
    assert [q.state for q in rows(database, Question)] == [QuestionState.DECLINED]


def test_outsiders_get_the_bare_base_model_where_the_setting_says_so(sandbox, database, engine):
    from tests.teaching import teach

    with database.write() as session:
        teach(session, "what do you know?", "The secret of the house.")

    with answering_bot(sandbox.api_url, database, engine.engine(), outsiders_get_base_model=True):
        sandbox.wait_until_connected()
        asked = sandbox.post("U0DAVE", MENTION + "what do you know?")
        answer = wait_for_answer(sandbox, asked)

    assert answer["text"] == "I don't know."
    assert "No example of your team" in str(answer["blocks"])
