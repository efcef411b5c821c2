"""Training rows come from the snapshot alone, in the form in which prompts are served."""

from pathlib import Path

import pytest

from bot.dataset.rights import attest
from bot.dataset.snapshot import take_snapshot
from bot.pipeline.training_rows import training_rows
from storage.audience import WORKSPACE
from storage.tables import SnapshotRow, Source
from tests.teaching import TEAM, fresh_database, teach


@pytest.fixture
def rows(tmp_path: Path) -> list[SnapshotRow]:
    database = fresh_database(tmp_path)
    with database.write() as session:
        for colour in ("red", "blue", "green"):
            teach(
                session,
                f"Where is the {colour} key?",
                f"On the {colour} hook.",
                held_out=(f"Tell me of the {colour} key!",),
            )
        teach(session, "Where is the secret key?", "Not attested.", source=Source.IMPORT)
        attestation = attest(session, TEAM, "U0ALICE", [Source.AUTHORED])
        return take_snapshot(session, TEAM, WORKSPACE, attestation).rows


def test_a_bare_row_is_the_question_and_its_answer(rows):
    chats = training_rows(rows, (0,))

    assert sorted(chat[-1]["content"] for chat in chats) == [
        "On the blue hook.",
        "On the green hook.",
        "On the red hook.",
    ]
    assert {tuple(turn["role"] for turn in chat) for chat in chats} == {
        ("system", "user", "assistant")
    }


def test_a_row_with_examples_carries_its_own_and_the_nearest_others(rows):
    chats = training_rows(rows, (0, 2))

    carrying = [chat for chat in chats if len(chat) > 3]
    assert len(chats) == 6
    for chat in carrying:
        shown = [turn["content"] for turn in chat[2:-1] if turn["role"] == "assistant"]
        assert len(shown) == 2
        assert chat[-1]["content"] in shown


def test_neither_held_out_wordings_nor_unattested_examples_are_in_any_row(rows):
    words = str(training_rows(rows, (0, 1, 3)))

    assert "Tell me of" not in words
    assert "secret" not in words


def test_the_same_snapshot_gives_the_same_rows(rows):
    assert training_rows(rows, (0, 3)) == training_rows(rows, (0, 3))
