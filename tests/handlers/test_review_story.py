"""The review queue in Slack: App Home, ``/apprentice review``, buttons, forms, undo, notices."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import delete, select

from bot.curation.near_duplicates import note_near_duplicates
from handlers import notices
from storage.columns import utc_now
from storage.tables import (
    ContributorNotice,
    Example,
    ExampleState,
    NearDuplicate,
    Unanswered,
    UnansweredAsk,
    Vote,
    Wording,
)
from tests.answering_bot import AnsweringBot, answering_bot
from tests.running_sandbox import RunningSandbox, running_sandbox
from tests.scripted_engine import I_DO_NOT_KNOW, scripted_engine
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
        script.reply = lambda messages: I_DO_NOT_KNOW
        sandbox.wait_until_connected()
        yield bot
    database.close()


@pytest.fixture
def database(bot):
    """Empty of examples and questions: each test has a queue of its own."""
    database = bot.deps.database
    with database.write() as session:
        for table in (NearDuplicate, Wording, Vote, UnansweredAsk, Unanswered, ContributorNotice):
            session.exec(delete(table))
        for example in session.exec(select(Example)):
            example.merged_into = None
            session.add(example)
        session.flush()
        session.exec(delete(Example))
    return database


def propose(database, question: str, answer: str, **options) -> int:
    with database.write() as session:
        example = teach(session, question, answer, state=ExampleState.PROPOSED, **options)
        session.add(
            Vote(
                team_id=TEAM, key=f"by-carol:{example.id}", example_id=example.id, user_id=CAROL,
                value=1, by_curator=False, order_key="1.000001",
            )
        )  # fmt: skip
        return example.id


def read(database, example_id: int) -> Example:
    with database.read() as session:
        return session.get_one(Example, example_id)


def home(sandbox, user: str, words: str, *, without: str = "\0") -> dict:
    """The person's home once these words are in it."""

    def has_words(state):
        view = state["homes"].get(user)
        shown = str(view["blocks"]) if view else ""
        return view if words in shown and without not in shown else None

    return sandbox.wait_for(has_words, only=("homes",))


def opened(sandbox, user: str, words: str) -> dict:
    sandbox.open_home(user)
    return home(sandbox, user, words)


def value_of(view: dict, action_id: str, number: int = 0) -> str:
    """The value of a button, by its place among those of its name."""
    found = []
    for block in view["blocks"]:
        elements = [*block.get("elements", []), block.get("accessory") or {}]
        found += [e for e in elements if e.get("action_id") == action_id]
    return found[number]["value"]


def press(sandbox, user: str, view: dict, action_id: str, number: int = 0) -> None:
    value = value_of(view, action_id, number)
    where = {"view_id": view["id"]} if "id" in view else {
        "channel": view["channel"], "message_ts": view["ts"]}  # fmt: skip
    sandbox.action(user, action_id, value, **where)


def told(sandbox, user: str, words: str) -> dict:
    return sandbox.wait_for_message(
        lambda m: m["ephemeral_to"] == user and words in m["text"] + str(m["blocks"])
    )


def modal(sandbox, user: str, words: str = "") -> dict:
    def open_modal(state):
        mine = [v for v in state["views"] if v["user"] == user and words in str(v)]
        return mine[-1] if mine else None

    return sandbox.wait_for(open_modal, only=("views",))


def test_a_curator_approves_in_the_home_and_undoes_it(sandbox, database):
    example_id = propose(database, "Where is the quokka?", "In the garden.")
    view = opened(sandbox, BOB, "quokka")

    press(sandbox, BOB, view, "review_approve")
    done = home(sandbox, BOB, "Approved: “Where is the quokka?”")
    approved = read(database, example_id).state
    press(sandbox, BOB, done, "undo")
    home(sandbox, BOB, "Undone")

    assert "Proposed · 1" in str(view["blocks"])
    assert "Nothing waits for review" in str(done["blocks"])
    assert approved is ExampleState.APPROVED
    assert read(database, example_id).state is ExampleState.PROPOSED


def test_the_command_shows_the_same_queue_and_replaces_itself(sandbox, database):
    example_id = propose(database, "Where is the wombat?", "In the cellar.")
    sandbox.command(BOB, "review")
    shown = told(sandbox, BOB, "wombat")

    press(sandbox, BOB, shown, "review_reject")
    told(sandbox, BOB, "Rejected: “Where is the wombat?”")

    assert read(database, example_id).state is ExampleState.REJECTED
    assert sum("wombat" in str(m) for m in sandbox.ephemerals(BOB)) == 1


