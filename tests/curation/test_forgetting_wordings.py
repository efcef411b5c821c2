"""A wording may be forgotten for two reasons at once: its own, and its example's."""

import warnings
from datetime import timedelta

import pytest
from sqlmodel import select

from bot.curation import forgetting
from bot.curation.forgetting import Grace
from storage import questions
from storage.columns import utc_now
from storage.tables import (
    Example,
    ExampleMessage,
    Part,
    Run,
    Snapshot,
    SnapshotRow,
    Split,
    Unanswered,
    UnansweredAsk,
    WhyUnanswered,
    Wording,
)
from tests.model_versions import make_version
from tests.teaching import TEAM, fresh_database, teach


@pytest.fixture
def session(tmp_path):
    database = fresh_database(tmp_path)
    with database.write() as session, warnings.catch_warnings():
        warnings.simplefilter("error")  # SQLAlchemy warns of rows that are gone already
        yield session
    database.close()


def taught(session, author: str, asker: str, question: str = "Who has the key?") -> Example:
    """By one person, asked in other words by another."""
    example = teach(session, question, "Dora has it.", held_out=("Where is that key?",))
    example.author_id = author
    wording = session.exec(select(Wording).where(Wording.example_id == example.id)).one()
    wording.asker_id, wording.channel_id, wording.message_ts = asker, "C0HELP", "7.0"
    session.flush()
    return example


def test_whoever_asked_in_other_words_for_what_they_had_answered_is_forgotten(session):
    own = taught(session, "U0BOB", "U0BOB")
    others = taught(session, "U0ALICE", "U0BOB", "Who has the lamp?")

    row = forgetting.opt_out(session, TEAM, "U0BOB")
    forgetting.forget_person(session, row, Grace(utc_now()))
    session.flush()

    assert not session.exec(select(Wording)).all()
    assert own.erased_at is not None
    assert others.erased_at is None
    assert row.counts["wordings"] == 1  # the other one went with its example


def test_a_deleted_message_that_was_merged_into_what_it_is_a_wording_of(session):
    kept = taught(session, "U0ALICE", "U0CAROL")
    merged = teach(session, "Where is that key?", "With Dora.")
    merged.merged_into, merged.channel_id = kept.id, "C0HELP"
    merged.question_ts, merged.answer_ts, merged.thread_ts = "7.0", "8.0", "7.0"
    session.add(
        ExampleMessage(
            team_id=TEAM, example_id=merged.id, channel_id="C0HELP", message_ts="7.0",
            user_id="U0CAROL", part=Part.QUESTION,
        )
    )  # fmt: skip
    session.flush()

    assert forgetting.forget_message(session, TEAM, "C0HELP", "7.0", Grace(utc_now()))
    session.flush()

    assert not session.exec(select(Wording)).all()
    assert kept.erased_at is None


def freeze(session, frozen: Snapshot, *held: Example) -> None:
    for position, example in enumerate(held):
        session.add(
            SnapshotRow(
                team_id=TEAM, snapshot_id=frozen.id, position=position, split=Split.TRAIN,
                example_id=example.id, question=example.question, answer=example.answer,
                question_source="authored", answer_source="authored", row_hash="",
            )
        )  # fmt: skip
    session.flush()


@pytest.mark.parametrize(("days_before", "is_tainted"), [(-1, False), (1, True)])
def test_a_version_made_before_somebody_asked_so_has_nothing_of_it(
    session, days_before, is_tainted
):
    example = taught(session, "U0ALICE", "U0CAROL")
    version = make_version(session)
    frozen = session.get_one(Snapshot, version.snapshot_id)
    wording = session.exec(select(Wording)).one()
    wording.created_at = frozen.created_at - timedelta(days=days_before)
    freeze(session, frozen, example)

    assert forgetting.forget_message(session, TEAM, "C0HELP", "7.0", Grace(utc_now()))
    session.flush()

    assert not session.exec(select(Wording)).all()
    assert (version.tainted_at is not None) is is_tainted
    assert session.exec(select(SnapshotRow)).one().erased is is_tainted


def test_what_several_words_had_part_in_is_counted_once(session):
    own = taught(session, "U0BOB", "U0CAROL")
    others = [taught(session, "U0ALICE", "U0BOB", f"Who has lamp {n}?") for n in (1, 2)]
    version = make_version(session)
    session.get_one(Run, version.run_id).snapshot_id = version.snapshot_id
    freeze(session, session.get_one(Snapshot, version.snapshot_id), own, *others)
    known = Unanswered(team_id=TEAM, audience="workspace", topic="lamp", text="Which lamp?")
    session.add(known)
    session.flush()
    for ts in ("8.0", "9.0"):  # asked twice by one person
        asked = questions.ask(
            session, TEAM, channel_id="C0HELP", message_ts=ts, thread_ts=ts, user_id="U0BOB",
            queue_limit=9,
        )  # fmt: skip
        session.add(
            UnansweredAsk(
                team_id=TEAM, unanswered_id=known.id, question_id=asked.id, user_id="U0BOB",
                why=WhyUnanswered.NO_EXAMPLE,
            )
        )  # fmt: skip

    row = forgetting.opt_out(session, TEAM, "U0BOB")
    forgetting.forget_person(session, row, Grace(utc_now()))
    session.flush()

    assert (row.counts["model_versions"], row.counts["snapshots"]) == (1, 1)
    assert (row.counts["snapshot_rows"], row.counts["wordings"]) == (3, 2)
    assert not session.exec(select(UnansweredAsk)).all()
