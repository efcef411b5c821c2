"""
What Slack tells of messages, channels and workspaces that are no more what they were.

Deleted and edited messages become inbox rows (identifiers only), whatever they are: one that was
deleted may not be kept by somebody who read it a moment before.
"""

import logging
from datetime import UTC, datetime, timedelta
from functools import partial

from slack_bolt import App
from slack_sdk import WebClient

from bot.curation import forgetting
from bot.curation.forgetting import Grace
from bot.curation.lesson import Lesson
from bot.errors import CaptureError, MessageGoneError
from handlers.capture_thread import check_may_teach, read_lesson, read_thread
from handlers.deps import Deps, Payload
from handlers.inbox_worker import Worker
from storage import inbox, schedules, traces
from storage.columns import utc_now
from storage.tables import Example, InboxItem, InboxKind

log = logging.getLogger(__name__)

TURNED_PRIVATE = "channel_convert_to_private"
#: Slack tells of these in channels; what is remembered of the place is asked anew.
_PLACE_CHANGES = (
    "channel_shared", "channel_unshared", "channel_unarchive", "channel_left", "channel_rename",
    "group_archive", "group_unarchive", "group_deleted", "group_left", "group_rename",
)  # fmt: skip

#: After these nobody can ask anything in a private channel, not even that a schedule ends.
_NOBODY_ASKS = {"group_archive", "group_deleted", "group_left"}


def register(app: App, deps: Deps) -> None:
    for subtype, listener in (
        ("message_deleted", on_deleted),
        ("message_changed", on_changed),
        (TURNED_PRIVATE, on_turned_private),
    ):
        app.event({"type": "message", "subtype": subtype})(partial(listener, deps=deps))
    for change in _PLACE_CHANGES:
        app.event(change)(partial(on_place_changed, deps=deps))
    app.event("app_uninstalled")(partial(on_uninstalled, deps=deps))
    app.event("tokens_revoked")(partial(on_tokens_revoked, deps=deps))


def workers(deps: Deps, client: WebClient) -> dict[InboxKind, Worker]:
    """Who works on the rows these listeners leave."""
    return {
        InboxKind.MESSAGE_DELETED: partial(work_on_deletion, deps=deps),
        InboxKind.MESSAGE_CHANGED: partial(work_on_edit, deps=deps, client=client),
    }


def on_deleted(event: Payload, body: Payload, deps: Deps) -> None:
    _receive_deletion(event, event["deleted_ts"], body, deps)


def on_changed(event: Payload, body: Payload, deps: Deps) -> None:
    message = event["message"]
    if message.get("subtype") == "tombstone":
        # The first message of a thread is not deleted as long as it has replies.
        _receive_deletion(event, message["ts"], body, deps)
        return
    is_ours = message.get("user") == deps.people.bot_user_id or "bot_id" in message
    # An unfurled link or a new reply changes a message too; only people edit it.
    if is_ours or "edited" not in message:
        return
    payload = {
        "channel_id": event["channel"],
        "message_ts": message["ts"],
        "edited_ts": message["edited"]["ts"],
    }
    key = f"{event['channel']}:{message['ts']}"
    with deps.database.write(urgent=True) as session:
        if inbox.receive(
            session, body["team_id"], InboxKind.MESSAGE_CHANGED, key, payload, event["event_ts"]
        ):
            forgetting.note_edit(session, body["team_id"], **payload)


def on_turned_private(event: Payload, body: Payload, deps: Deps) -> None:
    """A channel's history is its members' now, and so is what was learned there."""
    deps.people.forget(channel_id=event["channel"])
    with deps.database.write(urgent=True) as session:
        forgetting.close_channel(session, body["team_id"], event["channel"], _grace(deps))


def on_place_changed(event: Payload, body: Payload, deps: Deps) -> None:
    channel = event["channel"]
    channel_id = channel["id"] if isinstance(channel, dict) else channel
    deps.people.forget(channel_id=channel_id)
    if event["type"] in _NOBODY_ASKS:
        with deps.database.write(urgent=True) as session:
            schedules.end_of_channel(session, body["team_id"], channel_id)


def on_uninstalled(body: Payload, deps: Deps) -> None:
    _leave(body["team_id"], deps)


def on_tokens_revoked(event: Payload, body: Payload, deps: Deps) -> None:
    """People's own tokens, which we have none of, are revoked in other events of this kind."""
    if event.get("tokens", {}).get("bot"):
        _leave(body["team_id"], deps)


def work_on_deletion(item: InboxItem, deps: Deps) -> None:
    where = item.payload
    with deps.database.write() as session:
        forgetting.forget_message(
            session, item.team_id, where["channel_id"], where["message_ts"], _grace(deps)
        )


def work_on_edit(item: InboxItem, deps: Deps, client: WebClient) -> None:
    """
    Read the thread of every example the message went into, and compare. Safe to repeat.

    Raises:
        SlackApiError, URLError: Slack cannot be asked right now.
    """
    where = item.payload
    edited_at = datetime.fromtimestamp(float(where["edited_ts"]), UTC)
    is_after_all = where.get(forgetting.KEPT_AFTER_EDIT, False)
    with deps.database.read() as session:
        found = traces.of_message(session, item.team_id, where["channel_id"], where["message_ts"])
    for example, _ in found:
        try:
            lesson = _read_again(example, deps, client)
        except MessageGoneError:
            continue  # its own event says so, and erases it
        except CaptureError as error:
            log.info("Example %d says nothing any more: %s", example.id, type(error).__name__)
            lesson = None
        with deps.database.write() as session:
            known = session.get_one(Example, example.id)
            forgetting.follow_edit(session, known, lesson, None if is_after_all else edited_at)
    with deps.database.write() as session:
        forgetting.drop_edited(
            session, item.team_id, where["channel_id"], where["message_ts"], edited_at, _grace(deps)
        )


def _read_again(example: Example, deps: Deps, client: WebClient) -> Lesson:
    if example.channel_id is None or example.answer_ts is None:
        raise MessageGoneError
    place = deps.people.place(example.channel_id)
    check_may_teach(deps.people.person(example.author_id or deps.people.bot_user_id), place)
    thread = read_thread(client, example.channel_id, example.answer_ts, deps.people.bot_user_id)
    return read_lesson(thread, place, example.team_id, deps)


def _receive_deletion(event: Payload, message_ts: str, body: Payload, deps: Deps) -> None:
    payload = {"channel_id": event["channel"], "message_ts": message_ts}
    key = f"{event['channel']}:{message_ts}"
    with deps.database.write(urgent=True) as session:
        if inbox.receive(
            session, body["team_id"], InboxKind.MESSAGE_DELETED, key, payload, event["event_ts"]
        ):
            forgetting.note_deletion(session, body["team_id"], **payload)


def _leave(team_id: str, deps: Deps) -> None:
    due_at = utc_now() + timedelta(days=deps.purge_after_days)
    with deps.database.write(urgent=True) as session:
        forgetting.leave(session, team_id, due_at)
    log.warning("Slack says that the app was removed from %s; all is deleted %s", team_id, due_at)


def _grace(deps: Deps) -> Grace:
    return Grace(utc_now(), deps.forget_within_days)
