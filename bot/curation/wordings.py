"""
Other ways to ask, learned from what was asked: a question whose answer rested on an example and
earned a 👍 is kept with that example, for evaluation.
"""

import re

from sqlmodel import Session

from bot.curation.lesson import Lesson
from bot.errors import NotFoundError
from storage import audit, examples
from storage.audience import WORKSPACE, Viewer
from storage.tables import Example, ExampleState, Question, Wording

#: Of an example's words this share has to be in an answer that rests on it.
_SHARED = 0.5

_WORD = re.compile(r"\w+")


def learn_wording(
    session: Session, team_id: str, audience: str, question: Question, lesson: Lesson, by: str
) -> Wording | None:
    """
    Keep the question with the example that fitted it best; once, however often it is praised.

    ``audience`` is that of the place where it was asked, ``by`` who praised. What was asked in a
    private channel is never kept with an example that others may see. Returns None where there is
    nothing to keep.
    """
    example = _best(session, team_id, audience, question)
    if example is None or audience not in (WORKSPACE, example.audience):
        return None
    if _plain(lesson.question) == _plain(example.question):
        return None
    if _share(example.answer, lesson.answer) < _SHARED:
        return None
    assert example.id is not None
    wording = examples.add_wording(
        session, team_id, Viewer.model(audience), example.id, lesson.question
    )
    if wording.asker_id is None:
        # Whose words they are, so that they go when the person or the message does.
        wording.asker_id, wording.channel_id = question.user_id, question.channel_id
        wording.message_ts = question.message_ts
        session.add(wording)
        audit.record(
            session, team_id, actor=by, action="example.wording_learned",
            subject=f"example:{example.id}", audience=example.audience,
        )  # fmt: skip
    return wording


def _best(session: Session, team_id: str, audience: str, question: Question) -> Example | None:
    if not question.example_ids:
        return None
    try:
        # Ids are kept with the best first.
        example = examples.get(session, team_id, Viewer.model(audience), question.example_ids[0])
    except NotFoundError:
        return None
    return example if example.state is ExampleState.APPROVED else None


def _share(taught: str, answered: str) -> float:
    known = set(_WORD.findall(taught.casefold()))
    return len(known & set(_WORD.findall(answered.casefold()))) / len(known) if known else 0.0


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
