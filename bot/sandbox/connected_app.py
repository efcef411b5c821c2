"""What people do to the connected app: commands, shortcuts, buttons, submissions, its home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.sandbox.deliveries import Delivery, DeliveryState, EnvelopeType
from bot.sandbox.drafts import Draft
from bot.sandbox.errors import ControlError, SlackError
from bot.sandbox.inputs import acted, find_element, state_of
from bot.sandbox.interaction_payloads import (
    channel_of,
    command_payload,
    container_of,
    interaction,
)  # fmt: skip
from bot.sandbox.markup import as_typed
from bot.sandbox.messages import Message, Payload
from bot.sandbox.people import BOT_USER_ID, SLACKBOT_ID, Channel
from bot.sandbox.response_urls import ResponseUrls
from bot.sandbox.submissions import carry_out, check_filled_in
from bot.sandbox.views import View

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace


class ConnectedApp:
    """
    Turns a person's acts into envelopes. Each method returns the `Delivery`; await its `finished`
    to see the acknowledgement. What the app answers with it (a command's text, a submission's
    `response_action`) is carried out before `finished` is set. Where the app is not connected or
    stays silent for three seconds the person is told by Slackbot, as in Slack.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.response_urls = ResponseUrls(workspace)

    def run_command(self, user: str, channel: str, command: str, text: str = "") -> Delivery:
        """Type a slash command, `command` with its slash. Raises: ControlError, SlackError."""
        workspace = self._workspace
        place = workspace.channel_of_member(channel, user)
        known = workspace.manifest.command(command)
        if known is None:
            raise ControlError(f"{command} is not a command of this workspace.")
        words = as_typed(workspace, text) if known.should_escape else text
        url = self.response_urls.new(user, place.id)
        payload = command_payload(workspace, user, place, command, words, url)

        def answered(delivery: Delivery) -> None:
            if delivery.state is DeliveryState.FAILED:
                self._apologise(user, place, f"`{command}` failed: the app did not respond.")
            elif delivery.response:
                self._respond(user, place, delivery.response)

        return self._send(EnvelopeType.COMMAND, command, payload, answered)

    def _respond(self, user: str, place: Channel, response: Payload) -> None:
        try:
            self.response_urls.respond(user, place.id, None, response)
        except SlackError as refusal:
            self._apologise(user, place, f"The app's answer was refused: {refusal.code}.")

    def global_shortcut(self, user: str, callback_id: str) -> Delivery:
        """Use a global shortcut. Raises: ControlError."""
        self._check_shortcut(callback_id, "global")
        payload = self._interaction("shortcut", user) | {"callback_id": callback_id}
        return self._interact(payload, None)

    def message_shortcut(self, user: str, callback_id: str, channel: str, ts: str) -> Delivery:
        """Use a shortcut of a message's menu. Raises: ControlError, SlackError."""
        self._check_shortcut(callback_id, "message")
        place = self._workspace.channel(channel, user)
        message = self._workspace.message(place.id, ts)
        payload = self._interaction("message_action", user) | {
            "callback_id": callback_id,
            "message_ts": ts,
            "message": self._workspace.shown(message, include_metadata=True),
            "channel": channel_of(place),
            "response_url": self.response_urls.new(user, place.id, message),
        }
        return self._interact(payload, place)

    def message_action(
        self, user: str, channel: str, ts: str, action_id: str, value: Any = None,
        block_id: str | None = None,
    ) -> Delivery:  # fmt: skip
        """
        Press a button or choose in a select of a message, an ephemeral one too. `value` picks the
        button with that value, or is what is chosen. Raises: ControlError, SlackError.
        """
        place = self._workspace.channel(channel, user)
        message = self._message_or_ephemeral(place, ts, user)
        action = self._action(message.blocks, action_id, value, block_id)
        payload = self._interaction("block_actions", user) | {
            "container": container_of(message),
            "channel": channel_of(place),
            "state": {"values": state_of(message.blocks, {})},
            "response_url": self.response_urls.new(user, place.id, message),
            "actions": [action],
        }
        if message.ephemeral_to is None:
            # As in Slack: of an ephemeral message the app learns only its place.
            payload["message"] = self._workspace.shown(message, include_metadata=True)
        return self._interact(payload, place)

    def view_action(
        self, user: str, view_id: str, action_id: str, value: Any = None,
        block_id: str | None = None, values: Payload | None = None,
    ) -> Delivery:  # fmt: skip
        """Press or choose in a modal or a home. `values` is what the person has filled in."""
        view = self._view(user, view_id)
        action = self._action(view.content["blocks"], action_id, value, block_id)
        view.values = state_of(view.content["blocks"], view.values | (values or {}))
        if action["block_id"] in view.values and action_id in view.values[action["block_id"]]:
            shown = view.values[action["block_id"]][action_id]
            shown.update({k: v for k, v in action.items() if k in shown})
        payload = self._interaction("block_actions", user, view.id) | {
            "container": {"type": "view", "view_id": view.id},
            "view": view.to_slack(),
            "actions": [action],
        }
        return self._interact(payload, None)

    def submit_view(self, user: str, view_id: str, values: Payload) -> Delivery:
        """
        Submit a modal. `values` maps block_id to action_id to what was typed or chosen, plain or
        in Slack's own form. Required inputs left empty are refused at once, as Slack's client
        does. Raises: ControlError, SlackError.
        """
        view = self._view(user, view_id)
        stack = self._workspace.modals.stack(user)
        if not stack or stack[-1].id != view.id:
            raise ControlError("Only the topmost open modal can be submitted.")
        view.values = state_of(view.content["blocks"], view.values | values)
        check_filled_in(self._workspace.modals, view)
        payload = self._interaction("view_submission", user, view.id) | {
            "view": view.to_slack(),
            "response_urls": [],
        }

        def answered(delivery: Delivery) -> None:
            if delivery.state is DeliveryState.FAILED:
                self._workspace.modals.refuse(
                    view, {"": "We had some trouble connecting. Try again?"}
                )
            else:
                carry_out(self._workspace.modals, view, delivery.response or {})

        return self._send(EnvelopeType.INTERACTIVE, "view_submission", payload, answered)

    def close_view(self, user: str, view_id: str, *, clear: bool = False) -> Delivery | None:
        """Close a modal (with `clear` the whole stack); the app hears of it if it asked to."""
        view = self._view(user, view_id)
        if clear or view.content.get("clear_on_close"):
            self._workspace.modals.close_all(user)
        else:
            self._workspace.modals.close(view)
        if not view.content.get("notify_on_close"):
            return None
        payload = self._interaction("view_closed", user) | {
            "view": view.to_slack(), "is_cleared": clear,
        }  # fmt: skip
        del payload["trigger_id"]
        return self._send(EnvelopeType.INTERACTIVE, "view_closed", payload, None)

    def open_home(self, user: str, tab: str = "home") -> None:
        """Open the app's home or messages tab; the app is told by an event."""
        direct = self._workspace.conversations.open_direct(user, BOT_USER_ID)
        home = self._workspace.homes.get(user)
        view = home.to_slack() if home is not None and tab == "home" else None
        self._workspace.events.home_opened(user, tab, direct.id, view)

    def stop_stream(self, user: str, channel: str, ts: str) -> None:
        """Press the stop button of a streaming answer."""
        place = self._workspace.channel(channel, user)
        message = self._workspace.message(place.id, ts)
        if not message.is_streaming:
            raise ControlError("That message is not being streamed.")
        self._workspace.streams.stop_by_user(message)
        thread_ts = message.thread_ts or ts
        self._workspace.events.session_stopped(user, place.id, thread_ts, ts)

    def _interact(self, payload: Payload, place: Channel | None) -> Delivery:
        user = payload["user"]["id"]

        def answered(delivery: Delivery) -> None:
            if delivery.state is DeliveryState.FAILED and place is not None:
                self._apologise(user, place, "That did not work: the app did not respond.")

        return self._send(EnvelopeType.INTERACTIVE, payload["type"], payload, answered)

    def _send(self, type_: EnvelopeType, event_type: str, payload: Payload,
              answered: Any) -> Delivery:  # fmt: skip
        delivery = self._workspace.deliveries.add(type_, event_type, payload, answered)
        if not self._workspace.deliveries.is_connected:
            self._workspace.deliveries.waiting.remove(delivery)
            self._workspace.deliveries.give_up(delivery)
        return delivery

    def _interaction(self, type_: str, user: str, view_id: str | None = None) -> Payload:
        return interaction(self._workspace, type_, user, view_id)

    def _action(self, blocks: list[Payload], action_id: str, value: Any,
                block_id: str | None) -> Payload:  # fmt: skip
        block, element = find_element(blocks, action_id, value, block_id)
        action = acted(element, value)
        return action | {"block_id": block["block_id"],
                         "action_ts": self._workspace.clock.next_ts()}  # fmt: skip

    def _check_shortcut(self, callback_id: str, type_: str) -> None:
        shortcut = self._workspace.manifest.shortcut(callback_id)
        if shortcut is None or shortcut.type != type_:
            raise ControlError(f"There is no {type_} shortcut {callback_id!r}.")

    def _view(self, user: str, view_id: str) -> View:
        view = self._workspace.views.get(view_id)
        home = self._workspace.homes.get(user)
        if view is None and home is not None and home.id == view_id:
            view = home
        if view is None or view.user != user:
            raise ControlError(f"{user} has no open view {view_id}.")
        return view

    def _message_or_ephemeral(self, place: Channel, ts: str, user: str) -> Message:
        for ephemeral in self._workspace.ephemerals_for(place.id, user):
            if ephemeral.ts == ts:
                return ephemeral
        return self._workspace.message(place.id, ts)

    def _apologise(self, user: str, place: Channel, text: str) -> None:
        self._workspace.chat.whisper(SLACKBOT_ID, place, user, Draft(text))
