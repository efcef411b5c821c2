"""`reactions.*`."""

from bot.sandbox.errors import SlackError
from bot.sandbox.limits import Tier
from bot.sandbox.messages import Payload
from bot.sandbox.web_api.conversations import TS
from bot.sandbox.web_api.methods import Call, method


def item_of(call: Call) -> tuple[str, str]:
    """Return channel and ts. Raises: SlackError `no_item_specified`, `bad_timestamp`."""
    channel, ts = call.arguments.text("channel"), call.arguments.text("timestamp")
    if channel is None or ts is None:
        raise SlackError("no_item_specified")
    if not TS.match(ts):
        raise SlackError("bad_timestamp")
    return channel, ts


@method("reactions.add", Tier.THREE, "reactions:write")
def add(call: Call) -> Payload:
    channel, ts = item_of(call)
    call.workspace.reactions.add(call.user, channel, ts, call.arguments.required("name"))
    return {}


@method("reactions.remove", Tier.TWO, "reactions:write")
def remove(call: Call) -> Payload:
    channel, ts = item_of(call)
    call.workspace.reactions.remove(call.user, channel, ts, call.arguments.required("name"))
    return {}


@method("reactions.get", Tier.THREE, "reactions:read")
def get(call: Call) -> Payload:
    channel_id, ts = item_of(call)
    channel = call.workspace.channel(channel_id, call.user)
    message = call.workspace.message(channel.id, ts)
    shown = call.workspace.shown(message)
    shown["permalink"] = call.workspace.chat.permalink(call.user, channel.id, ts)
    return {"type": "message", "channel": channel.id, "message": shown}
