"""Reading what a snapshot is made of, and keeping snapshots. What is in one never changes."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.errors import NotFoundError
from storage.audience import WORKSPACE, Viewer, readable
from storage.chunks import chunks, pages
from storage.tables import (
    EvaluationAnswer,
    Example,
    ExampleState,
    ModelVersion,
    Run,
    Snapshot,
    SnapshotRow,
    Source,
    Split,
    Wording,
)

PAGE = 1000


def questions_of(
    session: Session, team_id: str, audience: str, viewer: Viewer
) -> list[sa.Row[Any]]:
    """
    All approved examples a model of ``audience`` may learn from as plain rows, the oldest first:
    id, question and where both parts come from.
    """
    found = sa.select(
        col(Example.id),
        col(Example.question),
        col(Example.question_source),
        col(Example.answer_source),
    ).where(*_learnable(team_id, audience, viewer))
    return list(session.connection().execute(found.order_by(col(Example.id))))


def known_questions(session: Session) -> list[tuple[str, str, int]]:
    """
    Of all workspaces the audiences that were taught anything: team, audience and how many
    approved examples and other wordings a model of it may know. Nobody's words.
    """
    examples = (
        sa.select(col(Example.team_id), col(Example.audience), sa.func.count().label("known"))
        .where(col(Example.state) == ExampleState.APPROVED)
        .group_by(col(Example.team_id), col(Example.audience))
    )
    wordings = examples.join(Wording, col(Wording.example_id) == col(Example.id))
    known: dict[tuple[str, str], int] = {}
    for team_id, audience, number in session.connection().execute(sa.union_all(examples, wordings)):
        known[team_id, audience] = known.get((team_id, audience), 0) + number
    return [
        (team_id, audience, number + known.get((team_id, WORKSPACE), 0) * (audience != WORKSPACE))
        for (team_id, audience), number in sorted(known.items())
    ]


def some_questions(
    session: Session, team_id: str, audience: str, viewer: Viewer, *, at_most: int
) -> dict[int, list[str]]:
    """
    Of so many approved examples, spread over all and the same ones each time: the question and
    then its other wordings, by example id.
    """
    # A multiplier that scatters the numbers in which examples were taught over all remainders.
    scattered = col(Example.id) * 48_271 % 65_521
    found = sa.select(col(Example.id), col(Example.question)).where(
        *_learnable(team_id, audience, viewer)
    )
    rows = session.connection().execute(found.order_by(scattered, col(Example.id)).limit(at_most))
    texts: dict[int, list[str]] = {row.id: [row.question] for row in rows}
    for some in chunks(texts):
        wordings = (
            sa.select(col(Wording.example_id), col(Wording.text))
            .where(col(Wording.team_id) == team_id, col(Wording.example_id).in_(some))
            .order_by(col(Wording.id))
        )
        for example_id, wording in session.connection().execute(wordings):
            texts[example_id].append(wording)
    return texts


def sources_of(
    session: Session, team_id: str, audience: str, viewer: Viewer
) -> dict[tuple[Source, Source], int]:
    """How many of them come from where, by the sources of question and answer."""
    columns = (col(Example.question_source), col(Example.answer_source))
    found = sa.select(*columns, sa.func.count()).where(*_learnable(team_id, audience, viewer))
    counted = session.connection().execute(found.group_by(*columns))
    return {(question, answer): count for question, answer, count in counted}


def material(
    session: Session,
    team_id: str,
    audience: str,
    viewer: Viewer,
    ids: Collection[int] | None = None,
) -> Iterator[sa.Row[Any]]:
    """
    The same with the columns a snapshot needs, a page in memory at a time; with ``ids`` only
    those, in any order.

    Objects of the session would take several times the memory, and each would be watched.
    """
    columns = (
        col(Example.id),
        col(Example.question),
        col(Example.context),
        col(Example.answer),
        col(Example.question_source),
        col(Example.answer_source),
    )
    found = sa.select(*columns).where(*_learnable(team_id, audience, viewer))
    if ids is not None:
        return iter(session.connection().execute(found.where(col(Example.id).in_(ids))))
    in_order = found.order_by(col(Example.id)).execution_options(yield_per=PAGE)
    return iter(session.connection().execute(in_order))


def corrected_answers(
    session: Session, team_id: str, audience: str, viewer: Viewer
) -> dict[int, tuple[str, str]]:
    """What corrected examples say, and what stood there before, by example id."""
    columns = (col(Example.id), col(Example.answer), col(Example.original_answer))
    found = sa.select(*columns).where(
        *_learnable(team_id, audience, viewer), col(Example.original_answer).is_not(None)
    )
    return {
        row.id: (row.answer, row.original_answer) for row in session.connection().execute(found)
    }


def other_wordings(
    session: Session, team_id: str, audience: str, viewer: Viewer
) -> dict[int, list[Any]]:
    """Text and use of the other wordings of the approved examples, by example id."""
    found = (
        sa.select(col(Wording.example_id), col(Wording.text), col(Wording.use))
        .join(Example, col(Example.id) == col(Wording.example_id))
        .where(col(Wording.team_id) == team_id, *_learnable(team_id, audience, viewer))
        .order_by(col(Wording.id))
    )
    by_example: dict[int, list[Any]] = {}
    for wording in session.connection().execute(found):
        by_example.setdefault(wording.example_id, []).append(wording)
    return by_example


def count_unknown(
    session: Session,
    team_id: str,
    audience: str,
    viewer: Viewer,
    sources: Iterable[str],
    snapshot_id: int | None,
) -> int:
    """How many examples a model of ``audience`` may learn from are not in that snapshot."""
    allowed = [Source(name) for name in sources]
    found = (
        sa.select(sa.func.count())
        .select_from(Example)
        .where(
            *_learnable(team_id, audience, viewer),
            col(Example.question_source).in_(allowed),
            col(Example.answer_source).in_(allowed),
        )
    )
    if snapshot_id is not None:
        known = select(SnapshotRow.example_id).where(col(SnapshotRow.snapshot_id) == snapshot_id)
        found = found.where(col(Example.id).not_in(known))
    return int(session.connection().execute(found).scalar_one())


def newest(session: Session, team_id: str, audience: str) -> Snapshot | None:
    return session.exec(
        select(Snapshot)
        .where(col(Snapshot.team_id) == team_id, col(Snapshot.audience) == audience)
        .order_by(col(Snapshot.number).desc())
    ).first()


def numbered(session: Session, team_id: str, audience: str, number: int) -> Snapshot:
    """
    Raises:
        NotFoundError: this audience has no such snapshot.
    """
    found = session.exec(
        select(Snapshot).where(
            col(Snapshot.team_id) == team_id,
            col(Snapshot.audience) == audience,
            col(Snapshot.number) == number,
        )
    ).first()
    if found is None:
        raise NotFoundError(
            f"There is no snapshot {number} of {audience}. `dataset list` shows those there are."
        )
    return found


def unreferenced(session: Session, team_id: str) -> list[Snapshot]:
    """Those no run, version or answer rests on, and that are not their audience's newest."""
    answered = (
        select(SnapshotRow.id)
        .join(EvaluationAnswer, col(EvaluationAnswer.snapshot_row_id) == col(SnapshotRow.id))
        .where(col(SnapshotRow.snapshot_id) == col(Snapshot.id))
    )
    of_run = select(Run.id).where(col(Run.snapshot_id) == col(Snapshot.id))
    of_version = select(ModelVersion.id).where(col(ModelVersion.snapshot_id) == col(Snapshot.id))
    found = session.exec(
        select(Snapshot)
        .where(
            col(Snapshot.team_id) == team_id,
            *(~query.exists() for query in (answered, of_run, of_version)),
        )
        .order_by(col(Snapshot.id))
    ).all()
    last = {row.audience: newest(session, team_id, row.audience) for row in found}
    return [row for row in found if row != last[row.audience]]


