"""Where nobody can tell whether it was taught: the bot quotes, and people say whether it fits."""

import pytest
from sqlmodel import select

from bot.answering.promotion import put_live
from bot.answering.strategy import Strategy
from bot.curation.quoted import settle_good
from storage import questions, thresholds
from storage.audience import WORKSPACE
from storage.tables import (
    Example,
    Feedback,
    Question,
    Standing,
    Unanswered,
    UnansweredAsk,
    UnansweredState,
    Wording,
)
from storage.thresholds import Lines
from tests.answering_bot import answering_bot
from tests.model_versions import make_version
from tests.teaching import TEAM, teach

MENTION = "<@U0APPRENTICE> "
ASKED = "Who may open the lighthouse kitchen?"
HOSTILE = "Behind the <!channel> store, <https://evil.example|here> & there."


@pytest.fixture
def sandbox(shared_sandbox):
    return shared_sandbox


@pytest.fixture(autouse=True)
def _taught(database):
    with database.write() as session:
        for question, answer in (
            ("Where is the lighthouse kitchen?", HOSTILE),
            ("Who cleans the lighthouse lamp?", "Frank, on Mondays."),
        ):
            teach(session, question, answer).author_id = "U0ALICE"
        secret = teach(session, "Who opens the lighthouse safe?", "Only Bob.", audience="C0OPS")
        secret.author_id = "U0BOB"
        thresholds.write(session, TEAM, WORKSPACE, Lines(0.0, 5.0), by_meaning=False)


@pytest.fixture
def bot(sandbox, database, engine):
    with answering_bot(sandbox.api_url, database, engine.engine()) as running:
        sandbox.wait_until_connected()
        yield running


def ask(sandbox, question: str = ASKED, channel: str = "C0HELP", user: str = "U0CAROL") -> dict:
    asked = sandbox.post(user, MENTION + question, channel)
    return sandbox.wait_for_message(
        lambda m: m["thread_ts"] == asked and m["user"] == "U0APPRENTICE" and not m["streaming"]
    )


def press(sandbox, answer: dict, action: str, value=None, user: str = "U0CAROL") -> None:
    where = {"channel": answer["channel"], "message_ts": answer["ts"]}
    sandbox.action(user, action, value, **where)


def told(sandbox, answer: dict, words: str, user: str = "U0CAROL") -> None:
    """In the answer's thread this person was told so."""
    sandbox.wait_for(
        lambda _: [
            m
            for m in sandbox.ephemerals(user)
            if words in m["text"] and m["thread_ts"] == answer["thread_ts"]
        ]
    )


def buttons(answer: dict) -> dict[str, int]:
    """Which example each button below the quotations stands for."""
    row = next(block for block in answer["blocks"] if block["type"] == "actions")
    return {
        button["action_id"]: int(button["value"].partition("|")[2])
        for button in row["elements"]
        if button["action_id"] != "bad"
    }


def rows(database, table) -> list:
    with database.read() as session:
        return list(session.exec(select(table).order_by(table.id)))


@pytest.mark.usefixtures("bot")
def test_it_says_that_it_is_not_sure_and_quotes_word_for_word(sandbox, database, engine):
    answer = ask(sandbox)

    shown = str(answer["blocks"])
    assert answer["text"].startswith("I am not sure that I was taught this.")
    assert not engine.asked
    assert "Frank, on Mondays." in shown
    assert "&lt;!channel&gt; store, &lt;https://evil.example|here&gt; &amp; there." in shown
    assert "<!channel>" not in shown
    assert "Only Bob" not in shown  # that is taught to another channel
    assert "U0ALICE" not in shown  # nobody is called yet
    question = rows(database, Question)[-1]
    assert question.standing is Standing.DOUBTFUL
    assert list(buttons(answer).values()) == question.example_ids
    assert not rows(database, Unanswered)


@pytest.mark.usefixtures("bot")
def test_a_private_channel_quotes_its_own_and_what_is_asked_there_stays_there(sandbox, database):
    answer = ask(sandbox, "Who opens the lighthouse kitchen?", "C0OPS", "U0BOB")

    assert "Only Bob." in str(answer["blocks"])
    everybodys = next(name for name, number in buttons(answer).items() if number == 1)
    press(sandbox, answer, everybodys, user="U0BOB")
    told(sandbox, answer, "Thank you: that answers it.", "U0BOB")
    assert not rows(database, Wording)


