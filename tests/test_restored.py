"""What was taken back stays taken back when an older backup is restored."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.backup import write_backup
from bot.cli.backup import about_erasures
from bot.curation import forgetting
from bot.curation.forgetting import Grace
from bot.errors import BackupError
from bot.pipeline import forgetting as steps
from bot.restore import STAGING, Restored, finish_restore, restore_backup
from bot.restored import Memory, forget_unknown
from storage import erasure, ledger, opt_outs, outbox
from storage.audience import WORKSPACE
from storage.columns import utc_now
from storage.database import Database
from storage.ledger import Ledger, Taken
from storage.schema import upgrade
from storage.tables import (
    Erasure,
    Example,
    ExampleMessage,
    InboxItem,
    ModelVersion,
    Question,
    QuestionState,
    Revision,
    RevisionReason,
    Run,
    RunState,
    Snapshot,
    SnapshotRow,
    Unanswered,
    UnansweredAsk,
    VersionState,
    WhyUnanswered,
    Wording,
    WordingUse,
)
from tests.teaching import TEAM, teach, write_new

ALICE, BOB, CAROL = "U0ALICE", "U0BOB", "U0CAROL"
SECRET = "xylophone quarantine"
ANSWER_TS = "1700000000.000200"


@dataclass
class Machine:
    """A data folder with its database and its ledger; the bot is started and stopped in words."""

    home: Path

    def __post_init__(self) -> None:
        self.home.mkdir(exist_ok=True)
        write_new(self.home / "apprentice.db")
        self.database = self.opened()
        forget_unknown(self.database, self.home, 7)

    def opened(self) -> Database:
        return Database(
            f"sqlite:///{self.home / 'apprentice.db'}", ledger=Ledger(self.home / ledger.FILE)
        )

    def backup(self, name: str = "b.tar") -> Path:
        write_backup(self.database, self.home, self.home.parent / name)
        return self.home.parent / name

    def restore(self, source: Path, memory: Memory | None = None) -> Restored:
        self.database.close()
        try:
            return restore_backup(self.database, self.home, source, memory)
        finally:
            self.database = self.opened()

    def start(self) -> None:
        """As the bot does before it asks Slack."""
        finish_restore(self.home, self.home / "apprentice.db")
        upgrade(self.database)
        forget_unknown(self.database, self.home, 7)
        while steps.step(steps.Broom(self.database, self.home)):
            pass

    def rows(self, table) -> list:
        with self.database.read() as session:
            return list(session.exec(select(table).order_by(table.id)))

    def answers(self) -> list[str]:
        return [example.answer for example in self.rows(Example)]

    def files_with(self, text: str) -> list[str]:
        return [
            path.name
            for path in self.home.rglob("*")
            if path.is_file() and text.encode() in path.read_bytes()
        ]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "home")
    yield machine
    machine.database.close()


def alice_teaches(machine: Machine, ts: str = ANSWER_TS, channel: str = "C0HELP") -> int:
    """Alice answered Carol in Slack with the secret, and Bob had it kept."""
    with machine.database.write() as session:
        example = teach(session, "How?", f"With the {SECRET} key.")
        example.author_id, example.asker_id, example.channel_id = ALICE, CAROL, channel
        example.answer_ts, example.question_ts = ts, "1700000000.000100"
        erasure.record_messages(
            session, example, [(example.question_ts, CAROL, "question"), (ts, ALICE, "answer")]
        )
        session.add(
            Revision(
                team_id=TEAM, example_id=example.id, number=1, question="How?",
                answer=f"With the {SECRET} key.", context=[], author_id=BOB,
                reason=RevisionReason.CREATED,
            )
        )  # fmt: skip
        session.flush()
        return example.id


def train(machine: Machine, example_id: int) -> Path:
    """A version that is not live any more, with its file; returns the file."""
    with machine.database.write() as session:
        snapshot = Snapshot(team_id=TEAM, audience=WORKSPACE, number=1, hash="h")
        session.add(snapshot)
        session.flush()
        run = Run(
            team_id=TEAM, audience=WORKSPACE, trainer="local", requested_by=BOB,
            state=RunState.DONE, snapshot_id=snapshot.id,
        )  # fmt: skip
        session.add(run)
        session.flush()
        folder = f"jobs/run-{run.id}/adapter"
        session.add(
            SnapshotRow(
                team_id=TEAM, snapshot_id=snapshot.id, example_id=example_id, position=0,
                question="How?", answer=SECRET, split="train", row_hash="r",
                question_source="slack_message", answer_source="slack_message",
            )
        )  # fmt: skip
        session.add(
            ModelVersion(
                team_id=TEAM, audience=WORKSPACE, number=1, name="workspace-v1", run_id=run.id,
                snapshot_id=snapshot.id, base_model="b", base_digest="d", adapter_path=folder,
                gguf_path=f"{folder}/lora.gguf", checksum="c", state=VersionState.HELD,
            )
        )  # fmt: skip
    adapter = machine.home / folder / "lora.gguf"
    adapter.parent.mkdir(parents=True)
    adapter.write_bytes(b"GGUF " + SECRET.encode())
    return adapter


def forget(machine: Machine, user_id: str) -> str:
    with machine.database.write() as session:
        receipt = forgetting.opt_out(session, TEAM, user_id).receipt
    machine.start()
    return receipt


def delete(machine: Machine, ts: str) -> None:
    with machine.database.write() as session:
        forgetting.note_deletion(session, TEAM, "C0HELP", ts)
        forgetting.forget_message(session, TEAM, "C0HELP", ts, Grace(utc_now()))
    machine.start()


def test_who_opted_out_after_the_backup_does_not_come_back(machine):
    adapter = train(machine, alice_teaches(machine))
    with machine.database.write() as session:
        kept = teach(session, "What?", "A clock.")
        session.add(
            Wording(
                team_id=TEAM, example_id=kept.id, text=f"{SECRET}?", asker_id=ALICE,
                use=WordingUse.EVALUATION,
            )
        )  # fmt: skip
        question = Question(
            team_id=TEAM, channel_id="C0HELP", message_ts="1.1", thread_ts="1.1", user_id=ALICE,
            state=QuestionState.ANSWERED,
        )  # fmt: skip
        lost = Unanswered(team_id=TEAM, audience=WORKSPACE, topic=SECRET, text=f"Why the {SECRET}?")
        session.add_all([question, lost])
        session.flush()
        session.add(
            UnansweredAsk(
                team_id=TEAM, unanswered_id=lost.id, user_id=ALICE, question_id=question.id,
                why=WhyUnanswered.NO_EXAMPLE,
            )
        )  # fmt: skip
        outbox.put(session, TEAM, "waits", channel_id="C0HELP", text=f"Use the {SECRET}.")
    backup = machine.backup()
    receipt = forget(machine, ALICE)

    restored = machine.restore(backup)

    # Before the bot starts: not in a row, not in a free page, not in a file.
    assert machine.files_with(SECRET) == []
    assert restored.erased.counts == {Taken.PERSON: 1}
    assert restored.erased.is_sure
    assert machine.answers() == ["", "A clock."]
    assert machine.rows(Wording) == machine.rows(Unanswered) == []
    assert not adapter.exists()
    assert [version.state for version in machine.rows(ModelVersion)] == ["retired"]
    with machine.database.read() as session:
        assert opt_outs.opted_out(session, TEAM, [ALICE]) == {ALICE}
        assert erasure.find_receipt(session, TEAM, receipt) is not None
        assert not outbox.has_due(session)

    machine.start()
    assert machine.files_with(ALICE) == []
    assert [row.state for row in machine.rows(Erasure)] == ["done"]


def test_a_message_deleted_after_the_backup_does_not_come_back(machine):
    alice_teaches(machine)
    backup = machine.backup()
    delete(machine, ANSWER_TS)

    machine.restore(backup)

    assert machine.files_with(SECRET) == []
    assert machine.answers() == [""]


def test_a_message_edited_after_the_backup_is_read_again(machine):
    alice_teaches(machine)
    backup = machine.backup()
    with machine.database.write() as session:
        forgetting.note_edit(session, TEAM, "C0HELP", ANSWER_TS, "1800000000.000300")

    machine.restore(backup)

    [item] = machine.rows(InboxItem)
    assert (item.kind, item.state) == ("message_changed", "new")
    assert item.payload == {
        "channel_id": "C0HELP", "message_ts": ANSWER_TS, "edited_ts": "1800000000.000300"
    }  # fmt: skip


def test_a_channel_that_turned_private_and_an_example_that_was_narrowed_stay_so(machine):
    alice_teaches(machine, channel="C0OPS")
    narrowed = alice_teaches(machine, "1700000000.000900")
    backup = machine.backup()
    with machine.database.write() as session:
        forgetting.close_channel(session, TEAM, "C0OPS", Grace(utc_now()))
        example = session.get_one(Example, narrowed)
        forgetting.move(session, example, "C0SECRET", Grace(utc_now()))

    machine.restore(backup)

    assert [example.audience for example in machine.rows(Example)] == ["C0OPS", "C0SECRET"]


def test_a_workspace_that_left_after_the_backup_does_not_come_back(machine):
    adapter = train(machine, alice_teaches(machine))
    backup = machine.backup()
    with machine.database.write() as session:
        forgetting.leave(session, TEAM, utc_now())
    machine.start()

    machine.restore(backup)

    # Its token is gone, so a bot that would do it later may never start.
    assert machine.files_with(SECRET) == []
    assert machine.files_with(TEAM) == []
    assert not adapter.exists()


def test_a_backup_from_after_a_workspace_came_back_is_whole(machine):
    with machine.database.write() as session:
        teach(session, "Before?", "Gone.")
        forgetting.leave(session, TEAM, utc_now())
    machine.start()
    with machine.database.write() as session:
        teach(session, "After?", "Kept.")
    backup = machine.backup()

    assert machine.restore(backup).erased.counts == {}
    assert machine.answers() == ["Kept."]


def test_a_purge_that_is_not_due_yet_is_still_due_on_its_day(machine):
    alice_teaches(machine)
    backup = machine.backup()
    with machine.database.write() as session:
        forgetting.leave(session, TEAM, utc_now() + timedelta(days=3))

    machine.restore(backup)
    machine.start()
    assert len(machine.answers()) == 1

    later = steps.Broom(machine.database, machine.home, now=lambda: utc_now() + timedelta(days=4))
    steps.step(later)
    assert machine.answers() == []


def test_what_a_backup_already_knows_is_not_done_again(machine):
    example = alice_teaches(machine)
    with machine.database.write() as session:
        forgetting.close_channel(session, TEAM, "C0HELP", Grace(utc_now()))
        forgetting.move(session, session.get_one(Example, example), WORKSPACE, Grace(utc_now()))
    backup = machine.backup()

    assert machine.restore(backup).erased.counts == {}
    assert machine.rows(Example)[0].audience == WORKSPACE


def test_an_id_that_another_example_has_now_is_not_taken_for_the_old_one(machine):
    empty = machine.backup("empty.tar")
    with machine.database.write() as session:
        first = teach(session, "How?", "Private.")
        first_id = first.id
        forgetting.move(session, first, "C0OPS", Grace(utc_now()))
    machine.restore(empty)
    with machine.database.write() as session:
        assert teach(session, "How?", "Public.").id == first_id
    backup = machine.backup("later.tar")

    machine.restore(backup)

    assert machine.rows(Example)[0].audience == WORKSPACE


def test_another_machine_is_told_plainly_what_it_cannot_know(machine, tmp_path):
    alice_teaches(machine)
    backup = machine.backup()
    forget(machine, ALICE)
    other = tmp_path / "other"
    other.mkdir()
    fresh = Database(f"sqlite:///{other / 'apprentice.db'}")

    blind = restore_backup(fresh, other, backup)

    assert not blind.erased.is_sure
    [attention] = about_erasures(blind)
    assert "no ledger of erasures" in attention
    assert "--ledger" in attention
    with fresh.read() as session:
        assert SECRET in session.exec(select(Example.answer)).one()
    fresh.close()

    told = restore_backup(fresh, other, backup, Memory(machine.home / ledger.FILE))

    assert told.erased.is_sure
    [line] = about_erasures(told)
    assert "1 person" in line
    with fresh.read() as session:
        assert session.exec(select(Example.answer)).one() == ""
    fresh.close()


def test_a_newer_backup_carries_its_ledger_to_another_machine(machine, tmp_path):
    alice_teaches(machine)
    old = machine.backup("old.tar")
    forget(machine, ALICE)
    new = machine.backup("new.tar")
    other = tmp_path / "other"
    other.mkdir()
    fresh = Database(f"sqlite:///{other / 'apprentice.db'}")

    restore_backup(fresh, other, new)
    again = restore_backup(fresh, other, old)

    assert again.erased.is_sure
    assert again.erased.counts == {Taken.PERSON: 1}
    fresh.close()


def test_a_file_that_is_no_ledger_is_refused_and_nothing_changes(machine, tmp_path):
    alice_teaches(machine)
    backup = machine.backup()
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\n" + os.urandom(500) + b"\n")

    for path in (tmp_path / "photo.jpg", tmp_path / "none"):
        with pytest.raises(BackupError, match="Nothing was changed"):
            machine.restore(backup, Memory(path))

    assert SECRET in machine.answers()[0]
    assert not (machine.home / STAGING).exists()


def test_opt_outs_from_before_there_was_a_ledger_are_in_it(machine):
    alice_teaches(machine)
    backup = machine.backup()
    forget(machine, ALICE)
    (machine.home / ledger.FILE).unlink()

    restored = machine.restore(backup)

    assert restored.erased.is_sure
    assert machine.files_with(SECRET) == []


def test_a_database_that_was_copied_by_hand_is_cleaned_by_the_start(machine, tmp_path):
    alice_teaches(machine)
    machine.database.close()
    shutil.copy(machine.home / "apprentice.db", tmp_path / "copy.db")
    machine.database = machine.opened()
    forget(machine, ALICE)
    machine.database.close()
    for name in ("apprentice.db-wal", "apprentice.db-shm"):
        (machine.home / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "copy.db", machine.home / "apprentice.db")
    machine.database = machine.opened()

    machine.start()

    assert machine.files_with(SECRET) == []
    assert machine.files_with(ALICE) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from bot import restore, restored
from storage.database import Database
home, source, module, at = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
setattr({"restore": restore, "restored": restored}[module], at, die)
restore.restore_backup(Database(f"sqlite:///{home / 'apprentice.db'}"), home, source)
"""


