"""The audit table: only added to, shown by audience, and free of people who left."""

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select, update

from storage import audit
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.tables import AuditEntry, Setting

TEAM = "T1"
EVERYBODY = Viewer.person(())
IN_OPS = Viewer.person(["C0OPS"])


def note(database: Database, actor: str = "U1", subject: str = "example:1", **more) -> None:
    with database.write() as session:
        audit.record(session, TEAM, actor=actor, action="vote.cast", subject=subject, **more)


def test_entries_are_read_in_order_and_from_where_the_reader_left(database: Database):
    for number in range(3):
        note(database, subject=f"example:{number}")

    with database.read() as session:
        found = audit.entries(session, TEAM, EVERYBODY)
        later = audit.entries(session, TEAM, EVERYBODY, after=found[0].id or 0, limit=1)

    assert [entry.subject for entry in found] == ["example:0", "example:1", "example:2"]
    assert [entry.subject for entry in later] == ["example:1"]


def test_a_private_channel_s_entries_are_for_its_members_alone(database: Database):
    note(database, audience="C0OPS")
    note(database, audience=WORKSPACE)

    with database.read() as session:
        assert len(audit.entries(session, TEAM, EVERYBODY)) == 1
        assert len(audit.entries(session, TEAM, IN_OPS)) == 2
        assert audit.entries(session, TEAM, Viewer.nobody()) == []
        assert audit.entries(session, "T2", IN_OPS) == []


def test_the_database_refuses_to_change_or_delete_an_entry(database: Database):
    note(database)

    def change() -> None:
        with database.write() as session:
            session.exec(update(AuditEntry).values(action="nothing.happened"))

    def name_somebody_else() -> None:
        with database.write() as session:
            session.exec(update(AuditEntry).values(actor="U2"))

    def delete() -> None:
        with database.write() as session:
            session.delete(session.exec(select(AuditEntry)).one())

    for attempt in (change, name_somebody_else, delete):
        with pytest.raises(IntegrityError, match="only ever added to"):
            attempt()


def test_a_person_s_id_gives_way_to_a_pseudonym(database: Database):
    note(database, actor="U1")
    note(database, actor="U2", subject=audit.person("U1"))

    with database.write() as session:
        audit.pseudonymise(session, TEAM, "U1", "erased-7f3a")

    with database.read() as session:
        found = audit.entries(session, TEAM, EVERYBODY)
    assert [(entry.actor, entry.subject) for entry in found] == [
        ("erased-7f3a", "example:1"),
        ("U2", "person:erased-7f3a"),
    ]


def test_a_pseudonym_cannot_be_another_person(database: Database):
    with database.write() as session, pytest.raises(ValueError, match="erased-"):
        audit.pseudonymise(session, TEAM, "U1", "U2")


def test_a_workspace_that_left_takes_its_entries_along(database: Database):
    note(database)
    with database.write() as session:
        audit.record(session, "T2", actor="U", action="vote.cast", subject="example:9")

    with database.write() as session:
        audit.purge(session, TEAM)

    with database.read() as session:
        assert audit.entries(session, TEAM, EVERYBODY) == []
        assert len(audit.entries(session, "T2", EVERYBODY)) == 1
        assert session.exec(select(Setting)).all() == []
