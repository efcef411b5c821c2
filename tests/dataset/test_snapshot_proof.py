"""A snapshot is built again to the same hash: in any order, with tombstones, after any damage."""

from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlmodel import select, update

from bot.dataset.rights import attest
from bot.dataset.rows import build_rows, snapshot_hash
from bot.dataset.snapshot import freeze, proves, take_snapshot
from bot.dataset.splits import MANY_EXAMPLES, splits_of, words_of
from storage.audience import WORKSPACE
from storage.database import Database
from storage.tables import Example, Snapshot, SnapshotRow, Source, Split, Wording, WordingUse
from tests.teaching import TEAM, fresh_database, teach, teach_facts, thaw

texts = st.text(min_size=1, max_size=12)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return fresh_database(tmp_path)


def freeze_now(database: Database):
    with database.write() as session:
        attestation = attest(session, TEAM, "U0ALICE", tuple(Source))
        return freeze(session, TEAM, WORKSPACE, attestation).snapshot


def erase(database: Database, *positions: int) -> None:
    with database.write() as session:
        for position in positions:
            row = session.exec(select(SnapshotRow).where(SnapshotRow.position == position)).one()
            row.question = row.answer = ""
            row.context, row.erased = [], True


def is_proven(database: Database, snapshot) -> bool:
    with database.read() as session:
        return proves(session, TEAM, snapshot)


def examples_of(contents, ids):
    found, wordings = [], {}
    for (question, answer, others), id_ in zip(contents, ids, strict=True):
        found.append(
            Example(
                id=id_, team_id=TEAM, question=question, answer=answer,
                question_source=Source.IMPORT, answer_source=Source.IMPORT,
            )
        )  # fmt: skip
        wordings[id_] = [
            Wording(team_id=TEAM, example_id=id_, text=text, use=use) for text, use in others
        ]
    return found, wordings


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_neither_order_nor_ids_change_the_hash(data):
    other = st.tuples(texts, st.sampled_from(WordingUse))
    contents = data.draw(st.lists(st.tuples(texts, texts, st.lists(other, max_size=3))))
    order = data.draw(st.permutations(range(len(contents))))

    one = build_rows(TEAM, *examples_of(contents, range(1, len(contents) + 1)))
    ids = data.draw(st.permutations(range(100, 100 + len(contents))))
    shuffled = build_rows(TEAM, *examples_of([contents[place] for place in order], ids))

    assert snapshot_hash(one) == snapshot_hash(shuffled)
    assert [row.row_hash for row in one] == [row.row_hash for row in shuffled]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=MANY_EXAMPLES, max_size=MANY_EXAMPLES + 40))
def test_no_question_is_on_both_sides_of_a_split(letters):
    # Many questions with the same words: each of them has to stay on one side.
    number = count()
    contents = [
        (
            f"{letter} {next(number) % 90}?",
            f"{letter}",
            [(f"{letter} again", WordingUse.EVALUATION)],
        )
        for letter in letters
    ]
    rows = build_rows(TEAM, *examples_of(contents, range(1, len(contents) + 1)))

    sides = {split: {words_of(r.question) for r in rows if r.split is split} for split in Split}
    trained = sides.pop(Split.TRAIN)
    assert trained
    assert not any(trained & side for side in sides.values())
    assert not sides[Split.VALIDATION] & sides[Split.HELD_OUT_QUESTION]


def test_what_is_nearly_all_there_is_stays_to_be_trained_on():
    """Held out by the luck of its words, one cluster would leave nothing to train."""
    for word in "abcdefghijklmnopqrstuvwxyz":
        alike = {number: [f"{word} {number}?", f"{word} again"] for number in range(MANY_EXAMPLES)}
        others = {-1: ["Where is the lamp?"], -2: ["Who has the boat?"]}

        splits = splits_of(alike | others)

        assert {splits[number] for number in alike} == {Split.TRAIN}


def test_many_examples_have_a_validation_split_and_few_have_none(database):
    with database.write() as session:
        teach_facts(session, MANY_EXAMPLES - 1)
    few = freeze_now(database)
    with database.write() as session:
        teach(session, "one more", "fact")
    many = freeze_now(database)

    with database.read() as session:
        splits = {
            snapshot.number: {
                split: len(
                    session.exec(
                        select(SnapshotRow.id).where(
                            SnapshotRow.snapshot_id == snapshot.id, SnapshotRow.split == split
                        )
                    ).all()
                )
                for split in Split
            }
            for snapshot in (few, many)
        }
    assert splits[1][Split.VALIDATION] == splits[1][Split.HELD_OUT_QUESTION] == 0
    assert 2 <= splits[2][Split.VALIDATION] <= 20
    assert 5 <= splits[2][Split.HELD_OUT_QUESTION] <= 35
    assert is_proven(database, few)
    assert is_proven(database, many)


