"""From a vote to an example and a word to who voted, with real threads of a running sandbox."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from slack_bolt import Ack
from slack_sdk import WebClient
from slack_sdk.web import SlackResponse

from bot.curation.lesson import Coordinates, Lesson
from bot.curation.wordings import learn_wording
from handlers.capture_thread import read_thread
from handlers.reactions import BAD, GOOD, vote_event
from handlers.shortcuts import new_draft
from handlers.undo import ALREADY, NOT_YOURS, undo
from handlers.views import form, on_submit
from storage import examples, questions, rules
from storage.audience import Viewer
from storage.rules import Rules
from storage.tables import Question, Source
from tests.capture_desk import CrashError, CrashingDatabase, Desk
from tests.running_sandbox import RunningSandbox, running_sandbox
from tests.teaching import TEAM

ALICE, BOB, CAROL, GUEST, STRANGER = "U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "U0ERIN"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(no_limits=True) as running:
        yield running


@pytest.fixture
def desk(sandbox, tmp_path) -> Iterator[Desk]:
    desk = Desk.open(sandbox, tmp_path / "desk.db")
    yield desk
    desk.database.close()


def allow(desk: Desk, channel: str | None = None, **values) -> None:
    with desk.database.write() as session:
        rules.set_values(session, TEAM, channel, values, ALICE)


def question_and_answer(desk: Desk, channel: str = "C0HELP") -> str:
    """Alice answers a question of Bob's or Carol's; returns the answer's ts."""
    asker = BOB if channel == "C0OPS" else CAROL
    return desk.thread((asker, "How do I reset it?"), (ALICE, "Press both."), channel=channel)[1]


def test_a_curators_check_mark_keeps_question_and_answer(desk):
    _, _, answer, _ = desk.thread(
        (CAROL, "<@U0APPRENTICE> how do I see the <#C0OPS|ops> board?"),
        (CAROL, "the new one"),
        (ALICE, "<@U0CAROL>: ask <@U0BOB>, see <https://a.example/x?y=1&amp;z=2|the list>"),
        (ALICE, "then run `board --open &lt;name&gt;`"),
    )

    desk.vote(BOB, answer)

    (example,) = desk.examples()
    assert example.question == "how do I see the #ops board?\nthe new one"
    assert example.answer == (
        "ask colleague A, see the list (https://a.example/x?y=1&z=2)\n"
        "then run `board --open <name>`"
    )
    assert example.state == "approved"
    assert example.audience == "workspace"
    assert (example.asker_id, example.author_id) == (CAROL, ALICE)
    assert (example.question_source, example.answer_source) == ("slack_message", "slack_message")
    link = desk.client.chat_getPermalink(channel="C0HELP", message_ts=example.answer_ts)
    assert example.permalink == link["permalink"]


def test_only_who_voted_is_told_what_was_understood(desk):
    answer = question_and_answer(desk)

    vote = desk.vote(BOB, answer)

    (message,) = desk.messages()
    assert (message.kind, message.user_id, message.channel_id) == ("ephemeral", BOB, "C0HELP")
    assert message.thread_ts == desk.examples()[0].thread_ts
    assert message.text == "Kept. Approved by a curator: I use it in my answers."
    shown = str(message.blocks)
    assert "How do I reset it?" in shown
    assert "Press both." in shown
    undo = message.blocks[-1]["elements"][0]
    assert (undo["action_id"], undo["value"]) == ("undo", f"{vote.order_key}|{vote.key}")


def test_the_confirmation_is_a_message_slack_takes(desk):
    question, answer = desk.thread(
        (CAROL, "What is `a < b`? " + "long " * 500), (ALICE, "```\nx <@U0BOB> &amp;\n```" * 90)
    )
    desk.vote(BOB, answer)

    (message,) = desk.messages()

    desk.client.chat_postEphemeral(
        channel="C0HELP", user=BOB, thread_ts=question, text=message.text, blocks=message.blocks
    )


def test_anybody_elses_check_mark_proposes_until_a_curator_agrees(desk):
    answer = question_and_answer(desk)

    desk.vote(CAROL, answer)
    desk.vote(BOB, answer)

    assert desk.states() == ["approved"]
    proposed, approved = desk.said()
    assert proposed.startswith("Kept. Proposed: I use it once a curator")
    assert approved.startswith("Noted as good. Approved")


