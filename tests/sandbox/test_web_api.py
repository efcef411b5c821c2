import json
import urllib.request
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.running_sandbox import RunningSandbox
from tests.sandbox.conftest import refusal

BOT = "U0APPRENTICE"
MISSING_TS = "1700000000.000001"


def texts(messages: list[dict[str, Any]]) -> list[str]:
    return [m["text"] for m in messages]


def test_tokens_say_who_calls(sandbox: RunningSandbox) -> None:
    bot, carol = sandbox.client().auth_test(), sandbox.client("U0CAROL").auth_test()

    assert (bot["user_id"], bot["bot_id"], bot["team_id"]) == (BOT, "B0APPRENTICE", "T0DEMO")
    assert carol["user_id"] == "U0CAROL"
    assert "bot_id" not in carol.data
    assert "chat:write" in bot.headers["x-oauth-scopes"]


@pytest.mark.parametrize(
    ("token", "code"),
    [("", "not_authed"), ("xoxb-other", "invalid_auth"), ("xoxp-U0NOBODY", "invalid_auth")],
)
def test_wrong_tokens_are_refused(sandbox: RunningSandbox, token: str, code: str) -> None:
    client = WebClient(token, base_url=sandbox.api_url)

    assert refusal(client.auth_test) == code


def test_an_unknown_method_and_a_missing_argument_are_named(sandbox: RunningSandbox) -> None:
    assert refusal(lambda: sandbox.client().api_call("chat.shout")) == "unknown_method"
    with pytest.raises(SlackApiError) as refused:
        sandbox.client().api_call("chat.postMessage", json={"text": "hello"})
    messages = refused.value.response["response_metadata"]["messages"]
    assert messages == ["[ERROR] missing required field: channel"]


def test_a_missing_scope_names_what_is_needed(sandbox: RunningSandbox) -> None:
    with pytest.raises(SlackApiError) as refused:
        sandbox.client().emoji_list()

    assert refused.value.response["error"] == "missing_scope"
    assert refused.value.response["needed"] == "emoji:read"
    assert "chat:write" in refused.value.response["provided"]


def test_forms_and_json_and_query_are_all_read(sandbox: RunningSandbox) -> None:
    form = b"token=xoxp-U0CAROL&channel=C0HELP&text=by+form"
    with urllib.request.urlopen(f"{sandbox.api_url}chat.postMessage", form) as answer:
        by_form = json.load(answer)
    request = urllib.request.Request(
        f"{sandbox.api_url}chat.postMessage",
        b'{"channel": "C0HELP", "text": "by json"}',
        {"Content-Type": "application/json", "Authorization": "Bearer xoxp-U0CAROL"},
    )
    with urllib.request.urlopen(request) as answer:
        by_json = json.load(answer)
    with urllib.request.urlopen(f"{sandbox.api_url}users.info?token=xoxp-U0CAROL&user=U0BOB") as a:
        by_query = json.load(a)

    assert by_form["message"]["text"] == "by form"
    assert (by_json["message"]["text"], by_json["warning"]) == ("by json", "missing_charset")
    assert by_query["user"]["real_name"] == "Bob Okafor"


def test_a_token_in_a_json_body_is_none(sandbox: RunningSandbox) -> None:
    body = {"token": "xoxp-U0CAROL", "channel": "C0HELP", "text": "hello"}
    request = urllib.request.Request(
        f"{sandbox.api_url}chat.postMessage",
        json.dumps(body).encode(),
        {"Content-Type": "application/json; charset=utf-8"},
    )

    with urllib.request.urlopen(request) as answer:
        assert json.load(answer) == {"ok": False, "error": "not_authed"}


def test_what_a_person_posts_looks_typed(sandbox: RunningSandbox) -> None:
    message = sandbox.client("U0CAROL").chat_postMessage(channel="C0HELP", text="a < b & c")[
        "message"
    ]

    assert message["text"] == "a &lt; b &amp; c"
    assert message["client_msg_id"]
    assert message["blocks"][0]["type"] == "rich_text"
    assert "bot_id" not in message


