"""Which messages are the question, which the answer."""

import pytest

from bot.curation.lesson import Coordinates, lesson_from
from bot.curation.thread import Speaker, ThreadMessage, pair
from bot.errors import (
    IsTheQuestionError,
    MessageGoneError,
    NoQuestionError,
    NotCollectedError,
    NoWordsError,
    TooLongError,
)
from storage.tables import Source

SPEAKERS = {"bot": Speaker.OURSELVES, "app": Speaker.APP}


def thread(*lines: str) -> list[ThreadMessage]:
    """``"carol: text"`` each; the number of a line, from 1, is its ts."""
    messages = []
    for number, line in enumerate(lines, start=1):
        who, _, text = line.partition(": ")
        speaker = SPEAKERS.get(who, Speaker.PERSON)
        messages.append(ThreadMessage(f"{number}.000", who, speaker, text))
    return messages


def texts(messages) -> list[str]:
    return [message.text for message in messages]


def lesson_of(lines: list[str], marked: int, asked: int | None = None, unwanted=()):
    found = pair(thread(*lines), f"{marked}.000", f"{asked}.000" if asked else None)
    at = Coordinates("C1", "1.000", found.answer[0].ts, "1.000", "carol", "bob")
    return lesson_from(found, at, bot_user_id="bot", unwanted=unwanted)


@pytest.mark.parametrize(
    ("lines", "marked", "question", "answer"),
    [
        (["carol: Q", "bob: A"], 2, ["Q"], ["A"]),
        (["carol: Q", "carol: more", "bob: A"], 3, ["Q", "more"], ["A"]),
        (["carol: Q", "bob: A1", "bob: A2", "bob: A3"], 3, ["Q"], ["A1", "A2", "A3"]),
        (["carol: Q", "bob: A1", "bob: A2", "bob: A3"], 4, ["Q"], ["A1", "A2", "A3"]),
        (["carol: Q", "bob: old", "dave: +1", "bob: A"], 4, ["Q"], ["A"]),
        (["carol: Q", "dave: wrong", "bob: A", "carol: thanks"], 3, ["Q"], ["A"]),
        (["carol: Q", "dave: which?", "carol: the EU one", "bob: A"], 4,
         ["Q", "the EU one"], ["A"]),
        (["carol: Q", "bob: A", "carol: thanks", "bob: welcome"], 2, ["Q"], ["A"]),
        (["carol: Q", "bot: I don't know.", "bob: A"], 3, ["Q"], ["A"]),
        (["carol: Q", "bob: A1", "bot: hm", "bob: A2"], 4, ["Q"], ["A2"]),
        (["carol: Q", "bob: A1", "bob: :tada:", "bob: A2"], 2, ["Q"], ["A1", "A2"]),
        (["carol: Q", "carol: found it: A"], 2, ["Q"], ["found it: A"]),
        (["carol: Q", "carol: anyone?", "carol: A", "carol: done"], 3, ["Q", "anyone?"], ["A"]),
    ],
)  # fmt: skip
def test_question_and_answer_are_found(lines, marked, question, answer):
    found = pair(thread(*lines), f"{marked}.000")

    assert texts(found.question) == question
    assert texts(found.answer) == answer


def test_the_order_in_which_slack_gives_the_messages_does_not_matter():
    messages = thread("carol: Q", "bob: A1", "bob: A2")

    assert pair(messages[::-1], "2.000") == pair(messages, "2.000")


@pytest.mark.parametrize(
    ("lines", "marked", "error"),
    [
        (["carol: Q"], 1, NoQuestionError),
        (["carol: Q", "bob: A"], 1, IsTheQuestionError),
        (["carol: Q", "bob: A"], 9, MessageGoneError),
        (["carol: Q", "bob: :tada:"], 2, NoWordsError),
        (["carol: Q", "bob: "], 2, NoWordsError),
        (["carol: :eyes:", "bob: A"], 2, NoQuestionError),
        (["carol: ", "carol: Q", "bob: A"], 3, NoQuestionError),
        (["bot: The run is done", "bob: A"], 2, NoQuestionError),
        (["app: Alert!", "bob: A"], 2, NoQuestionError),
        (["carol: Q", "app: A"], 2, NotCollectedError),
        (["bot: The run is done"], 1, NoQuestionError),
        (["app: Alert!", "bot: A"], 2, NoQuestionError),
    ],
)
def test_where_nothing_can_be_paired_the_cause_is_told(lines, marked, error):
    with pytest.raises(error):
        pair(thread(*lines), f"{marked}.000")


