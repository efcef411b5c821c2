"""
Events that ask the bot something: noted in one short transaction, worked on by others.

A mention arrives as ``app_mention`` and as ``message``, and each of them several times: its
natural key makes one row of all. What is none of our business is acknowledged without a row.
"""

from functools import partial

from slack_bolt import App

from handlers.deps import Deps, Payload
from storage import inbox, schedules
from storage.tables import InboxKind

#: Messages people write themselves; every other subtype is Slack's or a bot's doing.
_WRITTEN = frozenset({None, "file_share", "thread_broadcast"})


def register(app: App, deps: Deps) -> None:
    app.event("app_mention")(partial(handle_question, deps=deps))
    app.event("message")(partial(handle_message, deps=deps))
    for membership in ("member_joined_channel", "member_left_channel"):
        app.event(membership)(partial(handle_membership, deps=deps))
    app.event("user_change")(partial(handle_user_change, deps=deps))
    for channel_change in ("channel_archive", "channel_deleted"):
        app.event(channel_change)(partial(handle_channel_change, deps=deps))


def handle_message(event: Payload, body: Payload, deps: Deps) -> None:
    if event.get("channel_type") == "im" or _mentions(event, deps.people.bot_user_id):
        handle_question(event, body, deps)


def handle_question(event: Payload, body: Payload, deps: Deps) -> None:
    if not _is_written_by_a_person(event):
        return
    payload = {
        "channel_id": event["channel"],
        "message_ts": event["ts"],
        "thread_ts": event.get("thread_ts") or event["ts"],
        "user_id": event["user"],
    }
    key = f"{event['channel']}:{event['ts']}"
    with deps.database.write(urgent=True) as session:
        inbox.receive(session, body["team_id"], InboxKind.MENTION, key, payload, event["ts"])


def handle_membership(event: Payload, body: Payload, deps: Deps) -> None:
    deps.people.forget(user_id=event["user"], channel_id=event["channel"])
    if event["type"] == "member_left_channel" and event["user"] == deps.people.bot_user_id:
        with deps.database.write(urgent=True) as session:
            schedules.end_of_channel(session, body["team_id"], event["channel"])


def handle_user_change(event: Payload, deps: Deps) -> None:
    deps.people.forget(user_id=event["user"]["id"])


def handle_channel_change(event: Payload, deps: Deps) -> None:
    deps.people.forget(channel_id=event["channel"])


def _is_written_by_a_person(event: Payload) -> bool:
    is_bots = "bot_id" in event or "app_id" in event
    return not is_bots and event.get("subtype") in _WRITTEN and "user" in event


def _mentions(event: Payload, user_id: str) -> bool:
    text = event.get("text") or ""
    return f"<@{user_id}>" in text or f"<@{user_id}|" in text