def test_taking_the_reaction_back_undoes_it_and_putting_it_on_anew_redoes_it(desk):
    answer = question_and_answer(desk)

    vote = desk.vote(BOB, answer)
    desk.take_back(vote)
    withdrawn = desk.states()
    desk.vote(BOB, answer)

    assert withdrawn == ["withdrawn"]
    assert desk.states() == ["approved"]
    assert [text.split(".")[0] for text in desk.said()] == ["Kept", "Taken back", "Noted as good"]


def test_one_vote_less_leaves_what_the_others_say(desk):
    allow(desk, self_votes=True)
    answer = question_and_answer(desk)
    bobs, _, alices = desk.vote(BOB, answer), desk.vote(CAROL, answer), desk.vote(ALICE, answer)

    desk.take_back(bobs)
    with_alice = desk.states()
    desk.take_back(alices)

    assert (with_alice, desk.states()) == (["approved"], ["proposed"])


def test_the_authors_own_check_mark_proposes(desk):
    answer = question_and_answer(desk)

    desk.vote(ALICE, answer)
    own = desk.states()
    desk.vote(BOB, answer)

    assert (own, desk.states()) == (["proposed"], ["approved"])
    assert "it is your own answer" in desk.said()[0]


def test_a_quorum_holds_in_its_channel_alone(desk):
    allow(desk, channel="C0HELP", quorum=2)
    answer = question_and_answer(desk)
    elsewhere = question_and_answer(desk, "C0OPS")

    desk.vote(BOB, answer)
    desk.vote(BOB, elsewhere, channel="C0OPS")

    assert desk.states() == ["proposed", "approved"]
    assert "one more curator" in desk.said()[0]


def test_a_channels_list_of_curators_replaces_the_general_one(desk):
    allow(desk, channel="C0HELP", curators=frozenset({CAROL}))
    first, second = question_and_answer(desk), question_and_answer(desk)

    desk.vote(BOB, first)
    desk.vote(CAROL, second)

    assert desk.states() == ["proposed", "approved"]


def test_many_votes_in_a_short_time_are_held(desk):
    allow(desk, burst_votes=2)
    for answer in [question_and_answer(desk) for _ in range(3)]:
        desk.vote(BOB, answer)

    assert desk.states() == ["proposed"] * 3
    assert [each.held_reason for each in desk.examples()] == ["burst"] * 3
    assert "many votes in a short time" in desk.said()[-1]


def test_a_question_whose_example_helped_is_kept_as_another_wording(desk):
    _, answer = desk.thread((CAROL, "How do I reset the router?"), (ALICE, "Hold both keys."))
    desk.vote(BOB, answer)
    (example,) = desk.examples()
    praised = desk.bot_answer("My router hangs, what now?", "Hold both keys.")
    other = desk.bot_answer("What is for lunch?", "Soup, as ever.")
    for ts in (praised, other):
        use(desk, ts, [example.id])

    for who in (CAROL, BOB):
        desk.vote(who, praised, button=True)
    desk.vote(CAROL, other, button=True)

    with desk.database.read() as session:
        kept = examples.wordings(session, TEAM, Viewer.person(()), example.id)
    assert [(each.text, each.use) for each in kept] == [
        ("My router hangs, what now?", "evaluation")
    ]


def test_it_is_no_wording_any_more_once_nobody_likes_the_answer(desk):
    _, answer = desk.thread((CAROL, "How do I reset the router?"), (ALICE, "Hold both keys."))
    desk.vote(BOB, answer)
    (example,) = desk.examples()
    praised = desk.bot_answer("My router hangs, what now?", "Hold both keys.")
    use(desk, praised, [example.id])
    likes = [desk.vote(who, praised) for who in (CAROL, BOB)]

    def kept() -> int:
        with desk.database.read() as session:
            return len(examples.wordings(session, TEAM, Viewer.person(()), example.id))

    assert kept() == 1
    desk.take_back(likes[0])
    assert kept() == 1
    desk.take_back(likes[1])
    assert kept() == 0


