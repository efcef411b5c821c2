"""The pointer moves only on proof, comes back one step at a time, and remembers who moved it."""

import hashlib
from pathlib import Path

import pytest
from sqlmodel import Session

from bot.answering.canary import Plan, start
from bot.answering.holding import hold
from bot.answering.pins import pin_version
from bot.answering.promotion import answering, history, promote, rollback
from bot.answering.strategy import BASE, Strategy, live_strategy
from bot.errors import AlreadyLiveError, NotEarnedError, NotFoundError, NothingToRollBackError
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.database import Database
from storage.tables import Verdict, VersionState
from tests.model_versions import make_version
from tests.teaching import TEAM, fresh_database

EVERYONE = Viewer.person(())
IN_OPS = Viewer.person({"C0OPS"})


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return fresh_database(tmp_path)


def live(session: Session, audience: str = WORKSPACE) -> Strategy:
    return live_strategy(session, TEAM, audience)


def test_a_promoted_version_answers_with_the_examples_its_evaluation_found_best(database):
    with database.write() as session:
        version = make_version(session, best=3)

        promote(session, TEAM, version.name, "U0ALICE", EVERYONE)

        assert live(session) == Strategy("workspace-v1", 3)
        assert (version.state, version.decided_by) == (VersionState.PROMOTED, "U0ALICE")


@pytest.mark.parametrize("verdict", [Verdict.HOLD, Verdict.REJECT, Verdict.DO_NOT_TUNE])
def test_what_was_not_earned_is_refused_with_the_reason(database, verdict):
    with database.write() as session:
        make_version(session, verdict)

        with pytest.raises(NotEarnedError, match=f"Because of {verdict}"):
            promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)

        assert live(session) == BASE


def test_a_version_without_an_evaluation_is_refused(database):
    with database.write() as session:
        make_version(session, verdict=None)

        with pytest.raises(NotEarnedError, match="not evaluated yet"):
            promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)


def test_a_retired_version_is_refused(database):
    with database.write() as session:
        make_version(session).state = VersionState.RETIRED

        with pytest.raises(NotEarnedError, match="retired"):
            promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)


def test_what_learned_from_words_erased_since_is_put_before_nobody(database):
    with database.write() as session:
        make_version(session).tainted_at = utc_now()
        tried = Plan("workspace-v1", 20, "U0ALICE", "C0HELP", utc_now())

        with pytest.raises(NotEarnedError, match="erased since"):
            promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)
        with pytest.raises(NotEarnedError, match="erased since"):
            start(session, TEAM, tried, EVERYONE)
        with pytest.raises(NotEarnedError, match="erased since"):
            pin_version(session, TEAM, "C0HELP", WORKSPACE, "workspace-v1", "U0BOB", EVERYONE)


def test_an_unknown_version_names_the_nearest(database):
    with database.write() as session:
        make_version(session)
        make_version(session, audience="C0OPS")

        with pytest.raises(NotFoundError, match="Did you mean workspace-v1"):
            promote(session, TEAM, "workspce-v1", "U0ALICE", EVERYONE)


def test_the_name_may_be_typed_carelessly(database):
    with database.write() as session:
        make_version(session)

        promote(session, TEAM, " Workspace-V1 ", "U0ALICE", EVERYONE)

        assert live(session).version_name == "workspace-v1"


def test_a_private_channels_version_does_not_exist_for_others(database):
    with database.write() as session:
        make_version(session, audience="C0OPS")

        with pytest.raises(NotFoundError) as refusal:
            promote(session, TEAM, "c0ops-v1", "U0CAROL", EVERYONE)
        assert "c0ops" not in str(refusal.value)

        promote(session, TEAM, "c0ops-v1", "U0BOB", IN_OPS)
        assert live(session, "C0OPS").version_name == "c0ops-v1"
        assert live(session) == BASE


def test_promoting_what_is_live_says_so(database):
    with database.write() as session:
        make_version(session)
        promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)

        with pytest.raises(AlreadyLiveError):
            promote(session, TEAM, "workspace-v1", "U0BOB", EVERYONE)
        with pytest.raises(AlreadyLiveError):
            hold(session, TEAM, "workspace-v1", "U0BOB", EVERYONE, utc_now())