def test_only_curators_review_and_guests_see_nothing(sandbox, database):
    propose(database, "Where is the numbat?", "In the shed.")

    sandbox.command(CAROL, "review")
    sandbox.command(GUEST, "review")
    told(sandbox, CAROL, "Only curators can review")
    told(sandbox, GUEST, "Only curators can review")
    carols = str(opened(sandbox, CAROL, "What I know")["blocks"])
    guests = str(opened(sandbox, GUEST, "belongs to its members")["blocks"])

    assert "review_approve" not in carols
    assert "numbat" not in guests


def test_a_long_queue_has_pages(sandbox, database):
    for number in range(7):
        propose(database, f"Which walrus is number {number}?", "This one. <!channel>")
    view = opened(sandbox, BOB, "Page 1 of 2")

    press(sandbox, BOB, view, "review_page:next")
    second = home(sandbox, BOB, "Page 2 of 2")
    press(sandbox, BOB, second, "review_approve")
    press(sandbox, BOB, home(sandbox, BOB, "Approved"), "review_approve")
    home(sandbox, BOB, "walrus is number 0", without="Page")

    assert len(view["blocks"]) < 100
    assert "<!channel>" not in str(view["blocks"])


def test_near_duplicates_are_merged_side_by_side(sandbox, database):
    with database.write() as session:
        kept = teach(session, "Where is the spare badger key?", "On the hook.")
        other = teach(session, "The badger spare key is where?", "On the hook.")
        note_near_duplicates(session, other)
    view = opened(sandbox, BOB, "Merge, keep A")

    press(sandbox, BOB, view, "review_merge:first")
    done = home(sandbox, BOB, "Merged")
    with database.read() as session:
        [wording] = session.exec(select(Wording)).all()
    merged = read(database, other.id)
    press(sandbox, BOB, done, "undo")
    home(sandbox, BOB, "Merge, keep A")

    assert (wording.example_id, wording.text) == (kept.id, "The badger spare key is where?")
    assert (merged.state, merged.merged_into) == (ExampleState.WITHDRAWN, kept.id)
    assert read(database, other.id).state is ExampleState.APPROVED


def test_of_a_contradiction_one_is_right(sandbox, database):
    with database.write() as session:
        right = teach(session, "When is stoat lunch?", "At noon sharp.")
        wrong = teach(session, "Stoat lunch is when?", "Two hours after eleven.")
        note_near_duplicates(session, wrong)
    view = opened(sandbox, BOB, "B is right")

    press(sandbox, BOB, view, "review_settle:first")
    home(sandbox, BOB, "Settled")

    assert read(database, right.id).state is ExampleState.APPROVED
    assert read(database, wrong.id).state is ExampleState.REJECTED


def test_two_curators_who_edit_at_once_both_keep_their_words(sandbox, database):
    example_id = propose(database, "Where is the lemur?", "In the tree.")
    for user in (ALICE, BOB):
        press(sandbox, user, opened(sandbox, user, "lemur"), "review_edit")
    alices, bobs = modal(sandbox, ALICE), modal(sandbox, BOB)
    words = {"question": {"question": "Where is the lemur?"}}

    sandbox.submit(ALICE, alices["id"], {**words, "answer": {"answer": "On the roof."}})
    home(sandbox, ALICE, "Changed")
    sandbox.submit(BOB, bobs["id"], {**words, "answer": {"answer": "In the cage."}})
    both = modal(sandbox, BOB, "Somebody else changed this")
    answer = read(database, example_id).answer
    sandbox.submit(BOB, both["id"], {**words, "answer": {"answer": "In the cage."}})
    home(sandbox, BOB, "Changed")

    assert answer == "On the roof."
    assert "On the roof." in str(both["blocks"])
    assert "In the cage." in str(both["blocks"])
    assert read(database, example_id).answer == "In the cage."


def test_another_way_to_say_it(sandbox, database):
    example_id = propose(database, "Where is the otter?", "In the pond.")
    view = opened(sandbox, BOB, "otter")
    ids = value_of(view, "review_approve")

    sandbox.action(BOB, "review_more", f"wording|{ids}", view_id=view["id"])
    form = modal(sandbox, BOB)
    sandbox.submit(BOB, form["id"], {"wording": {"wording": " 🦦 "}})
    problem = sandbox.views(BOB)[-1]["errors"]
    sandbox.submit(BOB, form["id"], {"wording": {"wording": "Seen the otter anywhere?"}})
    home(sandbox, BOB, "Noted as another way to ask")

    assert "wording" in problem
    with database.read() as session:
        [wording] = session.exec(select(Wording)).all()
    assert (wording.example_id, wording.use) == (example_id, "evaluation")