def test_what_was_asked_in_private_is_no_wording_of_what_everybody_sees(desk):
    answer = question_and_answer(desk)
    desk.vote(BOB, answer)
    (example,) = desk.examples()
    asked = Question(team_id=TEAM, channel_id="C0OPS", message_ts="1.0", thread_ts="1.0",
                     user_id=BOB, example_ids=[example.id])  # fmt: skip
    lesson = Lesson("Secret words?", "Press both.", Source.SLACK_MESSAGE, Source.BOT_ANSWER)

    with desk.database.write() as session:
        assert learn_wording(session, TEAM, "C0OPS", asked, lesson, "U0BOB") is None
        assert learn_wording(session, TEAM, "workspace", asked, lesson, "U0BOB") is not None


def use(desk: Desk, answer_ts: str, example_ids: list[int]) -> None:
    with desk.database.write() as session:
        question = questions.find_by_answer(session, TEAM, "C0HELP", answer_ts)
        question.example_ids = example_ids
        session.add(question)


def test_two_messages_of_one_answer_are_one_example(desk):
    _, first, second = desk.thread((CAROL, "How?"), (ALICE, "First this."), (ALICE, "Then that."))

    desk.vote(BOB, first)
    on_second = desk.vote(BOB, second)
    desk.take_back(on_second)

    assert [e.answer for e in desk.examples()] == ["First this.\nThen that."]
    assert desk.states() == ["approved"]


def test_what_the_author_adds_is_taken_in_with_a_curators_next_vote(desk):
    root, answer = desk.thread((CAROL, "How?"), (ALICE, "First this."))
    desk.vote(CAROL, answer)
    desk.sandbox.post(ALICE, "Then that.", "C0HELP", root)

    desk.vote(BOB, answer)

    assert [e.answer for e in desk.examples()] == ["First this.\nThen that."]
    assert desk.examples()[0].revision == 2


def test_a_check_mark_on_the_bots_own_answer_keeps_that_answer(desk):
    ts = desk.bot_answer("How do I do <it>?", "Do it like &lt;that&gt;.")

    desk.vote(BOB, ts)

    (example,) = desk.examples()
    assert (example.question, example.answer) == ("How do I do <it>?", "Do it like <that>.")
    assert example.answer_source == "bot_answer"
    assert example.question_source == "slack_message"
    assert example.author_id == "U0APPRENTICE"


def test_what_else_the_bot_says_in_a_thread_is_no_answer(desk):
    asked = desk.sandbox.post(CAROL, "<@U0APPRENTICE> how?")
    told = desk.client.chat_postMessage(channel="C0HELP", text="I am busy.", thread_ts=asked)["ts"]

    desk.vote(BOB, told)

    assert desk.examples() == []
    assert "which question" in desk.said()[0]


def test_buttons_below_an_answer_exclude_each_other(desk):
    ts = desk.bot_answer()

    desk.vote(BOB, ts, GOOD, button=True)
    good = desk.states()
    desk.vote(BOB, ts, BAD, button=True)

    assert (good, desk.states()) == (["approved"], ["rejected"])


def test_a_reaction_and_a_button_of_one_person_are_two_votes(desk):
    ts = desk.bot_answer()
    desk.vote(BOB, ts, GOOD, button=True)

    desk.take_back(desk.vote(BOB, ts))

    assert desk.states() == ["approved"]


@pytest.mark.parametrize("who", [BOB, CAROL])
def test_a_cross_on_something_unknown_keeps_it_as_wrong(desk, who):
    desk.vote(who, desk.bot_answer(), BAD)

    assert desk.states() == ["rejected"]
    assert desk.said() == ["Noted. Marked as wrong: I never use it."]


def test_a_curators_cross_rejects_what_others_proposed(desk):
    answer = question_and_answer(desk)
    desk.vote(CAROL, answer)

    cross = desk.vote(BOB, answer, BAD)
    rejected = desk.states()
    desk.take_back(cross)

    assert (rejected, desk.states()) == (["rejected"], ["proposed"])


def test_curators_who_disagree_dispute_it(desk):
    answer = question_and_answer(desk)
    desk.vote(BOB, answer)

    desk.vote(ALICE, answer, BAD)

    assert desk.states() == ["disputed"]
    assert "curators disagree" in desk.said()[-1]