def test_a_held_version_can_be_promoted_later(database):
    with database.write() as session:
        version = make_version(session)
        hold(session, TEAM, version.name, "U0BOB", EVERYONE, utc_now())
        assert (version.state, version.decided_by) == (VersionState.HELD, "U0BOB")

        promote(session, TEAM, version.name, "U0ALICE", EVERYONE)

        assert live(session).version_name == version.name


def test_rolling_back_returns_step_by_step_and_then_says_that_nothing_is_left(database):
    with database.write() as session:
        for _ in range(3):
            make_version(session)
        for number in (1, 2, 3):
            promote(session, TEAM, f"workspace-v{number}", "U0ALICE", EVERYONE)
        seen = []

        for _ in range(3):
            rollback(session, TEAM, WORKSPACE, "U0BOB")
            seen.append(live(session))
        with pytest.raises(NothingToRollBackError):
            rollback(session, TEAM, WORKSPACE, "U0BOB")

        assert seen == [Strategy("workspace-v2", 1), Strategy("workspace-v1", 1), BASE]


def test_rolling_back_passes_over_what_cannot_answer_any_more(database):
    with database.write() as session:
        made = [make_version(session) for _ in range(4)]
        for version in made:
            promote(session, TEAM, version.name, "U0ALICE", EVERYONE)
        made[1].tainted_at, made[2].state = utc_now(), VersionState.RETIRED
        assert answering(session, TEAM, WORKSPACE) == [made[3].id, made[0].id]

        rollback(session, TEAM, WORKSPACE, "U0BOB")
        assert live(session).version_name == "workspace-v1"

        rollback(session, TEAM, WORKSPACE, "U0BOB")
        assert live(session) == BASE


def test_rolling_back_passes_over_what_has_lost_its_files(database, tmp_path):
    with database.write() as session:
        for number in (1, 2, 3):
            version = make_version(session)
            version.gguf_path = f"{version.name}.gguf"
            version.checksum = hashlib.sha256(b"GGUF").hexdigest()
            (tmp_path / version.gguf_path).write_bytes(b"GGUF")
            promote(session, TEAM, f"workspace-v{number}", "U0ALICE", EVERYONE, tmp_path)
        (tmp_path / "workspace-v2.gguf").write_bytes(b"half of it")

        rollback(session, TEAM, WORKSPACE, "U0ALICE", home=tmp_path)

        assert live_strategy(session, TEAM, WORKSPACE).version_name == "workspace-v1"
        (tmp_path / "workspace-v1.gguf").unlink()
        promote(session, TEAM, "workspace-v3", "U0ALICE", EVERYONE, tmp_path)
        rollback(session, TEAM, WORKSPACE, "U0ALICE", home=tmp_path)
        assert live_strategy(session, TEAM, WORKSPACE) == BASE


def test_promoting_after_a_rollback_stacks_on_what_the_rollback_returned_to(database):
    with database.write() as session:
        for _ in range(3):
            make_version(session)
        promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)
        promote(session, TEAM, "workspace-v2", "U0ALICE", EVERYONE)
        rollback(session, TEAM, WORKSPACE, "U0ALICE")
        promote(session, TEAM, "workspace-v3", "U0ALICE", EVERYONE)

        rollback(session, TEAM, WORKSPACE, "U0ALICE")

        assert live(session).version_name == "workspace-v1"


def test_a_channel_whose_versions_are_rolled_back_follows_the_workspace_again(database):
    with database.write() as session:
        make_version(session)
        make_version(session, audience="C0OPS")
        promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)
        promote(session, TEAM, "c0ops-v1", "U0BOB", IN_OPS)

        rollback(session, TEAM, "C0OPS", "U0BOB")

        assert live(session, "C0OPS").version_name == "workspace-v1"


def test_the_history_names_who_moved_the_pointer_and_shows_it_to_members_only(database):
    with database.write() as session:
        make_version(session, audience="C0OPS")
        promote(session, TEAM, "c0ops-v1", "U0BOB", IN_OPS)
        rollback(session, TEAM, "C0OPS", "U0ALICE")

        moves = [
            (move.version_name, move.by, move.is_rollback)
            for move in history(session, TEAM, "C0OPS", IN_OPS)
        ]
        hidden = history(session, TEAM, "C0OPS", EVERYONE)

    assert moves == [(None, "U0ALICE", True), ("c0ops-v1", "U0BOB", False)]
    assert hidden == []
