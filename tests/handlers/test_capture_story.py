"""Teaching the bot in Slack: reactions, undo, forms, the list and the home, end to end."""

from collections.abc import Iterator

import pytest
from sqlmodel import select

from storage import revisions, unanswered, votes
from storage.audience import WORKSPACE, Viewer
from storage.tables import Example, ExampleState
from tests.answering_bot import AnsweringBot, answering_bot
from tests.running_sandbox import RunningSandbox, running_sandbox
from tests.scripted_engine import scripted_engine
from tests.teaching import TEAM, fresh_database, teach

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


@pytest.fixture
def database(bot):
    return bot.deps.database


def read(database) -> list[Example]:
    with database.read() as session:
        return list(session.exec(select(Example).order_by(Example.id)))


def newest(database) -> Example:
    return read(database)[-1]


def told(sandbox, user: str, words: str) -> dict:
    """What only this person sees and has these words in it; the newest of its kind."""
    found = lambda m: m["ephemeral_to"] == user and words in m["text"]  # noqa: E731
    sandbox.wait_for_message(found)
    return [m for m in sandbox.ephemerals(user) if words in m["text"]][-1]


def answered(sandbox, question: str, answer: str, channel: str = "C0HELP") -> str:
    asker = BOB if channel == "C0OPS" else CAROL
    asked = sandbox.post(asker, question, channel)
    return sandbox.post(ALICE, answer, channel, asked)


def submit(sandbox, user: str, view_id: str, texts: dict[str, str]) -> None:
    """Send the form; each of its blocks has one field, of the same name."""
    sandbox.submit(user, view_id, {name: {name: text} for name, text in texts.items()})


def preformatted(view: dict) -> str:
    """The training text a form shows."""
    return "".join(
        block["elements"][0]["elements"][0]["text"]
        for block in view["blocks"] if block["type"] == "rich_text"
    )  # fmt: skip


def modal(sandbox, user: str) -> dict:
    def is_filled(state) -> dict | None:
        mine = [v for v in state["views"] if v["user"] == user]
        return next((v for v in mine if "Reading" not in str(v["blocks"])), None)

    return sandbox.wait_for(is_filled)


def test_a_reaction_teaches_and_taking_it_back_unteaches(sandbox, database):
    ts = answered(sandbox, "Where is the stapler?", "Second drawer.")

    sandbox.react(BOB, "C0HELP", ts)
    kept = told(sandbox, BOB, "Kept.")
    state = newest(database).state
    sandbox.unreact(BOB, "C0HELP", ts)
    told(sandbox, BOB, "Taken back.")

    assert state is ExampleState.APPROVED
    assert "Second drawer." in str(kept["blocks"])
    assert newest(database).state is ExampleState.WITHDRAWN
    assert sandbox.ephemerals(CAROL) == []


def test_undo_takes_the_vote_back_once_and_says_so(sandbox, database):
    ts = answered(sandbox, "Where is the ladder?", "In the cellar.")
    sandbox.react(BOB, "C0HELP", ts)
    kept = sandbox.wait_for_message(
        lambda m: m["ephemeral_to"] == BOB and "In the cellar." in str(m["blocks"])
    )

    sandbox.action(BOB, "undo", channel="C0HELP", message_ts=kept["ts"])

    undone = told(sandbox, BOB, "Your reaction is still on the message")
    assert newest(database).state is ExampleState.WITHDRAWN
    assert "'action_id': 'undo'" not in str(undone["blocks"])
    sandbox.unreact(BOB, "C0HELP", ts)
    sandbox.react(BOB, "C0HELP", ts)
    sandbox.wait_for(lambda _: newest(database).state is ExampleState.APPROVED)


def test_other_emoji_and_other_items_leave_no_row(sandbox, database):
    ts = answered(sandbox, "Where is the printer?", "First floor.")
    before = len(read(database))

    sandbox.react(BOB, "C0HELP", ts, "tada")
    sandbox.wait_for(
        lambda s: any(d["event_type"] == "reaction_added" and d["acknowledged_at"]
                      for d in s["deliveries"][-3:])
    )  # fmt: skip

    assert len(read(database)) == before


