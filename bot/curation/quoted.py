"""
What a vote means on a message in which no model spoke: it quoted what comes closest, or nothing.

✅ says that one of the quoted examples answers the question, which is then another way to ask for
it; ❌ that none does, so nobody has answered it yet. Neither makes an example of the message.
"""

from sqlmodel import Session

from bot.curation.unanswered import note_unanswered
from bot.curation.wordings import drop_wordings, keep_wording, shown_examples
from storage import unanswered
from storage.tables import Example, Question, WhyUnanswered


def settle_good(
    session: Session,
    team_id: str,
    audience: str,
    question: Question,
    asked: str,
    about: int | None,
    by: str,
) -> tuple[Example | None, bool]:
    """
    Keep the question, as it was ``asked``, with the example meant; without ``about`` the first.

    Returns that example, None where it was not quoted or is not in use any more, and whether the
    question was kept: not where it is the taught one, or was asked where fewer may hear it.
    """
    quoted = shown_examples(session, team_id, audience, question)
    example = next((one for one in quoted if about in (None, one.id)), None)
    if example is None:
        return None, False
    unanswered.take_back(session, question)
    kept = keep_wording(session, team_id, audience, question, asked, example, by)
    return example, kept is not None


def settle_bad(session: Session, audience: str, question: Question, asked: str, by: str) -> None:
    """Count the question among those that nobody has answered, and as a way to ask for none."""
    drop_wordings(session, question, by)
    note_unanswered(session, question, audience, asked, WhyUnanswered.BAD_ANSWER)