def test_a_second_member_lets_others_hear_a_private_example(sandbox, database):
    example_id = propose(database, "Where is the ocelot vault?", "Behind it.", audience="C0OPS")
    view = opened(sandbox, BOB, "ocelot")
    ids = value_of(view, "review_approve")

    sandbox.action(BOB, "review_more", f"audience|{ids}", view_id=view["id"])
    form = modal(sandbox, BOB, "second member")
    sandbox.submit(BOB, form["id"], {"audience": {"audience": "workspace"}})
    home(sandbox, BOB, "Asked.")
    waiting = read(database, example_id).audience
    alices = opened(sandbox, ALICE, "To be shared · 1")
    press(sandbox, ALICE, alices, "review_show:widening")
    press(sandbox, ALICE, home(sandbox, ALICE, "wants everybody"), "review_agree")
    home(sandbox, ALICE, "Now everybody in the workspace")

    assert waiting == "C0OPS"
    assert read(database, example_id).audience == "workspace"


def test_unanswered_questions_are_counted_and_answered(sandbox, database):
    def ask(user: str, text: str, channel: str) -> None:
        asked = sandbox.post(user, f"<@U0APPRENTICE> {text}", channel)
        sandbox.wait_for_message(
            lambda m: m["thread_ts"] == asked and m["user"] == "U0APPRENTICE" and m["metadata"]
        )

    ask(CAROL, "How do I feed the axolotl?", "C0HELP")
    ask(BOB, "how to feed an axolotl", "C0HELP")
    ask(BOB, "Who has the axolotl budget?", "C0OPS")
    with database.write() as session:
        found = session.exec(select(Unanswered).order_by(Unanswered.id)).all()
    view = opened(sandbox, BOB, "Unanswered · 2")

    press(sandbox, BOB, view, "review_dismiss", 1)
    press(sandbox, BOB, home(sandbox, BOB, "Taken off the list"), "review_answer")
    form = modal(sandbox, BOB, "axolotl")
    words = {"question": "How do I feed the axolotl?", "answer": "With worms, on Fridays."}
    sandbox.submit(BOB, form["id"], {name: {name: text} for name, text in words.items()})
    modal(sandbox, BOB, "Kept.")
    left = opened(sandbox, BOB, "Nothing waits for review")

    assert [question.audience for question in found] == ["workspace", "C0OPS"]
    assert "asked 2 times by 2 people" in str(view["blocks"])
    assert "With worms" in str(left["blocks"])
    with database.read() as session:
        answered = session.get_one(Unanswered, found[0].id)
        example = session.get_one(Example, answered.example_id)
    assert (answered.state, example.state) == ("answered", ExampleState.APPROVED)
    assert example.question_source == "slack_message"


def test_what_is_asked_directly_or_from_outside_is_not_collected(sandbox, database):
    channel = sandbox.client(BOB).conversations_open(users="U0APPRENTICE")["channel"]["id"]
    asked = sandbox.post(BOB, "Where is my salary slip?", channel)
    sandbox.wait_for_message(lambda m: m["thread_ts"] == asked and m["metadata"])
    sandbox.post(GUEST, "<@U0APPRENTICE> where is the gibbon?")
    sandbox.wait_for_message(lambda m: "only answer members" in m["text"])

    with database.read() as session:
        assert session.exec(select(Unanswered)).all() == []


def test_contributors_learn_once_what_became_of_their_examples(sandbox, bot, database):
    first = propose(database, "Where is the tapir?", "In the mud.")
    propose(database, "Where is the okapi?", "In the wood.")
    later = utc_now() + timedelta(hours=1)
    step = lambda: notices.step(database, bot.deps.people._client, bot.deps.people, lambda: later)  # noqa: E731

    press(sandbox, BOB, opened(sandbox, BOB, "tapir"), "review_approve")
    undone = home(sandbox, BOB, "Approved")
    press(sandbox, BOB, undone, "undo")
    again = home(sandbox, BOB, "Undone")
    nothing = step()
    press(sandbox, BOB, again, "review_approve")
    press(sandbox, BOB, home(sandbox, BOB, "Approved: “Where is the tapir?”"), "review_reject")
    home(sandbox, BOB, "Rejected: “Where is the okapi?”")
    while step():
        pass

    message = sandbox.wait_for_message(lambda m: "what became of" in m["text"])
    assert not nothing
    assert read(database, first).state is ExampleState.APPROVED
    assert "tapir?” – ✅ approved" in message["text"]
    assert "okapi?” – ❌ rejected" in message["text"]
    assert not step()