def test_a_form_keeps_what_was_typed(sandbox, database):
    sandbox.command(CAROL, "add")
    view = modal(sandbox, CAROL)

    submit(sandbox, CAROL, view["id"], {"question": "Who waters the plants?", "answer": "Lia."})

    confirmed = told(sandbox, CAROL, "Proposed")
    example = newest(database)
    assert (example.question, example.answer) == ("Who waters the plants?", "Lia.")
    assert example.state is ExampleState.PROPOSED
    assert (example.question_source, example.answer_source) == ("authored", "authored")
    assert "Who waters the plants?" in str(confirmed["blocks"])
    assert sandbox.views(CAROL) == []


def test_what_a_curator_types_is_approved_and_can_be_undone(sandbox, database):
    sandbox.command(BOB, "add")
    view = modal(sandbox, BOB)
    submit(sandbox, BOB, view["id"], {"question": "Who has the car key?", "answer": "Reception."})
    kept = sandbox.wait_for_message(
        lambda m: m["ephemeral_to"] == BOB and "car key" in str(m["blocks"])
    )
    state = newest(database).state

    sandbox.action(BOB, "undo", channel="C0HELP", message_ts=kept["ts"])
    sandbox.wait_for(lambda _: newest(database).state is ExampleState.WITHDRAWN)

    assert state is ExampleState.APPROVED


@pytest.mark.parametrize(
    ("values", "field", "problem"),
    [
        ({"question": "  ", "answer": "So."}, "question", "write the question in words"),
        ({"question": "How?", "answer": ":tada:"}, "answer", "write the answer in words"),
    ],
)
def test_a_form_without_words_is_refused_at_its_field(sandbox, database, values, field, problem):
    sandbox.command(CAROL, "add")
    view = modal(sandbox, CAROL)
    before = len(read(database))

    submit(sandbox, CAROL, view["id"], values)

    assert problem in sandbox.views(CAROL)[-1]["errors"][field]
    assert len(read(database)) == before


def test_a_private_channel_gives_a_choice_of_audience(sandbox, database):
    sandbox.command(BOB, "add", channel="C0OPS")
    view = modal(sandbox, BOB)

    submit(sandbox, BOB, view["id"], {"question": "Who is on call?", "answer": "Me.",
                                     "audience": "C0OPS"})  # fmt: skip

    told(sandbox, BOB, "Kept.")
    sandbox.wait_for(lambda _: newest(database).audience == "C0OPS")


def test_the_global_shortcut_confirms_in_its_own_form(sandbox, database):
    sandbox.shortcut(BOB, "add_example")
    view = modal(sandbox, BOB)

    submit(sandbox, BOB, view["id"], {"question": "Where is the bin?", "answer": "Outside."})

    confirmed = sandbox.views(BOB)[-1]
    assert "Outside." in str(confirmed["blocks"])
    sandbox.action(BOB, "undo", view_id=confirmed["id"])
    assert "Taken back" in str(sandbox.views(BOB)[-1]["blocks"])
    assert newest(database).state is ExampleState.WITHDRAWN


def test_teach_this_answer_is_filled_in_from_the_thread(sandbox, database):
    ts = answered(sandbox, "How do I book a desk?", "Ask <@U0BOB> &amp; wait.")
    sandbox.shortcut(BOB, "teach_answer", "C0HELP", ts)
    view = modal(sandbox, BOB)
    prefilled = [b["element"].get("initial_value") for b in view["blocks"] if b["type"] == "input"]

    submit(sandbox, BOB, view["id"], {"question": "How do I book a desk?", "answer": "In the app."})

    assert prefilled == ["How do I book a desk?", "Ask colleague A & wait.", None]
    sandbox.wait_for(lambda _: newest(database).answer == "In the app.")
    example = newest(database)
    assert (example.question_source, example.answer_source) == ("slack_message", "slack_message")
    assert example.answer_ts == ts
    assert example.state is ExampleState.APPROVED
    assert example.original_answer == "Ask colleague A & wait."


def test_a_taught_message_and_its_reaction_are_one_example(sandbox, database):
    ts = answered(sandbox, "How do I get tea?", "Kitchen, I think")
    sandbox.shortcut(BOB, "teach_answer", "C0HELP", ts)
    view = modal(sandbox, BOB)
    submit(sandbox, BOB, view["id"], {"question": "How do I get tea?", "answer": "Kitchen."})
    sandbox.wait_for(lambda _: newest(database).answer == "Kitchen.")
    before = len(read(database))

    sandbox.react(CAROL, "C0HELP", ts)
    told(sandbox, CAROL, "Noted as good.")

    assert len(read(database)) == before
    assert newest(database).answer == "Kitchen."


