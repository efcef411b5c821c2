"""
Everything that changes an example, a setting, a right or a model is in the audit: walked through.

Each deed is one transaction of our verbs, looked at by ``tests.audited`` as those of all other
tests are; this makes sure that every action our code can write is reached by a real one.
"""

import ast
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import SQLModel, select
from typer.testing import CliRunner

from bot.answering import canary, pins, promotion
from bot.answering.holding import hold
from bot.answering.strategy import Strategy
from bot.backup import write_backup
from bot.budget import Limits
from bot.cli import cli
from bot.curation import forgetting
from bot.curation import review as verbs
from bot.curation.capture import Ballot, collect_example, take_vote_back
from bot.curation.forgetting import Grace
from bot.curation.lesson import Coordinates, Lesson
from bot.curation.near_duplicates import note_near_duplicates
from bot.curation.review import Reviewer
from bot.curation.undoing import undo
from bot.curation.wordings import drop_wordings, learn_wording
from bot.dataset import audit_file
from bot.dataset.accepting import Rules
from bot.dataset.flagging import flag_near_duplicates
from bot.dataset.formats.csv_table import read as read_csv
from bot.dataset.importing import Order, import_rows
from bot.dataset.rights import attest
from bot.dataset.snapshot import take_snapshot
from bot.pipeline import IdleRule, advance, keep_deployments
from bot.pipeline import forgetting as steps
from bot.pipeline.pruning import Stock, carry_out, plan
from bot.restore import restore_backup
from bot.settings import load_settings
from handlers.commands.export import export
from handlers.corrections import on_reason
from handlers.deps import Ask
from storage import (
    attestations,
    deployments,
    evaluations,
    rules,
    runs,
    schedules,
    thresholds,
    versions,
)
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.database import Database
from storage.tables import (
    AuditEntry,
    CanaryState,
    Example,
    ExampleState,
    ModelVersion,
    NearDuplicate,
    Question,
    Run,
    RunState,
    Source,
    Unanswered,
    Verb,
)
from storage.thresholds import Lines
from tests import audited
from tests.audited import ROOT, UNWATCHED, WATCHED, deed
from tests.capture_desk import Desk
from tests.model_versions import make_version
from tests.pipeline_parts import ask_for_run, make_workshop, work_until_done
from tests.running_sandbox import running_sandbox
from tests.scripted_deployer import ScriptedDeployer
from tests.teaching import TEAM, teach, teach_facts

ALICE, BOB, CAROL, GINA = "U0ALICE", "U0BOB", "U0CAROL", "U0GINA"
MEMBER = Viewer.person(["C0OPS"])
SECRET = "the vault behind the painting"
#: Actions that need more than the walk has, with the test that reaches them.
ELSEWHERE = {
    "project.exported": "tests/training/test_exported_project.py",
    "run.within_budget": "tests/test_budget.py",
}
#: What an action may end on where its name is put together.
_ENDINGS = {
    "review.": [verb.value for verb in Verb],
    "review.undo_": [verb.value for verb in Verb],
    "canary.": [state.value for state in CanaryState if state is not CanaryState.RUNNING],
    "example.": ["revised", "corrected"],
}


def test_every_table_is_watched_or_has_a_reason_not_to_be():
    tables = SQLModel.metadata.tables
    assert not set(WATCHED) & set(UNWATCHED)
    assert set(WATCHED) | set(UNWATCHED) == set(tables)
    for name, rule in WATCHED.items():
        assert set(rule.quiet.split()) <= set(tables[name].columns.keys()), name


@pytest.mark.parametrize(
    "change",
    ["example.answer = 'other'", "session.delete(example)", "session.add(Example(**rest))"],
)
def test_what_our_code_changes_without_telling_is_found(tmp_path, change):
    desk = Database(f"sqlite:///{tmp_path / 'a.db'}")
    SQLModel.metadata.create_all(desk.engine)
    with desk.write() as session:
        teach(session, "Where?", "There.")
    source = (
        "def change(database):\n"
        "    with database.write() as session:\n"
        "        example = session.exec(select(Example)).one()\n"
        "        rest = example.model_dump(exclude={'id'})\n"
        f"        {change}\n"
    )
    made_up: dict = {"select": select, "Example": Example}
    exec(compile(source, str(ROOT / "bot" / "made_up.py"), "exec"), made_up)

    made_up["change"](desk)

    found, audited.missed[:] = [*audited.missed], []
    desk.close()
    assert len(found) == 1
    assert found[0].startswith("bot/made_up.py:")


