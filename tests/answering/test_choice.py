"""Who answers a conversation: its channel's pin, a canary for its share, or what is live."""

import hashlib
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.answering import canary as canaries_of
from bot.answering.canary import Plan, start, stop
from bot.answering.choice import Choice, choose_strategy, is_in_share
from bot.answering.holding import hold
from bot.answering.pins import pin_prompting, pin_version, unpin
from bot.answering.promotion import AT_ONCE, promote
from bot.answering.strategy import BASE, Strategy
from bot.errors import (
    AlreadyLiveError,
    CanaryError,
    MovedMeanwhileError,
    NotEarnedError,
    NotFoundError,
)
from storage import audit, canaries, evaluations, versions
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.database import Database
from storage.tables import CanaryState, Verdict, VersionState
from tests.model_versions import make_version
from tests.teaching import TEAM, fresh_database

EVERYONE = Viewer.person(())
IN_OPS = Viewer.person({"C0OPS"})
THREADS = [f"1900000{number:03d}.000100" for number in range(1000)]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return fresh_database(tmp_path)


def plan(name: str, share: int = 20, by: str = "U0ALICE") -> Plan:
    return Plan(name, share, by, "C0HELP", utc_now())


def choices(session, audience=WORKSPACE, channel="C0HELP") -> dict[str, Choice]:
    return {ts: choose_strategy(session, TEAM, audience, channel, ts) for ts in THREADS}


def version_names(found: dict[str, Choice]) -> set[str | None]:
    return {choice.strategy.version_name for choice in found.values()}


@settings(max_examples=30)
@given(
    team=st.text(min_size=1, max_size=9), channel=st.text(min_size=1, max_size=9),
    start_at=st.integers(1, 10**9), share=st.integers(1, 99),
)  # fmt: skip
def test_the_split_is_stable_near_the_share_and_only_grows(team, channel, start_at, share):
    threads = [f"{start_at + number}.0001" for number in range(1500)]

    first = [is_in_share(team, channel, ts, share) for ts in threads]
    again = [is_in_share(team, channel, ts, share) for ts in threads]
    more = [is_in_share(team, channel, ts, share + 1) for ts in threads]

    assert first == again
    assert all(later for before, later in zip(first, more, strict=True) if before)
    # Five standard deviations and a half: once in ten million.
    deviation = (share * (100 - share) / 1e4 / len(threads)) ** 0.5
    assert abs(sum(first) / len(threads) - share / 100) < 5.5 * deviation


def test_a_share_of_conversations_gets_the_candidate_and_the_rest_what_is_live(database):
    with database.write() as session:
        make_version(session)
        make_version(session, best=3)
        promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)
        begun = start(session, TEAM, plan("workspace-v2"), EVERYONE)

        found = choices(session)

    tried = [choice for choice in found.values() if choice.strategy.version_name == "workspace-v2"]
    assert 140 < len(tried) < 260
    assert {choice.strategy for choice in tried} == {Strategy("workspace-v2", 3)}
    assert {choice.canary_id for choice in found.values()} == {begun.id}
    assert version_names(found) == {"workspace-v1", "workspace-v2"}


def test_the_split_survives_a_restart_and_ends_with_the_canary(database, tmp_path):
    with database.write() as session:
        make_version(session)
        start(session, TEAM, plan("workspace-v1"), EVERYONE)
        before = choices(session)
    database.close()

    again = Database(f"sqlite:///{tmp_path / 'apprentice.db'}")
    with again.write() as session:
        assert choices(session) == before
        stop(session, TEAM, WORKSPACE, "U0ALICE", utc_now())
        assert set(choices(session).values()) == {Choice(BASE)}


def test_a_held_version_is_tried_with_the_examples_it_was_best_with(database):
    with database.write() as session:
        version = make_version(session, Verdict.HOLD)
        evaluation = evaluations.of_version(session, TEAM, version.id)
        lines = [dict(line, f1=line["examples"] / 10) for line in evaluation.strategies]
        evaluation.best, evaluation.strategies = "base + 1 example", lines

        assert start(session, TEAM, plan("workspace-v1"), EVERYONE).examples == 3


@pytest.mark.parametrize("verdict", [Verdict.REJECT, Verdict.DO_NOT_TUNE])
def test_what_the_gate_forbids_is_not_tried_on_anybody(database, verdict):
    with database.write() as session:
        make_version(session, verdict)

        with pytest.raises(NotEarnedError, match=f"Because of {verdict}"):
            start(session, TEAM, plan("workspace-v1"), EVERYONE)

        assert canaries.all_running(session) == []


def test_neither_what_is_live_nor_what_is_unknown_nor_unevaluated_is_tried(database):
    with database.write() as session:
        make_version(session)
        make_version(session, verdict=None)
        make_version(session, audience="C0OPS")
        promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)

        with pytest.raises(AlreadyLiveError):
            start(session, TEAM, plan("workspace-v1"), EVERYONE)
        with pytest.raises(NotEarnedError, match="not evaluated"):
            start(session, TEAM, plan("workspace-v2"), EVERYONE)
        with pytest.raises(NotFoundError) as refusal:
            start(session, TEAM, plan("c0ops-v1"), EVERYONE)
        assert "c0ops" not in str(refusal.value)


