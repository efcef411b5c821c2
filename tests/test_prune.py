"""``models prune`` shows what nobody needs, removes it when asked, and leaves the rest alone."""

import json
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from bot.answering import promotion
from bot.cli import cli
from bot.dataset.snapshot import freeze, proves
from bot.errors import TrainingError
from bot.pipeline import Workshop, adapters_to_serve
from bot.pipeline.pruning import Plan, Stock, carry_out, plan
from bot.settings import load_settings
from storage import attestations, runs
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.tables import (
    AuditEntry,
    Canary,
    Evaluation,
    ModelVersion,
    Pin,
    Run,
    Snapshot,
    SnapshotRow,
    Verdict,
    VersionState,
)
from tests.pipeline_parts import ask_for_run, make_workshop, work_until_done
from tests.teaching import TEAM, teach, teach_facts

EVERYTHING = Viewer.model(WORKSPACE)


@pytest.fixture
def database(database: Database) -> Database:
    with database.write() as session:
        teach_facts(session, 12)
    return database


@pytest.fixture
def workshop(database: Database, tmp_path: Path) -> Workshop:
    return make_workshop(database, tmp_path)


@pytest.fixture
def stock(database: Database, tmp_path: Path) -> Stock:
    return Stock(database, tmp_path, TEAM, EVERYTHING)


@pytest.fixture
def four_versions(database: Database, workshop: Workshop, tmp_path: Path) -> None:
    """Three were promoted one after the other, the fourth waits for a decision."""
    for number in range(1, 5):
        with database.write() as session:
            teach(session, f"What is new {number}?", f"Thing {number}.")
            ask_for_run(session)
        work_until_done(workshop)
        (tmp_path / "jobs" / f"run-{number}" / "checkpoint.pt").write_bytes(b"x" * 1000)
        if number < 4:
            with database.write() as session:
                promotion.promote(session, TEAM, f"workspace-v{number}", "U0ALICE", EVERYTHING)


def names(planned: Plan) -> list[str]:
    return [version.name for version in planned.versions]


def version(database: Database, name: str) -> ModelVersion:
    with database.read() as session:
        return session.exec(select(ModelVersion).where(ModelVersion.name == name)).one()


def test_live_rollback_target_and_what_waits_stay(database, workshop, stock, four_versions):
    home = stock.home
    planned = plan(stock)
    assert names(planned) == ["workspace-v1"]
    assert home / "jobs" / "run-1" in planned.paths
    assert home / "jobs" / "run-3" / "checkpoint.pt" in planned.paths
    assert (home / "jobs" / "run-1").is_dir(), "looking removes nothing"

    assert carry_out(stock, planned, "operator") == []

    assert not (home / "jobs" / "run-1").exists()
    for number in (2, 3, 4):
        assert (home / "jobs" / f"run-{number}" / "adapter.gguf").exists()
        assert not (home / "jobs" / f"run-{number}" / "checkpoint.pt").exists()
    assert version(database, "workspace-v1").state == VersionState.RETIRED
    assert set(adapters_to_serve(workshop)) == {"workspace-v2", "workspace-v3", "workspace-v4"}
    assert not plan(stock)
    with database.write() as session:
        promotion.rollback(session, TEAM, WORKSPACE, "U0ALICE")
    assert promotion_of(database) == "workspace-v2"
    assert names(plan(stock)) == ["workspace-v3"], "it was taken back"


def test_what_was_earned_and_waits_stays_though_a_newer_one_came(
    database, workshop, stock, four_versions
):
    with database.write() as session:
        teach(session, "What is new 5?", "Thing 5.")
        ask_for_run(session)
    work_until_done(workshop)
    assert names(plan(stock)) == ["workspace-v1"]

    with database.write() as session:
        judged = session.exec(select(Evaluation).where(Evaluation.run_id == 4)).one()
        judged.verdict = Verdict.HOLD

    assert sorted(names(plan(stock))) == ["workspace-v1", "workspace-v4"]


def promotion_of(database: Database) -> str | None:
    from bot.answering.strategy import live_strategy

    with database.read() as session:
        return live_strategy(session, TEAM, WORKSPACE).version_name


def test_the_lineage_stays(database, stock, four_versions):
    def lineage() -> list[int]:
        with database.read() as session:
            tables = (Run, ModelVersion, Evaluation, Snapshot, SnapshotRow)
            return [len(session.exec(select(table.id)).all()) for table in tables]

    before = lineage()
    carry_out(stock, plan(stock), "operator")

    assert lineage() == before
    with database.read() as session:
        told = session.exec(select(AuditEntry.action, AuditEntry.subject)).all()
        assert told[-2:] == [
            ("version.retired", "version:workspace-v1"), ("files.pruned", "files:of_runs"),
        ]  # fmt: skip
        assert all(proves(session, TEAM, row) for row in session.exec(select(Snapshot)).all())


