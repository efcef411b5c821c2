"""
What is kept of a message, a person or a channel, wherever it is. Queries never commit.

For forgetting, which has to find everything, and for nobody else: these functions ask for no
viewer, so what they return goes to no list, prompt or export.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, or_, select

from storage.audience import WORKSPACE
from storage.tables import (
    Example,
    ExampleMessage,
    Part,
    Question,
    Revision,
    RevisionReason,
    SnapshotRow,
    Source,
    UnansweredAsk,
    Wording,
)

_WORDS_OF_A_PERSON = (RevisionReason.EDITED, RevisionReason.CORRECTED)
_WHOLE = (Part.QUESTION, Part.ANSWER)


def of_message(
    session: Session, team_id: str, channel_id: str, message_ts: str
) -> list[tuple[Example, Part]]:
    """The examples a message went into, and as what."""
    found = session.exec(
        select(Example, ExampleMessage.part)
        .join(ExampleMessage, col(ExampleMessage.example_id) == col(Example.id))
        .where(
            col(ExampleMessage.team_id) == team_id,
            col(ExampleMessage.channel_id) == channel_id,
            col(ExampleMessage.message_ts) == message_ts,
        )
        .order_by(col(Example.id))
    )
    return [(example, Part(part)) for example, part in found]


def of_person(session: Session, team_id: str, user_id: str) -> list[Example]:
    """The examples whose question or answer the person wrote, in Slack or in a form."""
    wrote = select(ExampleMessage.example_id).where(
        col(ExampleMessage.team_id) == team_id,
        col(ExampleMessage.user_id) == user_id,
        col(ExampleMessage.part).in_(_WHOLE),
    )
    typed = (
        select(Revision.example_id)
        .join(Example, col(Example.id) == col(Revision.example_id))
        .where(
            col(Revision.team_id) == team_id,
            col(Revision.author_id) == user_id,
            or_(
                col(Revision.reason).in_(_WORDS_OF_A_PERSON),
                col(Example.answer_source) == Source.AUTHORED,
                col(Example.question_source) == Source.AUTHORED,
            ),
        )
    )
    return list(
        session.exec(
            select(Example)
            .where(
                col(Example.team_id) == team_id,
                col(Example.erased_at).is_(None),
                or_(
                    col(Example.author_id) == user_id,
                    col(Example.asker_id) == user_id,
                    col(Example.id).in_(wrote),
                    col(Example.id).in_(typed),
                ),
            )
            .order_by(col(Example.id))
        )
    )


def with_context_of(session: Session, team_id: str, user_id: str) -> list[Example]:
    """The examples in whose turns in between the person speaks."""
    spoke = select(ExampleMessage.example_id).where(
        col(ExampleMessage.team_id) == team_id,
        col(ExampleMessage.user_id) == user_id,
        col(ExampleMessage.part) == Part.CONTEXT,
    )
    return list(
        session.exec(
            select(Example).where(
                col(Example.team_id) == team_id,
                col(Example.erased_at).is_(None),
                col(Example.id).in_(spoke),
            )
        )
    )


def of_channel(session: Session, team_id: str, channel_id: str) -> list[Example]:
    """The examples of a channel that the whole workspace may see."""
    return list(
        session.exec(
            select(Example).where(
                col(Example.team_id) == team_id,
                col(Example.channel_id) == channel_id,
                col(Example.audience) == WORKSPACE,
                col(Example.erased_at).is_(None),
            )
        )
    )


def made_from(session: Session, team_id: str, example_ids: Collection[int]) -> list[Example]:
    """Kept answers of the bot that it made from these examples: they may repeat their words."""
    wanted = set(example_ids)
    found = session.exec(
        select(Example, Question)
        .join(
            Question,
            (col(Question.team_id) == col(Example.team_id))
            & (col(Question.channel_id) == col(Example.channel_id))
            & (col(Question.answer_ts) == col(Example.answer_ts)),
        )
        .where(
            col(Example.team_id) == team_id,
            col(Example.erased_at).is_(None),
            col(Example.answer_source) == Source.BOT_ANSWER,
        )
    )
    return [example for example, question in found if wanted & set(question.example_ids)]


def frozen_with_name(session: Session, team_id: str, user_id: str) -> list[Example]:
    """The examples of which a snapshot has a row that names the person by their id."""
    named = or_(
        *(
            sa.cast(column, sa.String).contains(user_id, autoescape=True)
            for column in (col(SnapshotRow.question), SnapshotRow.context, col(SnapshotRow.answer))
        )
    )
    rows = select(SnapshotRow.example_id).where(col(SnapshotRow.team_id) == team_id, named)
    return list(session.exec(select(Example).where(col(Example.id).in_(rows))))


def wordings_of_message(
    session: Session, team_id: str, channel_id: str, message_ts: str
) -> list[Wording]:
    return list(
        session.exec(
            select(Wording).where(
                col(Wording.team_id) == team_id,
                col(Wording.channel_id) == channel_id,
                col(Wording.message_ts) == message_ts,
            )
        )
    )


def wordings_of_person(session: Session, team_id: str, user_id: str) -> list[Wording]:
    """The other wordings of examples that the person brought."""
    return list(
        session.exec(
            select(Wording).where(col(Wording.team_id) == team_id, col(Wording.asker_id) == user_id)
        )
    )


def wordings_of_channel(session: Session, team_id: str, channel_id: str) -> list[Wording]:
    """What was asked in a channel and is kept with an example that others may see."""
    return list(
        session.exec(
            select(Wording)
            .join(Example, col(Example.id) == col(Wording.example_id))
            .where(
                col(Wording.team_id) == team_id,
                col(Wording.channel_id) == channel_id,
                col(Example.audience) != channel_id,
            )
            .order_by(col(Wording.id))
        )
    )


def asks_of_message(
    session: Session, team_id: str, channel_id: str, message_ts: str
) -> list[UnansweredAsk]:
    return list(
        session.exec(
            select(UnansweredAsk)
            .join(Question, col(Question.id) == col(UnansweredAsk.question_id))
            .where(
                col(UnansweredAsk.team_id) == team_id,
                col(Question.channel_id) == channel_id,
                col(Question.message_ts) == message_ts,
            )
        )
    )


def asks_of_person(session: Session, team_id: str, user_id: str) -> list[UnansweredAsk]:
    return list(
        session.exec(
            select(UnansweredAsk).where(
                col(UnansweredAsk.team_id) == team_id, col(UnansweredAsk.user_id) == user_id
            )
        )
    )


def messages_known(session: Session, team_id: str) -> Iterator[tuple[str, str]]:
    """Channel and ts of every message of which there is anything to erase."""
    asked = (
        select(Question.channel_id, Question.message_ts)
        .join(UnansweredAsk, col(UnansweredAsk.question_id) == col(Question.id))
        .where(col(UnansweredAsk.team_id) == team_id)
    )
    kept = select(ExampleMessage.channel_id, ExampleMessage.message_ts).where(
        col(ExampleMessage.team_id) == team_id
    )
    reworded = select(Wording.channel_id, Wording.message_ts).where(
        col(Wording.team_id) == team_id, col(Wording.message_ts).is_not(None)
    )
    places: Iterable[Any] = session.connection().execute(sa.union(kept, reworded, asked))
    yield from places


def channels_known(session: Session, team_id: str) -> Iterator[str]:
    """Every channel of which there is anything to narrow."""
    for table in (Example, Wording, Question):
        found = select(table.channel_id).where(col(table.team_id) == team_id).distinct()
        yield from (channel_id for channel_id in session.exec(found) if channel_id)