def test_every_action_is_reached_and_says_who_when_and_what(tmp_path):
    """One long walk: a deed needs what earlier ones left."""
    started = utc_now()
    with running_sandbox(no_limits=True) as sandbox:
        desk = Desk.open(sandbox, tmp_path / "apprentice.db")
        for walk in (captured, reviewed, forgotten, settled, asked, trained, brought_in):
            walk(desk, tmp_path)
    entries = everything(desk.database, tmp_path)
    desk.database.close()

    reached = {entry["action"] for entry in entries} | set(ELSEWHERE)
    assert actions_in_source(reached) - reached == set()
    for entry in entries:
        assert entry["actor"]
        assert re.fullmatch(r"[a-z]+:[\w:-]+", entry["subject"]), entry
        assert started.replace(microsecond=0).isoformat() <= entry["at"] <= utc_now().isoformat()
    assert "vault" not in str(entries), "nothing that anybody wrote"
    for action, test in ELSEWHERE.items():
        assert action in (ROOT / test).read_text()


def everything(database: Database, home: Path) -> list[dict]:
    """As ``/apprentice export audit jsonl`` writes it, and ``csv`` as long."""
    with database.read() as session:
        viewer = Viewer.person(set(session.exec(select(AuditEntry.audience))))
        count = audit_file.write_jsonl(session, TEAM, viewer, home / "audit.jsonl")
        assert audit_file.write_csv(session, TEAM, viewer, home / "audit.csv") == count
    return [json.loads(line) for line in (home / "audit.jsonl").read_text().splitlines()]


def actions_in_source(reached: set[str]) -> set[str]:
    """Every action of the kinds there are that stands in our code."""
    kinds = "|".join(sorted({action.partition(".")[0] for action in reached}))
    whole = re.compile(rf"(?:{kinds})\.[a-z_]*[a-z]")
    found: set[str] = set()
    for path in (path for folder in audited.OURS for path in Path(folder).rglob("*.py")):
        if {"tables", "migrations", "sandbox", "trainer_service", "training", "engines"} & set(
            path.parts
        ):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                begin = node.values[0].value
                found |= {begin + ending for ending in _ENDINGS.get(begin, ())}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} if whole.fullmatch(node.value) else set()
    return found - {"example.id"}  # a column


def ballot(who: str, at: str, value: int = 1, key: str = "") -> Ballot:
    return Ballot(key or f"{who}:{value}", who, value, who in (ALICE, BOB), at)


def captured(desk: Desk, home: Path) -> None:
    database = desk.database
    at = Coordinates("C0HELP", "1.0", "2.0", "1.0", CAROL, "U0DAN")
    lesson = Lesson("Where?", SECRET, Source.SLACK_MESSAGE, Source.SLACK_MESSAGE, at=at)
    wrong = replace(lesson, answer="No.", is_edited=True, is_correction=True)
    moved = replace(lesson, at=replace(at, answer_ts="3.0"))
    votes = [
        (lesson, ballot(CAROL, "5", -1)),
        (replace(lesson, answer=f"{SECRET}!", is_edited=True), ballot(BOB, "6", key="form:1")),
        (wrong, ballot(BOB, "7", key="form:2")),
        (lesson, ballot(ALICE, "8")),
        (moved, ballot(ALICE, "9")),
    ]
    for kept, by in votes:
        with deed(database) as session:
            collect_example(session, TEAM, WORKSPACE, kept, by)
    with deed(database) as session:
        collect_example(session, TEAM, "C0HELP", moved, ballot(GINA, "10"))
    with deed(database) as session:
        take_vote_back(session, TEAM, f"{ALICE}:1", "11")
    in_bursts(database)
    learned(database)
    with deed(database) as session:
        collect_example(
            session, TEAM, WORKSPACE, replace(lesson, at=replace(at, answer_ts="4.0")),
            ballot(CAROL, "12", -1, key="reaction:1"),
        )  # fmt: skip
    body = {"team": {"id": TEAM}, "user": {"id": CAROL}}
    action = {"block_id": "reason|reaction:1", "selected_option": {"value": "wrong"}}
    on_reason(lambda: None, body, action, lambda **_: None, desk.deps)  # type: ignore[arg-type]
    export(Ask(TEAM, ALICE, "C0HELP", "audit", "1"), desk.deps, desk.client)


