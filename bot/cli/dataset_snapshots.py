"""``dataset snapshot | list | show | diff | stats``: frozen versions of the data set."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from sqlmodel import Session, col, func, select

from bot.cli.operator import operator
from bot.cli.options import (
    AudienceOption,
    JsonOption,
    TeamOption,
    open_database,
    print_rows,
    require_audience,
    settings_of,
    team_of,
)
from bot.dataset.diff import diff_rows
from bot.dataset.snapshot import as_if_frozen, freeze, proves
from bot.dataset.stats import stats_of
from bot.errors import AttestationMissingError
from storage import attestations, audit, snapshots
from storage.audience import Viewer
from storage.tables import Snapshot, SnapshotRow, Source

Number = Annotated[int, typer.Argument(help="Number of the snapshot.")]


def register(cli: typer.Typer) -> None:
    cli.command()(snapshot)
    cli.command("list")(list_snapshots)
    cli.command()(show)
    cli.command()(diff)
    cli.command()(stats)


def snapshot(
    context: typer.Context,
    audience: AudienceOption = "workspace",
    as_json: JsonOption = False,
    team: TeamOption = "",
) -> None:
    """Freeze the approved examples of one audience."""
    with open_database(settings_of(context)) as database:
        team_id = team_of(database, team)
        with database.write() as session:
            require_audience(session, team_id, audience)
            attestation = attestations.newest(session, team_id)
            if attestation is None:
                raise AttestationMissingError
            frozen = freeze(session, team_id, audience, attestation)
            taken = frozen.snapshot
            audit.record(
                session,
                team_id,
                actor="operator",
                action="snapshot.taken",
                subject=f"snapshot:{taken.id}",
                audience=audience,
            )
    if as_json:
        print(json.dumps(_line(taken) | {"rights": frozen.rights}, indent=2))
    else:
        print(f"{audience} snapshot {taken.number}, {taken.hash}")


def list_snapshots(
    context: typer.Context, as_json: JsonOption = False, team: TeamOption = ""
) -> None:
    """List the snapshots."""
    with open_database(settings_of(context)) as database:
        team_id = team_of(database, team)
        with database.read() as session:
            found = session.exec(
                select(Snapshot, func.count(col(SnapshotRow.id)))
                .outerjoin(SnapshotRow, col(SnapshotRow.snapshot_id) == col(Snapshot.id))
                .where(col(Snapshot.team_id) == team_id)
                .group_by(col(Snapshot.id))
                .order_by(col(Snapshot.id))
            ).all()
    rows = [_line(each) | {"rows": count} for each, count in found]
    print_rows(rows, as_json=as_json, empty="No snapshot yet: `dataset snapshot` takes one.")


def show(
    context: typer.Context,
    number: Number,
    audience: AudienceOption = "workspace",
    as_json: JsonOption = False,
    team: TeamOption = "",
) -> None:
    """Show the rows of a snapshot."""
    with open_database(settings_of(context)) as database, database.read() as session:
        team_id = team_of(database, team)
        wanted = snapshots.numbered(session, team_id, audience, number)
        viewer = operator(session, team_id)
        is_proven = proves(session, team_id, wanted)
        rows = [
            {
                "split": row.split.value,
                "example": row.example_id,
                "question": row.question,
                "answer": row.answer,
            }
            for row in snapshots.rows_of(session, team_id, wanted.id or 0, viewer)
        ]
    print_rows(rows, as_json=as_json, empty="It has no rows.")
    if not as_json:
        print("Its rows have its hash." if is_proven else "ITS ROWS DO NOT HAVE ITS HASH.")


def diff(
    context: typer.Context,
    before: Annotated[int, typer.Argument(help="Number of the older snapshot.")],
    after: Annotated[int, typer.Argument(help="Number of the newer one.")],
    audience: AudienceOption = "workspace",
    as_json: JsonOption = False,
    team: TeamOption = "",
) -> None:
    """Say what changed between two snapshots of an audience."""
    with open_database(settings_of(context)) as database, database.read() as session:
        team_id = team_of(database, team)
        both = [
            list(
                snapshots.with_tombstones(
                    session,
                    team_id,
                    snapshots.numbered(session, team_id, audience, number).id or 0,
                    operator(session, team_id),
                )
            )
            for number in (before, after)
        ]
    found = diff_rows(*both)
    if as_json:
        print(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
    else:
        print("\n".join(found.sentences()))


def stats(
    context: typer.Context,
    number: Annotated[
        int | None, typer.Argument(help="A snapshot; without one, what is approved now.")
    ] = None,
    audience: AudienceOption = "workspace",
    as_json: JsonOption = False,
    team: TeamOption = "",
) -> None:
    """Count what is in the data set: splits, sources, wordings, lengths."""
    with open_database(settings_of(context)) as database, database.read() as session:
        team_id = team_of(database, team)
        found = stats_of(_rows(session, team_id, audience, number))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        shown = (
            ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        )
        print(f"{name.replace('_', ' ')}: {shown}")


def _rows(
    session: Session, team_id: str, audience: str, number: int | None
) -> Iterator[SnapshotRow]:
    viewer = operator(session, team_id).meets(Viewer.model(audience))
    if number is None:
        return as_if_frozen(session, team_id, audience, viewer, tuple(Source))[1]
    wanted = snapshots.numbered(session, team_id, audience, number)
    return snapshots.each_with_tombstones(session, team_id, wanted.id or 0, viewer)


def _line(found: Snapshot) -> dict[str, Any]:
    return {
        "audience": found.audience,
        "number": found.number,
        "hash": found.hash,
        "made": found.created_at.isoformat(timespec="seconds"),
    }
