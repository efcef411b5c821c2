"""The rules of a place as handlers need them: who curates there, which reactions mean something."""

from handlers.deps import Deps
from handlers.people import Person
from storage.rules import Rules, rules_for


def rules_at(deps: Deps, team_id: str, channel_id: str | None) -> Rules:
    with deps.database.read() as session:
        return rules_for(session, team_id, channel_id)


def is_curator(person: Person, rules: Rules) -> bool:
    """Say whether a person's vote approves where these rules hold."""
    if person.is_bot or person.is_external:
        return False
    return rules.curates(person.user_id, is_admin=person.is_admin, by_settings=person.is_curator)


def good_reactions(rules: Rules, deps: Deps) -> tuple[str, ...]:
    return (deps.good_reaction,) if rules.good_reactions is None else rules.good_reactions


def bad_reactions(rules: Rules, deps: Deps) -> tuple[str, ...]:
    return (deps.bad_reaction,) if rules.bad_reactions is None else rules.bad_reactions