def test_what_is_learned_in_a_private_channel_stays_there(desk):
    desk.vote(BOB, question_and_answer(desk, "C0OPS"), channel="C0OPS")

    assert [e.audience for e in desk.examples()] == ["C0OPS"]
    assert "Only members of <#C0OPS>" in str(desk.messages()[0].blocks)


@pytest.mark.parametrize(
    ("who", "channel", "lines", "why"),
    [
        (GUEST, "C0HELP", [(CAROL, "How?"), (ALICE, "So.")], "Only full members"),
        (BOB, "C0HELP", [(CAROL, "How?"), (GUEST, "So.")], "not full members"),
        (BOB, "C0HELP", [(GUEST, "How?"), (ALICE, "So.")], "not full members"),
        (BOB, "C0PARTNER", [(CAROL, "How?"), (ALICE, "So.")], "shared with other organisations"),
        (STRANGER, "C0PARTNER", [(CAROL, "How?"), (BOB, "So.")], "shared with other"),
        (BOB, "C0HELP", [(CAROL, "How?"), (ALICE, ":tada:")], "no words"),
        (BOB, "C0HELP", [(CAROL, ":eyes:"), (ALICE, "So.")], "which question"),
        (BOB, "C0HELP", [(ALICE, "So.")], "which question"),
        (BOB, "C0HELP", [(CAROL, "How?"), (ALICE, "A" * 40_000)], "40,000 characters"),
    ],
)  # fmt: skip
def test_who_or_what_is_not_collected_is_told_why(desk, who, channel, lines, why):
    marked = desk.thread(*lines, channel=channel)[-1]

    vote = desk.vote(who, marked, channel=channel)
    desk.take_back(vote)

    assert desk.examples() == []
    (message,) = desk.messages()
    assert why in message.text
    assert (message.kind, message.user_id) == ("ephemeral", who)


def test_a_check_mark_on_the_question_says_to_mark_the_answer(desk):
    question, _ = desk.thread((CAROL, "How?"), (ALICE, "So."))

    desk.vote(BOB, question)

    assert desk.examples() == []
    assert "That is the question" in desk.said()[0]


def test_a_cross_where_nothing_can_be_kept_gives_no_advice_on_teaching(desk):
    desk.vote(BOB, desk.sandbox.post(ALICE, "We are closed today."), BAD)

    assert desk.said() == [
        "I have kept nothing from that message, so there is nothing to mark as wrong."
    ]


def test_direct_messages_are_never_collected(desk):
    channel = desk.sandbox.client(CAROL).conversations_open(users="U0APPRENTICE")["channel"]["id"]
    asked = desk.sandbox.post(CAROL, "How?", channel)
    ts = desk.client.chat_postMessage(channel=channel, text="So.", thread_ts=asked)["ts"]

    desk.vote(CAROL, ts, channel=channel)

    assert desk.examples() == []
    assert "direct messages" in desk.said()[0]


def test_a_guests_remark_between_is_not_kept_as_context(desk):
    *_, answer = desk.thread(
        (CAROL, "How?"), (BOB, "Where?"), (GUEST, "A guest's secret"), (CAROL, "Here"),
        (ALICE, "So."),
    )  # fmt: skip

    desk.vote(BOB, answer)

    assert "secret" not in str(desk.examples()[0].context)
    assert desk.examples()[0].context[1] == {"role": "assistant", "content": "Where?"}


def test_a_message_that_was_deleted_leaves_nothing_and_is_done(desk):
    answer = question_and_answer(desk)
    desk.sandbox.client(ALICE).chat_delete(channel="C0HELP", ts=answer)

    desk.vote(BOB, answer)

    assert (desk.examples(), desk.said()) == ([], [])
    assert [state for _, state, _ in desk.everything()["inbox"]] == ["done"]


def test_a_vote_can_be_taken_back_after_the_thread_is_gone(desk):
    question, answer = desk.thread((CAROL, "How?"), (ALICE, "So."))
    vote = desk.vote(BOB, answer)
    for user, ts in ((ALICE, answer), (CAROL, question)):
        desk.sandbox.client(user).chat_delete(channel="C0HELP", ts=ts)

    desk.take_back(vote)

    assert desk.states() == ["withdrawn"]


