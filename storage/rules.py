"""
The rules of curation: what admins set for a workspace, and for one channel of it.

A channel's own value comes before the workspace's, and that before the default. Queries never
commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import bindparam, or_
from sqlmodel import Session, col, select

from storage import audit
from storage.audience import WORKSPACE
from storage.columns import utc_now
from storage.tables import CurationRules

WORKSPACE_WIDE = ""


@dataclass(frozen=True)
class Rules:
    """
    ``curators`` and the reactions are None where the environment's settings hold
    (``APPRENTICE_CURATORS``, ``GOOD_REACTION``, ``BAD_REACTION``). Admins are always curators.

    ``quorum`` is how many curators must approve. More than ``burst_votes`` votes of one person
    within ``burst_minutes`` wait for another curator. ``stale_days`` is when an example is due
    for another look; 0 is never. ``two_person``: examples of private channels need two curators.
    """

    quorum: int = 1
    curators: frozenset[str] | None = None
    self_votes: bool = False
    burst_votes: int = 30
    burst_minutes: int = 10
    two_person: bool = False
    good_reactions: tuple[str, ...] | None = None
    bad_reactions: tuple[str, ...] | None = None
    stale_days: int = 180

    def quorum_for(self, *, is_private: bool) -> int:
        return max(self.quorum, 2) if is_private and self.two_person else self.quorum

    def curates(self, user_id: str, *, is_admin: bool, by_settings: bool) -> bool:
        """Say whether a full member is a curator here; ``by_settings``: the environment says so."""
        if is_admin:
            return True
        return by_settings if self.curators is None else user_id in self.curators


_KNOWN = "rules"
# Put together once: capture asks this for every vote, and that takes longer than asking.
_IN_PLACES = select(CurationRules.channel_id, CurationRules.values).where(
    col(CurationRules.team_id) == bindparam("team_id"),
    or_(
        col(CurationRules.channel_id) == WORKSPACE_WIDE,
        col(CurationRules.channel_id) == bindparam("channel_id"),
    ),
)
_NAMES = frozenset(field.name for field in fields(Rules))


def rules_for(session: Session, team_id: str, channel_id: str | None = None) -> Rules:
    """The rules that hold in a channel; those of the workspace without one."""
    # One vote asks several times; within a transaction only ``set_values`` changes the answer.
    known: dict[tuple[str, str | None], Rules] = session.info.setdefault(_KNOWN, {})
    if (team_id, channel_id) not in known:
        session.flush()
        asked = {"team_id": team_id, "channel_id": channel_id or WORKSPACE_WIDE}
        found = session.connection().execute(_IN_PLACES, asked)
        values: dict[str, dict[str, Any]] = {row.channel_id: row.values for row in found}
        rules = _with(Rules(), values.get(WORKSPACE_WIDE, {}))
        known[team_id, channel_id] = _with(rules, values.get(channel_id or "", {}))
    return known[team_id, channel_id]


def set_values(
    session: Session,
    team_id: str,
    channel_id: str | None,
    values: Mapping[str, Any],
    changed_by: str,
    audience: str = WORKSPACE,
) -> None:
    """
    Replace everything set for the workspace or one channel; what is left out is inherited.

    ``audience`` is who may learn of it.

    Raises:
        ValueError: a name is no rule.
    """
    if unknown := set(values) - _NAMES:
        raise ValueError(f"No such rules: {', '.join(sorted(unknown))}.")
    place = channel_id or WORKSPACE_WIDE
    row = _row(session, team_id, place) or CurationRules(
        team_id=team_id, channel_id=place, changed_by=changed_by
    )
    before, after = row.values, {name: _plain(value) for name, value in values.items()}
    if before == after:
        return
    row.values, row.changed_by, row.changed_at = after, changed_by, utc_now()
    session.add(row)
    session.flush()
    session.info.pop(_KNOWN, None)
    _tell(session, row, before, audience)


def channels_with_rules(session: Session, team_id: str) -> list[str]:
    """The channels that have values of their own."""
    rows = session.exec(
        select(CurationRules)
        .where(col(CurationRules.team_id) == team_id, col(CurationRules.channel_id) != "")
        .order_by(col(CurationRules.channel_id))
    )
    return [row.channel_id for row in rows if row.values]


def _tell(session: Session, row: CurationRules, before: Mapping[str, Any], audience: str) -> None:
    place = row.channel_id or WORKSPACE
    audit.record(
        session, row.team_id, actor=row.changed_by, action="settings.changed",
        subject=f"settings:{place}", audience=audience,
        details={"before": _without_people(before), "after": _without_people(row.values)},
    )  # fmt: skip
    now, then = (set(values.get("curators") or ()) for values in (row.values, before))
    for user_id in sorted(now ^ then):
        audit.record(
            session, row.team_id, actor=row.changed_by,
            action="curator.added" if user_id in now else "curator.removed",
            subject=audit.person(user_id), audience=audience, details={"place": place},
        )  # fmt: skip


def _without_people(values: Mapping[str, Any]) -> dict[str, Any]:
    """People are subjects of entries of their own, where a pseudonym can take their place."""
    return {name: value for name, value in values.items() if name != "curators"}


def _row(session: Session, team_id: str, place: str) -> CurationRules | None:
    return session.exec(
        select(CurationRules).where(
            col(CurationRules.team_id) == team_id, col(CurationRules.channel_id) == place
        )
    ).first()


def _with(rules: Rules, values: Mapping[str, Any]) -> Rules:
    known = {name: _typed(name, value) for name, value in values.items() if name in _NAMES}
    return replace(rules, **known)


def _typed(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "curators":
        return frozenset(value)
    return tuple(value) if name in ("good_reactions", "bad_reactions") else value


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset | set):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value
