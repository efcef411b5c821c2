"""`conversations.*`: which there are, who is in them, what was said."""

import re

from bot.sandbox.errors import SlackError
from bot.sandbox.limits import Tier
from bot.sandbox.messages import Message, Payload
from bot.sandbox.people import TEAM_ID, Channel, ChannelKind
from bot.sandbox.web_api.arguments import Arguments
from bot.sandbox.web_api.methods import Call, method
from bot.sandbox.web_api.pages import page_of

READ = {
    ChannelKind.PUBLIC: "channels:read",
    ChannelKind.PRIVATE: "groups:read",
    ChannelKind.DIRECT: "im:read",
}
HISTORY = {
    ChannelKind.PUBLIC: "channels:history",
    ChannelKind.PRIVATE: "groups:history",
    ChannelKind.DIRECT: "im:history",
}
TYPES = {
    "public_channel": ChannelKind.PUBLIC,
    "private_channel": ChannelKind.PRIVATE,
    "im": ChannelKind.DIRECT,
}
TS = re.compile(r"^\d+(\.\d{1,6})?$")


def shown_channel(call: Call, channel: Channel, *, with_count: bool = False) -> Payload:
    """Return Slack's channel object as the caller sees it."""
    if channel.is_direct:
        return _shown_direct(channel, call.user)
    body: Payload = {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind is ChannelKind.PUBLIC,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_general": channel.is_general,
        "is_member": call.user in channel.members,
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "context_team_id": TEAM_ID,
        "shared_team_ids": [TEAM_ID, *channel.connected_team_ids],
        "connected_team_ids": list(channel.connected_team_ids),
        "created": channel.created,
        "creator": channel.creator,
        "unlinked": 0,
        "topic": {"value": channel.topic, "creator": channel.creator, "last_set": channel.created},
        "purpose": {"value": channel.purpose, "creator": channel.creator,
                    "last_set": channel.created},
        "previous_names": [],
    }  # fmt: skip
    if with_count:
        body["num_members"] = len(channel.members)
    return body


def _shown_direct(channel: Channel, viewer: str) -> Payload:
    other = next((m for m in channel.members if m != viewer), viewer)
    return {
        "id": channel.id,
        "created": channel.created,
        "is_im": True,
        "is_archived": False,
        "is_org_shared": False,
        "context_team_id": TEAM_ID,
        "user": other,
        "is_user_deleted": False,
    }


def seen_channel(call: Call, scopes: dict[ChannelKind, str], name: str = "channel") -> Channel:
    """Return the channel asked for, of a kind the token has a scope for."""
    channel = call.workspace.channel(call.arguments.required(name), call.user)
    call.caller.check_scope((scopes[channel.kind],))
    return channel


def readable(call: Call) -> Channel:
    """Return a channel whose messages the caller may read; apps only where they are members."""
    channel = seen_channel(call, HISTORY)
    if call.caller.is_app and call.user not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def wanted_types(call: Call) -> set[ChannelKind]:
    types = (call.arguments.text("types") or "public_channel").replace(" ", "").split(",")
    if unknown := [t for t in types if t not in TYPES and t != "mpim"]:
        raise SlackError("invalid_types", f"[ERROR] unknown type: {unknown[0]}")
    kinds = {TYPES[t] for t in types if t in TYPES}
    for kind in sorted(kinds):
        call.caller.check_scope((READ[kind],))
    return kinds


@method("conversations.list", Tier.TWO)
def list_conversations(call: Call) -> Payload:
    kinds, skip = wanted_types(call), call.arguments.flag("exclude_archived")
    channels = [
        c
        for c in call.workspace.channels.values()
        if c.kind in kinds and call.workspace.can_see(call.user, c) and not (skip and c.is_archived)
    ]
    piece, metadata = page_of(channels, call.arguments, 100)
    shown = [shown_channel(call, c, with_count=True) for c in piece]
    return {"channels": shown, "response_metadata": metadata}


@method("users.conversations", Tier.THREE)
def users_conversations(call: Call) -> Payload:
    kinds, user = wanted_types(call), call.arguments.text("user") or call.user
    channels = [
        c
        for c in call.workspace.channels_of(call.workspace.user(user).id)
        if c.kind in kinds and call.workspace.can_see(call.user, c)
    ]
    piece, metadata = page_of(channels, call.arguments, 100)
    return {"channels": [shown_channel(call, c) for c in piece], "response_metadata": metadata}


@method("conversations.info", Tier.THREE)
def info(call: Call) -> Payload:
    with_count = call.arguments.flag("include_num_members")
    return {"channel": shown_channel(call, seen_channel(call, READ), with_count=with_count)}


