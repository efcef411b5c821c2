"""People use the page in headless Chromium, against a really running sandbox and a Bolt app."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import App

from tests.running_sandbox import RunningSandbox, running_sandbox
from tests.sandbox.conftest import connected
from tests.sandbox.page.browser import PHONE, Tab, open_tab

pytestmark = pytest.mark.browser
ANSWER = "Open form **KH-12** in Keyhatch. Your lead approves it.\n\n" * 8
HELP = "C0HELP"


def plain(words: str) -> dict[str, str]:
    return {"type": "plain_text", "text": words}


def field(name: str, words: str, **element: Any) -> dict[str, Any]:
    return {
        "type": "input", "block_id": name, "label": plain(words),
        "element": {"type": "plain_text_input", "action_id": "value", **element},
    }  # fmt: skip


FORM = {
    "type": "modal", "callback_id": "teach", "title": plain("Teach"), "submit": plain("Keep"),
    "blocks": [field("question", "Question", initial_value="Where?"),
               field("answer", "Answer", multiline=True)],
}  # fmt: skip
FEEDBACK = {"type": "context_actions", "elements": [{
    "type": "feedback_buttons", "action_id": "feedback",
    "positive_button": {"text": plain("Good"), "value": "good"},
    "negative_button": {"text": plain("Bad"), "value": "bad"},
}]}  # fmt: skip


class Answerer:
    """A small app that answers like ours, and remembers what was done to it."""

    def __init__(self) -> None:
        self.pressed: list[str] = []
        self.taught: list[str] = []

    def listen(self, app: App) -> None:
        app.event("app_mention")(self.answer)
        app.event("reaction_added")(self.confirm)
        app.event("app_home_opened")(self.show_home)
        app.shortcut("teach_answer")(self.open_form)
        app.command("/apprentice")(self.open_form)
        app.view("teach")(self.take_form)
        app.action("feedback")(self.press)
        app.action("review")(self.press)

    def answer(self, event: dict[str, Any], client: Any) -> None:
        where = {"channel": event["channel"], "thread_ts": event["ts"]}
        client.assistant_threads_setStatus(
            channel_id=event["channel"], thread_ts=event["ts"], status="is thinking…"
        )
        time.sleep(0.5)
        stream = client.chat_startStream(
            **where, recipient_team_id="T0DEMO", recipient_user_id=event["user"]
        )
        written = {"channel": event["channel"], "ts": stream["ts"]}
        for start in range(0, len(ANSWER), 40):
            client.chat_appendStream(**written, markdown_text=ANSWER[start : start + 40])
        client.chat_stopStream(**written, blocks=[FEEDBACK])

    def confirm(self, event: dict[str, Any], client: Any) -> None:
        client.chat_postEphemeral(
            channel=event["item"]["channel"], user=event["user"], text="Kept as an example."
        )

    def show_home(self, event: dict[str, Any], client: Any) -> None:
        button = {"type": "button", "action_id": "review", "value": "1", "text": plain("Review")}
        blocks = [
            {"type": "header", "text": plain("What I know")},
            {"type": "actions", "elements": [button]},
        ]
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    def open_form(self, ack: Any, body: dict[str, Any], client: Any) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=FORM)

    def take_form(self, ack: Any, view: dict[str, Any]) -> None:
        answer = view["state"]["values"]["answer"]["value"]["value"]
        if len(answer) < 10:
            ack(response_action="errors", errors={"answer": "Write at least a sentence."})
            return
        self.taught.append(answer)
        ack()

    def press(self, ack: Any, action: dict[str, Any]) -> None:
        ack()
        self.pressed.append(action["value"])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(no_limits=True, no_page=False) as running:
        yield running


@pytest.fixture(scope="module")
def app(sandbox: RunningSandbox) -> Iterator[Answerer]:
    answerer = Answerer()
    with connected(sandbox, answerer.listen):
        yield answerer


@pytest.fixture(scope="module")
def browser(
    sandbox: RunningSandbox, app: Answerer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tab]:
    with open_tab(sandbox.url, tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab) -> Iterator[Tab]:
    """The window; afterwards nothing may have been asked of another machine, nor complained of."""
    yield browser
    assert browser.requests_elsewhere() == set()
    assert browser.complaints() == []


def test_an_answer_streams_into_the_thread_beside_the_channel(tab, sandbox, app):
    tab.open("/archives/C0HELP?as=U0CAROL")

    tab.write("composer-channel", "@Appr")
    tab.write("composer-channel", "\t")  # takes the person offered
    tab.write("composer-channel", "how do I get in?", send=True)

    tab.sees("Apprentice is thinking…")
    tab.sees("Open form KH-12 in Keyhatch.", "thread-list")
    question = sandbox.wait_for_message(lambda m: "how do I get in?" in m["text"])
    assert question["text"] == "<@U0APPRENTICE> how do I get in?"
    tab.click("action-feedback-positive")
    tab.until(lambda: app.pressed == ["good"])
    pressed = tab.find("action-feedback-positive")
    tab.until(lambda: pressed.get_attribute("aria-pressed") == "true")


def test_a_mark_is_confirmed_to_its_giver_alone(tab, sandbox):
    ts = sandbox.post("U0ALICE", "The answer is in room 2.07.")
    tab.open("/archives/C0HELP?as=U0BOB")

    tab.on_message(ts, "quick-white_check_mark")

    tab.sees("Only visible to you")
    tab.sees("Kept as an example.")
    tab.click("acting-as")
    tab.click("act-as-U0CAROL")
    tab.sees("Carol Jensen", "acting-as")
    assert "Kept as an example." not in tab.text("channel-list")
    assert tab.find("reaction-white_check_mark").get_attribute("aria-pressed") == "false"


def test_a_form_is_refused_at_its_field_and_taken_when_right(tab, sandbox, app):
    ts = sandbox.post("U0ALICE", "An answer worth teaching.")
    tab.open("/archives/C0HELP?as=U0BOB")

    tab.on_message(ts, "message-menu")
    tab.click("shortcut-teach_answer")
    tab.sees("Teach", "modal")
    answer = tab.driver.find_element("css selector", "#modal textarea")
    answer.send_keys("short")
    tab.click("modal-submit")
    tab.sees("Write at least a sentence.", "error-answer")
    assert answer.get_attribute("value") == "short"

    answer.send_keys(" but longer now")
    tab.click("modal-submit")

    tab.until(lambda: app.taught == ["short but longer now"])
    tab.until(lambda: not tab.find("modal").is_displayed())


def test_after_a_form_is_closed_one_types_on_where_one_was(tab, sandbox):
    tab.open("/archives/C0HELP?as=U0BOB")
    tab.write("composer-channel", "/apprentice add", send=True)
    tab.sees("Teach", "modal")

    tab.click("modal-close")
    tab.until(lambda: not tab.find("modal").is_displayed())
    tab.write("composer-channel", "another time then", send=True)

    tab.sees("another time then")


def test_the_home_is_shown_and_its_buttons_work(tab, app):
    tab.open("/?as=U0ALICE")

    tab.click("home-link")
    tab.sees("What I know", "home")
    app.pressed.clear()
    tab.click("action-review")

    tab.until(lambda: app.pressed == ["1"])


def test_a_permalink_opens_the_thread_at_its_message(tab, sandbox):
    root = sandbox.post("U0CAROL", "Where is the map?")
    reply = sandbox.post("U0BOB", "Pinned in general.", thread_ts=root)
    link = sandbox.client("U0CAROL").chat_getPermalink(channel=HELP, message_ts=reply)["permalink"]
    path = link.split(str(sandbox.port), 1)[1]

    tab.open(f"{path}&as=U0CAROL")

    tab.sees("Pinned in general.", "thread-list")
    row = f'#thread-list [data-testid="message-{reply}"]'
    tab.until(
        lambda: "highlight" in tab.driver.find_element("css selector", row).get_attribute("class")
    )


def test_a_message_taller_than_the_window_is_shown_from_its_head_on(tab, sandbox):
    tall = sandbox.post("U0BOB", "The first line.\n" + "And one more.\n" * 80)
    sandbox.post("U0BOB", "Below.")

    tab.open(f"/archives/{HELP}/p{tall.replace('.', '')}?as=U0CAROL")

    tab.sees("The first line.")
    top = "return document.querySelector(arguments[0]).getBoundingClientRect().top"
    row, pane = f'#channel-list [data-testid="message-{tall}"]', "#channel-scroll"
    tab.until(lambda: abs(tab.script(top, row) - tab.script(top, pane)) < 40)


def test_hostile_messages_are_only_text(tab, sandbox):
    hostile = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
    sandbox.post("U0CAROL", hostile)
    sandbox.client().chat_postMessage(
        channel=HELP, text="x",
        blocks=[{"type": "markdown", "text": hostile + " ![i](https://example.com/spy.png)"},
                {"type": "image", "image_url": "https://example.com/spy.gif", "alt_text": "spy"}],
    )  # fmt: skip

    tab.open("/archives/C0HELP?as=U0CAROL")

    tab.sees(hostile)
    assert tab.script("return window.pwned") is None
    assert tab.script("return document.querySelectorAll('#channel-list img').length") == 0


def test_reading_further_up_is_not_disturbed(tab, sandbox):
    for number in range(40):
        sandbox.post("U0BOB", f"message {number}", "C0GENERAL")
    tab.open("/archives/C0GENERAL?as=U0CAROL")
    tab.sees("message 39")
    at_end = "const s=document.getElementById('channel-scroll');"
    assert tab.script(at_end + "return s.scrollHeight-s.scrollTop-s.clientHeight") < 2
    tab.script(at_end + "s.scrollTop=100")
    tab.write("composer-channel", "half a thought")
    time.sleep(0.2)

    sandbox.post("U0BOB", "something new", "C0GENERAL")

    tab.sees("something new")
    assert tab.script(at_end + "return s.scrollTop") == 100
    assert tab.find("composer-channel").get_attribute("value") == "half a thought"


def test_two_tabs_are_two_people_at_once(tab):
    tab.open("/archives/C0GENERAL?as=U0BOB")
    first = tab.driver.current_window_handle
    tab.driver.switch_to.new_window("tab")
    try:
        tab.open("/archives/C0GENERAL?as=U0ALICE")
        tab.write("composer-channel", "hello from Alice", send=True)
        tab.sees("hello from Alice")
    finally:
        tab.driver.close()
        tab.driver.switch_to.window(first)

    tab.sees("hello from Alice")
    assert "Bob Okafor" in tab.text("acting-as")


def test_somebody_without_the_private_channel_never_sees_it(tab, sandbox):
    sandbox.post("U0BOB", "the secret of ops", "C0OPS")

    tab.open("/archives/C0OPS?as=U0CAROL")

    tab.sees("This conversation is not there for you.", "toast")
    assert not tab.all("channel-C0OPS")
    assert "the secret of ops" not in tab.driver.page_source


def test_on_a_phone_channels_are_a_drawer_and_threads_fill_the_screen(
    sandbox, app, tmp_path_factory
):
    ts = sandbox.post("U0CAROL", "Asked on the way.")
    sandbox.post("U0BOB", "Answered at once.", thread_ts=ts)
    with open_tab(sandbox.url, tmp_path_factory.mktemp("phone"), PHONE) as phone:
        phone.open("/archives/C0HELP?as=U0CAROL")
        assert not phone.find("sidebar").is_displayed()

        phone.click(f"thread-{ts}")
        phone.sees("Answered at once.", "thread-list")
        assert phone.find("thread-pane").size["width"] == PHONE[0]
        phone.click("thread-close")

        phone.click("drawer")
        phone.until(lambda: phone.find("sidebar").is_displayed())
        phone.click("channel-C0GENERAL")
        phone.sees("general", "place-title")
        assert phone.script("return document.documentElement.scrollWidth") <= PHONE[0]
        assert phone.requests_elsewhere() == set()