def test_the_form_shows_what_is_trained_on_word_for_word(sandbox, database):
    ts = answered(sandbox, "How do I reset <it>?", "*Press* `both` &lt;keys&gt;.")
    sandbox.shortcut(BOB, "teach_answer", "C0HELP", ts)
    view = modal(sandbox, BOB)
    filled_in = preformatted(view)

    sandbox.action(BOB, "preview", view_id=view["id"],
                   values={"answer": {"answer": "Hold *one* <key> :tada:."}})  # fmt: skip

    changed = preformatted(sandbox.views(BOB)[-1])
    assert filled_in.endswith("question: How do I reset <it>?\n\nanswer: *Press* `both` <keys>.")
    assert filled_in.startswith("instruction: You are Apprentice")
    assert changed.endswith("question: How do I reset <it>?\n\nanswer: Hold *one* <key> :tada:.")
    submit(sandbox, BOB, view["id"], {})
    sandbox.wait_for(lambda _: newest(database).answer == "Hold *one* <key> :tada:.")


def test_the_form_shows_what_is_replaced_before_anything_is_kept(sandbox, database):
    sandbox.command(BOB, "add")
    view = modal(sandbox, BOB)
    secret = "lia.brandt" + "@example.org"
    typed = {"question": {"question": "Whom do I ask about leave?"},
             "answer": {"answer": f"Write to {secret}."}}  # fmt: skip

    sandbox.action(BOB, "preview", view_id=view["id"], values=typed)
    shown = sandbox.views(BOB)[-1]
    submit(sandbox, BOB, view["id"], {})

    assert "I replaced 1 mail address" in str(shown["blocks"])
    assert preformatted(shown).endswith("answer: Write to [mail address].")
    sandbox.wait_for(lambda _: newest(database).answer == "Write to [mail address].")


def test_tags_are_kept_and_too_long_ones_refused(sandbox, database):
    sandbox.command(BOB, "add")
    view = modal(sandbox, BOB)
    values = {"question": "Who fixes laptops?", "answer": "Lia."}

    submit(sandbox, BOB, view["id"], {**values, "tags": "x" * 31})
    refused = sandbox.views(BOB)[-1]["errors"]["tags"]
    submit(sandbox, BOB, view["id"], {**values, "tags": " IT, #Laptops ,it,, new  hires"})

    sandbox.wait_for(lambda _: newest(database).question == "Who fixes laptops?")
    assert "at most 10 tags" in refused
    assert newest(database).tags == ["it", "laptops", "new hires"]


def test_two_curators_at_once_see_both_versions_and_lose_none(sandbox, database):
    ts = answered(sandbox, "Where is the first-aid kit?", "Kitchen.")
    sandbox.react(BOB, "C0HELP", ts)
    sandbox.wait_for(lambda _: newest(database).answer == "Kitchen.")
    for user in (BOB, ALICE):
        sandbox.shortcut(user, "teach_answer", "C0HELP", ts)
    bobs, alices = modal(sandbox, BOB), modal(sandbox, ALICE)
    submit(sandbox, BOB, bobs["id"], {"answer": "Kitchen, left."})
    sandbox.wait_for(lambda _: newest(database).answer == "Kitchen, left.")

    submit(sandbox, ALICE, alices["id"], {"answer": "Kitchen, right.", "tags": "safety"})

    shown = sandbox.views(ALICE)[-1]
    assert "Somebody else changed this example" in str(shown["blocks"])
    assert "Kitchen, left." in str(shown["blocks"])
    assert newest(database).answer == "Kitchen, left."
    submit(sandbox, ALICE, shown["id"], {})
    sandbox.wait_for(lambda _: newest(database).answer == "Kitchen, right.")
    with database.read() as session:
        kept = revisions.of_example(session, TEAM, Viewer.person(()), newest(database).id)
    assert [(each.answer, each.author_id) for each in kept] == [
        ("Kitchen.", BOB), ("Kitchen, left.", BOB), ("Kitchen, right.", ALICE),
    ]  # fmt: skip
    assert newest(database).original_answer == "Kitchen."
    assert newest(database).tags == ["safety"]


