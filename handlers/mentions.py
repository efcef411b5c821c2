"""What becomes of a mention or a direct message: a place in the queue, or a sentence."""

import logging

from slack_sdk import WebClient

from handlers.deps import Deps
from handlers.status import show_status, waiting_text
from storage import outbox, questions
from storage.tables import InboxItem, QuestionState

log = logging.getLogger(__name__)

OUTSIDER = (
    "Sorry, I only answer members of this workspace, and not in channels shared with other "
    "organisations: what I know belongs to the team."
)
FULL = (
    "Sorry, too many questions are waiting right now, so I cannot take yours. "
    "Please ask again in a few minutes."
)


def work_on_mention(item: InboxItem, deps: Deps, client: WebClient) -> None:
    """
    Queue a question, or say why not. Safe to repeat. The message itself is read at its turn:
    Slack allows few reads a minute, and taking 200 questions at once must not need 200.

    Raises:
        SlackApiError, URLError: Slack cannot be asked right now.
    """
    if deps.people.person(item.payload["user_id"]).is_bot:
        log.info("Message %s is a bot's; not answered", item.key)
    elif deps.outsiders_get_base_model or _may_ask(item, deps):
        _queue(item, deps, client)
    else:
        _decline(item, deps)


def _may_ask(item: InboxItem, deps: Deps) -> bool:
    person = deps.people.person(item.payload["user_id"])
    place = deps.people.place(item.payload["channel_id"])
    return bool(deps.people.viewer(person, place).audiences)


def _decline(item: InboxItem, deps: Deps) -> None:
    with deps.database.write() as session:
        questions.decline(session, item.team_id, **item.payload)
    _say(item, deps, OUTSIDER)


def _queue(item: InboxItem, deps: Deps, client: WebClient) -> None:
    with deps.database.write() as session:
        question = questions.ask(
            session, item.team_id, queue_limit=deps.answer_queue, **item.payload
        )
        ahead = questions.before(session, question)
    if question.state is QuestionState.DECLINED:
        _say(item, deps, FULL)
    elif question.state is QuestionState.QUEUED and ahead:
        show_status(client, question, waiting_text(ahead))


def _say(item: InboxItem, deps: Deps, text: str) -> None:
    with deps.database.write() as session:
        outbox.put(
            session, item.team_id, f"told:{item.key}",
            channel_id=item.payload["channel_id"], thread_ts=item.payload["thread_ts"], text=text,
        )  # fmt: skip