@method("conversations.members", Tier.FOUR)
def members(call: Call) -> Payload:
    piece, metadata = page_of(seen_channel(call, READ).members, call.arguments, 100)
    return {"members": piece, "response_metadata": metadata}


@method("conversations.open", Tier.THREE, "im:write", "mpim:write", "channels:manage",
        "groups:write")  # fmt: skip
def open_conversation(call: Call) -> Payload:
    workspace, arguments = call.workspace, call.arguments
    if channel_id := arguments.text("channel"):
        channel = workspace.channel(channel_id, call.user)
        return {"channel": _opened(call, channel), "no_op": True, "already_open": True}
    users = [u for u in (arguments.text("users") or "").replace(" ", "").split(",") if u]
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > 1:
        raise SlackError("method_not_supported_for_channel_type")
    known = len(workspace.channels)
    channel = workspace.conversations.open_direct(call.user, users[0])
    is_old = len(workspace.channels) == known
    return {"channel": _opened(call, channel), "no_op": is_old, "already_open": is_old}


def _opened(call: Call, channel: Channel) -> Payload:
    if call.arguments.flag("return_im"):
        return shown_channel(call, channel)
    return {"id": channel.id}


@method("conversations.join", Tier.THREE, "channels:join")
def join(call: Call) -> Payload:
    channel = call.workspace.conversations.join(call.user, call.arguments.required("channel"))
    return {"channel": shown_channel(call, channel)}


@method("conversations.leave", Tier.THREE, "channels:manage", "groups:write")
def leave(call: Call) -> Payload:
    call.workspace.conversations.leave(call.user, call.arguments.required("channel"))
    return {}


@method("conversations.invite", Tier.THREE, "channels:manage", "groups:write")
def invite(call: Call) -> Payload:
    channel_id = call.arguments.required("channel")
    for user in (call.arguments.text("users") or "").split(","):
        call.workspace.conversations.invite(call.user, channel_id, user.strip())
    return {"channel": shown_channel(call, call.workspace.channels[channel_id])}


@method("conversations.create", Tier.TWO, "channels:manage", "groups:write")
def create(call: Call) -> Payload:
    private = call.arguments.flag("is_private")
    name = call.arguments.required("name")
    channel = call.workspace.conversations.create(call.user, name, private=private)
    return {"channel": shown_channel(call, channel)}


@method("conversations.history", Tier.THREE)
def history(call: Call) -> Payload:
    channel = readable(call)
    newest_first = [
        m
        for m in reversed(call.workspace.messages[channel.id].values())
        if not m.is_reply or m.broadcast
    ]
    within = between(newest_first, call.arguments)
    piece, metadata = page_of(within, call.arguments, 100, 999)
    body: Payload = {
        "messages": _shown(call, piece),
        "has_more": bool(metadata["next_cursor"]),
        "pin_count": 0,
    }
    return body | ({"response_metadata": metadata} if metadata["next_cursor"] else {})


@method("conversations.replies", Tier.THREE)
def replies(call: Call) -> Payload:
    channel = readable(call)
    ts = call.arguments.required("ts")
    found = call.workspace.messages[channel.id].get(ts)
    if found is None:
        raise SlackError("thread_not_found")
    root_ts = found.thread_ts or ts
    thread = [m for m in call.workspace.thread(channel.id, root_ts) if m.ephemeral_to is None]
    root, *rest = thread
    within = [root, *between(rest, call.arguments)]
    piece, metadata = page_of(within, call.arguments, 1000, 1000)
    body: Payload = {"messages": _shown(call, piece), "has_more": bool(metadata["next_cursor"])}
    return body | ({"response_metadata": metadata} if metadata["next_cursor"] else {})


def between(messages: list[Message], arguments: Arguments) -> list[Message]:
    """Keep what was said between `oldest` and `latest`, the ends only if `inclusive`."""
    oldest, latest = arguments.text("oldest") or "0", arguments.text("latest")
    if not TS.match(oldest):
        raise SlackError("invalid_ts_oldest")
    if latest is not None and not TS.match(latest):
        raise SlackError("invalid_ts_latest")
    inclusive = arguments.flag("inclusive")

    def is_within(ts: str) -> bool:
        if inclusive and ts in (oldest, latest):
            return True
        return float(oldest) < float(ts) and (latest is None or float(ts) < float(latest))

    return [m for m in messages if is_within(m.ts)]


def _shown(call: Call, messages: list[Message]) -> list[Payload]:
    with_metadata = call.arguments.flag("include_all_metadata")
    return [call.workspace.shown(m, include_metadata=with_metadata) for m in messages]