@pytest.mark.usefixtures("bot")
def test_the_one_that_fits_has_another_wording_now(sandbox, database):
    answer = ask(sandbox)
    second = buttons(answer)["this_answers_2"]

    press(sandbox, answer, "this_answers_2")

    told(sandbox, answer, "I keep this question as another way to ask")
    [wording] = rows(database, Wording)
    assert (wording.text, wording.asker_id) == (ASKED, "U0CAROL")
    assert wording.example_id == second
    assert len(rows(database, Example)) == 3
    assert not rows(database, Feedback)  # no model said anything


@pytest.mark.usefixtures("bot")
def test_a_reaction_means_the_first(sandbox, database):
    answer = ask(sandbox)

    sandbox.react("U0BOB", answer["channel"], answer["ts"])

    told(sandbox, answer, "I keep this question as another way to ask", "U0BOB")
    [wording] = rows(database, Wording)
    assert wording.example_id == rows(database, Question)[-1].example_ids[0]
    assert len(rows(database, Example)) == 3  # "I am not sure" is no answer to learn


@pytest.mark.usefixtures("bot")
def test_none_of_these_is_collected_and_who_may_know_is_called_once(sandbox, database):
    answer = ask(sandbox)

    press(sandbox, answer, "bad")
    press(sandbox, answer, "bad", user="U0BOB")

    for user in ("U0CAROL", "U0BOB"):
        told(sandbox, answer, "Noted as not taught yet", user)
    called = sandbox.wait_for(
        lambda _: [
            m
            for m in sandbox.messages(thread_ts=answer["thread_ts"])
            if "what comes closest is yours" in m["text"]
        ]
    )
    assert [m["text"].partition(":")[0] for m in called] == ["<@U0ALICE>"]
    [noted] = rows(database, Unanswered)
    assert (noted.text, noted.state) == (ASKED, UnansweredState.OPEN)
    assert len(rows(database, UnansweredAsk)) == 1


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(("asker", "presser"), [("U0ALICE", "U0BOB"), ("U0CAROL", "U0ALICE")])
def test_nobody_is_called_who_is_there_already(sandbox, asker, presser):
    answer = ask(sandbox, user=asker)

    press(sandbox, answer, "bad", user=presser)

    told(sandbox, answer, "Noted as not taught yet", presser)
    thread = sandbox.messages(thread_ts=answer["thread_ts"])
    assert "what comes closest is yours" not in str(thread)


@pytest.mark.usefixtures("bot")
def test_a_question_is_another_way_to_ask_for_one_example_alone(sandbox, database):
    answer = ask(sandbox)
    about = buttons(answer)

    press(sandbox, answer, "this_answers_1")
    sandbox.wait_for(lambda _: rows(database, Wording))
    press(sandbox, answer, "this_answers_2", user="U0BOB")

    told(sandbox, answer, "I keep this question as another way to ask", "U0BOB")
    assert [w.example_id for w in rows(database, Wording)] == [about["this_answers_2"]]
    press(sandbox, answer, "bad", user="U0ALICE")
    told(sandbox, answer, "Noted as not taught yet", "U0ALICE")
    assert not rows(database, Wording)


@pytest.mark.usefixtures("bot")
def test_a_check_mark_that_is_taken_back_keeps_no_wording(sandbox, database):
    answer = ask(sandbox)
    sandbox.react("U0BOB", answer["channel"], answer["ts"])
    sandbox.wait_for(lambda _: rows(database, Wording))

    sandbox.unreact("U0BOB", answer["channel"], answer["ts"])

    sandbox.wait_for(lambda _: not rows(database, Wording))


@pytest.mark.usefixtures("bot")
def test_what_a_curator_wrote_stays_when_a_vote_goes(sandbox, database):
    answer = ask(sandbox)
    with database.write() as session:
        first = buttons(answer)["this_answers_1"]
        session.add(Wording(team_id=TEAM, example_id=first, text=ASKED))

    press(sandbox, answer, "this_answers_1")
    told(sandbox, answer, "I keep this question")
    press(sandbox, answer, "bad")

    told(sandbox, answer, "Noted as not taught yet")
    assert [w.text for w in rows(database, Wording)] == [ASKED]