def test_what_the_bot_posts_says_so(sandbox: RunningSandbox) -> None:
    message = sandbox.client().chat_postMessage(channel="C0HELP", text="hello")["message"]

    assert (message["bot_id"], message["app_id"]) == ("B0APPRENTICE", "A0APPRENTICE")
    assert "client_msg_id" not in message


def test_private_channels_do_not_exist_for_those_outside(sandbox: RunningSandbox) -> None:
    carol, dave = sandbox.client("U0CAROL"), sandbox.client("U0DAVE")

    assert refusal(lambda: carol.conversations_info(channel="C0OPS")) == "channel_not_found"
    assert refusal(lambda: carol.chat_postMessage(channel="C0OPS", text="x")) == "channel_not_found"
    assert refusal(lambda: dave.conversations_info(channel="C0GENERAL")) == "channel_not_found"
    listed = carol.conversations_list(types="public_channel,private_channel")["channels"]
    assert [c["name"] for c in listed] == ["general", "help", "partner"]


def test_one_posts_only_where_one_is_a_member(sandbox: RunningSandbox) -> None:
    sandbox.control("channel", id="C0OUTSIDE", name="outside", members=["U0ALICE"])

    bot = sandbox.client()
    assert refusal(lambda: bot.chat_postMessage(channel="C0OUTSIDE", text="x")) == "not_in_channel"
    assert refusal(lambda: bot.conversations_history(channel="C0OUTSIDE")) == "not_in_channel"
    assert sandbox.client("U0BOB").conversations_history(channel="C0OUTSIDE")["ok"]


def test_guests_strangers_and_shared_channels_are_marked(sandbox: RunningSandbox) -> None:
    bot = sandbox.client()

    assert bot.users_info(user="U0ALICE")["user"]["is_owner"]
    assert bot.users_info(user="U0DAVE")["user"]["is_restricted"]
    erin = bot.users_info(user="U0ERIN")["user"]
    assert (erin["is_stranger"], erin["team_id"]) == (True, "T0PARTNER")
    assert bot.conversations_info(channel="C0PARTNER")["channel"]["is_ext_shared"]
    ops = bot.conversations_info(channel="C0OPS", include_num_members=True)["channel"]
    assert (ops["is_private"], ops["num_members"]) == (True, 3)


def test_lists_come_in_pages(sandbox: RunningSandbox) -> None:
    names: list[str] = []
    for page in sandbox.client().users_list(limit=2):
        assert len(page["members"]) <= 2
        names += [m["name"] for m in page["members"]]

    assert names[:4] == ["alice", "bob", "carol", "dave"]
    assert refusal(lambda: sandbox.client().users_list(cursor="junk")) == "invalid_cursor"


def test_history_shows_roots_newest_first_and_replies_the_thread(sandbox: RunningSandbox) -> None:
    root = sandbox.post("U0CAROL", "a question")
    reply = sandbox.post("U0BOB", "an answer", thread_ts=root)
    sandbox.post("U0ALICE", "another question")
    bot = sandbox.client()

    history = bot.conversations_history(channel="C0HELP", limit=2)
    thread = bot.conversations_replies(channel="C0HELP", ts=root)["messages"]

    assert texts(history["messages"]) == ["another question", "a question"]
    assert history["has_more"]
    assert history["messages"][1]["reply_count"] == 1
    assert texts(thread) == ["a question", "an answer"]
    assert thread[1]["parent_user_id"] == "U0CAROL"
    since = bot.conversations_history(channel="C0HELP", oldest=root, inclusive=True)["messages"]
    assert texts(since)[-1] == "a question"
    assert bot.conversations_replies(channel="C0HELP", ts=reply)["messages"][0]["ts"] == root
    not_there = lambda: bot.conversations_replies(channel="C0HELP", ts=MISSING_TS)  # noqa: E731
    assert refusal(not_there) == "thread_not_found"


def test_a_reply_needs_its_thread(sandbox: RunningSandbox) -> None:
    call = lambda: sandbox.client().chat_postMessage(  # noqa: E731
        channel="C0HELP", text="x", thread_ts=MISSING_TS
    )

    assert refusal(call) == "thread_not_found"