def test_text_that_does_not_fit_is_cut_in_its_field_and_the_form_says_so(sandbox, database):
    ts = answered(sandbox, "What is the policy?", "word " * 700)

    sandbox.shortcut(BOB, "teach_answer", "C0HELP", ts)

    view = modal(sandbox, BOB)
    (answer,) = [b["element"] for b in view["blocks"] if b.get("block_id") == "answer"]
    assert len(answer["initial_value"]) == 3000
    assert "The answer has 3,499 characters" in str(view["blocks"])
    submit(sandbox, BOB, view["id"], {"answer": "Be kind."})
    sandbox.wait_for(lambda _: newest(database).answer == "Be kind.")


def test_teach_this_answer_without_a_question_asks_for_it(sandbox, database):
    ts = sandbox.post(ALICE, "The fire drill is on Monday.")
    sandbox.shortcut(CAROL, "teach_answer", "C0HELP", ts)
    view = modal(sandbox, CAROL)

    submit(sandbox, CAROL, view["id"], {"question": "When is the drill?", "answer": "Monday."})

    assert "could not find the question" in str(view["blocks"])
    sandbox.wait_for(lambda _: newest(database).question == "When is the drill?")
    example = newest(database)
    assert (example.question_source, example.answer_source) == ("authored", "slack_message")


@pytest.mark.parametrize(
    ("who", "channel", "why"),
    [(GUEST, "C0HELP", "Only full members"), (BOB, "C0PARTNER", "shared with other")],
)
def test_teach_this_answer_says_where_it_may_not(sandbox, bot, who, channel, why):
    ts = sandbox.post(ALICE, "A secret of ours.", channel)

    sandbox.shortcut(who, "teach_answer", channel, ts)

    assert why in str(modal(sandbox, who)["blocks"])


def test_guests_are_told_that_they_cannot_add(sandbox, bot):
    sandbox.command(GUEST, "add")
    told(sandbox, GUEST, "Only full members")

    sandbox.shortcut(GUEST, "add_example")

    assert "Only full members" in str(modal(sandbox, GUEST)["blocks"])


def test_the_list_shows_each_person_what_they_may_see(sandbox, database):
    with database.write() as session:
        teach(session, "What is the quince code?", "1234 for everybody.")
        teach(session, "What is the quince master code?", "9999, ops only.", audience="C0OPS")
        teach(session, "Where do quinces grow?", "On trees.", state=ExampleState.PROPOSED)

    sandbox.command(BOB, "examples quince")
    bobs = str(told(sandbox, BOB, "of 3 examples")["blocks"])
    sandbox.command(CAROL, "examples quince")
    carols = str(told(sandbox, CAROL, "of 2 examples")["blocks"])
    sandbox.command(GUEST, "examples quince")
    told(sandbox, GUEST, "belongs to the members")

    assert "9999" in bobs
    assert "only <#C0OPS>" in bobs
    assert "1234" in carols
    assert "🕓 proposed" in carols
    assert "9999" not in carols


def test_a_long_list_says_how_many_more_there_are(sandbox, database):
    with database.write() as session:
        for number in range(13):
            teach(session, f"Which walnut is number {number}?", "This one. <!channel> *bold*")

    sandbox.command(CAROL, "examples walnut")

    listed = str(told(sandbox, CAROL, "10 of 13 examples")["blocks"])
    assert "and 3 more" in listed
    assert "<!channel>" not in listed


def test_nothing_found_says_so(sandbox, bot):
    sandbox.command(CAROL, "examples <!channel>`xyzzy")

    assert "<!channel>" not in told(sandbox, CAROL, "Nothing I was taught")["text"]


def test_the_list_works_in_a_direct_message(sandbox, bot):
    channel = sandbox.client(BOB).conversations_open(users="U0APPRENTICE")["channel"]["id"]

    sandbox.command(BOB, "examples", channel=channel)

    assert told(sandbox, BOB, "examples.")["channel"] == channel