def remove(session: Session, snapshot: Snapshot) -> None:
    """Delete a snapshot nothing rests on, with its rows."""
    session.connection().execute(
        sa.delete(SnapshotRow).where(
            col(SnapshotRow.team_id) == snapshot.team_id,
            col(SnapshotRow.snapshot_id) == snapshot.id,
        )
    )
    session.delete(snapshot)
    session.flush()


def everything_in(session: Session, team_id: str, snapshot_id: int) -> Iterator[SnapshotRow]:
    """
    All rows in their order, erased ones included, a page in memory at a time.

    For proving a hash and for nobody's eyes: it asks for no viewer.
    """
    after = -1
    while page := session.exec(
        select(SnapshotRow)
        .where(
            col(SnapshotRow.team_id) == team_id,
            col(SnapshotRow.snapshot_id) == snapshot_id,
            col(SnapshotRow.position) > after,
        )
        .order_by(col(SnapshotRow.position))
        .limit(PAGE)
    ).all():
        yield from page
        after = page[-1].position


def add(
    session: Session,
    team_id: str,
    audience: str,
    snapshot_hash: str,
    rows: Iterable[dict[str, Any]],
) -> Snapshot:
    """
    Keep a new snapshot under the audience's next number; its rows go in a page at a time.

    ``rows`` are the columns of each row in their order, but for snapshot and position.
    """
    before = newest(session, team_id, audience)
    snapshot = Snapshot(
        team_id=team_id,
        audience=audience,
        number=before.number + 1 if before else 1,
        hash=snapshot_hash,
    )
    session.add(snapshot)
    session.flush()
    assert snapshot.id is not None
    for page in pages(enumerate(rows), PAGE):
        session.connection().execute(
            sa.insert(SnapshotRow),
            [row | {"snapshot_id": snapshot.id, "position": position} for position, row in page],
        )
    return snapshot


