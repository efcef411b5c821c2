"""What stands below an answer: what it is based on, who spoke, and two buttons. Pure."""

from collections.abc import Sequence

from bot.answering.retrieval import RetrievedExample
from handlers import blocks
from handlers.blocks import Block

_QUESTION = 60
#: How much of each quoted answer is shown, in characters: three of them fit a phone's screen.
_QUOTED = 600
#: What the buttons below quotations begin with; their number follows.
THIS_ANSWERS = "this_answers"


def footer(
    question_id: int,
    examples: Sequence[RetrievedExample],
    version_name: str | None,
    unavailable: str | None = None,
) -> list[Block]:
    """
    The blocks below an answer; ``version_name`` None is the base model. ``unavailable`` names the
    version that was to answer and could not.
    """
    speaker = f"`{blocks.escape(version_name)}`" if version_name else "the base model"
    if unavailable:
        speaker += f", because `{blocks.escape(unavailable)}` is not available"
    return [
        blocks.context(based_on(examples)),
        blocks.context(f"Answered by {speaker} · AI-generated, check what matters"),
        feedback(question_id),
    ]


def based_on(examples: Sequence[RetrievedExample]) -> str:
    if not examples:
        return "No example of your team fits: this comes from the model alone."
    return "Based on: " + " · ".join(_source(example) for example in examples)


def who_may_know(
    examples: Sequence[RetrievedExample], people: Sequence[str], *, is_collected: bool
) -> list[Block]:
    """
    The blocks below "I don't know": what comes closest, who wrote that, and how to teach it, where
    that may be kept.
    """
    below = []
    if examples:
        closest = " · ".join(_source(example) for example in examples)
        below.append(blocks.context(f"Closest: {closest}"))
    if people:
        below.append(blocks.context(do_you_know(people)))
    if is_collected:
        below.append(blocks.context("A ✅ on an answer in this thread teaches me"))
    return below


def do_you_know(people: Sequence[str]) -> str:
    """Calls who wrote what comes closest, which need not be similar."""
    called = ", ".join(f"<@{person}>" for person in people)
    return f"{called}: what comes closest is yours. Do you know this one?"


def quotes(
    question_id: int, examples: Sequence[RetrievedExample], *, is_collected: bool
) -> list[Block]:
    """
    The blocks below "I am not sure": the team's own words, and buttons to say which of them fits,
    where such a vote may be kept.
    """
    numbers = range(1, len(examples) + 1)
    # A button beside a text would leave the text a third of a narrow thread.
    shown = [
        blocks.section(f"*{n}. {_source(example)}*\n{blocks.quote(example.answer, _QUOTED)}")
        for n, example in zip(numbers, examples, strict=True)
    ]
    shown.append(blocks.context("Quoted from what your team taught; no model wrote this"))
    if not is_collected:
        return shown
    is_only = len(examples) == 1
    fitting = [
        blocks.button(
            "✅ This answers it" if is_only else f"✅ {n} answers it",
            f"{THIS_ANSWERS}_{n}",
            f"{question_id}|{example.id}",
        )
        for n, example in zip(numbers, examples, strict=True)
    ]
    none = "It does not" if is_only else "None of these"
    return [*shown, blocks.actions(*fitting, blocks.button(none, "bad", str(question_id)))]


def feedback(question_id: int) -> Block:
    """
    Two plain buttons: Slack's own pair of feedback buttons shares one action id, and people and
    documents know these as ``good`` and ``bad``.
    """
    value = str(question_id)
    return blocks.actions(
        blocks.button("👍 Good answer", "good", value),
        blocks.button("👎 Wrong", "bad", value),
        block_id="feedback",
    )


def _source(example: RetrievedExample) -> str:
    title = blocks.escape(blocks.cut(" ".join(example.question.split()), _QUESTION))
    # A bar would end the address, and brackets the link.
    if example.permalink and not set("|<> ") & set(example.permalink):
        return f"<{example.permalink}|{title.replace('|', '/')}>"
    return f"“{title}”"
