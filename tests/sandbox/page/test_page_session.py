"""A tab against a workspace without a browser: what it is told, and how little."""

import asyncio
import json

import pytest

from bot.sandbox.drafts import Draft
from bot.sandbox.page import acts, guide
from bot.sandbox.page.memory import Memory
from bot.sandbox.page.session import Session, script
from bot.sandbox.workspace import Workspace


class Tab:
    """A session and the orders its browser was given."""

    def __init__(self, workspace: Workspace, memory: Memory, path: str, search: str = "") -> None:
        self.orders = []
        self.session = Session(workspace, memory, self.orders.extend)
        self.do("hello", path=path, search=search, user=None, guide=None, width=1280)
        self.draw()

    def do(self, act: str, **details) -> None:
        acts.do(self.session, {"act": act, **details})

    def draw(self):
        self.session.draw()
        orders, self.orders[:] = list(self.orders), []
        self.last = orders
        return orders

    def rows(self, pane: str = "channel"):
        return next((o for o in self.last if o[:2] == ("rows", pane)), None)


@pytest.fixture
def workspace():
    return Workspace()


@pytest.fixture
def open_tab(workspace):
    loop = asyncio.new_event_loop()
    tabs = []

    def opened(path: str = "/archives/C0HELP", search: str = "?as=U0CAROL") -> Tab:
        memory = tabs[0].session.memory if tabs else Memory(workspace)
        tabs.append(Tab(workspace, memory, path, search))
        return tabs[-1]

    asyncio.events._set_running_loop(loop)
    yield opened
    for tab in tabs:
        tab.session.end()
    asyncio.events._set_running_loop(None)
    loop.close()


def say(workspace, user, text, **where):
    return workspace.chat.post(user, "C0HELP", Draft(text, **where))


def test_a_new_message_travels_alone(workspace, open_tab):
    for number in range(60):
        say(workspace, "U0BOB", f"message {number}")
    tab = open_tab()

    message = say(workspace, "U0BOB", "the new one")
    tab.draw()

    _, _, order, changed = tab.rows()
    assert list(changed) == [f"channel-{message.ts}"]
    assert order[-1] == f"channel-{message.ts}"


def test_streamed_text_redraws_one_row_and_moves_none(workspace, open_tab):
    root = say(workspace, "U0CAROL", "question")
    tab = open_tab(search=f"?as=U0CAROL&thread_ts={root.ts}")
    stream = workspace.streams.start(
        "U0APPRENTICE", "C0HELP", root.ts, "Ask", [], "T0DEMO", "U0CAROL"
    )
    tab.draw()

    workspace.streams.append("U0APPRENTICE", "C0HELP", stream.ts, " the **portal**", [])
    tab.draw()

    _, _, order, changed = tab.rows("thread")
    assert order is None
    assert list(changed) == [f"thread-{stream.ts}"]
    assert "<strong>portal</strong>" in changed[f"thread-{stream.ts}"]
    assert tab.rows("channel") is None


def test_a_channel_of_five_hundred_shows_its_end_and_the_rest_on_request(workspace, open_tab):
    for number in range(500):
        say(workspace, "U0BOB", f"message {number}")
    tab = open_tab()
    shown = [row for row in tab.rows()[2] if "day" not in row]
    assert len(shown) == 101

    tab.do("earlier", pane="channel")
    tab.draw()

    assert len(tab.rows()[2]) > 300
    assert len(tab.rows()[3]) < 205


def test_a_private_channel_is_not_there_for_others(open_tab):
    tab = open_tab("/archives/C0OPS")

    assert tab.session.here == "C0HELP"
    assert ("toast", "This conversation is not there for you.", True) in tab.last
    assert "ops" not in json.dumps([o for o in tab.last if o[1] == "side-scroll"])


def test_acting_as_somebody_who_may_not_be_here_leads_elsewhere(open_tab):
    tab = open_tab("/archives/C0OPS", "?as=U0ALICE")
    assert tab.session.here == "C0OPS"

    tab.do("act_as", user="U0ERIN")
    tab.draw()

    assert tab.session.here == "C0PARTNER"
    assert all("C0OPS" not in json.dumps(o) for o in tab.last)