def test_a_cross_counts_though_the_question_was_deleted(desk):
    question, answer = desk.thread((CAROL, "How?"), (ALICE, "So."))
    desk.vote(CAROL, answer)
    desk.sandbox.client(CAROL).chat_delete(channel="C0HELP", ts=question)

    desk.vote(BOB, answer, BAD)

    assert desk.states() == ["rejected"]


class OneReplyClient(WebClient):
    """Gives a reply alone when asked about it, as Slack may, where the sandbox gives its thread."""

    def conversations_replies(self, *, channel: str, ts: str, **kwargs: object) -> SlackResponse:
        found = super().conversations_replies(channel=channel, ts=ts, **kwargs)
        if found["messages"][0]["ts"] != ts:
            found.data["messages"] = [m for m in found["messages"] if m["ts"] == ts]
        return found


def test_the_thread_of_a_reply_is_found_where_slack_gives_the_reply_alone(desk):
    answer = question_and_answer(desk)
    client = OneReplyClient(desk.client.token, base_url=desk.client.base_url)

    thread = read_thread(client, "C0HELP", answer, "U0APPRENTICE")

    assert [message.text for message in thread.messages] == ["How do I reset it?", "Press both."]


def test_a_long_thread_is_read_to_its_end(desk):
    lines = [(CAROL, "How?"), *((ALICE, f"no {n}") for n in range(230)), (BOB, "This way.")]
    answer = desk.thread(*lines)[-1]

    desk.vote(ALICE, answer)

    assert [(e.question, e.answer) for e in desk.examples()] == [("How?", "This way.")]


@pytest.mark.parametrize("method", ["conversations.replies", "users.info"])
def test_while_slack_is_busy_a_vote_waits(desk, method):
    answer = question_and_answer(desk)
    desk.sandbox.fault(method, error="ratelimited", retry_after=1)

    desk.vote(BOB, answer)
    waiting = [state for _, state, _ in desk.everything()["inbox"]]
    time.sleep(1.1)
    desk.work()

    assert waiting == ["new"]
    assert desk.states() == ["approved"]


def story(desk: Desk, answers: list[str]) -> Iterator[object]:
    """Votes of all kinds; each step is one event, and its work."""
    first, second, bots = answers
    for who, ts, value in (
        (CAROL, first, GOOD), (BOB, first, GOOD), (BOB, first, BAD), (ALICE, bots, GOOD),
        (GUEST, first, GOOD), (BOB, second, GOOD), (BOB, bots, BAD),
    ):  # fmt: skip
        yield desk.event(who, ts, value)
    for who, ts, value in ((BOB, first, BAD), (BOB, second, GOOD), (CAROL, bots, GOOD)):
        yield desk.event(who, ts, value, added=False)
    yield desk.event(BOB, second, GOOD)


def test_everything_replayed_and_late_leaves_the_same_rows_and_messages(desk):
    answers = [question_and_answer(desk), question_and_answer(desk), desk.bot_answer()]
    events = list(story(desk, answers))
    for event in events:
        desk.deliver(event)
    once = desk.everything()

    for event in [*events, *reversed(events), *events[::2]]:
        desk.deliver(event)
    desk.work_again()

    assert desk.everything() == once
    assert once["examples"][0][3] == "approved"
    assert len(once["outbox"]) == 10


def test_a_crash_between_any_two_steps_loses_nothing_and_repeats_nothing(sandbox, tmp_path):
    Desk.open(sandbox, tmp_path / "empty.db").database.close()
    straight = Desk.open(sandbox, tmp_path / "straight.db")
    answer = question_and_answer(straight)
    cast = straight.event(BOB, answer)
    refused = straight.event(GUEST, answer)
    events = [cast, refused, straight.event(BOB, answer, added=False)]
    for event in events:
        straight.deliver(event)
    wanted = straight.everything()

    crashes = 0
    while True:
        copy = shutil.copy(tmp_path / "empty.db", tmp_path / f"{crashes}.db")
        desk = Desk(sandbox, CrashingDatabase(f"sqlite:///{copy}", crash_at=crashes))
        crashed = run_with_one_crash(desk, events)
        assert desk.everything() == wanted, f"after a crash at point {crashes}"
        desk.database.close()
        if not crashed:
            break
        crashes += 1

    assert crashes >= 18


