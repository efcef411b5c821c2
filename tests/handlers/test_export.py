"""`/apprentice export audit`: a file for the admin who asks, as a direct message."""

import csv
import io
import json
import urllib.request
from dataclasses import dataclass

import pytest

from handlers import files
from storage import audit
from tests.answering_bot import answering_bot
from tests.teaching import TEAM


@pytest.fixture
def sandbox(shared_sandbox):
    return shared_sandbox


@dataclass
class Exporting:
    sandbox: object
    database: object
    deps: object

    def ask(self, user: str, text: str) -> str:
        before = len(self.sandbox.ephemerals(user))
        self.sandbox.command(user, text)
        return self.sandbox.wait_for(lambda _: self.sandbox.ephemerals(user)[before:])[0]["text"]

    def received(self, user: str, words: str = "export audit") -> tuple[str, str]:
        """Name and text of the file that the person got."""
        known = self.names()
        self.ask(user, words)
        while files.step(self.deps, self.sandbox.client()):
            pass
        [file] = [f for f in self.sandbox.state()["files"] if f["id"] not in known]
        request = urllib.request.Request(
            file["url_private_download"], headers={"Authorization": f"Bearer xoxp-{user}"}
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return file["name"], response.read().decode("utf-8-sig")

    def names(self) -> set[str]:
        return {file["id"] for file in self.sandbox.state()["files"]}

    def note(self, subject: str, **more) -> None:
        with self.database.write() as session:
            audit.record(
                session, TEAM, actor="U0BOB", action="example.kept", subject=subject, **more
            )


@pytest.fixture
def exporting(sandbox, database, engine, tmp_path):
    with answering_bot(sandbox.api_url, database, engine.engine(), home=tmp_path) as bot:
        sandbox.wait_until_connected()
        yield Exporting(sandbox, database, bot.deps)


def test_an_admin_gets_the_audit_log_as_a_file_in_a_direct_message(exporting, tmp_path):
    exporting.note("example:1", details={"revision": 2})

    name, text = exporting.received("U0ALICE")

    rows = list(csv.DictReader(io.StringIO(text)))
    assert name.startswith("apprentice-audit-")
    assert name.endswith(".csv")
    assert rows[0]["actor"] == "U0BOB"
    assert rows[0]["subject"] == "example:1"
    assert json.loads(rows[0]["details"]) == {"revision": 2}
    assert rows[-1]["action"] == "export.asked"
    assert list((tmp_path / "exports").iterdir()) == []


def test_json_lines_are_a_word_away(exporting):
    exporting.note("example:1", details={"revision": 2})

    _, text = exporting.received("U0ALICE", "export audit jsonl")

    assert json.loads(text.splitlines()[0])["details"] == {"revision": 2}


def test_a_private_channel_s_entries_go_to_its_members_alone(exporting):
    exporting.note("example:1", audience="C0OPS")
    exporting.note("example:2", audience="C0SECRET")  # no channel that Alice is in

    _, text = exporting.received("U0ALICE")

    assert "example:1" in text
    assert "example:2" not in text


def test_who_is_no_admin_gets_nothing(exporting):
    before = exporting.names()

    assert "Only admins can" in exporting.ask("U0BOB", "export audit")

    assert not files.step(exporting.deps, exporting.sandbox.client())
    assert exporting.names() == before


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("export", "What shall I export?"),
        ("export everything", "What shall I export?"),
        ("export audit jsonk", "Did you mean `jsonl`?"),
    ],
)
def test_what_cannot_be_exported_is_answered_with_what_can(exporting, words, answer):
    assert answer in exporting.ask("U0ALICE", words)


def test_no_cell_is_a_formula(exporting):
    exporting.note("=HYPERLINK(1)")

    _, text = exporting.received("U0ALICE")

    assert "'=HYPERLINK(1)" in text
