"""Who wrote what comes close to a question, to be called where the bot does not know."""

from collections.abc import Iterable
from contextlib import suppress

from bot.errors import NotFoundError
from handlers.people import People
from handlers.retry import SLACK_ERRORS
from storage import examples
from storage.audience import Viewer
from storage.database import Database
from storage.tables import Question


def who_wrote(
    database: Database,
    question: Question,
    viewer: Viewer,
    example_ids: Iterable[int],
    people: People,
) -> list[str]:
    """The authors of these examples who may be called, each once; never who asked."""
    written = []
    with database.read() as session:
        for example_id in example_ids:
            # Erased meanwhile, or not for this viewer any more.
            with suppress(NotFoundError):
                found = examples.get(session, question.team_id, viewer, example_id)
                written.append(found.author_id)
    others = [one for one in dict.fromkeys(written) if one and one != question.user_id]
    return [one for one in others if _is_here(one, people)]


def _is_here(user_id: str, people: People) -> bool:
    """Nobody is called who has left, or of whom Slack does not say just now."""
    try:
        return not people.person(user_id).is_external
    except SLACK_ERRORS:
        return False