@pytest.mark.usefixtures("bot")
def test_one_alone_needs_no_number(sandbox, database):
    with database.write() as session:
        for example in session.exec(select(Example).where(Example.id > 1)):
            session.delete(example)

    answer = ask(sandbox)

    said = [button["text"]["text"] for button in answer["blocks"][-1]["elements"]]
    assert said == ["✅ This answers it", "It does not"]


@pytest.mark.usefixtures("bot")
def test_a_direct_message_quotes_without_buttons_that_could_keep_nothing(sandbox, database):
    opened = sandbox.client("U0CAROL").conversations_open(users="U0APPRENTICE")
    answer = ask(sandbox, channel=opened["channel"]["id"])

    assert "Frank, on Mondays." in str(answer["blocks"])
    assert "actions" not in {block["type"] for block in answer["blocks"]}


@pytest.mark.usefixtures("bot")
def test_whoever_finds_it_after_all_takes_it_off_the_list(sandbox, database):
    answer = ask(sandbox)
    press(sandbox, answer, "bad")
    told(sandbox, answer, "Noted as not taught yet")

    press(sandbox, answer, "this_answers_1")

    told(sandbox, answer, "I keep this question as another way to ask")
    assert not rows(database, UnansweredAsk)


@pytest.mark.usefixtures("bot")
def test_a_mark_that_is_taken_back_takes_it_off_the_list(sandbox, database):
    answer = ask(sandbox)
    sandbox.react("U0CAROL", answer["channel"], answer["ts"], "x")
    sandbox.wait_for(lambda _: rows(database, UnansweredAsk))

    sandbox.unreact("U0CAROL", answer["channel"], answer["ts"], "x")

    sandbox.wait_for(lambda _: not rows(database, UnansweredAsk))


@pytest.mark.usefixtures("bot")
def test_a_question_that_leans_on_its_thread_is_not_judged_by_itself(sandbox, database, engine):
    root = sandbox.post("U0BOB", "I lost the way to the lighthouse kitchen.")
    asked = sandbox.post("U0CAROL", MENTION + "So who could open that?", thread_ts=root)

    sandbox.wait_for_message(
        lambda m: (m["thread_ts"], m["user"], m["streaming"]) == (root, "U0APPRENTICE", False)
    )
    assert engine.asked
    assert rows(database, Question)[-1].message_ts == asked
    assert rows(database, Question)[-1].standing is Standing.SURE


@pytest.mark.usefixtures("bot")
def test_an_i_do_not_know_is_no_answer_to_learn(sandbox, database):
    with database.write() as session:
        thresholds.write(session, TEAM, WORKSPACE, Lines(9.0), by_meaning=False)
    answer = ask(sandbox)
    assert answer["text"].startswith("I don't know")

    sandbox.react("U0BOB", answer["channel"], answer["ts"])

    told(sandbox, answer, "There is nothing to learn from that message.", "U0BOB")
    assert len(rows(database, Example)) == 3
    assert not rows(database, Wording)


def test_a_version_that_reads_no_examples_is_judged_by_what_was_taught(sandbox, database, engine):
    with database.write() as session:
        version = make_version(session)
        put_live(session, version, Strategy(version.name, 0), "U0ALICE", None, None)
    with answering_bot(sandbox.api_url, database, engine.engine((version.name,))):
        sandbox.wait_until_connected()
        answer = ask(sandbox)

    assert answer["text"].startswith("I am not sure")
    assert not engine.asked
    assert rows(database, Question)[-1].version_name is None


@pytest.mark.parametrize("about", [3, 99, -1])
def test_only_what_was_quoted_can_fit(database, about):
    """A button's value comes from outside; that example is another channel's, or nobody's."""
    with database.write() as session:
        question = questions.ask(
            session, TEAM, channel_id="C0HELP", message_ts="1.0", thread_ts="1.0",
            user_id="U0CAROL", queue_limit=9,
        )  # fmt: skip
        questions.chose(session, question.id, None, [1, 2], standing=Standing.DOUBTFUL)

        fitting = settle_good(session, TEAM, WORKSPACE, question, ASKED, about, "U0CAROL")

    assert fitting == (None, False)
    assert not rows(database, Wording)