@pytest.mark.parametrize("share", [0, 100, 250])
def test_a_share_that_leaves_nothing_to_compare_is_refused(database, share):
    with database.write() as session:
        make_version(session)

        with pytest.raises(CanaryError, match="1% to 99%"):
            start(session, TEAM, plan("workspace-v1", share), EVERYONE)


def test_one_canary_an_audience_whose_share_may_change(database):
    with database.write() as session:
        make_version(session)
        make_version(session)
        make_version(session, audience="C0OPS")
        begun = start(session, TEAM, plan("workspace-v1", 10), EVERYONE)
        start(session, TEAM, plan("c0ops-v1"), IN_OPS)

        with pytest.raises(CanaryError, match="workspace-v1 is being tried"):
            start(session, TEAM, plan("workspace-v2"), EVERYONE)
        assert start(session, TEAM, plan("workspace-v1", 50), EVERYONE).id == begun.id

        kept = [entry.action for entry in audit.entries(session, TEAM, EVERYONE)]
        acts = [action for action in kept if action.startswith("canary")]
        assert begun.share == 50
        assert acts == ["canary.started", "canary.share"]


def test_a_private_channel_takes_part_in_the_workspaces_canary_until_it_has_its_own(database):
    with database.write() as session:
        make_version(session)
        make_version(session, audience="C0OPS")
        begun = start(session, TEAM, plan("workspace-v1", 50), EVERYONE)

        assert version_names(choices(session, "C0OPS", "C0OPS")) == {None, "workspace-v1"}
        promote(session, TEAM, "c0ops-v1", "U0BOB", IN_OPS)

        own = choices(session, "C0OPS", "C0OPS")
        assert version_names(own) == {"c0ops-v1"}
        assert begun.id not in {choice.canary_id for choice in own.values()}


def test_a_private_channels_canary_reaches_nobody_else(database):
    with database.write() as session:
        make_version(session, audience="C0OPS")
        start(session, TEAM, plan("c0ops-v1", 99), IN_OPS)

        assert version_names(choices(session)) == {None}
        assert "c0ops-v1" in version_names(choices(session, "C0OPS", "C0OPS"))
        assert canaries.visible(session, TEAM, EVERYONE) == []


@pytest.mark.parametrize("loss", ["retired", "tainted"])
def test_a_candidate_that_cannot_answer_leaves_its_share_to_what_is_live(database, loss):
    with database.write() as session:
        version = make_version(session)
        start(session, TEAM, plan("workspace-v1", 50), EVERYONE)
        if loss == "retired":
            version.state = VersionState.RETIRED
        else:
            version.tainted_at = utc_now()

        assert version_names(choices(session)) == {None}


def test_what_is_tried_or_pinned_stays_loaded_however_old(database):
    with database.write() as session:
        for _ in range(6):
            make_version(session)
        start(session, TEAM, plan("workspace-v1"), EVERYONE)
        pin_version(session, TEAM, "C0HELP", WORKSPACE, "workspace-v2", "U0BOB", EVERYONE)

        wanted = {version.name for version in versions.wanted_in_engine(session, 1)}

    assert wanted == {"workspace-v1", "workspace-v2", "workspace-v6"}


def test_a_pin_comes_before_canary_and_live_in_its_channel_alone(database):
    with database.write() as session:
        for _ in range(3):
            make_version(session, best=3)
        promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)
        start(session, TEAM, plan("workspace-v2", 50), EVERYONE)
        pin_version(session, TEAM, "C0HELP", WORKSPACE, "Workspace-v3", "U0BOB", EVERYONE)

        assert set(choices(session).values()) == {Choice(Strategy("workspace-v3", 3))}
        assert version_names(choices(session, channel="C0GENERAL")) == {
            "workspace-v1", "workspace-v2",
        }  # fmt: skip

        pin_prompting(session, TEAM, "C0HELP", WORKSPACE, "U0BOB")
        assert set(choices(session).values()) == {Choice(BASE)}
        unpin(session, TEAM, "C0HELP", "U0BOB")
        assert version_names(choices(session)) == {"workspace-v1", "workspace-v2"}
        with pytest.raises(NotFoundError, match="not pinned"):
            unpin(session, TEAM, "C0HELP", "U0BOB")


def test_a_pin_needs_what_a_promotion_needs(database):
    with database.write() as session:
        make_version(session, Verdict.HOLD)
        make_version(session, audience="C0OPS")

        with pytest.raises(NotEarnedError, match="Because of hold"):
            pin_version(session, TEAM, "C0HELP", WORKSPACE, "workspace-v1", "U0BOB", EVERYONE)
        with pytest.raises(NotFoundError):
            pin_version(session, TEAM, "C0HELP", WORKSPACE, "c0ops-v1", "U0BOB", EVERYONE)


