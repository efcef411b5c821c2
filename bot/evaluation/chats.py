"""A snapshot row as the chat a model is trained on and asked with. Pure."""

from collections.abc import Sequence

from bot.answering.prompt import Message, build_messages
from bot.answering.retrieval import RetrievedExample
from storage.tables import SnapshotRow


def context_of(row: SnapshotRow) -> list[Message]:
    """
    The turns of the thread before the question, oldest first.

    A system message that came with an import stays with the example and out of the chat: serving
    asks with our own.
    """
    return [
        {"role": turn["role"], "content": turn["content"]}
        for turn in row.context
        if turn["role"] in ("user", "assistant")
    ]


def training_chat(
    row: SnapshotRow, examples: Sequence[RetrievedExample] = (), question: str | None = None
) -> list[Message]:
    """
    The prompt as serving would build it, with the curated answer as its last turn.

    ``question`` is the row's own put differently.
    """
    prompt = build_messages(question or row.question, examples, context_of(row))
    return [*prompt, {"role": "assistant", "content": row.answer}]