def in_bursts(database: Database) -> None:
    with deed(database) as session:
        rules.set_values(session, TEAM, None, {"burst_votes": 2, "burst_minutes": 1}, ALICE)
    for number in range(4):
        where = Coordinates("C0GENERAL", f"{number}.0", f"{number}.5", None, CAROL, "U0DAN")
        lesson = Lesson(f"Q{number}", "A", Source.SLACK_MESSAGE, Source.SLACK_MESSAGE, at=where)
        by = Ballot(f"burst:{number}", BOB, 1, True, f"{1000 + number:017.6f}")
        with deed(database) as session:
            collect_example(session, TEAM, WORKSPACE, lesson, by)
    for number in (0, 3):
        with deed(database) as session:
            take_vote_back(session, TEAM, f"burst:{number}", f"{2000:017.6f}")
    with deed(database) as session:
        rules.set_values(session, TEAM, None, {}, ALICE)


def learned(database: Database) -> None:
    with database.write() as session:
        taught = teach(session, "Where is the mill?", "By the river.")
        question = Question(
            team_id=TEAM, channel_id="C0HELP", message_ts="70.0", thread_ts="70.0", user_id=CAROL,
            example_ids=[taught.id],
        )  # fmt: skip
        session.add(question)
    said = Lesson("The mill is where?", "By the river.", Source.SLACK_MESSAGE, Source.BOT_ANSWER)
    with deed(database) as session:
        assert learn_wording(session, TEAM, WORKSPACE, question, said, by=BOB)
    with deed(database) as session:
        drop_wordings(session, session.merge(question), BOB)
    with deed(database) as session:  # it is to be erased later
        learn_wording(session, TEAM, WORKSPACE, session.merge(question), said, by=BOB)


def pair_of(database: Database, about: str, answer: str = "") -> tuple[int, list[int]]:
    """Two examples that ask the same; the pair's number and theirs."""
    with database.write() as session:
        both = [
            teach(session, f"Where is the {about} kept?", "On the hook."),
            teach(session, f"The {about} is kept where?", answer or "On the hook."),
        ]
        for example in both:
            note_near_duplicates(session, example)
        ids = [example.id for example in both]
        found = session.exec(select(NearDuplicate).where(NearDuplicate.second_id == ids[1]))
        return found.one().id, ids


def one(database: Database, **how: object) -> int:
    with database.write() as session:
        return teach(session, "Where is the boat?", "At the pier.", **how).id  # type: ignore


def reviewed(desk: Desk, home: Path) -> None:
    database = desk.database
    alice, bob = Reviewer(ALICE, MEMBER), Reviewer(BOB, MEMBER)
    proposed = one(database, state=ExampleState.PROPOSED)
    private, stale = one(database, audience="C0OPS"), one(database)
    merged, [kept, _] = pair_of(database, "spare key")
    apart, _ = pair_of(database, "red ladder")
    settled, [right, _] = pair_of(database, "old saw", "In the shed behind the big house.")
    with database.write() as session:
        row = session.get_one(Example, stale)
        row.stale_since, row.stale_reason = utc_now(), "message_edited"
        row.proposal = {"question": "Where is it?", "answer": "Here.", "context": []}
        unknown = Unanswered(team_id=TEAM, audience=WORKSPACE, topic="x", text="What is x?")
        session.add_all([row, unknown])
        session.flush()
    decisions: list[tuple[Callable, tuple]] = [
        (verbs.approve, (alice, proposed)),
        (verbs.reject, (alice, proposed)),
        (verbs.edit, (alice, proposed, "Where?", "There.", 1)),
        (verbs.add_wording, (alice, proposed, "Whither?")),
        (verbs.confirm, (alice, proposed)),
        (verbs.change_audience, (alice, proposed, "C0OPS")),
        (verbs.change_audience, (alice, private, WORKSPACE)),
        (verbs.take_edit, (alice, stale)),
        (verbs.merge, (alice, merged, kept)),
        (verbs.keep_apart, (alice, apart)),
        (verbs.settle, (alice, settled, right)),
        (verbs.dismiss, (alice, unknown.id)),
    ]
    for decide, given in decisions:
        with deed(database) as session:
            action = decide(session, TEAM, *given).id
        with deed(database) as session:
            undo(session, TEAM, alice, action)
    for answer in (verbs.refuse, verbs.agree):
        with deed(database) as session:
            asked = verbs.change_audience(session, TEAM, alice, private, WORKSPACE).id
        with deed(database) as session:
            answer(session, TEAM, bob, asked)


