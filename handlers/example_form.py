"""
The form for a question and its answer, as views. Pure.

Below the fields stands what would be trained on, word for word; the form is read again for it
whenever somebody asks.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.answering.prompt import build_messages
from bot.curation.lesson import MAX_CHARACTERS, Turn
from handlers import blocks, capture_blocks
from handlers.blocks import Block
from handlers.deps import Payload
from handlers.draft import Draft
from storage.audience import WORKSPACE
from storage.tables import Revision

FORM = "example_form"
TITLE = "Teach Apprentice"
PREVIEW, PREVIEW_BLOCK = "preview", "preview_text"
#: A block of preformatted text; longer ones are laid out in several.
_PIECE = 3000
#: A view holds 250 kB, an emoji twelve bytes of them; the fields take their part.
_MOST_BYTES = 100_000
_LEAD = "What I would learn, word for word."
_ROLES = {"system": "instruction", "user": "question", "assistant": "answer"}
_CUT = (
    "The {field} has {length:,} characters, a field holds {limit:,}: here is its beginning. The "
    "whole stays in Slack. Please write what matters of it."
)


def form(
    draft: Draft,
    *,
    question: str = "",
    answer: str = "",
    tags: Sequence[str] = (),
    note: str = "",
    beside: Sequence[Block] = (),
) -> Payload:
    """
    Return the modal. A prefilled text that does not fit its field is cut there, and ``note`` is
    followed by a sentence that says so. ``beside`` are blocks to read while writing.
    """
    notes = [note, _cut_note("question", question), _cut_note("answer", answer)]
    shown = [
        *(blocks.section(each) for each in notes if each),
        *beside,
        _text_input("question", "Question", question, "How do I …?"),
        _text_input("answer", "Answer", answer, "What somebody who knows would say"),
        blocks.plain_input(
            "Tags", "tags", initial=", ".join(tags), optional=True, max_length=350,
            placeholder="onboarding, laptops",
        ),
        _audience(draft),
        blocks.actions(blocks.button("Show what I learn", PREVIEW), block_id="preview"),
        *(preview(question, answer, draft.context) if question and answer else ()),
    ]  # fmt: skip
    return blocks.modal(FORM, TITLE, shown, submit="Save", private_metadata=draft.dump())


def preview(
    question: str, answer: str, context: Sequence[Turn] = (), replaced: str = ""
) -> list[Block]:
    """The training text as it will be, word for word; ``replaced`` says what was redacted."""
    before: Any = context  # its turns are messages
    turns = [(turn["role"], turn["content"]) for turn in build_messages(question, (), before)]
    text = _end_of(
        "\n\n".join(f"{_ROLES[role]}: {said}" for role, said in [*turns, ("assistant", answer)])
    )
    pieces = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
    return [
        blocks.context(f"{_LEAD} {replaced}".strip()),
        *(_preformatted(piece, number) for number, piece in enumerate(pieces)),
    ]


def with_preview(view: Payload, shown: Sequence[Block]) -> Payload:
    """The form as it is, what is typed included, with another preview below."""
    kept = [block for block in view["blocks"] if not _is_preview(block)]
    return blocks.modal(
        FORM, TITLE, [*kept, *shown], submit="Save", private_metadata=view["private_metadata"]
    )


def conflict(draft: Draft, theirs: Revision, typed: Mapping[str, str]) -> Payload:
    """The form once more, with what was typed in it and what somebody else saved meanwhile."""
    return form(
        draft,
        question=typed["question"],
        answer=typed["answer"],
        tags=(typed.get("tags") or "",),
        note="Somebody else changed this example while you had it open. Their version is below, "
        "yours is in the fields. *Save* puts yours in its place; theirs is kept in its history.",
        beside=capture_blocks.question_and_answer(theirs.question, theirs.answer),
    )


def message_view(text: str) -> Payload:
    """A modal that says one thing: that the thread is being read, or why there is no form."""
    return blocks.modal("message", TITLE, [blocks.section(text)], submit=None, close="Close")


def _text_input(name: str, label: str, initial: str, placeholder: str) -> Payload:
    fits = initial if len(initial) <= MAX_CHARACTERS else initial[: MAX_CHARACTERS - 1] + "…"
    return blocks.plain_input(
        label, name, initial=fits, multiline=True, placeholder=placeholder,
        max_length=MAX_CHARACTERS,
    )  # fmt: skip


def _audience(draft: Draft) -> Payload:
    if draft.audience is not None:
        return {
            **blocks.context(capture_blocks.audience_sentence(draft.audience)),
            "block_id": "audience_sentence",
        }
    assert draft.channel_id is not None  # only a private channel gives a choice
    here = blocks.option("Only this private channel", draft.channel_id)
    everyone = blocks.option("Everybody in the workspace", WORKSPACE)
    return blocks.select("Who may hear it?", "audience", [here, everyone], initial=here)


def _cut_note(field: str, text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return ""
    return _CUT.format(field=field, length=len(text), limit=MAX_CHARACTERS)


def _end_of(text: str) -> str:
    """All of it or, where the form would be larger than Slack takes, its end."""
    while len(json.dumps(text)) > _MOST_BYTES:
        text = f"…{text[len(text) // 8 :]}"
    return text


def _preformatted(text: str, number: int) -> Block:
    """Rich text: nothing in it is markup, whatever people wrote."""
    words = {"type": "text", "text": text}
    return {
        "type": "rich_text",
        "block_id": f"{PREVIEW_BLOCK}_{number}",
        "elements": [{"type": "rich_text_preformatted", "elements": [words]}],
    }


def _is_preview(block: Block) -> bool:
    is_text = str(block.get("block_id", "")).startswith(PREVIEW_BLOCK)
    is_lead = block["type"] == "context" and "audience" not in block["block_id"]
    return is_text or is_lead
