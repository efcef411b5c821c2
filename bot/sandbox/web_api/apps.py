"""`apps.connections.open`: the address of a Socket Mode connection."""

from bot.sandbox.limits import Tier
from bot.sandbox.messages import Payload
from bot.sandbox.web_api.methods import Call, method


@method("apps.connections.open", Tier.THREE, "connections:write", is_app_level=True)
def open_connection(call: Call) -> Payload:
    ticket = call.socket_mode.new_ticket()
    return {"url": f"ws://{call.address}/link?ticket={ticket}&app_id=A0APPRENTICE"}


@method("api.test", Tier.FOUR)
def api_test(call: Call) -> Payload:
    return {"args": {k: v for k, v in call.arguments.values.items() if k != "token"}}