def test_metadata_is_returned_only_when_asked_for(sandbox: RunningSandbox) -> None:
    metadata = {"event_type": "answer", "event_payload": {"row": 7}}
    bot = sandbox.client()
    ts = bot.chat_postMessage(channel="C0HELP", text="x", metadata=metadata)["ts"]

    plain = bot.conversations_history(channel="C0HELP", limit=1)["messages"][0]
    full = bot.conversations_history(channel="C0HELP", limit=1, include_all_metadata=True)

    assert plain["ts"] == ts
    assert "metadata" not in plain
    assert full["messages"][0]["metadata"] == metadata


def test_only_ones_own_message_can_be_changed(sandbox: RunningSandbox) -> None:
    ts, bot = sandbox.post("U0CAROL", "mine"), sandbox.client()
    changed = sandbox.client("U0CAROL").chat_update(channel="C0HELP", ts=ts, text="mine, changed")

    assert changed["message"]["edited"]["user"] == "U0CAROL"
    update = lambda **with_: refusal(lambda: bot.chat_update(channel="C0HELP", **with_))  # noqa: E731
    assert update(ts=ts, text="yours") == "cant_update_message"
    assert update(ts=MISSING_TS, text="x") == "message_not_found"
    own = bot.chat_postMessage(channel="C0HELP", text="x")["ts"]
    assert update(ts=own, text="x" * 4001) == "msg_too_long"
    empty = {"channel": "C0HELP", "text": " "}
    assert refusal(lambda: bot.api_call("chat.postMessage", json=empty)) == "no_text"


def test_blocks_stay_unless_the_text_changes(sandbox: RunningSandbox) -> None:
    bot, blocks = sandbox.client(), [{"type": "divider"}]
    ts = bot.chat_postMessage(channel="C0HELP", text="x", blocks=blocks)["ts"]

    change = {"channel": "C0HELP", "ts": ts, "blocks": [{"type": "divider"}] * 2}
    bot.api_call("chat.update", json=change)
    with_blocks = bot.conversations_history(channel="C0HELP", limit=1)["messages"][0]
    bot.chat_update(channel="C0HELP", ts=ts, text="y")
    without = bot.conversations_history(channel="C0HELP", limit=1)["messages"][0]

    assert len(with_blocks["blocks"]) == 2
    assert "edited" not in with_blocks
    assert "blocks" not in without


def test_people_delete_their_own_and_admins_any(sandbox: RunningSandbox) -> None:
    ts = sandbox.post("U0CAROL", "going")
    kept = sandbox.post("U0CAROL", "a root")
    sandbox.post("U0BOB", "a reply", thread_ts=kept)

    assert refusal(lambda: sandbox.client().chat_delete(channel="C0HELP", ts=ts)) == (
        "cant_delete_message"
    )
    sandbox.client("U0ALICE").chat_delete(channel="C0HELP", ts=ts)
    sandbox.client("U0CAROL").chat_delete(channel="C0HELP", ts=kept)

    left = {
        m["ts"]: m for m in sandbox.client().conversations_history(channel="C0HELP")["messages"]
    }
    assert ts not in left
    assert (left[kept]["subtype"], left[kept]["user"]) == ("tombstone", "USLACKBOT")


def test_ephemeral_messages_are_in_no_history(sandbox: RunningSandbox) -> None:
    bot = sandbox.client()
    bot.chat_postEphemeral(channel="C0HELP", user="U0BOB", text="only for Bob")

    assert texts(sandbox.ephemerals("U0BOB")) == ["only for Bob"]
    assert "only for Bob" not in texts(bot.conversations_history(channel="C0HELP")["messages"])
    outsider = lambda: bot.chat_postEphemeral(channel="C0OPS", user="U0CAROL", text="x")  # noqa: E731
    assert refusal(outsider) == "user_not_in_channel"


