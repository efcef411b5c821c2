"""The one message an author gets, when an answer of theirs is kept for the first time."""

from sqlmodel import Session

from bot.curation.capture import Outcome
from handlers.capture_blocks import audience_sentence
from handlers.deps import Deps
from handlers.people import Person
from storage import opt_outs, outbox
from storage.ledger import digest


def tell_author(
    session: Session, team_id: str, outcome: Outcome, kept_by: Person, deps: Deps
) -> None:
    """
    Say what is kept, who decided, and how to opt out: once per person, in the transaction that
    keeps it. It is a direct message, because an ephemeral one is lost on whoever is away.
    """
    example = outcome.example
    author_id = example.author_id
    if outcome.before is not None or author_id is None or author_id == deps.people.bot_user_id:
        return
    if not opt_outs.is_first_capture(session, team_id, author_id):
        return
    what = (
        f"<{example.permalink}|an answer of yours>" if example.permalink else "an answer of yours"
    )
    who = (
        "you marked it yourself"
        if kept_by.user_id == author_id
        else f"<@{kept_by.user_id}> marked it"
    )
    outbox.put(
        session,
        team_id,
        f"first-capture:{digest(team_id, author_id)}",
        channel_id=author_id,
        text=(
            f"I kept {what}, with the question it answers, because {who}. "
            f"{audience_sentence(example.audience)} You are told this once. If you do not want "
            "me to keep what you write, type `/apprentice forget-me`: I erase everything of yours "
            "and keep nothing of it again."
        ),
    )
