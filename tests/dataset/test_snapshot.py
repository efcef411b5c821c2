"""A snapshot holds what its audience may learn, always in the same order and hash."""

from pathlib import Path

import pytest

from bot.dataset import splits
from bot.dataset.rights import attest
from bot.dataset.snapshot import build_rows, row_hash, snapshot_hash, take_snapshot
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.snapshots import rows_of
from storage.tables import Example, ExampleState, Snapshot, SnapshotRow, Source, Split
from tests.teaching import TEAM, fresh_database, teach, teach_facts

EVERYTHING = tuple(Source)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return fresh_database(tmp_path)


def take(database: Database, audience: str = WORKSPACE, sources=EVERYTHING):
    with database.write() as session:
        return take_snapshot(session, TEAM, audience, attest(session, TEAM, "U0ALICE", sources))


def questions(rows: list[SnapshotRow], split: Split) -> set[str]:
    return {row.question for row in rows if row.split == split}


def test_first_wordings_are_trained_and_other_wordings_held_out(database):
    with database.write() as session:
        teach(session, "first", "yes", held_out=("other",), trained=("also trained",))

    rows = take(database).rows

    assert questions(rows, Split.TRAIN) == {"first", "also trained"}
    assert questions(rows, Split.HELD_OUT_WORDING) == {"other"}


def test_without_other_wordings_nothing_is_held_out(database):
    with database.write() as session:
        for number in range(20):
            teach(session, f"question {number}", f"answer {number}")

    rows = take(database).rows

    assert {row.split for row in rows} == {Split.TRAIN}


def test_only_approved_examples_are_taken(database):
    with database.write() as session:
        teach(session, "good", "yes")
        for state in ExampleState:
            if state != ExampleState.APPROVED:
                teach(session, f"{state}", "no", state=state)

    assert questions(take(database).rows, Split.TRAIN) == {"good"}


def test_a_private_channel_learns_from_itself_and_the_workspace_and_nobody_else(database):
    with database.write() as session:
        teach(session, "everybody's", "a")
        teach(session, "ops'", "b", audience="C0OPS")
        teach(session, "board's", "c", audience="C0BOARD")
        teach(session, "another company's", "d", team_id="T0OTHER")

    assert questions(take(database, WORKSPACE).rows, Split.TRAIN) == {"everybody's"}
    assert questions(take(database, "C0OPS").rows, Split.TRAIN) == {"everybody's", "ops'"}


def test_only_sources_the_attestation_names_are_taken_the_stricter_of_two_counts(database):
    with database.write() as session:
        teach(session, "form", "a")
        teach(session, "slack", "b", source=Source.SLACK_MESSAGE)
        teach(session, "mixed", "c", question_source=Source.SLACK_MESSAGE)

    taken = take(database, sources=(Source.AUTHORED, Source.IMPORT))

    assert questions(taken.rows, Split.TRAIN) == {"form"}
    assert taken.rights["left_out"] == {"slack_message": 2}
    assert taken.rights["rows"] == {"authored": 1}
    assert taken.rights["sources"] == ["authored", "import"]
    assert taken.rights["by"] == "U0ALICE"


def test_taking_it_again_gives_the_same_snapshot(database):
    with database.write() as session:
        teach_facts(session, 5)

    first, second = take(database), take(database)

    assert second.snapshot.id == first.snapshot.id
    assert [row.id for row in second.rows] == [row.id for row in first.rows]


def test_a_changed_answer_gives_a_new_snapshot_and_leaves_the_old_one_alone(database):
    with database.write() as session:
        example = teach(session, "first", "old answer")
    first = take(database)
    with database.write() as session:
        session.get_one(Example, example.id).answer = "new answer"

    second = take(database)

    assert (second.snapshot.number, first.snapshot.number) == (2, 1)
    assert second.snapshot.hash != first.snapshot.hash
    with database.read() as session:
        old = rows_of(session, TEAM, first.snapshot.id, Viewer.model(WORKSPACE))
    assert [row.answer for row in old] == ["old answer"]


def test_the_hash_does_not_depend_on_the_order_in_which_things_were_taught(tmp_path):
    facts = [(f"question {number}", f"answer {number}") for number in range(6)]
    hashes = []
    for name, order in (("a", facts), ("b", facts[::-1])):
        database = fresh_database(tmp_path / name)
        with database.write() as session:
            for question, answer in order:
                teach(session, question, answer)
        hashes.append(take(database).snapshot.hash)

    assert hashes[0] == hashes[1]


def test_the_hash_proves_every_row(database):
    with database.write() as session:
        teach_facts(session, 3)
    taken = take(database)

    with database.read() as session:
        stored = session.get_one(Snapshot, taken.snapshot.id)
        rows = rows_of(session, TEAM, taken.snapshot.id, Viewer.model(WORKSPACE))

    assert [row_hash(row) for row in rows] == [row.row_hash for row in rows]
    assert snapshot_hash(rows) == stored.hash


def test_text_that_no_encoding_holds_is_hashed_all_the_same():
    example = Example(
        id=1,
        team_id=TEAM,
        question="half a pair: \ud83d",
        answer="yes",
        question_source=Source.IMPORT,
        answer_source=Source.IMPORT,
    )

    assert len(build_rows(TEAM, [example], {})[0].row_hash) == 64


def test_a_viewer_outside_the_audience_gets_no_rows(database):
    with database.write() as session:
        teach(session, "ops'", "b", audience="C0OPS")
    taken = take(database, "C0OPS")

    with database.read() as session:
        for viewer in (Viewer.nobody(), Viewer.person(()), Viewer.person({"C0OTHER"})):
            assert rows_of(session, TEAM, taken.snapshot.id, viewer) == []


def test_with_many_examples_whole_clusters_are_never_trained(database, monkeypatch):
    monkeypatch.setattr(splits, "MANY_EXAMPLES", 60)
    with database.write() as session:
        teach_facts(session, 60)
        for number in range(1, 61):  # the same question, typed by somebody in a hurry
            teach(session, f"where is THE key of room {number}", "Ask at the desk.")

    rows = take(database).rows

    unseen = {q.casefold().strip("?") for q in questions(rows, Split.HELD_OUT_QUESTION)}
    trained = {q.casefold().strip("?") for q in questions(rows, Split.TRAIN)}
    assert 0 < len(unseen) < 20
    assert not unseen & trained