def forgotten(desk: Desk, home: Path) -> None:
    database = desk.database
    messages = (("20.0", CAROL, "question"), ("21.0", GINA, "context"), ("22.0", BOB, "answer"))
    at = Coordinates("C0HELP", "20.0", "22.0", "20.0", CAROL, BOB, messages=messages)
    said = Lesson("Where?", "Here.", Source.SLACK_MESSAGE, Source.SLACK_MESSAGE, at=at)
    with deed(database) as session:
        kept = collect_example(session, TEAM, WORKSPACE, said, ballot(ALICE, "30", key="k")).example
    with deed(database) as session:
        example = session.get_one(Example, kept.id)
        forgetting.follow_edit(session, example, replace(said, answer="There."), utc_now())
    for ts in ("21.0", "70.0", "22.0"):  # a turn in between, what was asked otherwise, the answer
        with deed(database) as session:
            assert forgetting.forget_message(session, TEAM, "C0HELP", ts, Grace(utc_now()))
    with deed(database) as session:
        forgetting.opt_out(session, TEAM, GINA)
    steps.step(steps.Broom(database, home))
    with deed(database) as session:
        assert forgetting.close_channel(session, TEAM, "C0GENERAL", Grace(utc_now()))
    with deed(database) as session:
        forgetting.leave(session, TEAM, utc_now() + timedelta(days=9))


def settled(desk: Desk, home: Path) -> None:
    for curators in ([BOB], []):
        with deed(desk.database) as session:
            rules.set_values(session, TEAM, "C0OPS", {"curators": curators}, ALICE, "C0OPS")
    with deed(desk.database) as session:
        thresholds.write(session, TEAM, WORKSPACE, Lines(0.5), by_meaning=True)


def asked(desk: Desk, home: Path) -> None:
    database = desk.database
    with deed(database) as session:
        attest(session, TEAM, ALICE, tuple(Source))
    with deed(database) as session:
        row = schedules.put(
            session, TEAM, "C0OPS", rule="daily", zone="UTC", trainer="local",
            channel_id="C0OPS", by=ALICE, next_at=None,
        )  # fmt: skip
    with deed(database) as session:
        schedules.remove(session, row, ALICE)
    with deed(database) as session:
        run_id = runs.enqueue(
            session, TEAM, "C0OPS", trainer="local", requested_by=ALICE, channel_id=None
        ).id
    for act in (runs.ask_to_pause, runs.ask_to_resume, runs.approve, runs.ask_to_cancel):
        with deed(database) as session:
            act(session, session.get_one(Run, run_id), BOB)


def trained(desk: Desk, home: Path) -> None:
    database = desk.database
    with database.write() as session:
        taught = teach_facts(session, 12)[0].id
    with deed(database) as session:
        run_id = ask_for_run(session).id
    tight = replace(make_workshop(database, home), limits=Limits(hours_per_run=1e-9))
    while state_of(database, run_id) is not RunState.WAITING:
        advance(tight)
    with deed(database) as session:
        runs.approve(session, session.get_one(Run, run_id), ALICE)
    workshop = replace(tight, limits=Limits())
    work_until_done(workshop)
    promoted(database)
    deployed(database, home)
    with deed(database) as session:
        name = session.exec(select(ModelVersion.name).where(ModelVersion.run_id == run_id)).one()
    with database.write() as session:
        promotion.put_live(
            session, versions.by_name(session, TEAM, name, MEMBER),
            Strategy(name, 0, 1.0), ALICE, ALICE,
        )  # fmt: skip
    with deed(database) as session:
        lesson_gone = session.get_one(Example, taught)
        forgetting.move(session, lesson_gone, "C0OPS", Grace(utc_now()))
        verbs.add_wording(session, TEAM, Reviewer(ALICE, MEMBER), taught, "Which hook?")
    steps.step(steps.Broom(database, home, now=lambda: utc_now() + timedelta(days=8)))
    pruned(database, home)


def state_of(database: Database, run_id: int) -> RunState:
    with database.read() as session:
        return session.get_one(Run, run_id).state