def test_an_answer_of_the_bot_answers_what_was_asked_last():
    lesson = lesson_of(["carol: Q1", "bot: A1", "carol: Q2", "bot: A2"], 4)

    assert (lesson.question, lesson.answer) == ("Q2", "A2")
    assert lesson.context == (
        {"role": "user", "content": "Q1"},
        {"role": "assistant", "content": "A1"},
    )
    assert lesson.question_source is Source.SLACK_MESSAGE
    assert lesson.answer_source is Source.BOT_ANSWER


def test_an_answer_of_the_bot_answers_the_message_that_is_known_to_have_asked():
    lines = ["carol: Q1", "carol: and also", "dave: chatter", "bot: A1"]

    lesson = lesson_of(lines, 4, asked=2)

    assert lesson.question == "Q1\nand also"
    assert lesson.context == ()


def test_a_question_of_the_bot_that_was_deleted_leaves_nothing_to_pair():
    with pytest.raises(NoQuestionError):
        pair(thread("carol: Q", "bot: A"), "2.000", asked_ts="1.500")


def test_who_asked_back_becomes_context_and_chatter_does_not():
    lesson = lesson_of(
        ["carol: Q", "dave: which?", "erin: +1", "bot: hm", "carol: EU", "dave: ah", "bob: A"], 7
    )

    assert lesson.question == "Q\nEU"
    assert lesson.context == (
        {"role": "user", "content": "Q"},
        {"role": "assistant", "content": "which?\n+1"},
    )


def test_follow_ups_in_a_row_are_the_question_and_not_its_context():
    lesson = lesson_of(["carol: Q", "dave: which?", "carol: EU", "carol: west", "bob: A"], 5)

    assert lesson.question == "Q\nEU\nwest"
    assert [turn["content"] for turn in lesson.context] == ["Q", "which?"]


def test_turns_of_unwanted_people_are_left_out():
    lesson = lesson_of(["carol: Q", "guest: which?", "carol: EU", "bob: A"], 4, unwanted={"guest"})

    assert lesson.context == ()


def test_only_the_newest_turns_are_kept_and_they_alternate():
    lines = ["carol: Q0"]
    for number in range(1, 10):
        lines += [f"dave: D{number}", f"carol: Q{number}"]

    context = lesson_of([*lines, "bob: A"], len(lines) + 1).context

    assert [turn["role"] for turn in context] == ["user", "assistant"] * 3
    assert context[-1]["content"] == "D9"


def test_a_lesson_names_nobody():
    lesson = lesson_of(
        ["carol: <@bot> may <@dave> deploy?", "bob: <@carol>: yes, <@dave> and <@erin|Erin> may"], 2
    )

    assert lesson.question == "may colleague A deploy?"
    assert lesson.answer == "yes, colleague A and colleague B may"


@pytest.mark.parametrize(
    ("lines", "part", "length"),
    [
        (["carol: Q", f"bob: {'A' * 40_000}"], "answer", 40_000),
        ([f"carol: {'Q' * 2000}", f"carol: {'Q' * 1000}", "bob: A"], "question", 3001),
    ],
)
def test_too_much_text_is_refused_with_both_sizes(lines, part, length):
    with pytest.raises(TooLongError) as refusal:
        lesson_of(lines, len(lines))

    assert (refusal.value.part, refusal.value.length) == (part, length)
    assert f"{length:,}" in str(refusal.value)
    assert "3,000" in str(refusal.value)
