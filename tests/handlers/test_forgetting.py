"""What people and Slack take back: opt-outs, deletions, edits, uninstalls, down to raw bytes."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from bot.answering.promotion import rollback
from bot.curation import forgetting
from bot.curation.capture import Ballot, collect_example
from bot.curation.forgetting import Grace
from bot.curation.lesson import Lesson
from bot.dataset.snapshot import proves, snapshot_hash, take_snapshot
from bot.errors import TrainingError
from bot.pipeline import forgetting as steps
from bot.pipeline import run_files
from bot.training.remote_errors import RowsRejectedError
from handlers.forgetting import on_tokens_revoked, on_uninstalled
from handlers.run_cards import RunCards
from storage import admin_notices, opt_outs, questions, rules, snapshots
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.tables import (
    AdminNotice,
    Attestation,
    AuditEntry,
    Erasure,
    Example,
    ExampleState,
    ModelVersion,
    OutboxMessage,
    OutboxState,
    Promotion,
    Run,
    RunState,
    Snapshot,
    SnapshotRow,
    Source,
    VersionState,
    Vote,
)
from tests.capture_desk import CrashError
from tests.forgetting_office import Office
from tests.running_sandbox import RunningSandbox, running_sandbox
from tests.teaching import TEAM, teach, teach_facts

ALICE, BOB, CAROL = "U0ALICE", "U0BOB", "U0CAROL"
SECRET = "xylophone quarantine"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(no_limits=True) as running:
        yield running


def train(office: Office) -> ModelVersion:
    """A run with its folder and a version that is live, from what is approved now."""
    with office.database.write() as session:
        attestation = Attestation(
            team_id=TEAM, by_user_id=ALICE, statement="We may.",
            sources=["slack_message", "bot_answer", "authored"],
        )  # fmt: skip
        session.add(attestation)
        session.flush()
        taken = take_snapshot(session, TEAM, WORKSPACE, attestation)
        run = Run(
            team_id=TEAM, audience=WORKSPACE, trainer="local", requested_by=ALICE,
            state=RunState.DONE, snapshot_id=taken.snapshot.id,
        )  # fmt: skip
        session.add(run)
        session.flush()
        run.job_id = f"run-{run.id}"
        number = len(office.rows(ModelVersion)) + 1
        version = ModelVersion(
            team_id=TEAM, audience=WORKSPACE, number=number, name=f"workspace-v{number}",
            run_id=run.id, snapshot_id=taken.snapshot.id, base_model="b", base_digest="d",
            adapter_path=f"jobs/run-{run.id}/adapter",
            gguf_path=f"jobs/run-{run.id}/adapter/lora.gguf", checksum="c",
            state=VersionState.PROMOTED,
        )  # fmt: skip
        session.add(version)
        session.flush()
        session.add(
            Promotion(
                team_id=TEAM, audience=WORKSPACE, version_id=version.id, examples=0,
                promoted_by=ALICE,
            )
        )  # fmt: skip
        lines = [json.dumps({"q": row.question, "a": row.answer}) for row in taken.rows]
    job, report = office.home / version.adapter_path, office.home / "reports" / f"run-{run.id}"
    for folder in (job, report):
        folder.mkdir(parents=True)
    (job / "lora.gguf").write_bytes(b"GGUF")
    (job.parent / "rows.jsonl").write_text("\n".join(lines))
    (report / "report.md").write_text("\n".join(lines))
    (report / "loss.png").write_bytes(b"png")
    return version


def alice_answers(office: Office, question: str = "How do I reset it?") -> list[str]:
    """Alice answers Carol with the secret, Bob approves; returns each ts."""
    posted = office.desk.thread((CAROL, question), (ALICE, f"With the {SECRET} key."))
    office.desk.vote(BOB, posted[1])
    return posted


def test_an_author_is_told_once_what_is_kept_and_how_to_opt_out(office):
    alice_answers(office)
    alice_answers(office, "How do I reset it again?")

    (message,) = office.desk.told_authors()

    assert message.channel_id == ALICE
    assert "<@U0BOB> marked it" in message.text
    assert "/apprentice forget-me" in message.text


def test_nothing_of_a_person_is_left_in_any_byte_on_disk(office):
    with office.database.write() as session:
        teach_facts(session, 40)
    alice_answers(office)
    train(office)
    # Rebalanced pages and a second life of the text: an edit of the example's tags.
    with office.database.write() as session:
        teach_facts(session, 300)
    office.database._engine.dispose()
    assert len(office.bytes_with(SECRET)) >= 3

    receipt = office.forget(ALICE)

    assert office.bytes_with(SECRET) == []
    (erasure,) = office.rows(Erasure)
    assert (erasure.receipt, erasure.state, erasure.user_id) == (receipt, "done", None)
    assert erasure.counts["examples"] == 1
    assert erasure.counts["snapshot_rows"] == 1


def test_a_person_s_id_stays_only_where_the_organisation_needs_it(office):
    alice_answers(office)
    other = office.desk.thread((CAROL, "What is it?"), (BOB, "A clock."))[1]
    office.desk.vote(ALICE, other)
    train(office)

    office.forget(ALICE)

    assert [a.by_user_id for a in office.rows(Attestation)] == [ALICE]
    with office.database.write() as session:
        session.delete(session.exec(select(Attestation)).one())
    office.database.scrub()
    assert office.bytes_with(ALICE) == []
    # The vote still counts, without the name.
    (vote,) = office.rows(Vote)
    assert vote.user_id.startswith("erased-")
    assert office.desk.states() == ["withdrawn", "approved"]
    assert all(not entry.actor.startswith("U0ALICE") for entry in office.rows(AuditEntry))


def test_the_receipt_goes_to_the_person_and_names_no_word(office):
    alice_answers(office)
    with office.database.write() as session:
        receipt = forgetting.opt_out(session, TEAM, ALICE).receipt
        again = forgetting.opt_out(session, TEAM, ALICE).receipt
    steps.step(steps.Broom(office.database, office.home))

    (message,) = [row for row in office.rows(OutboxMessage) if row.key.startswith("receipt:")]

    assert again == receipt
    assert message.channel_id == ALICE
    assert receipt in message.text
    assert SECRET not in message.text


def test_a_curator_who_is_forgotten_and_votes_again_counts_once(office):
    with office.database.write() as session:
        rules.set_values(session, TEAM, None, {"quorum": 2, "curators": [BOB, CAROL]}, ALICE)
    answer = office.desk.thread((ALICE, "Which key?"), (ALICE, "The long one."))[1]
    office.desk.vote(BOB, answer)

    # Forgotten twice over, so that two votes without a name may both be Bob's.
    for _ in range(2):
        office.forget(BOB)
        office.desk.vote(BOB, answer)
        assert office.desk.states() == ["proposed"]
        assert "That may have been you" in office.desk.said()[-1]
    assert len(office.rows(Vote)) == 3
    office.desk.vote(CAROL, answer)

    assert office.desk.states() == ["approved"]


def test_two_curators_who_are_forgotten_still_count_as_two(office):
    with office.database.write() as session:
        rules.set_values(session, TEAM, None, {"quorum": 2, "curators": [BOB, CAROL]}, ALICE)
    first, second = (
        office.desk.thread((ALICE, "Which key?"), (ALICE, f"Number {n}."))[1] for n in (1, 2)
    )
    office.desk.vote(BOB, first)
    office.desk.vote(CAROL, first)
    for curator in (BOB, CAROL):
        office.forget(curator)
    office.desk.vote(ALICE, first)  # so that the votes are counted once more
    assert office.desk.states() == ["approved"]

    office.desk.vote(BOB, second)
    office.desk.vote(CAROL, second)

    assert office.desk.states() == ["approved", "approved"]


def test_nobody_is_named_by_the_votes_that_a_correction_retired(office):
    answer_ts = office.desk.bot_answer("How?", "With a spoon.")
    office.desk.vote(CAROL, answer_ts, -1)
    (example,) = office.desk.examples()
    lesson = Lesson(
        example.question, "With a key.", Source.SLACK_MESSAGE, Source.BOT_ANSWER,
        example_id=example.id, based_on=1, is_edited=True, is_correction=True,
    )  # fmt: skip
    with office.database.write() as session:
        collect_example(session, TEAM, WORKSPACE, lesson, Ballot("form:1", BOB, 1, True, "9.0"))
    assert "vote.retired" in [entry.action for entry in office.rows(AuditEntry)]

    office.forget(CAROL)

    assert [e for e in office.rows(AuditEntry) if CAROL in str(e.model_dump())] == []


def test_who_opted_out_is_never_kept_again_as_author_asker_or_in_between(office):
    office.forget(CAROL)

    asked = office.desk.thread((CAROL, "How do I reset it?"), (ALICE, "With a key."))[1]
    answered = office.desk.thread((ALICE, "What is it?"), (CAROL, "A clock."))[1]
    between = office.desk.thread(
        (BOB, "It broke"), (CAROL, "Which one?"), (BOB, "the red one"), (ALICE, "Turn it off.")
    )[3]
    for ts in (asked, answered, between):
        office.desk.vote(BOB, ts)

    (example,) = office.desk.examples()
    assert "Turn it off." in example.answer
    assert "Which one" not in str((example.question, example.context))
    assert "asked me to forget them" in office.desk.said()[-2]


def test_words_in_between_are_erased_and_the_example_stays(office):
    between = office.desk.thread(
        (BOB, "It broke"), (CAROL, f"The {SECRET}?"), (BOB, "yes"), (ALICE, "Turn it off.")
    )[3]
    office.desk.vote(BOB, between)
    (before,) = office.desk.examples()
    assert SECRET in str(before.context)

    office.forget(CAROL)

    (example,) = office.desk.examples()
    assert (example.answer, example.state) == ("Turn it off.", "approved")
    assert example.context == []
    assert office.bytes_with(SECRET) == []


def test_a_kept_answer_of_the_bot_goes_with_the_example_it_was_made_from(office):
    alice_answers(office)
    source = office.desk.examples()[0]
    answer_ts = office.desk.bot_answer("How?", f"Use the {SECRET}.")
    with office.database.write() as session:
        question = questions.find_by_answer(session, TEAM, "C0HELP", answer_ts)
        question.example_ids = [source.id]
        session.add(question)
    office.desk.vote(BOB, answer_ts)
    assert office.desk.states() == ["approved", "approved"]

    office.forget(ALICE)

    assert office.desk.states() == ["withdrawn", "withdrawn"]
    assert office.bytes_with(SECRET) == []


def test_a_deleted_message_takes_its_example_along_whichever_it_is(office):
    for index in (0, 1, 2):
        posted = office.desk.thread(
            (CAROL, "How?"), (ALICE, f"With the {SECRET} key."), (ALICE, "And a lock.")
        )
        office.desk.vote(BOB, posted[1])
        office.deleted(posted[index])
        office.deleted(posted[index])  # Slack says it twice
        office.work()
    office.sweep()

    assert office.desk.states() == ["withdrawn"] * 3
    assert office.bytes_with(SECRET) == []


def test_a_deletion_that_overtakes_the_vote_keeps_the_message_from_being_kept(office):
    posted = office.desk.thread((CAROL, "How?"), (ALICE, "With a key."))

    office.deleted(posted[0])
    office.desk.vote(BOB, posted[1])

    assert office.desk.examples() == []


def test_an_edit_changes_what_is_proposed_and_flags_what_is_approved(office):
    proposed = office.desk.thread((CAROL, "How?"), (ALICE, "With a kee."))[1]
    approved = office.desk.thread((CAROL, "What?"), (ALICE, "A clok."))[1]
    office.desk.vote(CAROL, proposed)
    office.desk.vote(BOB, approved)
    for ts, text in ((proposed, "With a key."), (approved, "A clock.")):
        said = office.desk.sandbox.client(ALICE).chat_update(channel="C0HELP", ts=ts, text=text)
        edited_ts = str(said["message"]["edited"]["ts"])
        office.edited(ts, edited_ts)
    office.work()

    first, second = office.desk.examples()
    assert (first.answer, first.stale_since, first.revision) == ("With a key.", None, 2)
    assert (second.answer, second.stale_reason) == ("A clok.", "message_edited")
    assert second.proposal["answer"] == "A clock."

    office.edited(approved, edited_ts)
    office.work()
    assert office.desk.examples()[1] == second


def test_an_edit_from_before_the_capture_changes_nothing(office):
    ts = alice_answers(office)[1]

    office.edited(ts, "1500000000.000000")
    office.work()

    (example,) = office.desk.examples()
    assert (example.revision, example.stale_since) == (1, None)


def test_a_version_that_learned_from_it_is_replaced_and_stops_at_its_day(office):
    alice_answers(office)
    with office.database.write() as session:
        teach_facts(session, 3)
    version = train(office)
    snapshot_before = office.rows(Snapshot)[0]

    office.forget(ALICE)

    (marked,) = office.rows(ModelVersion)
    assert marked.tainted_at is not None
    assert marked.serve_until - marked.tainted_at == timedelta(days=7)
    assert marked.state == VersionState.PROMOTED
    retrain = office.rows(Run)[-1]
    assert (retrain.state, retrain.requested_by) == (RunState.QUEUED, "forgetting")
    # The hash still proves the rest.
    rows = office.rows(SnapshotRow)
    assert [row.answer for row in rows if row.erased] == [""]
    assert snapshot_hash(sorted(rows, key=lambda row: row.position)) == snapshot_before.hash
    with office.database.read() as session:
        left = snapshots.rows_of(session, TEAM, snapshot_before.id, Viewer.person(()))
    assert len(left) == len(rows) - 1

    office.sweep(later=timedelta(days=8))

    (retired,) = office.rows(ModelVersion)
    assert retired.state == VersionState.RETIRED
    assert office.rows(Promotion)[-1].version_id is None
    assert not (office.home / version.gguf_path).exists()


def test_whom_a_frozen_row_names_is_forgotten_and_the_hash_still_proves_the_rest(office):
    with office.database.write() as session:
        teach_facts(session, 2)
        teach(session, "Who has the key?", f"Ask {CAROL}, she has it.")
    train(office)

    office.forget(CAROL)

    office.database.scrub()
    assert office.bytes_with(CAROL) == []
    assert [row.erased for row in office.rows(SnapshotRow)].count(True) == 1
    assert "she has it" in office.desk.examples()[2].answer
    (marked,) = office.rows(ModelVersion)
    assert marked.tainted_at is not None
    with office.database.read() as session:
        assert proves(session, TEAM, office.rows(Snapshot)[0])


def test_no_rollback_returns_to_a_version_that_learned_from_it(office):
    with office.database.write() as session:
        teach_facts(session, 3)
    clean = train(office)
    alice_answers(office)
    tainted = train(office)
    posted = office.desk.thread((CAROL, "Why?"), (BOB, "Because."))[1]
    office.desk.vote(BOB, posted)
    office.forget(ALICE)
    newest = train(office)
    assert len({clean.id, tainted.id, newest.id}) == 3

    with office.database.write() as session:
        landed = rollback(session, TEAM, WORKSPACE, BOB)

    assert landed.version_id == clean.id


def test_a_channel_that_turns_private_keeps_what_was_learned_there(office):
    alice_answers(office)
    train(office)

    with office.database.write() as session:
        forgetting.close_channel(session, TEAM, "C0HELP", Grace(utc_now()))

    (example,) = office.desk.examples()
    assert (example.audience, example.state) == ("C0HELP", ExampleState.APPROVED)
    with office.database.read() as session:
        everyone = Viewer.person(())
        assert snapshots.questions_of(session, TEAM, WORKSPACE, everyone) == []
        assert snapshots.rows_of(session, TEAM, 1, everyone) == []


def test_only_the_bot_s_own_token_counts(office):
    on_tokens_revoked({"tokens": {"oauth": [ALICE]}}, {"team_id": TEAM}, office.desk.deps)
    assert office.rows(Erasure) == []


def test_a_workspace_that_uninstalls_leaves_nothing_and_the_bot_stops(office):
    alice_answers(office)
    train(office)
    stopped: list[bool] = []

    on_uninstalled({"team_id": TEAM}, office.desk.deps)
    on_uninstalled({"team_id": TEAM}, office.desk.deps)
    broom = steps.Broom(office.database, office.home, on_purged=lambda: stopped.append(True))
    steps.step(broom)

    assert stopped == [True]
    assert office.bytes_with(SECRET) == []
    assert office.bytes_with(TEAM) == []
    for table in (Example, Run, ModelVersion, AuditEntry, Erasure):
        assert office.rows(table) == []


#: A purge passes two commits and two scrubs, each with a before and an after.
@pytest.mark.parametrize("point", range(8))
def test_a_purge_that_is_killed_anywhere_is_carried_through_at_the_next_start(office, point):
    alice_answers(office)
    train(office)
    (office.home / "exports").mkdir()
    (office.home / "exports" / "export.csv").write_text(SECRET)
    on_uninstalled({"team_id": TEAM}, office.desk.deps)
    office.database.crash_at(point)

    with pytest.raises(CrashError):
        steps.step(steps.Broom(office.database, office.home))
    office.database.revive()
    office.database._engine.dispose()
    steps.step(steps.Broom(office.database, office.home))

    assert office.bytes_with(SECRET) == []
    assert office.bytes_with(TEAM) == []
    assert [
        path.name for path in office.home.iterdir() if path.is_dir() and any(path.iterdir())
    ] == []
    assert office.rows(Erasure) == []


def test_files_that_went_before_a_kill_do_not_keep_the_rest(office, monkeypatch):
    alice_answers(office)
    train(office)
    on_uninstalled({"team_id": TEAM}, office.desk.deps)
    removed: list[str] = []

    def remove_one(path):
        if removed:
            raise CrashError
        removed.append(path.name)
        shutil.rmtree(path)

    with monkeypatch.context() as patch:
        patch.setattr(run_files, "remove", remove_one)
        with pytest.raises(CrashError):
            steps.step(steps.Broom(office.database, office.home))
    assert office.bytes_with(SECRET) != []
    steps.step(steps.Broom(office.database, office.home))

    assert office.bytes_with(SECRET) == []
    assert office.bytes_with(TEAM) == []


def test_what_a_run_writes_while_its_rows_are_deleted_goes_too(office, monkeypatch):
    train(office)
    on_uninstalled({"team_id": TEAM}, office.desk.deps)
    purge, written = steps.sweeping.purge_workspace, office.home / "jobs" / "run-1" / "rows.jsonl"

    def purge_while_a_run_writes(session, team_id):
        written.parent.mkdir(parents=True)
        written.write_text(SECRET)
        return purge(session, team_id)

    monkeypatch.setattr(steps.sweeping, "purge_workspace", purge_while_a_run_writes)
    steps.step(steps.Broom(office.database, office.home))

    assert not written.exists()
    assert office.rows(Erasure) == []


def test_a_purge_is_known_until_its_last_byte_is_gone(office, monkeypatch):
    """Killed after the rows went and before the free pages did: the next start ends it."""
    alice_answers(office)
    on_uninstalled({"team_id": TEAM}, office.desk.deps)
    stopped: list[bool] = []
    broom = steps.Broom(office.database, office.home, on_purged=lambda: stopped.append(True))

    def killed() -> bool:
        raise CrashError

    with monkeypatch.context() as patch:
        patch.setattr(office.database, "scrub", killed)
        with pytest.raises(CrashError):
            steps.step(broom)
    assert office.rows(Example) == []
    steps.step(broom)

    assert stopped == [True]
    assert office.bytes_with(SECRET) == []
    assert office.rows(Erasure) == []


def test_a_purge_waits_for_its_day(office):
    alice_answers(office)
    deps = replace(office.desk.deps, purge_after_days=3)

    on_tokens_revoked({"tokens": {"bot": ["U0APPRENTICE"]}}, {"team_id": TEAM}, deps)
    steps.step(steps.Broom(office.database, office.home))
    assert len(office.desk.examples()) == 1

    steps.step(steps.Broom(office.database, office.home, now=lambda: utc_now() + timedelta(days=4)))
    assert office.desk.examples() == []


def test_an_erasure_waits_until_the_run_that_holds_its_rows_has_ended(office):
    alice_answers(office)
    train(office)
    with office.database.write() as session:
        run = session.exec(select(Run)).one()
        run.state = RunState.TRAINING
        session.add(run)
    office.forget(ALICE)

    (run, again) = office.rows(Run)
    assert run.cancel_requested_by == "forgetting"
    assert again.state == RunState.QUEUED
    assert office.rows(Erasure)[0].state == "rows_erased"

    with office.database.write() as session:
        session.get_one(Run, run.id).state = RunState.CANCELLED
    office.sweep()

    assert office.rows(Erasure)[0].state == "done"
    assert office.bytes_with(SECRET) == []
    assert all(row.state == OutboxState.SENT for row in office.rows(OutboxMessage))


def test_opt_outs_name_nobody(office):
    office.forget(ALICE)

    with office.database.read() as session:
        assert opt_outs.opted_out(session, TEAM, [ALICE, BOB]) == {ALICE}
    assert office.bytes_with(ALICE) == []


class Elsewhere:
    """A provider that keeps what it is given; at first it does not answer."""

    def __init__(self, failures: int = 0) -> None:
        self.failures, self.erased = failures, []

    def erase(self, job_id: str, *, keep_model: bool) -> None:
        if self.failures:
            self.failures -= 1
            raise TrainingError("The provider does not answer.")
        self.erased.append((job_id, keep_model))


def trained_elsewhere(office) -> ModelVersion:
    version = train(office)
    with office.database.write() as session:
        session.get_one(Run, version.run_id).trainer = "openai"
    return version


def test_what_a_provider_was_given_is_erased_there_too_as_soon_as_it_answers(office):
    alice_answers(office)
    version = trained_elsewhere(office)
    with office.database.write() as session:
        forgetting.opt_out(session, TEAM, ALICE)
    provider = Elsewhere(failures=1)
    broom = steps.Broom(office.database, office.home, elsewhere={"openai": provider})

    for _ in range(4):
        office.deliver()
        steps.step(broom)
    [waiting] = office.rows(Erasure)
    assert provider.erased == []
    assert waiting.done_at is None

    later = replace(broom, now=lambda: utc_now() + timedelta(hours=2))
    while steps.step(later):
        pass
    [done] = office.rows(Erasure)
    assert (f"run-{version.run_id}", True) in provider.erased
    assert done.done_at is not None


def test_a_workspace_that_leaves_leaves_nothing_with_its_provider(office):
    alice_answers(office)
    version = trained_elsewhere(office)
    provider = Elsewhere()
    on_uninstalled({"team_id": TEAM}, office.desk.deps)

    steps.step(steps.Broom(office.database, office.home, elsewhere={"openai": provider}))

    assert provider.erased == [(f"run-{version.run_id}", False)]


@pytest.mark.parametrize(("job_id", "is_gone"), [("ftjob-7", True), ("../models", False)])
def test_what_was_downloaded_leaves_too_and_a_providers_word_removes_nothing_else(
    office, job_id, is_gone
):
    alice_answers(office)
    version = trained_elsewhere(office)
    with office.database.write() as session:
        session.get_one(Run, version.run_id).job_id = job_id
    folder = office.home / "jobs" / job_id
    (office.home / "jobs").mkdir(exist_ok=True)
    folder.mkdir(parents=True)
    on_uninstalled({"team_id": TEAM}, office.desk.deps)

    steps.step(steps.Broom(office.database, office.home, elsewhere={"openai": Elsewhere()}))

    assert folder.exists() is not is_gone


def test_the_words_kept_for_comparing_engines_are_erased_with_the_rest(office):
    alice_answers(office)
    version = train(office)
    kept = office.home / version.adapter_path / "parity.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(SECRET)

    office.forget(ALICE)

    assert kept.parent.is_dir()
    assert not kept.exists()


def said_by_a_provider(office: Office, version: ModelVersion, state: RunState) -> None:
    """The run as it is left where a provider quotes a row back."""
    quoted = f"row 3: “With the {SECRET} key.” is not allowed"
    with office.database.write() as session:
        run = session.get_one(Run, version.run_id)
        run.state, run.channel_id = state, "C0HELP"
        run.ended_at = utc_now() if state is RunState.FAILED else None
        run.error = str(RowsRejectedError("openai", quoted, 3, f"Where is the {SECRET}?"))
        run.record = {"job": "ftjob-7", "events": [{"at": "2026-11-27", "said": quoted}]}
        admin_notices.put(session, TEAM, WORKSPACE, "pause:1", f"Not paused. {quoted}")
        session.exec(select(AdminNotice)).one().told_at = utc_now()


@pytest.mark.parametrize("is_deletion", [False, True])
def test_what_a_provider_said_of_a_row_is_erased_and_what_to_do_stays(office, is_deletion):
    posted = alice_answers(office)
    version = train(office)
    said_by_a_provider(office, version, RunState.FAILED)
    assert "apprentice.db" in " ".join(office.bytes_with(SECRET))

    if is_deletion:
        office.deleted(posted[1])
        office.work()
        office.sweep()
    else:
        office.forget(ALICE)

    assert office.bytes_with(SECRET) == []
    run = office.rows(Run)[0]
    assert run.error == (
        "`openai` does not take the training data: “…”. Correct or reject that example, then "
        "train again."
    )
    assert run.record == {"job": "ftjob-7"}


def test_what_a_provider_says_while_it_is_erased_goes_as_well(office):
    alice_answers(office)
    version = train(office)
    said_by_a_provider(office, version, RunState.TRAINING)
    office.forget(ALICE)
    # Asked before the erasure, written down after it.
    said_by_a_provider_again(office, version)

    office.sweep()

    assert office.bytes_with(SECRET) == []


def said_by_a_provider_again(office: Office, version: ModelVersion) -> None:
    with office.database.write() as session:
        run = session.get_one(Run, version.run_id)
        run.record = {"events": [{"at": "2026-11-27", "said": SECRET}]}
        run.state = RunState.CANCELLED


def test_the_card_of_a_run_that_quoted_it_is_changed_in_slack_too(office):
    alice_answers(office)
    version = train(office)
    said_by_a_provider(office, version, RunState.FAILED)
    cards = RunCards(office.database, pause_seconds=0)
    cards.step()
    [card] = [row for row in office.rows(OutboxMessage) if row.key == f"run:{version.run_id}"]
    assert SECRET in json.dumps(card.blocks)
    office.deliver()

    office.forget(ALICE)
    cards.step()

    [card] = [row for row in office.rows(OutboxMessage) if row.key == f"run:{version.run_id}"]
    assert (card.state, SECRET in json.dumps(card.blocks)) == (OutboxState.PENDING, False)
    assert "Correct or reject that example" in json.dumps(card.blocks)
