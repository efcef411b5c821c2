"""Training rows come from the snapshot alone, in the form in which prompts are served."""

from pathlib import Path

import pytest

from bot.dataset.rights import attest
from bot.dataset.snapshot import take_snapshot
from bot.evaluation.general_tasks import TASKS
from bot.evaluation.metrics import token_f1
from bot.pipeline.rehearsal import rehearsal_rows
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


def test_beside_its_example_a_question_is_asked_in_other_words(rows):
    for chat in training_rows(rows, (1,)):
        example, asked = chat[1]["content"], chat[-2]["content"]
        assert asked != example
        assert set(example.split()) & set(asked.split())


def test_rehearsal_is_not_what_candidates_are_examined_in(rows):
    chats = rehearsal_rows(rows, "seed")

    asked = {chat[-2]["content"] for chat in chats}
    answered = {chat[-1]["content"] for chat in chats}
    assert len(asked) == len(chats) >= 30
    for task in TASKS:
        assert task.prompt not in asked
        assert token_f1(task.prompt, max(asked, key=lambda q: token_f1(task.prompt, q))) < 1
    assert not answered & {row.answer for row in rows}


def test_rehearsal_goes_without_examples_too_and_is_the_same_again(rows):
    assert rehearsal_rows(rows, "seed") == rehearsal_rows(rows, "seed")
    assert {len(chat) for chat in rehearsal_rows(rows, "seed")} == {3, 5}
    assert {len(chat) for chat in rehearsal_rows([], "seed")} == {3}