def test_one_persons_ephemeral_is_not_sent_to_another(workspace, open_tab):
    carol, bob = open_tab(), open_tab(search="?as=U0BOB")

    workspace.chat.post_ephemeral("U0APPRENTICE", "C0HELP", "U0BOB", Draft("only for Bob"))

    assert "only for Bob" in json.dumps(bob.draw())
    assert "only for Bob" not in json.dumps(carol.draw())


def test_unread_messages_are_counted_and_mentions_stand_out(workspace, open_tab):
    tab = open_tab("/archives/C0GENERAL")

    say(workspace, "U0BOB", "hello")
    say(workspace, "U0BOB", "<@U0CAROL> look")
    side = next(o[2] for o in tab.draw() if o[:2] == ("html", "side-scroll"))
    assert '<span class="badge badge-mention" aria-hidden="true">2</span>' in side

    tab.do("open_channel", channel="C0HELP")
    side = next(o[2] for o in tab.draw() if o[:2] == ("html", "side-scroll"))
    assert "badge" not in side


def test_a_refused_message_is_given_back_with_a_sentence(workspace, open_tab):
    tab = open_tab("/archives/C0HELP", "?as=U0CAROL")
    workspace.channels["C0HELP"].members.remove("U0CAROL")

    tab.do("send", pane="channel", key="k", text="hello")
    orders = tab.draw()

    assert ("restore", "channel", "k", "hello") in orders
    assert ("toast", "You are not in this channel.", True) in orders


@pytest.mark.parametrize("act", ["send", "react", "edit", "delete", "block_action", "open_thread"])
def test_acts_on_what_is_gone_are_answered_calmly(open_tab, act):
    tab = open_tab()

    tab.do(act, pane="channel", key="k", text="/nothing", channel="C0HELP", ts="1.000001",
           name="tada", action="x", block="b", value=None)  # fmt: skip

    assert all(order[0] != "error" for order in tab.draw())


def test_reactions_toggle(workspace, open_tab):
    message = say(workspace, "U0BOB", "done")
    tab = open_tab()

    for expected in (["U0CAROL"], None):
        tab.do("react", channel="C0HELP", ts=message.ts, name="tada")
        reaction = message.reaction("tada")
        assert (reaction.users if reaction else None) == expected


def test_editing_and_deleting_change_the_workspace(workspace, open_tab):
    tab = open_tab()
    tab.do("send", pane="channel", key="k", text="ask @Bob in #general")
    message = next(reversed(workspace.messages["C0HELP"].values()))
    assert message.text == "ask <@U0BOB> in <#C0GENERAL|general>"

    tab.do("edit", pane="channel", channel="C0HELP", ts=message.ts)
    editor = json.dumps(tab.draw())
    tab.do("save_edit", pane="channel", channel="C0HELP", ts=message.ts, text="never mind")

    assert "ask @Bob in #general" in editor
    assert message.text == "never mind"
    tab.do("delete", channel="C0HELP", ts=message.ts)
    assert message.ts not in workspace.messages["C0HELP"]


def test_a_permalink_opens_the_thread_and_lights_up_the_reply(workspace, open_tab):
    root = say(workspace, "U0CAROL", "question")
    reply = say(workspace, "U0BOB", "answer", thread_ts=root.ts)
    digits = reply.ts.replace(".", "")

    tab = open_tab(f"/archives/C0HELP/p{digits}", f"?thread_ts={root.ts}&as=U0CAROL")

    assert ("show", "thread", f"thread-{reply.ts}") in tab.last
    assert tab.rows("thread") is not None


def test_orders_cannot_break_out_of_their_script():
    code = script([("toast", "</script>\u2028`${x}`\"'", True)])

    assert json.loads(code.removeprefix("Page.apply(").removesuffix(")"))[0][1].startswith("</")
    assert "\u2028" not in code


def run_card(*actions: str) -> Draft:
    words = {"type": "plain_text", "text": "press"}
    buttons = [{"type": "button", "action_id": a, "text": words, "value": "1"} for a in actions]
    return Draft("a run", [{"type": "actions", "elements": buttons}])


