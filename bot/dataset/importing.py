"""
Rows of a file become examples: all of them or none, and none of them twice.

The file is read to its end before the first row is kept, so a bad row at its end costs nothing;
then everything is kept in one transaction, so a crash costs nothing either.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from bot.dataset.accepting import Changes, Rules, accept
from bot.dataset.errors import SHOWN_ROWS, NoRowsError, RowsRefusedError
from bot.dataset.new_rows import new_example, new_messages, new_revisions, new_votes, new_wordings
from bot.dataset.record import Record, Row, RowError, digest
from bot.dataset.staging import Staging
from bot.dataset.taken_back import follow_edits, heed
from storage import audit, exchange
from storage.audience import WORKSPACE, Viewer
from storage.chunks import pages
from storage.database import Database
from storage.tables import ExampleMessage, ExampleState, Revision, Source, Vote, Wording

#: Flags near-duplicates of new examples, by their ids, and says how many it found, and how many
#: of the new ones it could not look at.
Flag = Callable[[Session, Sequence[int]], tuple[int, int]]


@dataclass(frozen=True)
class Order:
    """What is to be done with a file; ``name`` is shown, ``by`` is who vouches for the rows."""

    name: str
    rules: Rules
    by: str
    skip_bad_rows: bool = False
    dry_run: bool = False


@dataclass
class Report:
    """
    What became of the rows, in numbers.

    ``known`` are kept already, ``repeated`` stand in the file before; ``skipped`` are bad rows
    left out on demand; ``taken_back`` were deleted in Slack, or are of people who opted out.
    """

    rows: int = 0
    new: int = 0
    known: int = 0
    repeated: int = 0
    skipped: int = 0
    taken_back: int = 0
    near_duplicates: int = 0
    not_compared: int = 0
    cleaned: int = 0
    states: Counter[str] = field(default_factory=Counter)
    audiences: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        return {name: dict(v) if isinstance(v, Counter) else v for name, v in vars(self).items()}


def import_rows(
    database: Database, team_id: str, viewer: Viewer, rows: Iterable[Row], order: Order, flag: Flag
) -> Report:
    """
    Keep the rows of a file.

    Raises:
        FileRefusedError: there is no row in it (NoRowsError), or it breaks off.
        RowsRefusedError: rows that cannot be kept; names them.
    """
    report = Report()
    with closing(Staging()) as staging:
        _stage(staging, rows, order, report)
        staged = len(staging)
        with database.read() as session:
            seen_up_to = _drop_known(session, team_id, viewer, staging)
            _drop_edited(session, team_id, viewer, staging)
            if order.dry_run:
                report.taken_back = heed(session, team_id, staging)
        if not order.dry_run:
            with database.write() as session:
                report.taken_back = heed(session, team_id, staging)
                # What was kept while the file was read; the rest was compared before the lock.
                _drop_known(session, team_id, viewer, staging, seen_up_to)
                _keep(session, team_id, staging, order, report, flag)
        report.new = len(staging)
        report.known = staged - report.new - report.taken_back
        if order.dry_run:
            _count(report, (record for _, record in staging))
    return report


def _stage(staging: Staging, rows: Iterable[Row], order: Order, report: Report) -> None:
    problems: list[tuple[int, str]] = []
    bad, changes = 0, Changes()
    for row in rows:
        report.rows += 1
        try:
            record = _accepted(row, order.rules, changes)
        except RowError as error:
            bad += 1
            if len(problems) < SHOWN_ROWS:
                problems.append((row.number, str(error)))
            continue
        is_new = _put(staging, record)
        report.repeated += not is_new
        first = record if is_new else staging.find(_said(record), record.where)
        # One wrong answer is kept in the example itself, further ones beside it.
        for wrong in record.rejected:
            if first is None or wrong not in first.rejected[:1]:
                _put(staging, _wrong_one(record, wrong))
    if bad and not order.skip_bad_rows:
        raise RowsRefusedError(order.name, problems, bad)
    if not report.rows:
        raise NoRowsError(order.name)
    report.skipped, report.redacted, report.cleaned = bad, changes.redacted, changes.cleaned


def _accepted(row: Row, rules: Rules, changes: Changes) -> Record:
    if row.record is None:
        raise RowError(row.problem)
    return accept(row.record, rules, changes)


def _put(staging: Staging, record: Record) -> bool:
    return staging.add(_said(record), record, record.where)


def _said(record: Record) -> bytes:
    return digest(record.audience or WORKSPACE, record)


def _wrong_one(record: Record, wrong: str) -> Record:
    return Record(
        question=record.question,
        answer=wrong,
        context=record.context,
        audience=record.audience,
        state=ExampleState.REJECTED,
        question_source=record.question_source,
        answer_source=Source.BOT_ANSWER,
    )


def _drop_known(
    session: Session, team_id: str, viewer: Viewer, staging: Staging, after: int = 0
) -> int:
    """Drop what is kept already; returns the newest id it was compared with."""
    for known in exchange.known_texts(session, team_id, viewer, after):
        at = {"channel_id": known.channel_id, "answer_ts": known.answer_ts}
        record = Record(known.question, known.answer, tuple(known.context), place=at)
        staging.drop(digest(known.audience, record), record.where)
        after = known.id
    return after


def _drop_edited(session: Session, team_id: str, viewer: Viewer, staging: Staging) -> None:
    """Drop what was kept once and says something else by now: a file does not bring it back."""
    for known in exchange.known_earlier_texts(session, team_id, viewer):
        record = Record(known.question, known.answer, tuple(known.context))
        staging.drop(digest(known.audience, record))


def _keep(
    session: Session, team_id: str, staging: Staging, order: Order, report: Report, flag: Flag
) -> None:
    # Eight bytes a row, of which there may be millions.
    added = array("q")
    for page in pages(iter(staging), exchange.PAGE):
        ids = exchange.add_examples(session, [new_example(team_id, record) for _, record in page])
        wordings: list[Wording] = []
        votes: list[Vote] = []
        revisions: list[Revision] = []
        messages: list[ExampleMessage] = []
        for example_id, (said, record) in zip(ids, page, strict=True):
            wordings += new_wordings(team_id, example_id, record)
            votes += new_votes(team_id, example_id, said, record, order.by)
            messages += new_messages(team_id, example_id, record)
            revisions += new_revisions(team_id, example_id, record)
        exchange.add_belongings(session, wordings)
        exchange.add_belongings(session, votes)
        exchange.add_belongings(session, revisions)
        exchange.add_belongings(session, messages)
        follow_edits(session, team_id, [record for _, record in page])
        _count(report, (record for _, record in page))
        added.extend(ids)
    if not added:
        return
    report.near_duplicates, report.not_compared = flag(session, added)
    for audience, count in report.audiences.items():
        audit.record(
            session,
            team_id,
            actor=order.by,
            action="examples.imported",
            subject=f"import:{added[0]}-{added[-1]}",
            audience=audience,
            details={"examples": count},
        )


def _count(report: Report, records: Iterable[Record]) -> None:
    for record in records:
        report.states[(record.state or ExampleState.APPROVED).value] += 1
        report.audiences[record.audience or WORKSPACE] += 1
