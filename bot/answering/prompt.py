"""
The one prompt that serving, evaluation and training share. Pure.

A model answers well only what looks like what it was trained on, so nobody builds messages
elsewhere. Examples stand as earlier turns of the chat, best match nearest to the question.
"""

from collections.abc import Sequence
from typing import Literal, TypedDict

from bot.answering.retrieval import RetrievedExample

SYSTEM_PROMPT = (
    "You are Apprentice, an assistant of this team. Answer in a few plain sentences, from what "
    'the team has taught you. If you were not taught the answer, say "I don\'t know."'
)


class Message(TypedDict):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


def build_messages(
    question: str,
    examples: Sequence[RetrievedExample],
    context: Sequence[Message] = (),
) -> list[Message]:
    """
    Build the chat for one question.

    ``examples`` come best first and are laid out best last; ``context`` holds the turns of the
    thread before the question, oldest first.
    """
    messages: list[Message] = [{"role": "system", "content": SYSTEM_PROMPT}]
    for example in reversed(examples):
        messages.append({"role": "user", "content": example.question})
        messages.append({"role": "assistant", "content": example.answer})
    return [*messages, *context, {"role": "user", "content": question}]