@pytest.mark.parametrize(
    ("module", "at"),
    [
        ("restore", "forget_since"), ("restored", "_forget"), ("restore", "_commit"),
        ("restore", "finish_restore"), ("restore", "_exchange"), ("restore", "_move"),
    ],
)  # fmt: skip
def test_killed_anywhere_what_was_erased_is_nowhere_after_the_next_start(machine, module, at):
    alice_teaches(machine)
    backup = machine.backup()
    forget(machine, ALICE)
    machine.database.close()

    script = [sys.executable, "-c", KILLED, str(machine.home), str(backup), module, at]
    ended = subprocess.run(script, timeout=60)
    machine.database = machine.opened()
    machine.start()

    assert ended.returncode == -signal.SIGKILL
    assert machine.files_with(SECRET) == []
    assert machine.answers() == [""]


def test_the_ledger_is_written_before_the_erasure_and_names_nobody(machine):
    alice_teaches(machine)
    path = machine.home / ledger.FILE

    class PowerCutError(Exception):
        pass

    with contextlib.suppress(PowerCutError), machine.database.write() as session:
        forgetting.opt_out(session, TEAM, ALICE)
        assert len(path.read_text().splitlines()) == 1
        raise PowerCutError
    assert SECRET in machine.answers()[0]

    # It was never reported as done; done it is all the same.
    machine.start()

    assert machine.answers() == [""]
    assert path.stat().st_mode & 0o077 == 0
    assert not any(name in path.read_text() for name in (ALICE, TEAM, SECRET))


