"""The rules of a place as handlers need them: who curates there, which reactions mean something."""

from handlers.deps import Deps
from handlers.people import Person
from storage.database import Database
from storage.rules import Rules, rules_for


class KnownRules:
    """Rules as they were read last; read again once a transaction has changed any. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed = database.alarm("curation_rules")
        self._known: dict[tuple[str, str], Rules] = {}

    def at(self, team_id: str, channel_id: str) -> Rules:
        if self._changed.is_set():
            self._changed.clear()
            self._known = {}
        # Whoever reads while rules change writes what they read into what is thrown away.
        known = self._known
        if (team_id, channel_id) not in known:
            with self._database.read() as session:
                known[team_id, channel_id] = rules_for(session, team_id, channel_id)
        return known[team_id, channel_id]


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
