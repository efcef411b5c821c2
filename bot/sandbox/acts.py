"""What people do, as requests to the control paths. Each act reads a body and returns an answer."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.deliveries import Delivery
from bot.sandbox.errors import ControlError
from bot.sandbox.faults import Faults
from bot.sandbox.messages import Payload
from bot.sandbox.socket_mode import SocketMode
from bot.sandbox.workspace import Workspace

ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Control:
    """What the control paths reach."""

    workspace: Workspace
    socket_mode: SocketMode
    faults: Faults


Act = Callable[[Control, Payload], Awaitable[Payload]]


async def command(control: Control, body: Payload) -> Payload:
    user, channel = person(control, body), needed(body, "channel")
    name, text = needed(body, "command"), str(body.get("text") or "")
    return await answer(control.workspace.app.run_command(user, channel, name, text))


async def shortcut(control: Control, body: Payload) -> Payload:
    app, user, callback_id = (
        control.workspace.app,
        person(control, body),
        needed(body, "callback_id"),
    )
    if body.get("message_ts"):
        ts = needed(body, "message_ts")
        return await answer(app.message_shortcut(user, callback_id, needed(body, "channel"), ts))
    return await answer(app.global_shortcut(user, callback_id))


async def action(control: Control, body: Payload) -> Payload:
    app, user, action_id = control.workspace.app, person(control, body), needed(body, "action_id")
    value, block_id = body.get("value"), body.get("block_id")
    if view_id := body.get("view_id"):
        return await answer(
            app.view_action(user, view_id, action_id, value, block_id, body.get("values"))
        )
    channel, ts = needed(body, "channel"), needed(body, "message_ts")
    return await answer(app.message_action(user, channel, ts, action_id, value, block_id))


async def view_submission(control: Control, body: Payload) -> Payload:
    values = body.get("values") or {}
    if not isinstance(values, dict):
        raise ControlError("values maps block_id to action_id to what was typed or chosen.")
    app, user = control.workspace.app, person(control, body)
    return await answer(app.submit_view(user, needed(body, "view_id"), values))


async def view_closed(control: Control, body: Payload) -> Payload:
    app, user = control.workspace.app, person(control, body)
    delivery = app.close_view(user, needed(body, "view_id"), clear=bool(body.get("clear")))
    return await answer(delivery) if delivery is not None else {}


async def home_opened(control: Control, body: Payload) -> Payload:
    control.workspace.app.open_home(person(control, body), str(body.get("tab") or "home"))
    return {}


async def stop_stream(control: Control, body: Payload) -> Payload:
    user, ts = person(control, body), needed(body, "message_ts")
    control.workspace.app.stop_stream(user, needed(body, "channel"), ts)
    return {}


async def answer(delivery: Delivery) -> Payload:
    """Wait for the app's acknowledgement and return what came of it."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(delivery.finished.wait(), ANSWER_SECONDS)
    if delivery.acknowledged_at is None:
        raise ControlError("The app did not acknowledge in time, or is not connected.")
    return {"envelope_id": delivery.envelope_id, "response": delivery.response}


def person(control: Control, body: Payload) -> str:
    """Return who acts. Raises: ControlError where there is no such person."""
    name = needed(body, "user")
    account = control.workspace.users.get(name)
    if account is None or account.is_bot:
        people = ", ".join(u.id for u in control.workspace.users.values() if not u.is_bot)
        raise ControlError(f"There is no person {name!r}. There are: {people}.")
    return name


def needed(body: Payload, name: str) -> str:
    value: Any = body.get(name)
    if not isinstance(value, str) or not value:
        raise ControlError(f"{name} is missing; it must be a string.")
    return value


PEOPLES_ACTS: dict[str, Act] = {
    "command": command,
    "shortcut": shortcut,
    "action": action,
    "view_submission": view_submission,
    "view_closed": view_closed,
    "home_opened": home_opened,
    "stop_stream": stop_stream,
}
