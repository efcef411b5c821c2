"""
What the team taught, read for somebody. Queries never commit.

No function here works without a viewer: what the viewer may not see does not exist. Withdrawn
examples are kept for their votes and appear in no list. What a model is made from, for one
audience, is read by ``storage.snapshots`` and ``bot.answering.retrieval``.
"""

import re
from collections.abc import Collection, Iterable, Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from bot.errors import NotFoundError
from storage.audience import Viewer
from storage.chunks import chunks
from storage.tables import Example, ExampleState, Wording, WordingUse

#: What a list shows unless it asks for other states.
LISTED = tuple(state for state in ExampleState if state is not ExampleState.WITHDRAWN)
#: More words than these make no better search, but cost time.
MAX_WORDS = 16

_WORD = re.compile(r"[^\W_]+")
_MATCHES = sa.text(
    "SELECT rowid AS id, bm25(example_text, 3.0, 1.0) AS distance FROM example_text "
    "WHERE example_text MATCH :words"
).columns(id=sa.Integer, distance=sa.Float)


def newest(
    session: Session,
    team_id: str,
    viewer: Viewer,
    *,
    states: Collection[ExampleState] = LISTED,
    limit: int = 10,
) -> list[Example]:
    """What was kept last, the newest first."""
    return list(
        session.exec(
            select(Example)
            .where(*_visible(team_id, viewer, states))
            .order_by(col(Example.updated_at).desc(), col(Example.id).desc())
            .limit(limit)
        )
    )


def search(
    session: Session, team_id: str, viewer: Viewer, words: str, *, limit: int = 10
) -> tuple[list[Example], int]:
    """
    Examples in which all the words occur, the best first, and how many there are in all.

    Approved ones are found by their word stems, the others by what is written.
    """
    terms = _WORD.findall(words.lower())[:MAX_WORDS]
    if not terms:
        return [], 0
    spelled = sa.and_(*(_occurs(term) for term in terms))
    found = select(Example).where(*_visible(team_id, viewer, LISTED))
    if session.get_bind().dialect.name == "sqlite":
        matches = _matches(terms)
        is_proposed = sa.and_(col(Example.state) != ExampleState.APPROVED, spelled)
        found = found.outerjoin(matches, matches.c.id == col(Example.id))
        found = found.where(sa.or_(matches.c.id.is_not(None), is_proposed))
        ranked = found.order_by(sa.func.coalesce(matches.c.distance, 0.0), col(Example.id).desc())
    else:
        found = found.where(spelled)
        ranked = found.order_by(col(Example.id).desc())
    total = session.exec(select(func.count()).select_from(found.subquery())).one()
    return list(session.exec(ranked.limit(limit))), total


def count_by_state(session: Session, team_id: str, viewer: Viewer) -> dict[ExampleState, int]:
    """How many examples are in each state; states without any are left out."""
    rows = session.exec(
        select(Example.state, func.count())
        .where(*_visible(team_id, viewer, LISTED))
        .group_by(col(Example.state))
    )
    return {ExampleState(state): count for state, count in rows}


def kinds_of(
    session: Session, team_id: str, viewer: Viewer, example_ids: Iterable[int]
) -> dict[int, list[tuple[str, str]]]:
    """
    By example, what kind of question it is: ``("tag", …)`` and ``("channel", …)``.

    Direct messages are no kind.
    """
    found: dict[int, list[tuple[str, str]]] = {}
    for some in chunks(example_ids):
        rows = session.exec(
            select(Example.id, Example.tags, Example.channel_id).where(
                *_visible(team_id, viewer, tuple(ExampleState)), col(Example.id).in_(some)
            )
        )
        for row_id, tags, channel_id in rows:
            kinds = [("tag", tag) for tag in tags]
            if channel_id and not channel_id.startswith("D"):
                kinds.append(("channel", channel_id))
            found[row_id or 0] = kinds
    return found


def get(session: Session, team_id: str, viewer: Viewer, example_id: int) -> Example:
    """
    Raises:
        NotFoundError: there is no such example for this viewer.
    """
    example = session.exec(
        select(Example).where(
            *_visible(team_id, viewer, tuple(ExampleState)), col(Example.id) == example_id
        )
    ).first()
    if example is None:
        raise NotFoundError(f"There is no example {example_id} that you may see.")
    return example


def at(
    session: Session, team_id: str, viewer: Viewer, channel_id: str, answer_ts: str
) -> Example | None:
    """The example whose answer begins at this message, if the viewer may see it."""
    return session.exec(
        select(Example).where(
            *_visible(team_id, viewer, tuple(ExampleState)),
            col(Example.channel_id) == channel_id,
            col(Example.answer_ts) == answer_ts,
        )
    ).first()


def add_wording(
    session: Session,
    team_id: str,
    viewer: Viewer,
    example_id: int,
    text: str,
    use: WordingUse = WordingUse.EVALUATION,
) -> Wording:
    """
    Keep another way to ask; the same words twice are one wording.

    Raises:
        NotFoundError: there is no such example for this viewer.
    """
    example = get(session, team_id, viewer, example_id)
    for known in wordings(session, team_id, viewer, example_id):
        if known.text == text:
            return known
    assert example.id is not None
    wording = Wording(team_id=team_id, example_id=example.id, text=text, use=use)
    session.add(wording)
    session.flush()
    return wording


def wordings(session: Session, team_id: str, viewer: Viewer, example_id: int) -> list[Wording]:
    """The other ways an example's question was asked, oldest first."""
    return list(
        session.exec(
            select(Wording)
            .join(Example, col(Example.id) == col(Wording.example_id))
            .where(
                *_visible(team_id, viewer, tuple(ExampleState)),
                col(Wording.example_id) == example_id,
            )
            .order_by(col(Wording.id))
        )
    )


def _visible(
    team_id: str, viewer: Viewer, states: Collection[ExampleState]
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(Example.team_id) == team_id,
        col(Example.audience).in_(viewer.audiences),
        col(Example.state).in_(states),
        col(Example.erased_at).is_(None),
    )


def _matches(terms: Sequence[str]) -> sa.Subquery:
    """Approved examples with all the terms, each as the beginning of a word, and how far off."""
    # Every term is quoted, so nothing in it is an operator; the star finds beginnings of words.
    words = " ".join(f'"{term}"*' for term in terms)
    return _MATCHES.bindparams(words=words).subquery("matches")


def _occurs(term: str) -> sa.ColumnElement[bool]:
    return sa.or_(
        col(Example.question).icontains(term, autoescape=True),
        col(Example.answer).icontains(term, autoescape=True),
    )
