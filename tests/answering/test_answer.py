"""Fitting a prompt into the model's context, and what comes out of it."""

import pytest

from bot.answering.answer import Limits, QuestionTooLongError, answer, fit
from bot.answering.prompt import build_messages
from bot.answering.retrieval import RetrievedExample


class WordEngine:
    """Counts words as tokens and says what it is told to."""

    def __init__(self, *pieces):
        self.pieces = pieces
        self.adapters = []

    def count_tokens(self, messages):
        return sum(len(message["content"].split()) for message in messages)

    def stream(self, messages, *, adapter=None, scale=1.0, max_tokens=256):
        self.adapters.append((adapter, max_tokens))
        yield from self.pieces


def example(number, words=10):
    return RetrievedExample(number, f"question {number}", "word " * words, None, 1.0)


def limits_for(messages, extra=0):
    prompt = WordEngine().count_tokens(messages)
    return Limits(context_tokens=prompt + extra + 5, answer_tokens=5)


def test_the_oldest_turns_give_way_before_the_examples():
    examples = [example(1), example(2)]
    turns = [{"role": "user", "content": "old"}, {"role": "assistant", "content": "new"}]
    limits = limits_for(build_messages("why", examples, turns[1:]))

    prompt = fit(WordEngine(), "why", examples, turns, limits)

    assert prompt.messages == build_messages("why", examples, turns[1:])


def test_the_worst_fitting_example_gives_way_first():
    examples = [example(1), example(2)]
    limits = limits_for(build_messages("why", examples[:1]))

    prompt = fit(WordEngine(), "why", examples, [{"role": "user", "content": "old"}], limits)

    assert [kept.id for kept in prompt.examples] == [1]


def test_a_question_that_does_not_fit_alone_is_told_how_much_does():
    limits = limits_for(build_messages("a b c", []))

    with pytest.raises(QuestionTooLongError) as refusal:
        fit(WordEngine(), "a b c d e", [example(1)], [], limits)

    assert (refusal.value.tokens, refusal.value.limit) == (5, 3)


def test_the_best_example_stands_next_to_the_question():
    messages = build_messages("why", [example(1), example(2)])

    said = [message["content"] for message in messages if message["role"] == "user"]
    assert said == ["question 2", "question 1", "why"]


def test_links_of_the_examples_in_the_prompt_may_be_repeated():
    engine = WordEngine("See https://", "wiki.example/x or https://evil.", "example")
    source = RetrievedExample(1, "q", "It is at https://wiki.example/x.", None, 1.0)
    prompt = fit(engine, "where", [source], [], Limits())

    text = "".join(answer(engine, prompt, adapter="workspace-v1", limits=Limits()))

    assert text == "See https://wiki.example/x or (link removed)"
    assert engine.adapters == [("workspace-v1", Limits().answer_tokens)]