def run_with_one_crash(desk: Desk, events: list) -> bool:
    """What is not acknowledged, Slack delivers again; rows under work are taken up again."""
    crashed = False
    for event in events:
        try:
            desk.deliver(event)
        except CrashError:
            crashed = True
            desk.restart()
            desk.deliver(event)
    return crashed


def sent_form(question: str = "How?", answer: str = "So.", **draft: object) -> dict:
    values = {name: {name: {"value": text}} for name, text in
              (("question", question), ("answer", answer))}  # fmt: skip
    view = form(replace(new_draft(), channel_id="C0HELP", **draft))
    return {**view, "id": "V1", "state": {"values": values}}


def submit(desk: Desk, view: dict, who: str = BOB) -> dict:
    ack = Ack()
    on_submit(ack, {"user": {"id": who}, "team": {"id": "T0DEMO"}}, view, desk.deps)
    return json.loads(ack.response.body) if ack.response.body else {}


def test_a_form_that_is_delivered_twice_is_kept_once(desk):
    view = sent_form()

    submit(desk, view)
    once = desk.everything()
    submit(desk, view)

    assert desk.everything() == once
    assert desk.states() == ["approved"]
    assert len(desk.said()) == 1


@pytest.mark.parametrize(
    ("texts", "errors"),
    [
        ({"question": "Q" * 3001},
         {"question": "This is 3,001 characters long; 3,000 are possible."}),
        ({"answer": "A" * 4000}, {"answer": "This is 4,000 characters long; 3,000 are possible."}),
        ({"question": "", "answer": None},
         {"question": "Please write the question in words.",
          "answer": "Please write the answer in words."}),
        ({"question": "\u202e\u200b"}, {"question": "Please write the question in words."}),
    ],
)  # fmt: skip
def test_each_wrong_field_says_what_is_wrong_with_it(desk, texts, errors):
    assert submit(desk, sent_form(**texts)) == {"response_action": "errors", "errors": errors}
    assert desk.examples() == []


def test_who_left_a_private_channel_cannot_teach_for_it(desk):
    answer = submit(desk, sent_form(audience="C0OPS"), CAROL)

    assert "not in that channel any more" in str(answer["view"]["blocks"])
    assert desk.examples() == []


def test_who_may_not_change_what_a_curator_approved_is_told_that_it_stays(desk):
    marked = question_and_answer(desk)
    desk.vote(BOB, marked)
    (known,) = desk.examples()
    at = Coordinates("C0HELP", known.thread_ts, marked, known.question_ts, CAROL, ALICE)

    submit(desk, sent_form(answer="Press one.", at=at), CAROL)

    assert [e.answer for e in desk.examples()] == ["Press both."]
    assert "taught in other words before" in desk.said()[-1]


def test_only_who_voted_can_undo(desk):
    vote = desk.vote(BOB, question_and_answer(desk))
    value = f"{vote.order_key}|{vote.key}"

    by_another = undo(desk.database, "T0DEMO", CAROL, value)
    by_bob = undo(desk.database, "T0DEMO", BOB, value)
    once_more = undo(desk.database, "T0DEMO", BOB, value)

    assert (by_another, once_more) == (NOT_YOURS, ALREADY)
    assert by_bob.startswith("Taken back.")
    assert desk.states() == ["withdrawn"]


@pytest.mark.parametrize("value", ["", "|", "no vote", "1|C0HELP:1.0:U0BOB:x"])
def test_an_undo_of_nothing_changes_nothing(desk, value):
    assert undo(desk.database, "T0DEMO", BOB, value) == ALREADY


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, (GOOD, True)),
        ({"reaction": "x"}, (BAD, True)),
        ({"type": "reaction_removed"}, (GOOD, False)),
        ({"reaction": "tada"}, None),
        ({"item": {"type": "file", "file": "F1"}}, None),
    ],
)
def test_only_two_reactions_on_messages_mean_something(desk, change, expected):
    event = {
        "type": "reaction_added",
        "user": BOB,
        "reaction": "white_check_mark",
        "item": {"type": "message", "channel": "C0HELP", "ts": "1.0"},
        "event_ts": "2.0",
    }

    vote = vote_event({**event, **change}, desk.deps, Rules())

    assert (vote and (vote.value, vote.added)) == expected