def test_reactions_are_counted_once_per_person(sandbox: RunningSandbox) -> None:
    ts = sandbox.post("U0CAROL", "good?")
    bob = sandbox.client("U0BOB")
    reaction = {"channel": "C0HELP", "timestamp": ts, "name": "white_check_mark"}

    bob.reactions_add(**reaction)
    assert refusal(lambda: bob.reactions_add(**reaction)) == "already_reacted"
    shown = sandbox.client().reactions_get(channel="C0HELP", timestamp=ts)["message"]
    bob.reactions_remove(**reaction)

    assert shown["reactions"] == [{"name": "white_check_mark", "users": ["U0BOB"], "count": 1}]
    assert refusal(lambda: bob.reactions_remove(**reaction)) == "no_reaction"
    wrong = {
        "invalid_name": {"name": "No Such"},
        "bad_timestamp": {"timestamp": "soon"},
        "message_not_found": {"timestamp": MISSING_TS},
        "channel_not_found": {"channel": "C0"},
    }
    for code, change in wrong.items():
        assert refusal(lambda change=change: bob.reactions_add(**reaction | change)) == code


def test_a_person_may_react_with_23_emoji_at_most(sandbox: RunningSandbox) -> None:
    ts, bob = sandbox.post("U0CAROL", "popular"), sandbox.client("U0BOB")
    for number in range(23):
        bob.reactions_add(channel="C0HELP", timestamp=ts, name=f"emoji_{number}")

    one_more = lambda: bob.reactions_add(channel="C0HELP", timestamp=ts, name="more")  # noqa: E731
    assert refusal(one_more) == "too_many_reactions"


def test_a_users_id_opens_the_direct_message(sandbox: RunningSandbox) -> None:
    sent = sandbox.client().chat_postMessage(channel="U0CAROL", text="psst")
    opened = sandbox.client("U0CAROL").conversations_open(users=[BOT])

    assert sent["channel"] == opened["channel"]["id"]
    assert sent["channel"].startswith("D")
    bob = sandbox.client("U0BOB")
    unseen = lambda: bob.conversations_history(channel=sent["channel"])  # noqa: E731
    assert refusal(unseen) == "channel_not_found"


def test_permalinks_lead_to_the_page(sandbox: RunningSandbox) -> None:
    root = sandbox.post("U0CAROL", "linked")
    reply = sandbox.post("U0BOB", "linked too", thread_ts=root)

    link = sandbox.client().chat_getPermalink(channel="C0HELP", message_ts=reply)["permalink"]

    place = f"http://localhost:{sandbox.port}/archives/C0HELP/p{reply.replace('.', '')}"
    assert link == f"{place}?thread_ts={root}&cid=C0HELP"


def test_a_too_long_body_is_refused(sandbox: RunningSandbox) -> None:
    request = urllib.request.Request(
        f"{sandbox.api_url}chat.postMessage",
        b"token=xoxp-U0CAROL&channel=C0HELP&text=" + b"x" * 2_100_000,
    )

    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request):
        pass
    with refused.value:
        assert refused.value.code == 413


def test_posts_over_40000_characters_are_cut(sandbox: RunningSandbox) -> None:
    message = sandbox.client("U0CAROL").chat_postMessage(channel="C0HELP", text="x" * 41_000)

    assert len(message["message"]["text"]) == 40_000


def test_status_and_prompts_of_a_thread_are_shown(sandbox: RunningSandbox) -> None:
    root, bot = sandbox.post("U0CAROL", "thinking?"), sandbox.client()

    bot.assistant_threads_setStatus(channel_id="C0HELP", thread_ts=root, status="is thinking…")
    shown = [s["text"] for s in sandbox.state("statuses")["statuses"] if s["thread_ts"] == root]
    bot.chat_postMessage(channel="C0HELP", text="done", thread_ts=root)
    after = [s["text"] for s in sandbox.state("statuses")["statuses"] if s["thread_ts"] == root]

    assert (shown, after) == (["is thinking…"], [""])
    lost = lambda: bot.assistant_threads_setStatus(  # noqa: E731
        channel_id="C0HELP", thread_ts=MISSING_TS, status="x"
    )
    assert refusal(lost) == "invalid_thread_ts"
