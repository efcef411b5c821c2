import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import App

from tests.running_sandbox import RefusedError, RunningSandbox, running_sandbox
from tests.sandbox.conftest import connected, refusal
from tests.sandbox.socket_client import Listener, listening

Payload = dict[str, Any]


def plain(text: str) -> Payload:
    return {"type": "plain_text", "text": text}


def modal(callback_id: str = "add", title: str = "Teach", **changes: Any) -> Payload:
    element = {"type": "plain_text_input", "action_id": "text", "initial_value": "so far"}
    field = {"type": "input", "block_id": "q", "label": plain("Question"), "element": element}
    return {"type": "modal", "callback_id": callback_id, "title": plain(title),
            "submit": plain("Keep"), "blocks": [field]} | changes  # fmt: skip


def button(value: str = "7") -> list[Payload]:
    press = {"type": "button", "action_id": "undo", "text": plain("Undo"), "value": value}
    return [{"type": "actions", "block_id": "b", "elements": [press]}]


def answer_url(url: str, **body: Any) -> int:
    request = urllib.request.Request(
        url.replace("localhost", "127.0.0.1"),
        json.dumps(body).encode(),
        {"Content-Type": "application/json; charset=utf-8"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


@pytest.fixture
def app(sandbox: RunningSandbox) -> Iterator[Listener]:
    """A connected app whose acknowledgements carry `app.response`."""
    with listening(sandbox) as app:
        yield app


def opened(sandbox: RunningSandbox, app: Listener, view: Payload | None = None) -> Payload:
    """Open a modal for Carol by a global shortcut."""
    sandbox.shortcut("U0CAROL", "add_example")
    trigger = app.last["trigger_id"]
    return dict(sandbox.client().views_open(trigger_id=trigger, view=view or modal())["view"])


def test_a_command_is_answered_to_one_person(sandbox: RunningSandbox, app: Listener) -> None:
    app.response = {"text": "Nothing to review."}
    sandbox.command("U0BOB", "review @carol", channel="C0OPS")

    payload = app.last
    assert (payload["command"], payload["channel_id"]) == ("/apprentice", "C0OPS")
    assert (payload["text"], payload["user_id"]) == ("review <@U0CAROL>", "U0BOB")
    assert sandbox.ephemerals("U0BOB")[-1]["text"] == "Nothing to review."


def test_a_command_may_answer_everybody(sandbox: RunningSandbox, app: Listener) -> None:
    app.response = {"text": "For all to see.", "response_type": "in_channel"}
    sandbox.command("U0BOB", "status")

    shown = sandbox.client().conversations_history(channel="C0HELP", limit=1)["messages"][0]
    assert (shown["text"], shown["user"]) == ("For all to see.", "U0APPRENTICE")


def test_a_wrong_answer_does_not_end_the_connection(sandbox: RunningSandbox, app: Listener) -> None:
    app.response = {"blocks": [{"type": "poem"}]}
    sandbox.command("U0BOB", "status")
    app.response = {"text": "better"}
    sandbox.command("U0BOB", "status")

    texts = [m["text"] for m in sandbox.ephemerals("U0BOB")][-2:]
    assert texts == ["The app's answer was refused: invalid_blocks.", "better"]


def test_a_silent_app_is_excused_by_slackbot_and_not_asked_again() -> None:
    with running_sandbox(ack_seconds=0.2, retry_seconds=(0,)) as sandbox:
        with listening(sandbox, lambda _: False) as app:
            with pytest.raises(RefusedError, match="did not acknowledge in time"):
                sandbox.command("U0BOB", "status")
            time.sleep(0.3)

        assert len(app.envelopes) == 1
        (excuse,) = sandbox.ephemerals("U0BOB")
        assert excuse["user"] == "USLACKBOT"


def test_without_an_app_a_command_fails_at_once() -> None:
    with running_sandbox() as sandbox:
        with pytest.raises(RefusedError, match="not connected"):
            sandbox.command("U0BOB", "status")

        assert "did not respond" in sandbox.ephemerals("U0BOB")[0]["text"]


def test_a_message_shortcut_brings_the_message(sandbox: RunningSandbox, app: Listener) -> None:
    ts = sandbox.post("U0CAROL", "ask Ops")
    sandbox.shortcut("U0BOB", "teach_answer", "C0HELP", ts)

    payload = app.last
    assert (payload["type"], payload["callback_id"]) == ("message_action", "teach_answer")
    assert (payload["message"]["text"], payload["message_ts"]) == ("ask Ops", ts)
    assert payload["channel"] == {"id": "C0HELP", "name": "help"}


def test_a_button_brings_its_value_and_message(sandbox: RunningSandbox, app: Listener) -> None:
    sent = sandbox.client().chat_postMessage(channel="C0HELP", text="Kept.", blocks=button())
    sandbox.action("U0BOB", "undo", channel="C0HELP", message_ts=sent["ts"])

    payload = app.last
    (action,) = payload["actions"]
    assert (action["action_id"], action["value"], action["block_id"]) == ("undo", "7", "b")
    assert payload["container"]["message_ts"] == sent["ts"]
    assert payload["message"]["ts"] == sent["ts"]
    with pytest.raises(RefusedError, match=r"There is: \['undo'\]"):
        sandbox.action("U0BOB", "redo", channel="C0HELP", message_ts=sent["ts"])


def test_a_button_of_an_ephemeral_replaces_it(sandbox: RunningSandbox, app: Listener) -> None:
    sandbox.client().chat_postEphemeral(
        channel="C0HELP", user="U0BOB", text="Kept.", blocks=button("only mine")
    )
    (mine,) = [m for m in sandbox.ephemerals("U0BOB") if m["text"] == "Kept."]
    sandbox.action("U0BOB", "undo", channel="C0HELP", message_ts=mine["ts"])
    payload = app.last
    status = answer_url(payload["response_url"], replace_original=True, text="Undone.")

    (after,) = [m for m in sandbox.ephemerals("U0BOB") if m["ts"] == mine["ts"]]
    assert (status, after["text"], after["blocks"]) == (200, "Undone.", [])
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload
    answer_url(payload["response_url"], delete_original=True)
    assert mine["ts"] not in [m["ts"] for m in sandbox.ephemerals("U0BOB")]
    with pytest.raises(RefusedError, match="message_not_found"):
        sandbox.action("U0CAROL", "undo", channel="C0HELP", message_ts=mine["ts"])


def test_a_response_url_answers_five_times(sandbox: RunningSandbox, app: Listener) -> None:
    sandbox.command("U0ALICE", "train")
    url = app.last["response_url"]

    assert [answer_url(url, text=f"step {n}") for n in range(6)] == [200] * 5 + [404]
    assert answer_url(url + "x", text="guessed") == 404
    steps = [m["text"] for m in sandbox.ephemerals("U0ALICE")][-5:]
    assert steps == [f"step {n}" for n in range(5)]


def test_feedback_buttons_bring_the_one_pressed(sandbox: RunningSandbox, app: Listener) -> None:
    feedback = {"type": "feedback_buttons", "action_id": "feedback",
                "positive_button": {"text": plain("Good"), "value": "good"},
                "negative_button": {"text": plain("Bad"), "value": "bad"}}  # fmt: skip
    blocks = [{"type": "context_actions", "elements": [feedback]}]
    sent = sandbox.client().chat_postMessage(channel="C0HELP", text="An answer.", blocks=blocks)
    sandbox.action("U0BOB", "feedback", "bad", channel="C0HELP", message_ts=sent["ts"])

    (action,) = app.last["actions"]
    assert (action["type"], action["value"]) == ("feedback_buttons", "bad")


def test_a_modal_is_opened_filled_in_and_closed(sandbox: RunningSandbox, app: Listener) -> None:
    view = opened(sandbox, app)
    sandbox.submit("U0CAROL", view["id"], {"q": {"text": "How do I deploy?"}})

    payload = app.last
    assert (payload["type"], payload["view"]["callback_id"]) == ("view_submission", "add")
    state = {"q": {"text": {"type": "plain_text_input", "value": "How do I deploy?"}}}
    assert payload["view"]["state"]["values"] == state
    assert sandbox.views("U0CAROL") == []


def test_what_was_not_touched_is_submitted_as_it_stood(
    sandbox: RunningSandbox, app: Listener
) -> None:
    sandbox.submit("U0CAROL", opened(sandbox, app)["id"], {})

    values = app.last["view"]["state"]["values"]
    assert values["q"]["text"]["value"] == "so far"


def test_empty_required_fields_never_reach_the_app(sandbox: RunningSandbox, app: Listener) -> None:
    view = opened(sandbox, app)
    before = len(app.envelopes)

    with pytest.raises(RefusedError, match="complete this required field"):
        sandbox.submit("U0CAROL", view["id"], {"q": {"text": ""}})
    with pytest.raises(RefusedError, match="no field q → tex"):
        sandbox.submit("U0CAROL", view["id"], {"q": {"tex": "x"}})
    assert len(app.envelopes) == before


def test_a_submission_may_be_refused_with_reasons(sandbox: RunningSandbox, app: Listener) -> None:
    view = opened(sandbox, app)
    app.response = {"response_action": "errors", "errors": {"q": "Too short."}}
    sandbox.submit("U0CAROL", view["id"], {"q": {"text": "eh?"}})

    (shown,) = sandbox.views("U0CAROL")
    assert (shown["id"], shown["errors"]) == (view["id"], {"q": "Too short."})


def test_a_submission_may_lead_on(sandbox: RunningSandbox, app: Listener) -> None:
    view = opened(sandbox, app)
    app.response = {"response_action": "update", "view": modal(title="Sure?")}
    sandbox.submit("U0CAROL", view["id"], {})
    (updated,) = sandbox.views("U0CAROL")
    app.response = {"response_action": "push", "view": modal(title="Really?")}
    sandbox.submit("U0CAROL", view["id"], {})
    titles = [v["title"]["text"] for v in sandbox.views("U0CAROL")]
    app.response = {"response_action": "clear"}
    sandbox.submit("U0CAROL", sandbox.views("U0CAROL")[-1]["id"], {})

    assert updated["title"]["text"] == "Sure?"
    assert titles == ["Sure?", "Really?"]
    assert sandbox.views("U0CAROL") == []


def test_a_trigger_opens_one_modal_within_three_seconds(
    sandbox: RunningSandbox, app: Listener
) -> None:
    bot = sandbox.client()
    sandbox.shortcut("U0CAROL", "add_example")
    used = app.last["trigger_id"]
    bot.views_open(trigger_id=used, view=modal())
    sandbox.shortcut("U0CAROL", "add_example")
    old = app.last["trigger_id"]
    time.sleep(3.1)

    again = lambda trigger: refusal(  # noqa: E731
        lambda: bot.views_open(trigger_id=trigger, view=modal())
    )
    assert again(used) == "exchanged_trigger_id"
    assert again(old) == "expired_trigger_id"
    assert again("1.2.made-up") == "invalid_trigger_id"


def test_views_are_stacked_three_high(sandbox: RunningSandbox, app: Listener) -> None:
    press = {"type": "button", "action_id": "more", "text": plain("More")}
    blocks = [{"type": "actions", "block_id": "a", "elements": [press]}]
    bot, view = sandbox.client(), opened(sandbox, app, modal(blocks=blocks))
    for title in ("Second", "Third"):
        sandbox.action("U0CAROL", "more", view_id=view["id"])
        trigger = app.last["trigger_id"]
        view = bot.views_push(trigger_id=trigger, view=modal(title=title, blocks=blocks))["view"]
    sandbox.action("U0CAROL", "more", view_id=view["id"])
    trigger = app.last["trigger_id"]

    one_more = lambda: bot.views_push(trigger_id=trigger, view=modal())  # noqa: E731
    assert refusal(one_more) == "push_limit_reached"
    assert [v["title"]["text"] for v in sandbox.views("U0CAROL")] == ["Teach", "Second", "Third"]
    assert view["previous_view_id"] == sandbox.views("U0CAROL")[1]["id"]


def test_a_stale_hash_is_a_conflict(sandbox: RunningSandbox, app: Listener) -> None:
    bot, view = sandbox.client(), opened(sandbox, app)
    fresh = bot.views_update(view_id=view["id"], view=modal(title="New"), hash=view["hash"])["view"]

    stale = lambda: bot.views_update(view_id=view["id"], view=modal(), hash=view["hash"])  # noqa: E731
    assert fresh["title"]["text"] == "New"
    assert refusal(stale) == "hash_conflict"
    assert refusal(lambda: bot.views_update(view_id="V0GONE", view=modal())) == "not_found"


def test_closing_a_modal_is_told_to_an_app_that_asked(
    sandbox: RunningSandbox, app: Listener
) -> None:
    view = opened(sandbox, app, modal(notify_on_close=True))
    sandbox.control("view_closed", user="U0CAROL", view_id=view["id"])

    assert app.last["type"] == "view_closed"
    assert sandbox.views("U0CAROL") == []


def test_a_home_is_published_opened_and_acted_on(sandbox: RunningSandbox, app: Listener) -> None:
    home = {"type": "home", "blocks": button("home")}
    sandbox.client().views_publish(user_id="U0CAROL", view=home)
    sandbox.open_home("U0CAROL")
    (event,) = (e["payload"]["event"] for e in app.wait_for("app_home_opened"))
    shown = sandbox.state("homes")["homes"]["U0CAROL"]
    sandbox.action("U0CAROL", "undo", view_id=shown["id"])

    assert (event["tab"], event["user"], event["view"]["id"]) == ("home", "U0CAROL", shown["id"])
    assert app.last["container"] == {"type": "view", "view_id": shown["id"]}


def test_bolt_handles_a_command_that_opens_a_modal(sandbox: RunningSandbox) -> None:
    submitted = threading.Event()

    def listeners(app: App) -> None:
        @app.command("/apprentice")
        def open_form(ack: Any, body: Payload, client: Any) -> None:
            ack()
            client.views_open(trigger_id=body["trigger_id"], view=modal("bolt"))

        @app.view("bolt")
        def take(ack: Any, view: Payload) -> None:
            text = view["state"]["values"]["q"]["text"]["value"]
            if text == "short":
                ack(response_action="errors", errors={"q": "Longer, please."})
            else:
                ack()
                submitted.set()

    with connected(sandbox, listeners):
        sandbox.command("U0BOB", "add")
        view = sandbox.wait_for(lambda state: [v for v in state["views"] if v["user"] == "U0BOB"])[
            0
        ]
        sandbox.submit("U0BOB", view["id"], {"q": {"text": "short"}})
        (refused,) = sandbox.views("U0BOB")
        sandbox.submit("U0BOB", view["id"], {"q": {"text": "long enough"}})

    assert refused["errors"] == {"q": "Longer, please."}
    assert submitted.is_set()
    assert sandbox.views("U0BOB") == []
