"""Which pairs a run learns from: corrected examples of its own rows, where that is allowed."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.dataset.rights import attest
from bot.dataset.snapshot import take_snapshot
from bot.pipeline.preferences import FEWEST_PAIRS, find_pairs
from bot.pipeline.workshop import Workshop
from bot.training.local import LocalTrainer
from storage.audience import WORKSPACE
from storage.database import Database
from storage.tables import Example, Run, SnapshotRow, Source, Split
from tests.pipeline_parts import make_workshop
from tests.teaching import TEAM, teach

ALL = tuple(Source)


@pytest.fixture
def workshop(tmp_path: Path, database: Database) -> Workshop:
    trainer = LocalTrainer(tmp_path / "jobs", tmp_path / "models")
    made = make_workshop(database, tmp_path)
    return replace(made, learns_preferences=True, trainers={"local": trainer, "openai": trainer})


def frozen(
    database: Database,
    *,
    corrected: int = FEWEST_PAIRS,
    audience: str = WORKSPACE,
    taught_in: str = WORKSPACE,
    sources: tuple[Source, ...] = ALL,
) -> tuple[Run, list[SnapshotRow]]:
    """A run of ``audience`` over examples of ``taught_in``, so many of them corrected."""
    with database.write() as session:
        for number in range(corrected + 2):
            example = teach(
                session, f"Where is key {number}?", f"On hook {number}.", audience=taught_in
            )
            if number < corrected:
                example.original_answer = f"In drawer {number}."
                session.add(example)
        session.flush()
        taken = take_snapshot(session, TEAM, audience, attest(session, TEAM, "U0ALICE", sources))
    run = Run(team_id=TEAM, audience=audience, trainer="local", requested_by="U0ALICE")
    run.rights = taken.rights
    return run, taken.rows


def test_each_corrected_row_gives_a_pair(workshop, database):
    run, rows = frozen(database)

    pairs, words = find_pairs(workshop, run, rows)

    assert {(chat[-1]["content"], wrong) for chat, wrong in pairs} == {
        (f"On hook {n}.", f"In drawer {n}.") for n in range(FEWEST_PAIRS)
    }
    assert f"from {FEWEST_PAIRS} pairs" in words


def test_nothing_is_learned_unasked(workshop, database):
    run, rows = frozen(database)

    assert find_pairs(replace(workshop, learns_preferences=False), run, rows) == ([], "")


def test_too_few_pairs_are_said_to_be_too_few(workshop, database):
    run, rows = frozen(database, corrected=FEWEST_PAIRS - 1)

    pairs, words = find_pairs(workshop, run, rows)

    assert pairs == []
    assert f"{FEWEST_PAIRS - 1}, and {FEWEST_PAIRS} are needed" in words


def test_what_may_be_a_slack_message_needs_the_right_to_slack_messages(workshop, database):
    run, rows = frozen(database, sources=(Source.AUTHORED, Source.BOT_ANSWER))

    pairs, words = find_pairs(workshop, run, rows)

    assert pairs == []
    assert "slack_message is not attested" in words


def test_other_trainers_are_given_none(workshop, database):
    run, rows = frozen(database)
    run.trainer = "openai"

    assert find_pairs(workshop, run, rows)[0] == []


def test_a_private_channels_corrections_reach_its_own_model_alone(workshop, database):
    own, own_rows = frozen(database, audience="C0OPS", taught_in="C0OPS")
    run, rows = frozen(database, corrected=0)

    assert len(find_pairs(workshop, own, own_rows)[0]) == FEWEST_PAIRS
    assert find_pairs(workshop, run, own_rows)[0] == []
    assert find_pairs(workshop, run, rows)[0] == []


def test_an_example_that_changed_since_gives_no_pair(workshop, database):
    run, rows = frozen(database, corrected=FEWEST_PAIRS + 1)
    with database.write() as session:
        changed = session.get_one(Example, rows[0].example_id)
        changed.answer = "Nobody knows."
        session.add(changed)

    pairs, _ = find_pairs(workshop, run, rows)

    assert all(row.split == Split.TRAIN for row in rows)
    assert rows[0].answer not in {chat[-1]["content"] for chat, _ in pairs}
