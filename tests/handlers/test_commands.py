"""`/apprentice`: known words, unknown words, and what people are told when something breaks."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from handlers.commands import subcommands
from storage.tables import Example
from tests.teaching import teach_facts


@pytest.fixture
def sandbox(shared_sandbox):
    return shared_sandbox


def told(sandbox, user, text, **options):
    before = len(sandbox.ephemerals(user))
    sandbox.command(user, text, **options)
    heard = sandbox.wait_for(lambda _: sandbox.ephemerals(user)[before:])
    return heard[0]


@pytest.mark.parametrize("text", ["", "help", "HELP"])
def test_help_lists_every_word_and_who_may_use_it(sandbox, bot, text):
    shown = str(told(sandbox, "U0CAROL", text)["blocks"])

    for word in (
        "add",
        "examples",
        "train",
        "status",
        "models",
        "promote",
        "rollback",
        "canary",
        "pin",
    ):
        assert f"/apprentice {word}" in shown
    for_all, for_curators, for_admins = (
        shown.index(head) for head in ("For everybody", "For curators", "For admins")
    )
    assert for_all < shown.index("/apprentice add") < for_curators
    assert for_curators < shown.index("/apprentice pin") < for_admins
    assert for_admins < shown.index("/apprentice train")


def test_an_unknown_word_gets_a_guess(sandbox, bot):
    assert told(sandbox, "U0CAROL", "exmples")["text"] == (
        "I do not know `exmples`. Did you mean `examples`?"
    )


def test_a_word_that_resembles_none_gets_help(sandbox, bot):
    assert "/apprentice help" in told(sandbox, "U0CAROL", "qqqqq")["text"]


def test_an_unknown_word_cannot_ping_anybody(sandbox, bot):
    text = told(sandbox, "U0CAROL", "`<!channel>`")["text"]

    assert "<!channel>" not in text


def test_a_failure_is_told_with_a_reference_that_the_log_has(sandbox, database, bot, caplog):
    with database.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE example RENAME TO hidden"))

    text = told(sandbox, "U0CAROL", "examples")["text"]

    reference = text.split("`")[1]
    [record] = [r for r in caplog.records if reference in r.getMessage()]
    assert record.exc_info
    assert "no such table" not in text


def test_advice_is_for_the_place_it_is_asked_in_and_for_members(sandbox, database, bot):
    with database.write() as session:
        teach_facts(session, 12)
        teach_facts(session, 3, audience="C0OPS")
        for example in session.exec(sa.select(Example)).scalars():
            example.tags = ["<!here>"]

    bob, carol, dave = (
        told(sandbox, user, "advise", channel=channel)
        for user, channel in (("U0BOB", "C0OPS"), ("U0CAROL", "C0HELP"), ("U0DAVE", "C0HELP"))
    )

    assert "15 approved examples" in str(bob["blocks"])
    assert "12 approved examples" in str(carol["blocks"])
    assert carol["blocks"][0]["text"]["text"] == "Should we tune?"
    assert "for the members of this workspace" in dave["text"]
    assert "12" not in f"{dave['text']} {dave['blocks']}"  # its ts may well have a 12 in it


def test_the_readme_lists_every_command():
    listed = (Path(__file__).parents[2] / "README.md").read_text()

    for word in subcommands().values():
        assert f"`/apprentice {word.usage}`".replace(" | ", " \\| ") in listed
