"""What people see of an example: the confirmation after a vote, one entry of a list. Pure."""

from bot.curation.capture import Outcome
from bot.curation.lesson import Lesson
from bot.curation.redaction import in_words
from bot.errors import BotError
from handlers import blocks
from handlers.blocks import Block
from handlers.reactions import GOOD
from storage.audience import WORKSPACE
from storage.tables import Example, ExampleState, Source

#: How much of a text a confirmation shows, in characters; two of them fit a phone's screen.
_SHOWN = 600
_IN_LIST = 160

_NOW = {
    ExampleState.APPROVED: "Approved by a curator: I use it in my answers.",
    ExampleState.PROPOSED: "Proposed: I use it once a curator has marked it with ✅.",
    ExampleState.DISPUTED: "Disputed: curators disagree, so I don't use it until they agree.",
    ExampleState.REJECTED: "Marked as wrong: I never use it.",
    ExampleState.WITHDRAWN: "Nobody vouches for it any more, so I have put it away.",
}
_HELD = {
    False: "These were many votes in a short time, so another curator looks at them before I use "
    "what they are about.",
    True: "These were many votes in a short time, so nothing changes until another curator has "
    "looked at them.",
}
_OWN = "Proposed: it is your own answer, so I use it once another curator has marked it with ✅."
_TWICE = (
    "Proposed: a curator whom I was asked to forget has marked it with ✅ already. That may have "
    "been you, so I use it once somebody else has, too."
)
REASON, RIGHT_ANSWER = "bad_reason", "right_answer"
#: Why an answer is wrong, by what is stored with the vote.
REASONS = {
    "wrong": "It is wrong",
    "outdated": "It is out of date",
    "incomplete": "Something is missing",
    "off_topic": "It answers something else",
    "private": "It should not be said here",
}
_BETTER = "Is there a better answer in the thread? React with ✅ to it and I learn that one."
MARKS = {
    ExampleState.APPROVED: "✅",
    ExampleState.PROPOSED: "🕓",
    ExampleState.DISPUTED: "⚖️",
    ExampleState.REJECTED: "❌",
    ExampleState.WITHDRAWN: "↩️",
}


def state_sentence(state: ExampleState) -> str:
    return _NOW[state]


def outcome_sentence(outcome: Outcome) -> str:
    """What became of an example by a vote, and what is missing."""
    if outcome.held_reason:
        return _HELD[outcome.state is ExampleState.APPROVED]
    if outcome.state is ExampleState.PROPOSED and outcome.is_own:
        return _OWN
    if outcome.state is ExampleState.PROPOSED and outcome.may_repeat:
        return _TWICE
    if outcome.state is ExampleState.PROPOSED and outcome.missing > 1:
        return f"Proposed: I use it once {outcome.missing} curators have marked it with ✅."
    if outcome.state is ExampleState.PROPOSED and outcome.has_approval:
        return "Proposed: I use it once one more curator has marked it with ✅."
    return _NOW[outcome.state]


def confirmation(
    outcome: Outcome, value: int, undo: str, lesson: Lesson | None = None
) -> tuple[str, list[Block]]:
    """
    Text and blocks for who voted; ``undo`` is the button's value, ``lesson`` what was kept now.
    """
    text = f"{_lead(outcome, value, lesson)} {outcome_sentence(outcome)}"
    shown = _card(outcome.example, text)
    if note := replaced_sentence(lesson):
        shown.append(blocks.context(note))
    if value == GOOD:
        return text, [*shown, blocks.actions(undo_button(undo))]
    return text, [*shown, blocks.context(_BETTER), _after_a_no(outcome.example, undo)]


def quoted_answer(lead: str, answer: str) -> Block:
    return blocks.section(f"{lead}\n{blocks.quote(answer, _SHOWN)}")


def replaced_sentence(lesson: Lesson | None) -> str:
    """What was redacted before the lesson was kept; empty where nothing was."""
    if lesson is None or not lesson.replaced:
        return ""
    return f"I replaced {in_words(lesson.replaced)}: the brackets show where. I never keep those."


def taken_back(outcome: Outcome) -> str:
    return f"Taken back. {outcome_sentence(outcome)}"


def undo_button(value: str) -> Block:
    return blocks.button("Undo", "undo", value)


def question_and_answer(question: str, answer: str) -> list[Block]:
    return [
        blocks.section(f"*Question*\n{blocks.quote(question, _SHOWN)}"),
        blocks.section(f"*Answer*\n{blocks.quote(answer, _SHOWN)}"),
    ]


def audience_sentence(audience: str) -> str:
    if audience == WORKSPACE:
        return "Everybody in the workspace may hear it."
    return f"Only members of <#{audience}> may hear it."


def entry(example: Example) -> Block:
    """One line or two of a list."""
    question, answer = _line(example.question), _line(example.answer)
    link = f" · <{example.permalink}|where it comes from>" if example.permalink else ""
    private = "" if example.audience == WORKSPACE else f" · only <#{example.audience}>"
    mark = f"{MARKS[example.state]} {example.state.value}"
    return blocks.section(f"*{question}*\n{answer}\n{mark}{private}{link}")


def problem(error: BotError, value: int) -> str:
    """Why a vote led to nothing; who says "wrong" needs no advice on how to teach."""
    if value == GOOD:
        return str(error)
    return "I have kept nothing from that message, so there is nothing to mark as wrong."


def _after_a_no(example: Example, undo: str) -> Block:
    """Undo, the right answer instead, and why the old one is wrong."""
    key = undo.partition("|")[2]
    why = {
        "type": "static_select",
        "action_id": REASON,
        "placeholder": blocks.plain("What is wrong with it?", 150),
        "options": [blocks.option(words, reason) for reason, words in REASONS.items()],
    }
    right = blocks.button("Write the right answer", RIGHT_ANSWER, str(example.id), "primary")
    return blocks.actions(undo_button(undo), right, why, block_id=f"why|{key}")


def _lead(outcome: Outcome, value: int, lesson: Lesson | None) -> str:
    if value != GOOD:
        return "Noted."
    is_written = lesson is not None and lesson.answer_source is Source.AUTHORED
    return "Kept." if outcome.before is None or is_written else "Noted as good."


def _card(example: Example, text: str) -> list[Block]:
    shown = [blocks.section(text), *question_and_answer(example.question, example.answer)]
    if example.state is not ExampleState.REJECTED:  # nobody hears what is wrong
        shown.append(blocks.context(audience_sentence(example.audience)))
    return shown


def _line(text: str) -> str:
    plain = " ".join(text.split()).replace("*", "∗").replace("```", "'''")
    return blocks.escape(_cut(plain, _IN_LIST))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
