"""A question as it stands in Slack when its turn comes: text, thread, who may hear the answer."""

from dataclasses import dataclass

from slack_sdk import WebClient

from bot.answering.prompt import Message
from bot.curation.markup import Names, clean, has_words
from bot.curation.message_text import text_of
from handlers.deps import Payload
from handlers.people import People
from handlers.thread import thread_until
from storage.audience import Viewer
from storage.tables import Question

#: Turns of the thread that may go into the prompt, where there is room.
MAX_TURNS = 6
#: Longer turns are cut: a pasted log must not push out everything else.
MAX_TURN_CHARACTERS = 1500


@dataclass(frozen=True)
class Asked:
    """
    ``text`` is empty where nothing was asked; ``context`` is the thread before the question,
    oldest first, empty for outsiders. ``is_collected``: it may be kept if nobody can answer it.
    """

    text: str
    context: list[Message]
    audience: str
    viewer: Viewer
    is_collected: bool = False


def read_question(question: Question, people: People, client: WebClient) -> Asked | None:
    """
    Read a question from Slack; None where its message is gone.

    Raises:
        SlackApiError, URLError: Slack cannot be asked right now.
    """
    thread = thread_until(client, question.channel_id, question.thread_ts, question.message_ts)
    if not thread:
        return None
    place = people.place(question.channel_id)
    viewer = people.viewer(people.person(question.user_id), place)
    names = Names(people.bot_user_id)
    earlier = [message for message in thread if message["ts"] < question.message_ts]
    own = next(message for message in thread if message["ts"] == question.message_ts)
    said = text_of(own)
    return Asked(
        text=clean(said, names) if has_words(said) else "",
        context=_turns(earlier, names, people.bot_user_id) if viewer.audiences else [],
        audience=place.audience,
        viewer=viewer,
        is_collected=bool(viewer.audiences) and not place.is_dm,
    )


def _turns(messages: list[Payload], names: Names, bot_user_id: str) -> list[Message]:
    turns: list[Message] = []
    for message in messages[-MAX_TURNS:]:
        text = clean(text_of(message), names)[:MAX_TURN_CHARACTERS]
        is_ours = message.get("user") == bot_user_id
        if text:
            turns.append({"role": "assistant" if is_ours else "user", "content": text})
    return _joined(turns)


def _joined(turns: list[Message]) -> list[Message]:
    """Models expect turns to alternate: what one side says in a row becomes one turn."""
    joined: list[Message] = []
    for turn in turns:
        if joined and joined[-1]["role"] == turn["role"]:
            joined[-1] = {**turn, "content": f"{joined[-1]['content']}\n{turn['content']}"}
        else:
            joined.append(turn)
    return joined
