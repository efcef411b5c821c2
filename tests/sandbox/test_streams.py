import time

import pytest
from slack_sdk.errors import SlackApiError

from tests.running_sandbox import RunningSandbox, running_sandbox
from tests.sandbox.conftest import refusal

RECIPIENT = {"recipient_team_id": "T0DEMO", "recipient_user_id": "U0CAROL"}


def started(sandbox: RunningSandbox) -> dict[str, str]:
    """Start a stream in a new thread and return channel and ts."""
    root = sandbox.post("U0CAROL", "a question")
    stream = sandbox.client().chat_startStream(channel="C0HELP", thread_ts=root, **RECIPIENT)
    return {"channel": "C0HELP", "ts": str(stream["ts"])}


def text_of(sandbox: RunningSandbox, ts: str) -> str:
    return str(next(m["text"] for m in sandbox.messages() if m["ts"] == ts))


def test_a_stream_grows_and_ends_with_blocks_and_metadata(sandbox: RunningSandbox) -> None:
    bot, stream = sandbox.client(), started(sandbox)
    bot.chat_appendStream(**stream, markdown_text="Ask **Ops**")
    (during,) = [m for m in sandbox.messages() if m["ts"] == stream["ts"]]
    button = {"type": "button", "action_id": "good", "text": {"type": "plain_text", "text": "Good"}}
    bot.chat_stopStream(
        **stream, markdown_text=" first.", blocks=[{"type": "actions", "elements": [button]}],
        metadata={"event_type": "answer", "event_payload": {"row": 1}},
    )  # fmt: skip
    (after,) = [m for m in sandbox.messages() if m["ts"] == stream["ts"]]

    assert (during["text"], during["streaming"]) == ("Ask **Ops**", True)
    assert (after["text"], after["streaming"]) == ("Ask **Ops** first.", False)
    assert after["blocks"][0]["elements"][0]["action_id"] == "good"
    assert after["metadata"]["event_payload"] == {"row": 1}


def test_slacks_own_stream_helper_works(sandbox: RunningSandbox) -> None:
    root = sandbox.post("U0CAROL", "a question")
    stream = sandbox.client().chat_stream(channel="C0HELP", thread_ts=root, **RECIPIENT)
    for word in ["one ", "two ", "three"] * 100:
        stream.append(markdown_text=word)
    stream.stop()

    (answer,) = [m for m in sandbox.messages(thread_ts=root) if m["user"] == "U0APPRENTICE"]
    assert answer["text"] == "one two three" * 100


def test_a_stream_in_a_channel_says_for_whom(sandbox: RunningSandbox) -> None:
    root = sandbox.post("U0CAROL", "a question")
    direct = sandbox.client("U0CAROL").chat_postMessage(channel="U0APPRENTICE", text="hello")

    def start(**recipient: str) -> object:
        return sandbox.client().chat_startStream(channel="C0HELP", thread_ts=root, **recipient)

    assert refusal(start) == "missing_recipient_team_id"
    assert refusal(lambda: start(recipient_team_id="T0DEMO")) == "missing_recipient_user_id"
    assert sandbox.client().chat_startStream(channel=direct["channel"], thread_ts=direct["ts"])[
        "ok"
    ]


def test_a_stopped_stream_takes_no_more(sandbox: RunningSandbox) -> None:
    bot, stream = sandbox.client(), started(sandbox)
    bot.chat_stopStream(**stream, markdown_text="end")

    append = lambda: bot.chat_appendStream(**stream, markdown_text="more")  # noqa: E731
    assert refusal(append) == "message_not_in_streaming_state"
    assert refusal(lambda: bot.chat_stopStream(**stream)) == "message_not_in_streaming_state"
    assert bot.chat_update(**stream, text="changed")["ok"]


def test_a_streaming_message_cannot_be_updated(sandbox: RunningSandbox) -> None:
    bot, stream = sandbox.client(), started(sandbox)

    assert refusal(lambda: bot.chat_update(**stream, text="x")) == "streaming_state_conflict"


def test_others_messages_cannot_be_streamed_to(sandbox: RunningSandbox) -> None:
    ts = sandbox.post("U0CAROL", "mine")
    append = lambda: sandbox.client().chat_appendStream(  # noqa: E731
        channel="C0HELP", ts=ts, markdown_text="x"
    )

    assert refusal(append) == "message_not_owned_by_app"


def test_a_piece_is_12000_characters_at_most(sandbox: RunningSandbox) -> None:
    bot, stream = sandbox.client(), started(sandbox)

    bot.chat_appendStream(**stream, markdown_text="x" * 12_000)
    append = lambda: bot.chat_appendStream(**stream, markdown_text="x" * 12_001)  # noqa: E731
    assert refusal(append) == "msg_too_long"


def test_tasks_are_updated_in_place(sandbox: RunningSandbox) -> None:
    bot, stream = sandbox.client(), started(sandbox)
    for status in ("in_progress", "complete"):
        task = {"type": "task_update", "id": "1", "title": "Look it up", "status": status}
        bot.chat_appendStream(**stream, chunks=[task])

    (message,) = [m for m in sandbox.messages() if m["ts"] == stream["ts"]]
    assert [(c["id"], c["status"]) for c in message["chunks"]] == [("1", "complete")]
    wrong = lambda: bot.chat_appendStream(**stream, chunks=[{"type": "song"}])  # noqa: E731
    assert refusal(wrong) == "invalid_chunks"


def test_a_person_can_stop_a_stream(sandbox: RunningSandbox) -> None:
    bot, stream = sandbox.client(), started(sandbox)
    bot.chat_appendStream(**stream, markdown_text="as I was say")
    where = {"channel": stream["channel"], "message_ts": stream["ts"]}
    sandbox.control("stop_stream", user="U0CAROL", **where)

    with pytest.raises(SlackApiError, match="stopped_by_user"):
        bot.chat_appendStream(**stream, markdown_text="ing")
    assert text_of(sandbox, stream["ts"]) == "as I was say"


def test_an_old_stream_closes_by_itself() -> None:
    with running_sandbox(stream_seconds=0.3) as sandbox:
        bot, stream = sandbox.client(), started(sandbox)
        bot.chat_appendStream(**stream, markdown_text="slow")
        time.sleep(0.4)

        append = lambda: bot.chat_appendStream(**stream, markdown_text="x")  # noqa: E731
        assert refusal(append) == "message_not_in_streaming_state"
        assert text_of(sandbox, stream["ts"]) == "slow"
        assert bot.chat_update(**stream, text="finished by an update")["ok"]