def count_trained(session: Session, team_id: str, snapshot_id: int) -> int:
    """How many examples its training split has."""
    return session.exec(
        select(sa.func.count(sa.distinct(col(SnapshotRow.example_id)))).where(
            col(SnapshotRow.team_id) == team_id,
            col(SnapshotRow.snapshot_id) == snapshot_id,
            col(SnapshotRow.split) == Split.TRAIN,
        )
    ).one()


def is_whole(session: Session, snapshot: Snapshot) -> bool:
    """Say whether nothing was erased from it."""
    erased = select(SnapshotRow.id).where(
        col(SnapshotRow.snapshot_id) == snapshot.id, col(SnapshotRow.erased)
    )
    return session.exec(erased.limit(1)).first() is None


def with_tombstones(
    session: Session, team_id: str, snapshot_id: int, viewer: Viewer
) -> list[SnapshotRow]:
    """The rows in their order, erased ones (blank) included; nothing for who may not see it."""
    return list(each_with_tombstones(session, team_id, snapshot_id, viewer))


def each_with_tombstones(
    session: Session, team_id: str, snapshot_id: int, viewer: Viewer
) -> Iterator[SnapshotRow]:
    """The same, a page in memory at a time."""
    seen = select(Snapshot.id).where(
        col(Snapshot.id) == snapshot_id,
        col(Snapshot.team_id) == team_id,
        col(Snapshot.audience).in_(viewer.audiences),
    )
    if session.exec(seen).first() is not None:
        yield from everything_in(session, team_id, snapshot_id)


def hashes_of(session: Session, team_id: str, row_ids: Iterable[int]) -> dict[int, str]:
    """The rows' hashes: the same question and answer have the same one in every snapshot."""
    found: dict[int, str] = {}
    for some in chunks(row_ids):
        rows = select(SnapshotRow.id, SnapshotRow.row_hash).where(
            col(SnapshotRow.team_id) == team_id, col(SnapshotRow.id).in_(some)
        )
        found |= {row_id or 0: row_hash for row_id, row_hash in session.exec(rows)}
    return found


def rows_of(session: Session, team_id: str, snapshot_id: int, viewer: Viewer) -> list[SnapshotRow]:
    """
    The rows in their order, erased ones left out.

    Nothing for a viewer who may not see the snapshot's audience: its rows are examples.
    """
    return list(
        session.exec(
            select(SnapshotRow)
            .join(Snapshot, col(Snapshot.id) == col(SnapshotRow.snapshot_id))
            .where(
                col(SnapshotRow.team_id) == team_id,
                col(SnapshotRow.snapshot_id) == snapshot_id,
                col(SnapshotRow.erased).is_(False),
                col(Snapshot.audience).in_(viewer.audiences),
            )
            .order_by(col(SnapshotRow.position))
        )
    )


def _learnable(team_id: str, audience: str, viewer: Viewer) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(Example.team_id) == team_id,
        col(Example.state) == ExampleState.APPROVED,
        col(Example.audience).in_(readable(audience, viewer)),
    )