def test_without_room_for_the_ledger_nothing_is_erased_or_reported(machine):
    alice_teaches(machine)
    (machine.home / ledger.FILE).unlink()
    (machine.home / ledger.FILE).mkdir()

    with pytest.raises(OSError), machine.database.write() as session:  # noqa: PT011 - any
        forgetting.opt_out(session, TEAM, ALICE)

    assert machine.rows(Erasure) == []


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_line_that_a_crash_cut_off_costs_no_other(tmp_path, cut):
    file = Ledger(tmp_path / "l")
    entries = [ledger.Entry(str(number), Taken.MESSAGE, "t", "w", utc_now()) for number in range(3)]
    file.append(entries[0])
    file.append(entries[1])
    with file.path.open("r+b") as raw:
        raw.truncate(file.path.stat().st_size - cut)

    assert file.read() == (entries[:1], 0)
    file.append(entries[2])
    assert file.read() == ([entries[0], entries[2]], 0)


def test_a_damaged_line_is_counted_and_said(machine):
    alice_teaches(machine)
    backup = machine.backup()
    with (machine.home / ledger.FILE).open("ab") as raw:
        raw.write(b'["half\xff\n')
    forget(machine, ALICE)

    restored = machine.restore(backup)

    assert restored.erased.damaged == 1
    assert any("cannot be read" in line for line in about_erasures(restored))
    assert machine.files_with(SECRET) == []


def test_what_is_restored_is_one_sound_file(machine):
    alice_teaches(machine)
    backup = machine.backup()
    forget(machine, ALICE)

    machine.restore(backup)

    assert sorted(path.name for path in machine.home.iterdir() if path.is_file()) == [
        "apprentice.db", "apprentice.db.lock", ledger.FILE
    ]  # fmt: skip
    with closing(sqlite3.connect(machine.home / "apprentice.db")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert machine.rows(ExampleMessage) == []
