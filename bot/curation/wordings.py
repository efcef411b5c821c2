"""
Other ways to ask, learned from what was asked: a question whose answer rested on an example and
earned a 👍 is kept with that example, for evaluation.
"""

import re
from contextlib import suppress

from sqlmodel import Session

from bot.curation.lesson import Lesson
from bot.errors import NotFoundError
from storage import audit, examples, traces
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
    # Ids are kept with the best first.
    example = next(iter(shown_examples(session, team_id, audience, question)), None)
    if example is None or _share(example.answer, lesson.answer) < _SHARED:
        return None
    return keep_wording(session, team_id, audience, question, lesson.question, example, by)


def shown_examples(
    session: Session, team_id: str, audience: str, question: Question
) -> list[Example]:
    """The examples that an answer rests on and that are still in use, the best first."""
    found = []
    for example_id in question.example_ids:
        with suppress(NotFoundError):
            found.append(examples.get(session, team_id, Viewer.model(audience), example_id))
    return [example for example in found if example.state is ExampleState.APPROVED]


def keep_wording(
    session: Session,
    team_id: str,
    audience: str,
    question: Question,
    asked: str,
    example: Example,
    by: str,
) -> Wording | None:
    """
    Keep a question, as it was ``asked``, as another way to ask for an example, and for no other
    one any more; see above.
    """
    drop_wordings(session, question, by, but_of=example)
    if audience not in (WORKSPACE, example.audience) or _plain(asked) == _plain(example.question):
        return None
    assert example.id is not None
    viewer = Viewer.model(audience)
    known = {one.id for one in examples.wordings(session, team_id, viewer, example.id)}
    wording = examples.add_wording(session, team_id, viewer, example.id, asked)
    if wording.id not in known:
        # Whose words they are, so that they go when the person or the message does.
        wording.asker_id, wording.channel_id = question.user_id, question.channel_id
        wording.message_ts = question.message_ts
        session.add(wording)
        audit.record(
            session, team_id, actor=by, action="example.wording_learned",
            subject=f"example:{example.id}", audience=example.audience,
        )  # fmt: skip
    return wording


def drop_wordings(
    session: Session, question: Question, by: str, but_of: Example | None = None
) -> None:
    """Forget that a question is another way to ask for an example; what curators wrote stays."""
    for wording in traces.wordings_of_message(
        session, question.team_id, question.channel_id, question.message_ts
    ):
        example = session.get_one(Example, wording.example_id)
        if example is not but_of:
            session.delete(wording)
            audit.record(
                session, question.team_id, actor=by, action="example.wording_dropped",
                subject=f"example:{example.id}", audience=example.audience,
            )  # fmt: skip
    session.flush()


def _share(taught: str, answered: str) -> float:
    known = set(_WORD.findall(taught.casefold()))
    return len(known & set(_WORD.findall(answered.casefold()))) / len(known) if known else 0.0


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
