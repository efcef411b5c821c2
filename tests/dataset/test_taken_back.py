"""A file from before does not bring back what was taken back since."""

from pathlib import Path

import pytest
from sqlmodel import select

from bot.curation import forgetting
from bot.curation.forgetting import Grace
from bot.dataset.accepting import Rules
from bot.dataset.exporting import APPROVED, export_text, records
from bot.dataset.formats import csv_table, openai_chat
from bot.dataset.importing import Order, Report, import_rows
from storage import erasure, inbox, ledger
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.database import Database
from storage.ledger import Ledger
from storage.tables import Example, InboxItem, InboxKind, InboxState, Wording
from tests.teaching import TEAM, fresh_database, teach

ALICE, BOB, CAROL = "U0ALICE", "U0BOB", "U0CAROL"
READERS = {"openai-chat": openai_chat.read, "csv": csv_table.read}


def opened(folder: Path) -> Database:
    folder.mkdir(exist_ok=True)
    return fresh_database(folder, ledger=Ledger(folder / ledger.FILE))


def kept(session, name: str, channel: str, asker: str, author: str, ts: int) -> Example:
    example = teach(session, f"Where is {name}?", f"{name} is here.")
    example.channel_id, example.thread_ts = channel, f"{ts}.1"
    example.question_ts, example.answer_ts = f"{ts}.1", f"{ts}.2"
    example.asker_id, example.author_id = asker, author
    session.flush()
    said = [(f"{ts}.1", asker, "question"), (f"{ts}.2", author, "answer"),
            (f"{ts}.3", author, "answer")]  # fmt: skip
    erasure.record_messages(session, example, said)
    return example


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return opened(tmp_path / "now")


@pytest.fixture(params=READERS)
def rows(request, tmp_path: Path):
    """What a data set said before anything was taken back, as a file of each kind."""
    before = opened(tmp_path / "before")
    with before.write() as session:
        kept(session, "one", "C1", CAROL, BOB, 100)
        kept(session, "two", "C1", ALICE, BOB, 200)
        kept(session, "three", "C1", CAROL, BOB, 300)
        kept(session, "four", "C2", CAROL, BOB, 400)
        five = teach(session, "Where is five?", "five is typed.")
        for number, (asker, channel) in enumerate(
            [(ALICE, "C1"), (CAROL, "C1"), (CAROL, "C2"), (CAROL, "C3")], start=1
        ):
            brought = Wording(
                team_id=TEAM, example_id=five.id, text=f"five, {number}?", asker_id=asker,
                channel_id=channel, message_ts=f"500.{number}",
            )  # fmt: skip
            session.add(brought)
    path = tmp_path / "before.txt"
    with before.read() as session:
        everybody = Viewer.model(WORKSPACE)
        export_text(records(session, TEAM, WORKSPACE, everybody, APPROVED), request.param,
                    str(path), plain=False)  # fmt: skip
    before.close()
    return lambda: READERS[request.param](path)


def bring_in(database: Database, rows, *, dry_run: bool = False) -> Report:
    order = Order("it", Rules(lambda text: (text, [])), "operator", dry_run=dry_run)
    viewer = Viewer.person(["C2"])
    return import_rows(database, TEAM, viewer, rows(), order, lambda s, ids: (0, 0))


def audiences(database: Database) -> dict[str, str]:
    with database.read() as session:
        return {e.answer.split()[0]: e.audience for e in session.exec(select(Example))}


def test_deleted_messages_and_forgotten_people_stay_away_and_what_is_private_stays_inside(
    database, rows
):
    with database.write() as session:
        deleted = {"channel_id": "C1", "message_ts": "100.1"}
        inbox.receive(session, TEAM, InboxKind.MESSAGE_DELETED, "C1:100.1", deleted, "1.0")
        # The second message of an answer, which an example has no column for.
        more = {"channel_id": "C1", "message_ts": "300.3"}
        inbox.receive(session, TEAM, InboxKind.MESSAGE_DELETED, "C1:300.3", more, "1.0")
        forgetting.opt_out(session, TEAM, ALICE)
        forgetting.close_channel(session, TEAM, "C2", Grace(utc_now()))

        asked = {"channel_id": "C1", "message_ts": "500.2"}
        inbox.receive(session, TEAM, InboxKind.MESSAGE_DELETED, "C1:500.2", asked, "1.0")

    preview = bring_in(database, rows, dry_run=True)
    report = bring_in(database, rows)

    assert audiences(database) == {"four": "C2", "five": WORKSPACE}
    assert (report.rows, report.new, report.known, report.taken_back) == (5, 2, 0, 3)
    assert (preview.new, preview.taken_back, preview.audiences["C2"]) == (2, 3, 1)
    assert bring_in(database, rows).known == 2
    with database.read() as session:
        # Of four wordings those of Alice, of a deleted message and of a closed channel are gone.
        [wording] = session.exec(select(Wording))
    assert (wording.text, wording.asker_id) == ("five, 4?", CAROL)
    assert (wording.channel_id, wording.message_ts) == ("C3", "500.4")


def test_what_was_edited_since_is_compared_with_slack_again(database, rows):
    edited = {"channel_id": "C1", "message_ts": "200.2", "edited_ts": "250.0"}
    with database.write() as session:
        inbox.receive(session, TEAM, InboxKind.MESSAGE_CHANGED, "C1:200.2", edited, "250.0")
        [item] = inbox.due(session)
        inbox.finish(session, item.id, item.revision)

    bring_in(database, rows)

    with database.read() as session:
        [again] = session.exec(select(InboxItem))
    assert again.state is InboxState.NEW
    assert again.payload[forgetting.KEPT_AFTER_EDIT]
