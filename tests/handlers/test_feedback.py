"""The buttons below an answer leave the same kind of row as a reaction does."""

import pytest
from sqlmodel import select

from storage.tables import InboxItem, InboxKind
from tests.answering_bot import answering_bot


@pytest.fixture
def answered(shared_sandbox, database, engine):
    with answering_bot(shared_sandbox.api_url, database, engine.engine()):
        shared_sandbox.wait_until_connected()
        asked = shared_sandbox.post("U0CAROL", "<@U0APPRENTICE> what is this?")
        answer = shared_sandbox.wait_for_message(
            lambda m: m["user"] == "U0APPRENTICE" and m["thread_ts"] == asked and m["metadata"]
        )
        yield shared_sandbox, answer


def press(sandbox, answer, user, action_id):
    sandbox.action(user, action_id, channel=answer["channel"], message_ts=answer["ts"])


def votes(database):
    with database.read() as session:
        return session.exec(select(InboxItem).where(InboxItem.kind == InboxKind.REACTION)).all()


@pytest.mark.parametrize(("action_id", "value"), [("good", 1), ("bad", -1)])
def test_a_button_is_noted(answered, database, action_id, value):
    sandbox, answer = answered
    press(sandbox, answer, "U0CAROL", action_id)

    [vote] = votes(database)
    assert vote.payload["value"] == value
    assert vote.payload["via"] == "button"
    assert vote.payload["message_ts"] == answer["ts"]


def test_the_newest_click_of_a_person_counts(answered, database):
    sandbox, answer = answered

    for action_id in ("good", "bad"):
        press(sandbox, answer, "U0CAROL", action_id)
    press(sandbox, answer, "U0BOB", "good")

    by_person = {vote.payload["user_id"]: vote.payload["value"] for vote in votes(database)}
    assert by_person == {"U0CAROL": -1, "U0BOB": 1}
