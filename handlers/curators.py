"""Who may look through the review queue."""

from handlers.deps import Deps
from handlers.people import Person
from handlers.rules import is_curator
from storage.rules import channels_with_rules, rules_for


def may_review(team_id: str, person: Person, deps: Deps) -> bool:
    """Say whether a person is a curator of the workspace or of any channel."""
    with deps.database.read() as session:
        places = [None, *channels_with_rules(session, team_id)]
        return any(is_curator(person, rules_for(session, team_id, place)) for place in places)