def test_the_home_shows_what_is_known_and_teaches(sandbox, database):
    with database.write() as session:
        teach(session, "Where is the ops vault?", "Behind it.", audience="C0OPS")
        teach(session, "Where is the kettle?", "In the kitchen.")

    for user in (BOB, CAROL, GUEST):
        sandbox.open_home(user)
    homes = sandbox.wait_for(lambda s: s["homes"] if {BOB, CAROL, GUEST} <= set(s["homes"]) else 0)

    bobs, carols, guests = (str(homes[user]["blocks"]) for user in (BOB, CAROL, GUEST))
    assert "the base model" in bobs
    assert "ops vault" in bobs
    assert "approved" in carols
    assert "ops vault" not in carols
    assert "belongs to its members" in guests
    assert "approved" not in guests
    sandbox.action(BOB, "add_example", view_id=homes[BOB]["id"])
    assert modal(sandbox, BOB)["title"]["text"] == "Teach Apprentice"


def test_what_was_taught_is_used_and_the_answers_button_teaches_on(sandbox, database):
    ts = answered(sandbox, "How do I calibrate the zorblax?", "Turn it off and on.")
    sandbox.react(BOB, "C0HELP", ts)
    sandbox.wait_for(lambda _: newest(database).question.endswith("zorblax?"))
    asked = sandbox.post(CAROL, "<@U0APPRENTICE> how to calibrate a zorblax?")
    answer = sandbox.wait_for_message(
        lambda m: m["thread_ts"] == asked and m["user"] == "U0APPRENTICE" and not m["streaming"]
        and "'good'" in str(m["blocks"])
    )  # fmt: skip

    sandbox.action(CAROL, "good", channel="C0HELP", message_ts=answer["ts"])
    sandbox.wait_for(lambda _: newest(database).answer_source == "bot_answer")
    sandbox.action(CAROL, "bad", channel="C0HELP", message_ts=answer["ts"])
    sandbox.wait_for(lambda _: newest(database).state is ExampleState.REJECTED)

    example = newest(database)
    assert example.question == "how to calibrate a zorblax?"
    assert example.answer == "Turn it off and on."
    assert example.team_id == TEAM


def test_a_wrong_answer_gets_a_reason_and_a_right_one_in_its_place(sandbox, database):
    with database.write() as session:
        teach(session, "How do I grease the flumph?", "With butter.")
    asked = sandbox.post(CAROL, "<@U0APPRENTICE> how do I grease the flumph?")
    answer = sandbox.wait_for_message(
        lambda m: m["thread_ts"] == asked and m["user"] == "U0APPRENTICE" and not m["streaming"]
        and "'bad'" in str(m["blocks"])
    )  # fmt: skip
    sandbox.action(CAROL, "bad", channel="C0HELP", message_ts=answer["ts"])
    told_so = sandbox.wait_for_message(
        lambda m: m["ephemeral_to"] == CAROL and "right_answer" in str(m["blocks"])
        and "flumph" in str(m["blocks"])
    )  # fmt: skip
    where = {"channel": "C0HELP", "message_ts": told_so["ts"]}

    viewer = Viewer(frozenset({WORKSPACE}))
    with database.read() as session:
        open_before = unanswered.count_open(session, TEAM, viewer)

    sandbox.action(CAROL, "bad_reason", "outdated", **where)
    told(sandbox, CAROL, "it is out of date")
    sandbox.action(CAROL, "right_answer", **where)
    view = modal(sandbox, CAROL)
    submit(sandbox, CAROL, view["id"], {"answer": "With oil."})

    sandbox.wait_for(lambda _: newest(database).answer == "With oil.")
    example = newest(database)
    assert "With butter." in str(view["blocks"])
    assert "may hear it" not in str(told_so["blocks"])  # nobody hears what is wrong
    told(sandbox, CAROL, "Kept. Proposed:")
    assert (example.original_answer, example.state) == ("With butter.", ExampleState.PROPOSED)
    assert (example.answer_source, example.author_id) == ("authored", CAROL)
    with database.read() as session:
        cast = votes.on(session, example)
        kept = revisions.of_example(session, TEAM, Viewer.person(()), example.id)
        still_open = unanswered.count_open(session, TEAM, viewer)
    assert still_open == open_before - 1  # nobody is asked to answer it once more
    assert [(vote.value, vote.reason) for vote in cast] == [(0, "outdated"), (1, None)]
    assert [(each.reason, each.answer) for each in kept] == [
        ("created", "With butter."), ("corrected", "With oil."),
    ]  # fmt: skip
    # The next curator who agrees agrees with the right answer.
    sandbox.react(BOB, "C0HELP", answer["ts"])
    sandbox.wait_for(lambda _: newest(database).state is ExampleState.APPROVED)
    assert newest(database).answer == "With oil."
