"""What a person reads when the workspace refuses: Slack's codes as calm sentences."""

from bot.sandbox.errors import ControlError, SlackError

_SENTENCES = {
    "not_in_channel": "You are not in this channel.",
    "channel_not_found": "This channel is not there for you.",
    "is_archived": "This channel is archived.",
    "no_text": "There is nothing to send.",
    "msg_too_long": "That message is too long. Shorten it and send it again.",
    "thread_not_found": "The thread is gone.",
    "message_not_found": "That message is gone.",
    "cant_update_message": "Only its author can edit a message.",
    "cant_delete_message": "Only its author or an admin can delete a message.",
    "streaming_state_conflict": "That message is still being written.",
    "already_reacted": "You have already reacted with this emoji.",
    "no_reaction": "That reaction is no longer there.",
    "too_many_reactions": "You have used all the reactions one person has on a message.",
    "too_many_emoji": "This message has as many different reactions as it can bear.",
    "restricted_action": "Your account may not do this.",
    "method_not_supported_for_channel_type": "Somebody inside has to invite you.",
}


def sentence(refusal: SlackError | ControlError) -> str:
    """One sentence for a person; an unknown code is named, so that it can be looked up."""
    if isinstance(refusal, ControlError):
        return str(refusal)
    return _SENTENCES.get(refusal.code, f"The workspace refused this ({refusal.code}).")
