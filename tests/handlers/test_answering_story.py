"""Asking the bot, from the mention to the buttons below the answer, in a running sandbox."""

from sqlmodel import select

from storage.tables import Question, QuestionState
from tests.answering_bot import answering_bot
from tests.teaching import teach

STAGING = "How do I get access to the staging database?"
MENTION = "<@U0APPRENTICE> "


def is_answer(message: dict) -> bool:
    return message["user"] == "U0APPRENTICE" and not message["streaming"]


def test_a_mention_is_answered_in_its_thread_with_sources_and_buttons(sandbox, database, engine):
    with database.write() as session:
        example = teach(session, STAGING, "Ask Bob for the role staging-reader.")
        example.permalink = f"{sandbox.url}/archives/C0HELP/p1"

    with answering_bot(sandbox.api_url, database, engine.engine()):
        sandbox.wait_until_connected()
        asked = sandbox.post("U0CAROL", MENTION + "how do I get into the staging database?")
        answer = sandbox.wait_for_message(is_answer)

    assert answer["thread_ts"] == asked
    assert answer["text"] == "Ask Bob for the role staging-reader."
    shown = str(answer["blocks"])
    assert f"<{sandbox.url}/archives/C0HELP/p1|{STAGING}>" in shown
    assert "the base model" in shown
    assert "'action_id': 'good'" in shown
    assert "'action_id': 'bad'" in shown
    assert answer["metadata"]["event_payload"] == {"key": "answer:1"}
    with database.read() as session:
        question = session.exec(select(Question)).one()
    assert question.state is QuestionState.ANSWERED
    assert question.answer_ts == answer["ts"]
    assert question.example_ids == [example.id]
