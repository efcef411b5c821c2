"""What an example said before: kept with every change, and as private as the example."""

from collections.abc import Iterator

import pytest
from sqlmodel import select

from bot.errors import EditedMeanwhileError
from storage import revisions
from storage.audience import Viewer
from storage.tables import Example, RevisionReason
from tests.teaching import TEAM, fresh_database, teach

EVERYBODY, OPS = Viewer.person(()), Viewer.person(["C0OPS"])


@pytest.fixture
def session(tmp_path) -> Iterator:
    database = fresh_database(tmp_path)
    with database.write() as session:
        yield session
    database.close()


def numbers(session, example, viewer=EVERYBODY) -> list[tuple[int, str, str | None]]:
    found = revisions.of_example(session, TEAM, viewer, example.id)
    return [(each.number, each.answer, each.author_id) for each in found]


def test_each_change_is_kept_with_who_made_it(session):
    example = teach(session, "How?", "So.")
    revisions.record(session, example, "U0BOB", RevisionReason.CREATED)

    revisions.change(session, example, "U0ALICE", RevisionReason.EDITED, answer="Like so.")
    revisions.change(session, example, None, RevisionReason.MERGED, tags=["desk"])

    assert numbers(session, example) == [
        (1, "So.", "U0BOB"), (2, "Like so.", "U0ALICE"), (3, "Like so.", None),
    ]  # fmt: skip
    assert (example.answer, example.revision, example.tags) == ("Like so.", 3, ["desk"])


def test_recording_twice_keeps_one(session):
    example = teach(session, "How?", "So.")

    for _ in range(2):
        revisions.record(session, example, "U0BOB", RevisionReason.CREATED)

    assert len(numbers(session, example)) == 1


def test_an_edit_of_old_words_is_refused_and_nothing_is_lost(session):
    example = teach(session, "How?", "So.")
    revisions.change(session, example, "U0BOB", RevisionReason.EDITED, based_on=1, answer="B")

    with pytest.raises(EditedMeanwhileError):
        revisions.change(session, example, "U0ALICE", RevisionReason.EDITED, based_on=1, answer="A")

    assert session.exec(select(Example)).one().answer == "B"
    assert [answer for _, answer, _ in numbers(session, example)] == ["So.", "B"]


def test_old_words_are_as_private_as_new_ones(session):
    example = teach(session, "How?", "So.", audience="C0OPS")
    revisions.record(session, example, None, RevisionReason.CREATED)

    assert len(numbers(session, example, OPS)) == 1
    assert numbers(session, example) == []
    assert revisions.of_example(session, "T_OTHER", OPS, example.id) == []