def promoted(database: Database) -> None:
    with database.write() as session:
        first, second = (make_version(session).name for _ in range(2))
    with deed(database) as session:
        hold(session, TEAM, first, ALICE, MEMBER, utc_now())
    with deed(database) as session:
        promotion.promote(session, TEAM, first, ALICE, MEMBER)
    ends = utc_now() + timedelta(days=1)
    for state in CanaryState:
        if state is CanaryState.RUNNING:
            continue
        for share in (20, 30):
            with deed(database) as session:
                wanted = canary.Plan(second, share, ALICE, "C0HELP", ends)
                begun = canary.start(session, TEAM, wanted, MEMBER)
        with deed(database) as session:
            canary.end(session, session.merge(begun), state, "Because.", "the canary", utc_now())
    with deed(database) as session:
        pins.pin_version(session, TEAM, "C0HELP", WORKSPACE, first, ALICE, MEMBER)
    with deed(database) as session:
        pins.unpin(session, TEAM, "C0HELP", ALICE)
    with deed(database) as session:
        promotion.rollback(session, TEAM, WORKSPACE, ALICE)
    with database.write() as session:
        version = promotion.find_version(session, TEAM, second, MEMBER)
        evaluation = evaluations.of_version(session, TEAM, version.id)
        evaluation.evidence = {"findings": {"parity_proven": False}}
    with deed(database) as session:
        promotion.promote(session, TEAM, second, ALICE, MEMBER, accepts_unproven=True)


def deployed(database: Database, home: Path) -> None:
    """One is removed by a person, one is wanted again in time, one vanishes."""
    place = ScriptedDeployer("m1", "m2")
    later = [timedelta(0)]
    workshop = replace(
        make_workshop(database, home),
        deployers={"azure": place},
        idle=IdleRule(7, False),
        now=lambda: utc_now() + later[0],
    )
    with database.write() as session:
        made = [make_version(session) for _ in range(2)]
        for version, model in zip(made, ("m1", "m2"), strict=True):
            version.remote_id, version.served_by = model, "azure"
            session.get_one(Run, version.run_id).state = RunState.DONE
        first, second = made
    with deed(database) as session:
        promotion.promote(session, TEAM, first.name, ALICE, MEMBER)
    with deed(database) as session:
        pins.pin_version(session, TEAM, "C0GENERAL", WORKSPACE, second.name, ALICE, MEMBER)

    def knock(times: int = 4) -> None:
        for _ in range(times):
            keep_deployments(workshop)
            later[0] += timedelta(hours=2)

    knock()
    with deed(database) as session:
        deployments.ask_to_remove(session, deployments.open_of(session, first.id), BOB)
    knock()  # it is live, so it is kept
    with deed(database) as session:
        pins.unpin(session, TEAM, "C0GENERAL", ALICE)
    with deed(database) as session:
        deployments.ask_to_remove(session, deployments.open_of(session, second.id), BOB)
    knock()
    place.there.clear()
    later[0] += timedelta(days=2)
    knock()


def pruned(database: Database, home: Path) -> None:
    with deed(database) as session:
        allowed = attestations.newest(session, TEAM)
        take_snapshot(session, TEAM, "C0OPS", allowed)
    with database.write() as session:
        teach(session, "Where is the new one?", "Nowhere.", audience="C0OPS")
    with deed(database) as session:
        take_snapshot(session, TEAM, "C0OPS", allowed)
    (home / "jobs" / "run-1").mkdir(exist_ok=True)
    (home / "jobs" / "run-1" / "checkpoint.pt").write_bytes(b"x")
    stock = Stock(database, home, TEAM, MEMBER)
    planned = plan(stock)
    assert planned.snapshots
    assert planned.paths
    carry_out(stock, planned, "operator")


def brought_in(desk: Desk, home: Path) -> None:
    """From files: rows, a snapshot by the command line, and everything from a backup."""
    (home / "rows.csv").write_text("question,answer\nWhere is the sun?,Up.\n")
    order = Order("rows.csv", Rules(lambda text: (text, ())), by="operator")
    import_rows(
        desk.database, TEAM, MEMBER, read_csv(home / "rows.csv"), order, flag_near_duplicates
    )
    done = CliRunner().invoke(
        cli, ["dataset", "snapshot"], obj=lambda **_: load_settings(apprentice_home=home)
    )
    assert done.exit_code == 0, done.output
    write_backup(desk.database, home, home.with_suffix(".tar"))
    desk.database.close()
    restore_backup(desk.database, home, home.with_suffix(".tar"))
