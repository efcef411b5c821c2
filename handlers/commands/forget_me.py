"""``/apprentice forget-me`` asks once more; with a receipt, it tells an admin what was erased."""

from slack_sdk import WebClient

from bot.errors import NotFoundError
from handlers import blocks
from handlers.deps import Ask, Deps, Payload, Reply
from handlers.run_actions import admin
from storage import erasure

CONFIRM = "forget_me"
TITLE = "Forget me"
_WHAT = (
    "I erase every example with your question or answer, your words in other examples, and the "
    "rows of data sets made from them. Model versions that learned from them are replaced, and "
    "answer nobody after {days:g} days. What you said of my answers goes too; your votes on "
    "examples count on without your name, so you cannot take them back. From then on I keep "
    "nothing of yours: *this is for good.*"
)
_NOT = (
    "Your messages in Slack stay where they are, and you can still ask me. What your "
    "organisation records about itself stays: who attested training rights, who is a curator."
)


def forget_me(ask: Ask, deps: Deps, client: WebClient) -> Reply | None:
    """
    Raises:
        NotAllowedError, NotFoundError: only admins look receipts up; there is no such receipt.
    """
    if ask.words:
        return _look_up(ask, deps)
    client.views_open(trigger_id=ask.trigger_id, view=confirm_view(deps.forget_within_days))
    return None


def confirm_view(days: float) -> Payload:
    shown = [blocks.section(_WHAT.format(days=days)), blocks.context(_NOT)]
    return blocks.modal(CONFIRM, TITLE, shown, submit="Forget me")


def _look_up(ask: Ask, deps: Deps) -> Reply:
    admin(ask.user_id, "look up a receipt", deps)
    with deps.database.read() as session:
        row = erasure.find_receipt(session, ask.team_id, ask.words)
    if row is None:
        raise NotFoundError("There is no receipt of that name. It has twelve letters and digits.")
    counts = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in row.counts.items())
    return Reply(
        f"Receipt `{row.receipt}`: asked {row.asked_at:%Y-%m-%d %H:%M} UTC, "
        f"{row.state.value.replace('_', ' ')}. {counts or 'Nothing is counted yet'}."
    )
