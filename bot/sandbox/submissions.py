"""Submitting modals: what a person must fill in, and what the app answers to it."""

from __future__ import annotations

from bot.sandbox.errors import ControlError, SlackError
from bot.sandbox.inputs import missing_inputs, wrong_lengths
from bot.sandbox.messages import Payload
from bot.sandbox.modals import Modals
from bot.sandbox.views import View


def check_filled_in(modals: Modals, view: View) -> None:
    """Refuse a form as Slack's client does, before the app hears of it. Raises: ControlError."""
    blocks = view.content["blocks"]
    wrong = dict.fromkeys(
        missing_inputs(blocks, view.values), "Please complete this required field."
    )
    wrong |= wrong_lengths(blocks, view.values)
    if wrong:
        modals.refuse(view, wrong)
        raise ControlError(" ".join(f"{block}: {said}" for block, said in wrong.items()))


def carry_out(modals: Modals, view: View, response: Payload) -> None:
    """Do what the app's acknowledgement of a submission says; without a word the modal closes."""
    try:
        match response.get("response_action"):
            case "errors":
                errors = response.get("errors")
                modals.refuse(view, errors if isinstance(errors, dict) else {})
            case "update":
                modals.replace(view, response.get("view") or {})
            case "push":
                modals.put_on(view, view.user, response.get("view") or {})
            case "clear":
                modals.close_all(view.user)
            case _:
                modals.close(view)
    except SlackError as refusal:
        modals.refuse(view, {"": f"The app answered wrongly: {refusal.code}."})
