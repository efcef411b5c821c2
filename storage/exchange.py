"""
Examples in bulk, for files that come in and go out. Queries never commit.

Everything is read and written in pages: a data set may be larger than the memory.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from storage.audience import Viewer, readable
from storage.tables import Example, ExampleMessage, ExampleState, Revision, Source, Vote, Wording

PAGE = 500
Belonging = TypeVar("Belonging", Wording, Revision, ExampleMessage)


@dataclass(frozen=True)
class Whole:
    """An example with what belongs to it."""

    example: Example
    wordings: list[Wording]
    revisions: list[Revision]
    messages: list[ExampleMessage]


def everything(
    session: Session,
    team_id: str,
    audience: str,
    viewer: Viewer,
    states: Collection[ExampleState],
) -> Iterator[Whole]:
    """What a model of ``audience`` may know, oldest first, a page in memory at a time."""
    after = 0
    while page := _page(session, team_id, audience, viewer, states, after):
        ids = [example.id or 0 for example in page]
        wordings = _of_each(session, Wording, Wording.id, team_id, ids)
        revisions = _of_each(session, Revision, Revision.number, team_id, ids)
        messages = _of_each(session, ExampleMessage, ExampleMessage.message_ts, team_id, ids)
        for example in page:
            name = example.id or 0
            yield Whole(
                example, wordings.get(name, []), revisions.get(name, []), messages.get(name, [])
            )
        after = ids[-1]
        session.expunge_all()


def known_texts(
    session: Session, team_id: str, viewer: Viewer, after: int = 0
) -> Iterator[sa.Row[Any]]:
    """
    Id, audience, question, answer, context, channel and answer's ts of all that is kept.

    Withdrawn and rejected ones too: what was decided once is not brought back by a file.
    """
    columns = (
        col(Example.id),
        col(Example.audience),
        col(Example.question),
        col(Example.answer),
        col(Example.context),
        col(Example.channel_id),
        col(Example.answer_ts),
    )
    found = (
        sa.select(*columns)
        .where(
            col(Example.team_id) == team_id,
            col(Example.audience).in_(viewer.audiences),
            col(Example.id) > after,
        )
        .order_by(col(Example.id))
    )
    yield from session.connection().execution_options(yield_per=PAGE).execute(found)


def known_earlier_texts(session: Session, team_id: str, viewer: Viewer) -> Iterator[sa.Row[Any]]:
    """Audience, question, answer and context of what examples said before they were edited."""
    columns = (
        col(Example.audience),
        col(Revision.question),
        col(Revision.answer),
        col(Revision.context),
    )
    found = (
        sa.select(*columns)
        .join(Example, col(Example.id) == col(Revision.example_id))
        .where(
            col(Revision.team_id) == team_id,
            col(Example.team_id) == team_id,
            col(Example.audience).in_(viewer.audiences),
            col(Revision.number) < col(Example.revision),
        )
    )
    yield from session.connection().execution_options(yield_per=PAGE).execute(found)


def wrong_answers(
    session: Session, team_id: str, audience: str, viewer: Viewer
) -> list[tuple[str, str]]:
    """Questions with answers the bot gave to them and people rejected, oldest first."""
    found = session.exec(
        select(Example.question, Example.answer)
        .where(
            col(Example.team_id) == team_id,
            col(Example.audience).in_(readable(audience, viewer)),
            col(Example.state) == ExampleState.REJECTED,
            col(Example.answer_source) == Source.BOT_ANSWER,
        )
        .order_by(col(Example.id))
    )
    return [(question, answer) for question, answer in found]


def add_examples(session: Session, examples: Sequence[Example]) -> list[int]:
    """Keep a page of new examples; returns their ids in the same order."""
    if not examples:
        return []
    # Through the row objects, so that every column has the default its table gives it.
    rows = [example.model_dump(exclude={"id"}) for example in examples]
    added = sa.insert(Example).returning(col(Example.id), sort_by_parameter_order=True)
    return [found or 0 for found in session.scalars(added, rows)]


def add_belongings(
    session: Session,
    rows: Sequence[Wording] | Sequence[Vote] | Sequence[Revision] | Sequence[ExampleMessage],
) -> None:
    """Keep a page of what belongs to new examples."""
    if rows:
        kind: type[SQLModel] = type(rows[0])
        session.execute(sa.insert(kind), [row.model_dump(exclude={"id"}) for row in rows])


def _page(
    session: Session,
    team_id: str,
    audience: str,
    viewer: Viewer,
    states: Collection[ExampleState],
    after: int,
) -> list[Example]:
    return list(
        session.exec(
            select(Example)
            .where(
                col(Example.team_id) == team_id,
                col(Example.audience).in_(readable(audience, viewer)),
                col(Example.state).in_(states),
                col(Example.id) > after,
            )
            .order_by(col(Example.id))
            .limit(PAGE)
        )
    )


def _of_each(
    session: Session, table: type[Belonging], order: Any, team_id: str, ids: Sequence[int]
) -> dict[int, list[Belonging]]:
    """What belongs to each of the examples, by the example's id."""
    found: dict[int, list[Belonging]] = {}
    rows = session.exec(
        select(table)
        .where(col(table.team_id) == team_id, col(table.example_id).in_(ids))
        .order_by(col(order))
    )
    for row in rows:
        found.setdefault(row.example_id, []).append(row)
    return found
