"""`views.*`: modals and homes. Only the app has views."""

from bot.sandbox.errors import SlackError
from bot.sandbox.limits import Tier
from bot.sandbox.messages import Payload
from bot.sandbox.web_api.methods import Call, method


def view_of(call: Call) -> Payload:
    view: Payload | None = call.arguments.structure("view", dict, "invalid_arguments")
    if not call.caller.is_app:
        raise SlackError("not_allowed_token_type")
    if view is None:
        raise SlackError("invalid_arguments", "[ERROR] missing required field: view")
    return view


@method("views.open", Tier.FOUR)
def open_view(call: Call) -> Payload:
    view = view_of(call)
    trigger = call.arguments.required("trigger_id")
    return {"view": call.workspace.modals.open(trigger, view).to_slack()}


@method("views.push", Tier.FOUR)
def push(call: Call) -> Payload:
    view = view_of(call)
    trigger = call.arguments.required("trigger_id")
    return {"view": call.workspace.modals.push(trigger, view).to_slack()}


@method("views.update", Tier.FOUR)
def update(call: Call) -> Payload:
    view, arguments = view_of(call), call.arguments
    view_id, external_id = arguments.text("view_id"), arguments.text("external_id")
    updated = call.workspace.modals.update(view, view_id, external_id, arguments.text("hash"))
    return {"view": updated.to_slack()}


@method("views.publish", Tier.FOUR)
def publish(call: Call) -> Payload:
    view = view_of(call)
    user, hash_ = call.arguments.required("user_id"), call.arguments.text("hash")
    return {"view": call.workspace.modals.publish(user, view, hash_).to_slack()}
