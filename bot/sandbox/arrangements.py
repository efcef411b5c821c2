"""What tests arrange: events, faults, lost connections, other channels and people."""

from bot.sandbox.acts import Act, Control, needed
from bot.sandbox.changes import ChangeKind
from bot.sandbox.clock import new_id
from bot.sandbox.errors import ControlError
from bot.sandbox.messages import Payload
from bot.sandbox.people import Channel, ChannelKind, User
from bot.sandbox.web_api.users import shown_user

CHANNEL_FIELDS = {"topic", "purpose", "is_ext_shared", "is_archived"}
USER_FIELDS = {"real_name", "title", "is_restricted", "is_ultra_restricted", "is_stranger",
               "is_admin", "is_owner", "deleted", "team_id"}  # fmt: skip


async def event(control: Control, body: Payload) -> Payload:
    event_body = body.get("event")
    if not isinstance(event_body, dict):
        raise ControlError("event must be a JSON object.")
    event_id = body.get("event_id")
    extra = body.get("envelope") or {}
    delivery = control.workspace.deliveries.add_event(event_body, event_id, **extra)
    return {"event_id": delivery.event_id, "envelope_id": delivery.envelope_id}


async def fault(control: Control, body: Payload) -> Payload:
    if body.get("clear"):
        control.faults.all.clear()
        return {}
    control.faults.order(body)
    return {}


async def disconnect(control: Control, body: Payload) -> Payload:
    if body.get("cut"):
        await control.socket_mode.cut_all()
    else:
        control.socket_mode.disconnect_all(str(body.get("reason") or "refresh_requested"))
    return {}


async def channel(control: Control, body: Payload) -> Payload:
    """Make a channel, or change one: name, members, private, and the fields of CHANNEL_FIELDS."""
    workspace = control.workspace
    known = workspace.channels.get(str(body.get("id")))
    place = known or Channel(str(body.get("id") or new_id("C")), needed(body, "name"))
    check_id(place.id, "C")
    check_fields(body, CHANNEL_FIELDS | {"id", "name", "members", "is_private"})
    place.name = str(body.get("name") or place.name)
    if "is_private" in body:
        place.kind = ChannelKind.PRIVATE if body["is_private"] else ChannelKind.PUBLIC
    for name in CHANNEL_FIELDS & set(body):
        setattr(place, name, body[name])
    workspace.conversations.changed(place)
    for member in body.get("members", place.members):
        workspace.user(member)
    workspace.conversations.set_members(place, list(body.get("members", place.members)))
    return {"channel": place.id}


async def user(control: Control, body: Payload) -> Payload:
    """Add a person, or change one; the app hears of it as `user_change`."""
    workspace = control.workspace
    name = str(body.get("name") or "")
    known = workspace.users.get(str(body.get("id")))
    account = known or User(str(body.get("id") or new_id("U")), needed(body, "name"), name.title())
    check_id(account.id, "U")
    check_fields(body, USER_FIELDS | {"id", "name"})
    for field in USER_FIELDS & set(body):
        setattr(account, field, body[field])
    account.initials = account.initials or account.real_name[:2].upper()
    workspace.users[account.id] = account
    workspace.changed(ChangeKind.USER, account.id, user=account.id)
    workspace.events.user_changed(account, shown_user(account))
    return {"user": account.id}


def check_id(value: str, prefix: str) -> None:
    if not (value.isascii() and value.isalnum() and value.isupper() and value[0] == prefix):
        raise ControlError(f"{value!r} is not an id; ids look like {prefix}0EXAMPLE.")


def check_fields(body: Payload, known: set[str]) -> None:
    if unknown := sorted(set(body) - known):
        raise ControlError(f"Unknown fields: {', '.join(unknown)}. Known: {sorted(known)}.")


ARRANGEMENTS: dict[str, Act] = {
    "event": event,
    "fault": fault,
    "disconnect": disconnect,
    "channel": channel,
    "user": user,
}
