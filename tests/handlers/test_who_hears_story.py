"""
A channel turns private, is shared with another company, and loses a member: nothing crosses.

Through Slack's eyes: after each step everybody looks everywhere, and whoever may not hear what
was learned in the channel meets it nowhere.
"""

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from bot.answering.promotion import promote
from bot.cli import cli
from bot.dataset.rights import attest
from bot.dataset.snapshot import take_snapshot
from bot.errors import NotFoundError
from bot.pipeline.reporting import write_report
from bot.settings import load_settings
from handlers import files, home
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.tables import (
    Evaluation,
    EvaluationAnswer,
    Example,
    ModelVersion,
    Source,
    Split,
    Unanswered,
    UnansweredAsk,
)
from tests.answering_bot import AnsweringBot, answering_bot
from tests.model_versions import make_version
from tests.running_sandbox import RunningSandbox
from tests.scripted_engine import ScriptedEngine
from tests.teaching import TEAM, thaw

LAB, BOT = "C0LAB", "U0APPRENTICE"
ALICE, BOB, CAROL, DAVE, ERIN = "U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "U0ERIN"
#: Words that stand only in what was said in the channel.
MARKS = ("serum", "fridge", "centrifuge", "glacier")
#: The lab's own version, and that of everybody.
OWN, EVERYBODYS = "c0lab-v1", "workspace-v1"