@pytest.mark.parametrize("use", ["pin", "canary"])
def test_what_a_channel_or_a_canary_uses_stays(database, stock, four_versions, use):
    first = version(database, "workspace-v1").id
    with database.write() as session:
        if use == "pin":
            row = Pin(team_id=TEAM, channel_id="C0OPS", audience="C0OPS", version_id=first,
                      examples=1, pinned_by="U0ALICE")  # fmt: skip
        else:
            row = Canary(team_id=TEAM, audience=WORKSPACE, version_id=first, examples=1, share=10,
                         channel_id="C0HELP", started_by="U0ALICE")  # fmt: skip
        session.add(row)

    assert names(plan(stock)) == []


def test_a_promotion_after_the_look_wins(database, stock, four_versions):
    planned = plan(stock)
    with database.write() as session:
        promotion.promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYTHING)

    carry_out(stock, planned, "operator")

    assert version(database, "workspace-v1").state == VersionState.PROMOTED
    assert (stock.home / "jobs" / "run-1" / "adapter.gguf").exists()


def test_runs_under_way_are_left_alone_and_cancelled_ones_go(database, workshop, stock):
    with database.write() as session:
        run = ask_for_run(session)
    folder = stock.home / "jobs" / f"run-{run.id}"
    folder.mkdir(parents=True)
    assert not plan(stock)

    with database.write() as session:
        runs.ask_to_cancel(session, session.get_one(Run, run.id), "U0ALICE")
    work_until_done(workshop)
    assert plan(stock).paths == [folder]


def test_snapshots_nobody_refers_to_go_except_the_newest(database, workshop, stock):
    def take() -> int:
        with database.write() as session:
            attestation = attestations.newest(session, TEAM)
            return freeze(session, TEAM, WORKSPACE, attestation).snapshot.id

    with database.write() as session:
        ask_for_run(session)
    work_until_done(workshop)
    trained = take()
    with database.write() as session:
        teach(session, "Second?", "Two.")
    idle = take()
    with database.write() as session:
        teach(session, "Third?", "Three.")
    newest = take()

    planned = plan(stock)
    assert [row.id for row in planned.snapshots] == [idle]
    carry_out(stock, planned, "operator")

    with database.read() as session:
        assert {row.id for row in session.exec(select(Snapshot))} == {trained, newest}
        left = session.exec(select(SnapshotRow).where(SnapshotRow.snapshot_id == idle)).all()
        pruned = AuditEntry.action == "snapshot.pruned"
        entry = session.exec(select(AuditEntry).where(pruned)).one()
    assert left == []
    assert entry.details["number"] == 2


class Provider:
    """A trainer that keeps files elsewhere; refuses while ``is_away``."""

    is_away = False

    def __init__(self) -> None:
        self.erased: list[str] = []

    def erase(self, job_id: str, *, keep_model: bool) -> None:
        assert not keep_model
        if self.is_away:
            raise TrainingError("It does not answer.")
        self.erased.append(job_id)


def test_what_a_provider_keeps_goes_too_and_once(database, stock, four_versions):
    provider = Provider()
    away = Stock(stock.database, stock.home, TEAM, EVERYTHING, {"local": provider})
    assert [run.id for run in plan(away).away] == [1]

    provider.is_away = True
    assert carry_out(away, plan(away), "operator") == ["Run 1: It does not answer."]
    provider.is_away = False
    carry_out(away, plan(away), "operator")

    assert provider.erased == ["run-1"]
    assert not plan(away)


def test_nothing_outside_the_home_is_touched(database, workshop, stock, four_versions, tmp_path):
    outside = tmp_path.parent / "not-ours.gguf"
    outside.write_bytes(b"x")
    with database.write() as session:
        row = session.exec(select(ModelVersion).where(ModelVersion.name == "workspace-v1")).one()
        row.gguf_path, row.adapter_path = str(outside), "../not-ours.gguf"
        session.add(row)

    carry_out(stock, plan(stock), "operator")

    assert outside.exists()
    outside.unlink()


def test_on_the_command_line_it_is_shown_first(database, stock, four_versions, monkeypatch):
    def bot(*words: str):
        settings = {"apprentice_home": stock.home, "_env_file": None}
        return CliRunner().invoke(
            cli, ["models", "prune", *words], obj=lambda **_: load_settings(**settings)
        )

    shown = bot("--json")
    rows = json.loads(shown.stdout)
    assert {"what": "version", "name": "workspace-v1", "megabytes": None} in rows
    assert "jobs/run-1" in [row["name"] for row in rows]
    assert "Nothing was removed yet" in shown.stderr
    assert (stock.home / "jobs" / "run-1").exists()

    assert "Removed." in bot("--yes").stderr
    assert not (stock.home / "jobs" / "run-1").exists()
    assert "Nothing is left over." in bot("--yes").stdout