def test_a_pinned_version_that_is_gone_is_replaced_by_prompting_and_named(database):
    with database.write() as session:
        version = make_version(session)
        pin_version(session, TEAM, "C0HELP", WORKSPACE, "workspace-v1", "U0BOB", EVERYONE)
        version.state = VersionState.RETIRED

        [choice] = set(choices(session).values())

    assert choice == Choice(BASE, unavailable="workspace-v1")


def test_a_private_version_answers_nobody_once_its_channel_is_not_private_any_more(database):
    with database.write() as session:
        make_version(session, audience="C0OPS")
        pin_version(session, TEAM, "C0OPS", "C0OPS", "c0ops-v1", "U0BOB", IN_OPS)

        assert version_names(choices(session, "C0OPS", "C0OPS")) == {"c0ops-v1"}
        assert version_names(choices(session, WORKSPACE, "C0OPS")) == {None}


@pytest.mark.parametrize("left", [None, b"", b"GGUF of another run"])
def test_a_version_whose_files_are_gone_or_others_is_refused_everywhere(database, tmp_path, left):
    path = tmp_path / "jobs/run-1/adapter.gguf"
    path.parent.mkdir(parents=True)
    if left is not None:
        path.write_bytes(left)
    with database.write() as session:
        version = make_version(session)
        version.gguf_path = "jobs/run-1/adapter.gguf"
        version.checksum = hashlib.sha256(b"GGUF").hexdigest()

        with pytest.raises(NotEarnedError, match="files of workspace-v1 are gone, or are not"):
            promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE, tmp_path)
        with pytest.raises(NotEarnedError, match="files of workspace-v1 are gone, or are not"):
            start(session, TEAM, plan("workspace-v1"), EVERYONE, tmp_path)
        with pytest.raises(NotEarnedError, match="files of workspace-v1 are gone, or are not"):
            pin_version(
                session, TEAM, "C0HELP", WORKSPACE, "workspace-v1", "U0BOB", EVERYONE, tmp_path
            )

        path.write_bytes(b"GGUF")
        promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE, tmp_path)


def test_of_two_admins_who_promote_at_once_one_wins_and_the_other_is_told(database):
    with database.write() as session:
        make_version(session)
        make_version(session)
        first = promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)

        with pytest.raises(MovedMeanwhileError, match="workspace-v1 answers now"):
            promote(session, TEAM, "workspace-v2", "U0BOB", EVERYONE)
        with pytest.raises(AlreadyLiveError):
            promote(session, TEAM, "workspace-v1", "U0BOB", EVERYONE)

        first.created_at += timedelta(hours=1)  # the clock was put back since
        promote(session, TEAM, "workspace-v2", "U0BOB", EVERYONE)
        assert versions.live(session, TEAM, WORKSPACE).promoted_by == "U0BOB"


def test_a_moment_later_the_other_may_promote_after_all(database):
    with database.write() as session:
        make_version(session)
        make_version(session)
        first = promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)
        first.created_at -= 2 * AT_ONCE

        promote(session, TEAM, "workspace-v2", "U0BOB", EVERYONE)


def test_who_holds_a_version_ends_the_canary_that_could_promote_it(database):
    with database.write() as session:
        make_version(session)
        make_version(session)
        tried = start(session, TEAM, plan("workspace-v1"), EVERYONE)

        hold(session, TEAM, "workspace-v2", "U0BOB", EVERYONE, utc_now())
        assert tried.state is CanaryState.RUNNING
        hold(session, TEAM, "workspace-v1", "U0BOB", EVERYONE, utc_now())

        assert (tried.state, tried.reason) == (CanaryState.STOPPED, "A person holds it.")
        assert version_names(choices(session)) == {None}


def test_two_threads_that_promote_at_the_same_moment_do_not_both_win(database):
    with database.write() as session:
        make_version(session)
        make_version(session)
    ready, told = Barrier(2), []

    def decide(name, by):
        ready.wait()
        try:
            with database.write() as session:
                promote(session, TEAM, name, by, EVERYONE)
        except MovedMeanwhileError as error:
            told.append((by, str(error)))

    rivals = [("workspace-v1", "U0ALICE"), ("workspace-v2", "U0BOB")]
    threads = [Thread(target=decide, args=rival) for rival in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.read() as session:
        [moved] = versions.promotions(session, TEAM, WORKSPACE)
    [(loser, words)] = told
    assert {loser, moved.promoted_by} == {"U0ALICE", "U0BOB"}
    assert "Somebody else decided a moment before you" in words


def test_a_held_version_that_won_its_canary_may_be_promoted_again_by_hand(database):
    with database.write() as session:
        make_version(session, Verdict.HOLD)
        begun = start(session, TEAM, plan("workspace-v1"), EVERYONE)
        canaries_of.end(session, begun, CanaryState.PROMOTED, "liked", "the canary", utc_now())
        evaluation = evaluations.of_version(session, TEAM, begun.version_id)

        evaluation.verdict = Verdict.REJECT  # judged anew: votes outweigh no leak
        with pytest.raises(NotEarnedError):
            promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)
        evaluation.verdict = Verdict.HOLD
        promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYONE)
