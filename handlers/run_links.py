"""Where a run's card is, as a link."""

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from handlers.run_cards import key_of
from storage import outbox
from storage.database import Database
from storage.tables import Run


def link_to(run: Run, database: Database, client: WebClient) -> str:
    """``Run 3`` as a link to its card; plain where there is no card or Slack cannot say."""
    assert run.id is not None
    words = f"Run {run.id}"
    with database.read() as session:
        card = outbox.find(session, run.team_id, key_of(run.id))
    if card is None or card.message_ts is None:
        return words
    try:
        found = client.chat_getPermalink(channel=card.channel_id, message_ts=card.message_ts)
    except SlackApiError:
        return words
    return f"<{found['permalink']}|{words}>"