def test_tombstones_prove_the_rest(database):
    with database.write() as session:
        teach_facts(session, 5)
    snapshot = freeze_now(database)

    erase(database, 0, 3)

    assert is_proven(database, snapshot)


@pytest.mark.parametrize(
    ("of", "values"),
    [
        (SnapshotRow, {"answer": "something else"}),
        (SnapshotRow, {"question": "", "answer": "", "context": []}),  # blank, and not marked so
        (SnapshotRow, {"erased": True}),  # marked so, and not blank
        (SnapshotRow, {"erased": True, "question": "", "answer": "", "row_hash": "0"}),
        (SnapshotRow, {"split": Split.VALIDATION}),
        (SnapshotRow, {"position": 99}),
        (SnapshotRow, {"snapshot_id": 2}),
        (SnapshotRow, {"example_id": 2}),
        (SnapshotRow, {"question_source": "import"}),
        (SnapshotRow, {"answer_source": "import"}),
        (SnapshotRow, {"team_id": "T1"}),
        (Snapshot, {"hash": "0"}),
        (Snapshot, {"audience": "C0OPS"}),
        (Snapshot, {"number": 9}),
    ],
)
def test_the_database_refuses_to_change_what_is_frozen(database, of, values):
    with database.write() as session:
        teach_facts(session, 2)
    snapshot = freeze_now(database)
    with database.write() as session:
        teach(session, "And the lamp?", "On the shelf.")
    freeze_now(database)

    def change() -> None:
        with database.write() as session:
            session.exec(update(of).where(of.id == 1).values(**values))

    with pytest.raises(IntegrityError, match="a snapshot never changes"):
        change()
    assert is_proven(database, snapshot)


BLANK = {"erased": True, "question": "", "answer": "", "context": []}


@pytest.mark.parametrize(
    "more",
    [
        {"split": Split.VALIDATION},
        {"position": 99},
        {"snapshot_id": 2},
        {"example_id": 2},
        {"question_source": "import"},
        {"answer_source": "import"},
        {"team_id": "T1"},
        {"row_hash": "0"},
        {"question": "left"},
        {"answer": "left"},
        {"context": [{"role": "user", "content": "left"}]},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_tombstone_changes_nothing_else_and_leaves_no_word(database, more):
    with database.write() as session:
        teach_facts(session, 2)
    freeze_now(database)
    with database.write() as session:
        teach(session, "And the lamp?", "On the shelf.")
    freeze_now(database)

    def change(values) -> None:
        with database.write() as session:
            session.exec(update(SnapshotRow).where(SnapshotRow.id == 1).values(**values))

    with pytest.raises(IntegrityError, match="a snapshot never changes"):
        change({**BLANK, **more})
    change(BLANK)


def test_a_tombstone_stays_one(database):
    with database.write() as session:
        teach_facts(session, 2)
    freeze_now(database)
    erase(database, 0)

    def change(**values) -> None:
        with database.write() as session:
            session.exec(update(SnapshotRow).where(SnapshotRow.position == 0).values(**values))

    change(erased=True)
    for values in ({"erased": False}, {"answer": "back again"}):
        with pytest.raises(IntegrityError, match="a snapshot never changes"):
            change(**values)


def test_a_changed_row_and_a_lost_row_are_noticed(database):
    with database.write() as session:
        teach_facts(session, 5)
    snapshot = freeze_now(database)
    with database.write() as session:
        thaw(session)
        row = session.exec(select(SnapshotRow).where(SnapshotRow.position == 2)).one()
        before, row.answer = row.answer, "something else"
    assert not is_proven(database, snapshot)
    with database.write() as session:
        row = session.exec(select(SnapshotRow).where(SnapshotRow.position == 2)).one()
        row.answer = before
    assert is_proven(database, snapshot)
    with database.write() as session:
        session.delete(session.exec(select(SnapshotRow).where(SnapshotRow.position == 4)).one())
    assert not is_proven(database, snapshot)


def test_what_is_taught_again_after_it_was_erased_stands_in_a_new_snapshot(database):
    with database.write() as session:
        teach_facts(session, 3)
    first = freeze_now(database)
    erase(database, 1)

    with database.write() as session:
        attestation = attest(session, TEAM, "U0ALICE", tuple(Source))
        second = take_snapshot(session, TEAM, WORKSPACE, attestation)

    assert (second.snapshot.number, second.snapshot.hash) == (2, first.hash)
    assert len(second.rows) == 6


def test_a_wording_that_is_trained_elsewhere_is_not_held_out(database):
    with database.write() as session:
        teach(session, "Where is the key?", "Hook 3.", held_out=("key, where", "where is THE KEY"))
        teach(session, "key where?", "Hook 3.")

    with database.write() as session:
        attestation = attest(session, TEAM, "U0ALICE", tuple(Source))
        rows = take_snapshot(session, TEAM, WORKSPACE, attestation).rows

    assert {row.split for row in rows} == {Split.TRAIN}
