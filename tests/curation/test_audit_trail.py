"""What people do leaves its entries, in the same transaction, without a word of what they wrote."""

import pytest

from bot.curation.capture import Ballot, collect_example, take_vote_back
from bot.curation.lesson import Lesson
from bot.dataset.rights import attest
from storage import audit, runs
from storage.audience import WORKSPACE, Viewer
from storage.tables import Source
from tests.teaching import TEAM

LESSON = Lesson("Where is the printer?", "First floor.", Source.AUTHORED, Source.AUTHORED)
BALLOT = Ballot("form:1", "U0BOB", 1, by_curator=True, order_key="1.0")


def trail(database) -> list[tuple[str, str, str]]:
    with database.read() as session:
        found = audit.entries(session, TEAM, Viewer.person(["C0OPS"]))
    assert "printer" not in str([entry.model_dump() for entry in found])
    return [(entry.actor, entry.action, entry.subject) for entry in found]


def test_teaching_and_taking_back_are_on_record(database):
    with database.write() as session:
        collect_example(session, TEAM, WORKSPACE, LESSON, BALLOT)
    with database.write() as session:
        take_vote_back(session, TEAM, "form:1", "2.0")

    assert trail(database) == [
        ("U0BOB", "example.kept", "example:1"),
        ("U0BOB", "vote.cast", "example:1"),
        ("U0BOB", "vote.taken_back", "example:1"),
    ]


def test_rights_and_runs_are_on_record(database):
    with database.write() as session:
        attest(session, TEAM, "U0ALICE", [Source.AUTHORED])
        run = runs.enqueue(
            session, TEAM, "C0OPS", trainer="local", requested_by="U0ALICE", channel_id=None
        )
        runs.ask_to_cancel(session, run, "U0BOB")
        runs.ask_to_cancel(session, run, "U0CAROL")

    assert trail(database) == [
        ("U0ALICE", "right.attested", "attestation:1"),
        ("U0ALICE", "run.asked", "run:1"),
        ("U0BOB", "run.cancelled", "run:1"),
    ]


def test_what_is_rolled_back_is_not_on_record(database):
    def fail() -> None:
        with database.write() as session:
            collect_example(session, TEAM, WORKSPACE, LESSON, BALLOT)
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail()

    assert trail(database) == []
