"""Whatever people wrote fits into Slack's blocks and forms, and means nothing but itself there."""

from collections.abc import Iterator
from typing import Any

import pytest

from bot.answering.retrieval import RetrievedExample
from bot.curation.lesson import MAX_CHARACTERS, MAX_TURNS
from bot.sandbox.blocks import check_message_blocks, check_view
from handlers import answer_blocks, capture_blocks, example_form, review_forms
from handlers.answer_blocks import footer, quotes, who_may_know
from handlers.blocks import Block
from handlers.draft import Draft
from handlers.review_blocks import Asked, Look, Pair, Sight, queue_blocks, title_of
from storage.columns import utc_now
from storage.review import Queue
from storage.tables import (
    Example,
    ExampleState,
    NearDuplicate,
    NearDuplicateKind,
    ReviewAction,
    Source,
    Unanswered,
    Verb,
)
from storage.unanswered import OpenQuestion
from tests.teaching import TEAM

HOSTILE = {
    "signs that grow when they are escaped": "&<>" * 1000,
    "mentions and broadcasts": "<!channel> <@U0EVIL> <#C0OPS> <https://evil.example|ok> " * 40,
    "fences": "```" * 1000,
    "an open fence and bold": "``` *_~` all that follows is code",
    "one long line": "w" * MAX_CHARACTERS,
    "many lines": "x\n" * (MAX_CHARACTERS // 2),
    "emoji": "🎉👍🏽👨‍👩‍👧‍👦" * 272,
    "right to left": "איפה המפתח? أين المفتاح؟ " * 100,
    "combining marks": "Z" + "\u0301" * 2999,
    "surroundings of a link": "a|b>c<d&amp;&lt;" * 150,
    "nothing but lines": "\n" * 50,
    "one sign": "?",
}
EVIL = ("<!channel", "<@U0EVIL", "<#C0OPS", "<https://evil")


def an_example(text: str, number: int = 1, **more: Any) -> Example:
    return Example(
        id=number, team_id=TEAM, question=text, answer=text, state=ExampleState.PROPOSED,
        question_source=Source.AUTHORED, answer_source=Source.AUTHORED, author_id="U0BOB",
        tags=[text[:60]], stale_since=utc_now(),
        proposal={"question": text, "answer": text, "context": []}, **more,
    )  # fmt: skip


def everything_shown(text: str) -> Iterator[list[Block]]:
    """All blocks of messages and of App Home in which words of people stand."""
    example, other = an_example(text), an_example(text, 2)
    yield capture_blocks.question_and_answer(text, text)
    yield [capture_blocks.entry(example), capture_blocks.quoted_answer("It says:", text)]
    retrieved = [
        RetrievedExample(number, text, text, "https://acme.slack.com/p1", 1.0)
        for number in range(5)
    ]
    yield footer(1, retrieved, "workspace-v1")
    yield who_may_know(retrieved, ["U0BOB"], is_collected=True)
    yield quotes(1, retrieved[:3], is_collected=True)
    for queue, entry in entries(example, other, text):
        sight = Sight({queue: 9}, Look(queue), [entry] * 3)
        yield queue_blocks(sight)
    yield [capture_blocks.entry(an_example(text, number)) for number in range(5)]


def entries(example: Example, other: Example, text: str) -> Iterator[tuple[Queue, Any]]:
    for queue in (Queue.DISPUTED, Queue.PROPOSED, Queue.STALE, Queue.HELD):
        yield queue, example
    for queue, kind in (
        (Queue.NEAR_DUPLICATE, NearDuplicateKind.NEAR_DUPLICATE),
        (Queue.CONTRADICTION, NearDuplicateKind.CONTRADICTION),
    ):
        pair = NearDuplicate(id=1, team_id=TEAM, first_id=1, second_id=2, similarity=1, kind=kind)
        yield queue, Pair(pair, example, other)
    asked = ReviewAction(
        id=1, team_id=TEAM, verb=Verb.ASK_AUDIENCE, actor_id="U0BOB", example_id=1,
        before={"audience": "C0OPS", "to": "workspace", "revision": 1},
    )  # fmt: skip
    yield Queue.WIDENING, Asked(asked, example, is_own=False)
    unknown = Unanswered(id=1, team_id=TEAM, audience="workspace", topic="t", text=text)
    yield Queue.UNANSWERED, OpenQuestion(unknown, 1, 1)


def texts_in(shown: Any) -> Iterator[str]:
    """Everything Slack would read as markup."""
    if isinstance(shown, list):
        for each in shown:
            yield from texts_in(each)
    elif isinstance(shown, dict):
        if shown.get("type") == "mrkdwn":
            yield shown["text"]
        for each in shown.values():
            yield from texts_in(each)


@pytest.mark.parametrize("kind", HOSTILE)
def test_every_block_takes_it_and_nothing_in_it_is_markup(kind):
    for shown in everything_shown(HOSTILE[kind]):
        check_message_blocks(shown)
        for text in texts_in(shown):
            assert not any(evil in text for evil in EVIL)


@pytest.mark.parametrize("kind", HOSTILE)
def test_every_form_takes_it_and_hands_it_back_whole(kind):
    text = HOSTILE[kind]
    turns = tuple({"role": "user", "content": text} for _ in range(MAX_TURNS))
    draft = Draft(
        form_id="f", opened_at="1.0", channel_id="C0OPS", question_source=Source.AUTHORED,
        answer_source=Source.AUTHORED, context=turns,
    )  # fmt: skip
    example = an_example(text)
    views = [
        example_form.form(
            draft, question=text, answer=text, tags=["t" * 30] * 10, note="Why.",
            beside=capture_blocks.question_and_answer(text, text),
        ),
        review_forms.edit_form(
            text, text, "{}", tuple(capture_blocks.question_and_answer(text, text))
        ),
        review_forms.wording_form(example, "{}"),
        review_forms.audience_form(example, {f"C{n:09}": "n" * 80 for n in range(150)}, "{}"),
    ]  # fmt: skip

    for view in views:
        check_view(view, "modal")
        assert not any(evil in said for said in texts_in(view["blocks"]) for evil in EVIL)
    fields = [block["element"] for block in views[1]["blocks"] if block["type"] == "input"]
    assert {field["initial_value"] for field in fields} == {text}


@pytest.mark.parametrize("kind", ["fences", "an open fence and bold"])
def test_a_fence_in_a_list_does_not_swallow_what_follows(kind):
    example = an_example(HOSTILE[kind], audience="C0OPS")

    assert "```" not in str(capture_blocks.entry(example))
    assert "only <#C0OPS>" in str(capture_blocks.entry(example))


def test_a_title_names_a_question_in_a_sentence_whatever_it_says():
    for text in HOSTILE.values():
        assert len(title_of(text)) <= 5 * 80 + 2
        assert "\n" not in answer_blocks.based_on([RetrievedExample(1, text, text, None, 1.0)])
