"""What was made from erased words is found and marked, whatever it was made as."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from bot.answering.promotion import promote
from storage import lineage
from storage.audience import Viewer
from storage.columns import utc_now
from storage.tables import EvaluationAnswer, SnapshotRow, Split
from tests.model_versions import make_version
from tests.teaching import TEAM, fresh_database, teach

NOW = utc_now()


@pytest.fixture
def session(tmp_path: Path):
    database = fresh_database(tmp_path)
    with database.write() as session:
        yield session
    database.close()


def row_of(session: Session, snapshot_id: int, example_id: int, position: int = 0) -> SnapshotRow:
    row = SnapshotRow(
        team_id=TEAM, snapshot_id=snapshot_id, position=position, split=Split.TRAIN,
        example_id=example_id, question="Q", answer="A", question_source="import",
        answer_source="import", row_hash="0",
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def mark(session: Session, example_id: int, days: float) -> lineage.Marked:
    until = NOW + timedelta(days=days)
    return lineage.mark(session, TEAM, [example_id], now=NOW, serve_until=until)


def test_an_answer_that_may_quote_an_example_is_blanked_though_no_snapshot_has_it(session):
    """What nobody may train on is in no snapshot, and stands in prompts all the same."""
    frozen = teach(session, "Where is the key?", "On the hook.")
    shown = teach(session, "Where is the map?", "In the drawer.")
    version = make_version(session)
    row = row_of(session, version.snapshot_id, frozen.id)
    answers = [
        EvaluationAnswer(
            team_id=TEAM, run_id=version.run_id, strategy=name, snapshot_row_id=row.id,
            asked="digest", example_ids=ids, text="In the drawer.", f1=0, prompt_tokens=1,
            answer_tokens=1, seconds=1,
        )
        for name, ids in (("base + 1", [shown.id]), ("base", []))
    ]  # fmt: skip
    session.add_all(answers)
    session.flush()

    marked = mark(session, shown.id, 7)
    for answer in answers:
        session.refresh(answer)

    assert [(answer.text, answer.asked) for answer in answers] == [
        ("", None),
        ("In the drawer.", "digest"),
    ]
    # Its report quotes the answers, so the files of the run are cleared as well.
    assert marked.run_ids == {version.run_id}
    assert (marked.rows, marked.version_names) == (0, set())


def test_a_version_that_is_marked_again_is_served_no_longer_for_it(session):
    version = make_version(session)
    taught = [teach(session, f"Where is key {number}?", "There.") for number in range(2)]
    for position, example in enumerate(taught):
        row_of(session, version.snapshot_id, example.id, position)
    promote(session, TEAM, version.name, "U0ALICE", Viewer.person(()))

    until = []
    for example, days in zip(taught, (3, 9), strict=True):
        mark(session, example.id, days)
        until.append(version.serve_until)

    assert until == [NOW + timedelta(days=3)] * 2