@dataclass
class Office:
    sandbox: RunningSandbox
    database: Database
    engine: ScriptedEngine
    bot: AnsweringBot
    home: Path

    def learn(self, voter: str, question: str, answer: str) -> None:
        root = self.sandbox.post(CAROL, question, LAB)
        said = self.sandbox.post(ALICE, answer, LAB, root)
        before = len(self.examples())
        self.sandbox.react(voter, LAB, said)
        self.sandbox.wait_for(lambda _: len(self.examples()) > before)

    def examples(self) -> list[Example]:
        with self.database.read() as session:
            return list(session.exec(select(Example)))

    def ask(self, user: str, channel: str) -> tuple[str, str]:
        """What the model was shown for a question about the fridge, and which model it was."""
        before = len(self.engine.asked)
        text = f"<@{BOT}> Who has seven?" if channel[0] == "C" else "Who has seven?"
        ts = self.sandbox.post(user, text, channel)
        answer = self.sandbox.wait_for_message(
            lambda m: (
                m["channel"] == channel and m["ts"] > ts and m["user"] == BOT
                and not m["streaming"] and m["text"]
            ),
        )  # fmt: skip
        asked = self.engine.asked[before:]
        shown = str([body["messages"][:-1] for body in asked]) + str(answer["blocks"])
        return shown, asked[0]["model"] if asked else ""

    def direct(self, user: str) -> str:
        opened = self.sandbox.client(user).conversations_open(users=BOT)
        return str(opened["channel"]["id"])

    def tell(self, user: str, words: str) -> str:
        before = len(self.sandbox.ephemerals(user))
        self.sandbox.command(user, words)
        heard = self.sandbox.wait_for(lambda _: self.sandbox.ephemerals(user)[before:])
        return str([[m["text"], m["blocks"]] for m in heard])

    def everywhere(self, user: str) -> Iterator[tuple[str, str]]:
        """All places where somebody may look, with what they see there."""
        home.publish(TEAM, user, self.sandbox.client(), self.bot.deps)
        yield "home", str(self.sandbox.state("homes")["homes"].get(user))
        yield "examples", self.tell(user, "examples seven")
        yield "newest", self.tell(user, "examples")
        yield "review", self.tell(user, "review")
        yield "models", self.tell(user, "models").replace(OWN, "serum")
        yield "asked directly", self.ask(user, self.direct(user))[0]
        yield "asked in public", self.ask(user, "C0HELP")[0]
        yield "the run's page", self.report(user)

    def report(self, user: str) -> str:
        people = self.bot.deps.people
        path = self.home / "page.html"
        with self.database.read() as session:
            run_id = session.exec(
                select(ModelVersion.run_id).where(ModelVersion.name == EVERYBODYS)
            ).one()
            try:
                viewer = people.personal_viewer(people.person(user))
                write_report(session, TEAM, run_id, viewer, path)
            except NotFoundError as refusal:
                return str(refusal)
        return path.read_text()

    def hears(self, user: str) -> set[str]:
        """Where somebody meets what was learned in the lab."""
        return {
            place
            for place, text in self.everywhere(user)
            if any(mark in text.lower() for mark in MARKS)
        }

    def audit_of(self, admin: str) -> str:
        known = {file["id"] for file in self.sandbox.state("files")["files"]}
        self.tell(admin, "export audit jsonl")
        while files.step(self.bot.deps, self.sandbox.client()):
            pass
        [file] = [f for f in self.sandbox.state("files")["files"] if f["id"] not in known]
        request = urllib.request.Request(
            file["url_private_download"], headers={"Authorization": f"Bearer xoxp-{admin}"}
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.read().decode()

    def exported(self, audience: str) -> str:
        path = self.home / "out.jsonl"
        done = CliRunner().invoke(
            cli,
            ["dataset", "export", "--format", "openai-chat", "--audience", audience,
             "--all-states", "-o", str(path)],
            obj=lambda **_: load_settings(apprentice_home=self.home, _env_file=None),
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        return path.read_text()


@pytest.fixture
def office(sandbox, database, engine, tmp_path):
    """A public lab that taught one thing, proposed another, and asked a third in vain."""
    members = [ALICE, BOB, CAROL, BOT]
    sandbox.control("channel", id=LAB, name="lab", members=members)
    models = engine.engine((OWN, EVERYBODYS))
    with answering_bot(sandbox.api_url, database, models, home=tmp_path) as bot:
        sandbox.wait_until_connected()
        office = Office(sandbox, database, engine, bot, tmp_path)
        asked = sandbox.post(CAROL, f"<@{BOT}> What melts the glacier?", LAB)
        sandbox.wait_for_message(lambda m: m["thread_ts"] == asked and m["user"] == BOT)
        sandbox.wait_for(lambda _: office_rows(database, UnansweredAsk))
        office.learn(BOB, "Where is the blue serum?", "Fridge seven has it.")
        office.learn(CAROL, "Where is the centrifuge?", "In cellar two.")
        sandbox.control("user", id=CAROL, is_admin=True)
        with database.write() as session:
            judged(session)
        yield office


def office_rows(database: Database, table) -> list:
    with database.read() as session:
        return list(session.exec(select(table)))


def judged(session) -> None:
    """A version that learned it, is live, and whose page quotes it."""
    attestation = attest(session, TEAM, ALICE, tuple(Source))
    version = make_version(session)
    taken = take_snapshot(session, TEAM, WORKSPACE, attestation)
    version.snapshot_id = taken.snapshot.id
    thaw(session)
    for row in taken.rows:
        row.split = Split.HELD_OUT_WORDING
    evaluation = session.exec(select(Evaluation)).one()
    key = evaluation.strategies[0]["name"]
    session.add_all(
        EvaluationAnswer(
            team_id=TEAM, run_id=version.run_id, strategy=key, snapshot_row_id=row.id,
            text="The serum is in the fridge.", f1=1.0, prompt_tokens=1, answer_tokens=1,
            seconds=1.0, example_ids=[row.example_id],
        )
        for row in taken.rows
    )  # fmt: skip
    promote(session, TEAM, EVERYBODYS, ALICE, Viewer.model(WORKSPACE))
    make_version(session, audience=LAB)
    promote(session, TEAM, OWN, ALICE, Viewer.model(LAB))


#: Where everybody meets what everybody may know, and members what is theirs alone.
EVERYBODYS_PLACES = {
    "home", "examples", "newest", "review", "asked directly", "asked in public", "the run's page",
}  # fmt: skip
MEMBERS_PLACES = {"home", "examples", "newest", "review", "models"}


def test_nothing_crosses_whatever_becomes_of_a_channel(office):
    sandbox = office.sandbox
    assert {example.audience for example in office.examples()} == {WORKSPACE}
    assert office.hears(CAROL) == EVERYBODYS_PLACES
    assert office.hears(DAVE) == set(), "but no guest"

    turned_private(office)
    for member in (ALICE, BOB):
        assert office.hears(member) == MEMBERS_PLACES
    assert_only_the_lab_hears(office, ALICE, BOB)

    shared(office, True)
    assert_only_the_lab_hears(office)

    shared(office, False)
    sandbox.control("channel", id=LAB, members=[ALICE, BOT])
    people = office.bot.deps.people
    sandbox.wait_for(lambda _: BOB not in people.members(LAB))
    assert office.hears(ALICE) == MEMBERS_PLACES
    assert_only_the_lab_hears(office, ALICE)


def turned_private(office: Office) -> None:
    office.sandbox.control("channel", id=LAB, is_private=True, members=[ALICE, BOB, BOT])
    kind = {"type": "message", "subtype": "channel_convert_to_private"}
    office.sandbox.event({**kind, "channel": LAB, "user": ALICE, "ts": "1.0", "event_ts": "1.0"})
    office.sandbox.wait_for(lambda _: {each.audience for each in office.examples()} == {LAB})


def shared(office: Office, is_shared: bool) -> None:
    office.sandbox.control("channel", id=LAB, is_ext_shared=is_shared)
    event = "channel_shared" if is_shared else "channel_unshared"
    office.sandbox.event({"type": event, "channel": LAB, "event_ts": "2.0"})
    people = office.bot.deps.people
    office.sandbox.wait_for(lambda _: people.place(LAB).is_external is is_shared)


def assert_only_the_lab_hears(office: Office, *members: str) -> None:
    """``members`` are those of a lab that is the company's own; else there are none."""
    for user in {ALICE, BOB, CAROL, DAVE} - set(members):
        assert office.hears(user) == set(), user
    shown, model = office.ask(ALICE, LAB)
    assert ("fridge" in shown.lower(), model) == ((True, OWN) if members else (False, ""))
    # Whatever the command line writes for everybody is free of it.
    assert not any(mark in office.exported(WORKSPACE).lower() for mark in MARKS)
    assert "Fridge seven" in office.exported(LAB)
    asked = office_rows(office.database, Unanswered)
    assert {row.audience for row in asked if "glacier" in row.text} == {LAB}
    assert LAB not in office.audit_of(CAROL)
    assert ("channel.closed" in office.audit_of(ALICE)) is (ALICE in members)
