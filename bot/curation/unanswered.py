"""
Which questions the bot could not answer, brought together however they were worded.

The same question is the same telling words: what is kept of it is the wording that came first.
"""

import re

from sqlmodel import Session

from bot.curation.lesson import MAX_CHARACTERS
from bot.words import stems_of
from storage import erasure, opt_outs, unanswered
from storage.tables import (
    Example,
    ExampleState,
    Question,
    Unanswered,
    UnansweredState,
    WhyUnanswered,
)

#: An answer that begins so says nothing; later in an answer the same words are only modesty.
_BEGINNING = 160
_ABSTAINS = re.compile(
    r"\b(?:(?:i|we) (?:do not|don['’]t|cannot|can['’]t) (?:know|tell|say|answer|help with)"
    r"|(?:i am|i['’]m) (?:not sure|unable|not able)|i have no (?:idea|information))\b",
    re.IGNORECASE,
)


def abstains(answer: str) -> bool:
    """Say whether an answer is none: the model says that it does not know."""
    return not answer.strip() or bool(_ABSTAINS.search(answer[:_BEGINNING]))


def reason_for(answer: str, *, looked_up: int, found: int) -> WhyUnanswered | None:
    """Why an answer does not count as one; ``looked_up`` examples were wanted, ``found`` fit."""
    if abstains(answer):
        return WhyUnanswered.ABSTAINED
    return WhyUnanswered.NO_EXAMPLE if looked_up and not found else None


def note_unanswered(
    session: Session, question: Question, audience: str, text: str, why: WhyUnanswered
) -> Unanswered | None:
    """
    Count a question among the unanswered, once; None where it has no words to go by, or where
    nothing may be kept of who asked, or the question was deleted while it was answered.

    One that was answered meanwhile is open again: the example did not help. One that a curator
    dismissed stays dismissed.
    """
    if opt_outs.opted_out(session, question.team_id, [question.user_id]):
        return None
    if erasure.is_deleted(session, question.team_id, question.channel_id, [question.message_ts]):
        return None
    topic = " ".join(sorted(stems_of(text)))[:MAX_CHARACTERS]
    if not topic:
        return None
    noted = unanswered.note(
        session, question, audience=audience, topic=topic, text=text[:MAX_CHARACTERS], why=why
    )
    if noted.state is UnansweredState.ANSWERED and not _is_waiting(session, noted):
        noted.state = UnansweredState.OPEN
        session.add(noted)
    return noted


def mark_answered(session: Session, noted: Unanswered, example: Example) -> None:
    """An example was written for this question: it leaves the list."""
    noted.state, noted.example_id = UnansweredState.ANSWERED, example.id
    session.add(noted)
    session.flush()


def _is_waiting(session: Session, noted: Unanswered) -> bool:
    """Say whether the example that answers it is not in use yet."""
    example = session.get(Example, noted.example_id) if noted.example_id else None
    return example is not None and example.state in (ExampleState.PROPOSED, ExampleState.DISPUTED)