def test_the_guide_shows_bob_the_tools_of_the_answer(workspace, open_tab):
    tab = open_tab()
    question = say(workspace, "U0CAROL", guide.TO_A_COLLEAGUE)
    answer = say(workspace, "U0ALICE", guide.ANSWER, thread_ts=question.ts)

    tab.do("guide_do", do="bob")

    assert tab.session.viewer == "U0BOB"
    orders = tab.draw()
    shown = ("show", "thread", f"thread-{answer.ts}")
    assert orders.index(("tools", f"thread-{answer.ts}")) > orders.index(shown)


def test_the_guide_ticks_off_what_really_happened(workspace, open_tab):
    old = say(workspace, "U0ALICE", "marked before anybody came")
    workspace.reactions.add("U0BOB", "C0HELP", old.ts, "white_check_mark")
    tab = open_tab()
    progress = tab.session.memory.progress
    assert progress.next().key == "ask"

    root = say(workspace, "U0CAROL", "<@U0APPRENTICE> how do I get in?")
    say(workspace, "U0APPRENTICE", "Ask for the role.", thread_ts=root.ts)
    assert progress.next().key == "mark"

    assert progress.marking()[0] == "mark"
    question = say(workspace, "U0CAROL", guide.TO_A_COLLEAGUE)
    assert progress.marking()[0] == "answer"
    answer = say(workspace, "U0ALICE", guide.ANSWER, thread_ts=question.ts)
    assert progress.marking()[0] == "bob"
    workspace.reactions.add("U0BOB", "C0HELP", answer.ts, "white_check_mark")
    assert progress.next().key == "train"

    workspace.deliveries.is_connected = True
    workspace.app.run_command("U0ALICE", "C0HELP", "/apprentice", "train")
    assert progress.next().key == "train"  # she may still close the form that asks for her word

    card = workspace.chat.post("U0APPRENTICE", "C0HELP", run_card("cancel"))
    assert progress.next().key == "watch"
    tab.do("guide_do", do="run")
    assert ("show", "channel", f"channel-{card.ts}") in tab.draw()

    workspace.chat.update("U0APPRENTICE", "C0HELP", card.ts, run_card("report", "promote", "hold"))
    assert progress.next().key == "watch"  # nobody has decided: the base model still answers
    workspace.chat.update("U0APPRENTICE", "C0HELP", card.ts, run_card("report"))
    assert progress.next().key == "again"

    root = say(workspace, "U0CAROL", "<@U0APPRENTICE> who lets me in?")
    say(workspace, "U0APPRENTICE", "The platform team.", thread_ts=root.ts)
    assert progress.next() is None
    assert len(progress.done) == 5


@pytest.mark.parametrize(
    ("do", "viewer", "pane", "words"),
    [
        ("ask", "U0CAROL", "channel", guide.QUESTION),
        ("mark", "U0CAROL", "channel", guide.TO_A_COLLEAGUE),
        ("train", "U0ALICE", "channel", "/apprentice train"),
        ("again", "U0CAROL", "channel", guide.AGAIN),
    ],
)
def test_the_guide_prepares_a_step_and_sends_nothing(workspace, open_tab, do, viewer, pane, words):
    tab = open_tab("/archives/C0GENERAL", "?as=U0BOB")

    tab.do("guide_do", do=do)
    orders = tab.draw()

    assert tab.session.viewer == viewer
    assert tab.session.here == "C0HELP"
    assert ("fill", pane, words) in orders
    assert not workspace.messages["C0HELP"]


def test_a_modal_stays_with_the_person_it_was_opened_for(workspace, open_tab):
    tab = open_tab()
    title = {"type": "plain_text", "text": "For Carol"}
    workspace.modals.open(
        workspace.modals.new_trigger("U0CAROL"), {"type": "modal", "title": title, "blocks": []}
    )
    shown = [order for order in tab.draw() if order[0] == "modal"]
    assert "For Carol" in shown[0][1]

    tab.do("act_as", user="U0BOB")

    assert [order for order in tab.draw() if order[0] == "modal"] == [("modal", None)]
