"""`/apprentice settings`: a form for admins, a list for the others, and what follows from it."""

from collections.abc import Iterator

import pytest
from sqlmodel import select

from storage.rules import Rules, rules_for
from storage.tables import AuditEntry, Example
from tests.answering_bot import AnsweringBot, answering_bot
from tests.running_sandbox import RunningSandbox, running_sandbox
from tests.scripted_engine import scripted_engine
from tests.teaching import TEAM, fresh_database

ALICE, BOB, CAROL, GUEST = "U0ALICE", "U0BOB", "U0CAROL", "U0DAVE"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(no_limits=True) as running:
        yield running


@pytest.fixture(scope="module")
def bot(sandbox, tmp_path_factory) -> Iterator[AnsweringBot]:
    database = fresh_database(tmp_path_factory.mktemp("bot"))
    with (
        scripted_engine() as script,
        answering_bot(sandbox.api_url, database, script.engine()) as bot,
    ):
        sandbox.wait_until_connected()
        yield bot
    database.close()


def rules_in(bot, channel: str | None = None) -> Rules:
    with bot.deps.database.read() as session:
        return rules_for(session, TEAM, channel)


def open_form(sandbox, channel: str = "C0HELP", *, here: bool = False) -> dict:
    for view in sandbox.views(ALICE):
        sandbox.control("view_closed", user=ALICE, view_id=view["id"], clear=True)
    sandbox.command(ALICE, "settings", channel=channel)
    view = sandbox.wait_for(lambda s: [v for v in s["views"] if v["user"] == ALICE])[-1]
    if not here:
        return view
    sandbox.action(ALICE, "settings_scope", channel, view_id=view["id"])
    return sandbox.views(ALICE)[-1]


def save(sandbox, view: dict, scope: str = "workspace", **values) -> dict:
    """Send the form and return what is shown instead."""
    given = {f"{name}:{scope}": {name: value} for name, value in values.items()}
    sandbox.submit(ALICE, view["id"], given)
    return sandbox.views(ALICE)[-1]


def initial(view: dict, name: str):
    found = [b["element"] for b in view["blocks"] if b.get("element", {}).get("action_id") == name]
    return next(value for key, value in found[0].items() if key.startswith("initial"))


def test_an_admin_sees_what_holds_and_changes_it_for_the_workspace(sandbox, bot):
    view = open_form(sandbox)
    shown = {name: initial(view, name) for name in ("quorum", "curators", "good_reactions")}

    done = save(sandbox, view, quorum="2", stale_days="0", switches=["self_votes"],
                good_reactions=":tada: white_check_mark")  # fmt: skip

    assert shown == {"quorum": "1", "curators": [BOB], "good_reactions": "white_check_mark"}
    assert rules_in(bot) == Rules(
        quorum=2, stale_days=0, self_votes=True, good_reactions=("tada", "white_check_mark")
    )
    assert "Approved by 2 curators" in str(done["blocks"])
    save(sandbox, open_form(sandbox), quorum="1", stale_days="180", switches=[],
         good_reactions="white_check_mark")  # fmt: skip
    assert rules_in(bot) == Rules()
    with bot.deps.database.read() as session:
        entries = session.exec(
            select(AuditEntry).where(AuditEntry.action == "settings.changed")
        ).all()
    assert [(each.actor, each.subject) for each in entries] == [(ALICE, "settings:workspace")] * 2
    assert entries[0].details["after"]["quorum"] == 2


def test_a_channel_keeps_what_differs_and_follows_the_workspace_in_the_rest(sandbox, bot):
    view = open_form(sandbox, "C0OPS", here=True)

    save(sandbox, view, "C0OPS", curators=[CAROL, BOB], switches=["two_person"])
    save(sandbox, open_form(sandbox), burst_votes="50")

    assert rules_in(bot, "C0OPS") == Rules(
        curators=frozenset({BOB, CAROL}), two_person=True, burst_votes=50
    )
    assert rules_in(bot) == Rules(burst_votes=50)
    again = open_form(sandbox, "C0OPS", here=True)
    assert initial(again, "curators") == [BOB, CAROL]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"good_reactions": "tada", "bad_reactions": "x tada"}, "cannot mean good and wrong"),
        ({"good_reactions": "<script>"}, "is not a name"),
        ({"curators": [GUEST]}, "Only full members"),
        ({"burst_votes": "0"}, "from 1 to 200"),
        ({"quorum": "2.5"}, "from 1 to 10"),
        ({"quorum": "many"}, "from 1 to 10"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(sandbox, bot, values, problem):
    before = rules_in(bot)

    shown = save(sandbox, open_form(sandbox), **values)

    assert problem in str(shown["errors"])
    assert rules_in(bot) == before


def test_others_read_what_holds_where_they_ask(sandbox, bot):
    sandbox.command(CAROL, "settings")

    told = sandbox.wait_for_message(lambda m: m["ephemeral_to"] == CAROL and "taught" in m["text"])
    assert "How I am taught in <#C0HELP>" in told["text"]
    assert f"<@{BOB}>" in told["text"]
    assert sandbox.views(CAROL) == []
    sandbox.command(GUEST, "settings")
    sandbox.wait_for_message(lambda m: m["ephemeral_to"] == GUEST and "full members" in m["text"])


def test_a_channels_own_reaction_teaches_there_and_nowhere_else(sandbox, bot):
    save(sandbox, open_form(sandbox, "C0GENERAL", here=True), "C0GENERAL", good_reactions="star")
    posted = {}
    for channel in ("C0GENERAL", "C0HELP"):
        asked = sandbox.post(CAROL, f"Where is {channel}?", channel)
        posted[channel] = sandbox.post(ALICE, "Here.", channel, asked)

    for channel, ts in posted.items():
        sandbox.react(BOB, channel, ts, "star")
    sandbox.react(BOB, "C0HELP", posted["C0HELP"])

    def kept(_) -> list[str]:
        with bot.deps.database.read() as session:
            found = session.exec(select(Example.question, Example.state)).all()
        return len(found) == 2 and found

    assert set(sandbox.wait_for(kept)) == {
        ("Where is C0GENERAL?", "approved"), ("Where is C0HELP?", "approved")
    }  # fmt: skip
    # What was a vote is taken back with its reaction, though that means nothing any more.
    save(sandbox, open_form(sandbox, "C0GENERAL", here=True), "C0GENERAL",
         good_reactions="white_check_mark")  # fmt: skip
    sandbox.unreact(BOB, "C0GENERAL", posted["C0GENERAL"], "star")
    sandbox.wait_for(lambda _: ("Where is C0GENERAL?", "withdrawn") in kept(_))
