"""
Erasing once more, in a database that is older than the erasure: one that was restored.

The ledger holds digests only, so whatever the database holds is held against them. Runs inside the
caller's transaction, and does nothing to a database that knows all entries.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.curation import forgetting
from bot.curation.forgetting import Grace
from bot.curation.rewording import record
from storage import audit, inbox, ledger, opt_outs, outbox, sweeping, traces
from storage.columns import utc_now
from storage.ledger import Entry, Taken, digest
from storage.tables import (
    ErasureKind,
    ErasureState,
    Example,
    InboxItem,
    InboxKind,
    OptOut,
)

#: Who erases what a database does not know to be erased.
_LEDGER = "the ledger"
_AFTER_RESTORE = "The database was restored, and what this says may have been erased since."


@dataclass(frozen=True)
class _Lost:
    """An entry the database does not know, and for how long a live version may outlast it."""

    session: Session
    entry: Entry
    serve_days: float

    @property
    def grace(self) -> Grace:
        """Counted from when it was erased first: a restore grants no second respite."""
        return Grace(self.entry.at, self.serve_days)


def forget_again(
    session: Session, entries: Sequence[Entry], serve_days: float, *, restored: bool = False
) -> dict[Taken, int]:
    """
    Erase what a database holds of the entries that it does not know; returns how many entries of
    each kind those are. One of a workspace that the database does not have waits until it has.
    """
    lost = ledger.unknown(session, entries)
    if not lost:
        return {}
    teams = {digest(team_id): team_id for team_id in sweeping.team_ids(session)}
    here = [entry for entry in lost if entry.team in teams]
    found = _found(session, here, teams)
    counts: dict[Taken, int] = defaultdict(int)
    for entry in here:
        names = found.get((entry.taken, entry.what), [])
        _VERBS[entry.taken](_Lost(session, entry, serve_days), teams[entry.team], names)
        counts[entry.taken] += 1
    for team_id in {teams[entry.team] for entry in here} if restored else ():
        # What waited to be said when the backup was made was said long ago, or is not true now.
        outbox.give_up_waiting(session, team_id, _AFTER_RESTORE)
        sweeping.blank_delivered(session, team_id)
    ledger.learn(session, here)
    return dict(counts)


def from_before(session: Session) -> list[Entry]:
    """What a database says was taken back before there was a ledger."""
    entries = [
        Entry(f"opt-out-{row.person[:12]}", Taken.PERSON, digest(row.team_id), row.person,
              row.since)
        for row in session.exec(select(OptOut).order_by(col(OptOut.id)))
    ]  # fmt: skip
    deleted = select(InboxItem.team_id, InboxItem.key, InboxItem.received_at).where(
        col(InboxItem.kind) == InboxKind.MESSAGE_DELETED
    )
    for team_id, key, at in session.exec(deleted.order_by(col(InboxItem.id))):
        what = digest(team_id, *key.split(":"))
        entries.append(Entry(f"deleted-{what[:12]}", Taken.MESSAGE, digest(team_id), what, at))
    return entries


def _found(
    session: Session, entries: Iterable[Entry], teams: dict[str, str]
) -> dict[tuple[Taken, str], list[tuple[str, ...]]]:
    """What the database holds of what was taken back, by its digest."""
    wanted: dict[Taken, set[str]] = defaultdict(set)
    for entry in entries:
        wanted[entry.taken].add(entry.what)
    found: dict[tuple[Taken, str], list[tuple[str, ...]]] = defaultdict(list)
    for taken, digests in wanted.items():
        for team_id in teams.values():
            for names in _HELD[taken](session, team_id) if taken in _HELD else ():
                if (what := digest(team_id, *names)) in digests:
                    found[taken, what].append(names)
    return found


def _people(session: Session, team_id: str) -> Iterator[tuple[str, ...]]:
    return ((user_id,) for user_id in sweeping.people(session, team_id))


def _channels(session: Session, team_id: str) -> Iterator[tuple[str, ...]]:
    return ((channel_id,) for channel_id in traces.channels_known(session, team_id))


def _examples(session: Session, team_id: str) -> Iterator[tuple[str, ...]]:
    rows = sa.select(col(Example.id), col(Example.created_at)).where(
        col(Example.team_id) == team_id
    )
    return (ledger.example_name(*row) for row in session.connection().execute(rows))


#: What the database holds that could be what an entry is about: the names its digest is made of.
_HELD: dict[Taken, Callable[[Session, str], Iterable[tuple[str, ...]]]] = {
    Taken.PERSON: _people,
    Taken.MESSAGE: traces.messages_known,
    Taken.EDIT: traces.messages_known,
    Taken.CHANNEL: _channels,
    Taken.EXAMPLE: _examples,
}


def _person(lost: _Lost, team_id: str, names: list[tuple[str, ...]]) -> None:
    is_news = opt_outs.opt_out_digest(lost.session, team_id, lost.entry.what)
    audit.record(
        lost.session, team_id, actor=_LEDGER, action="person.erased",
        subject=f"erasure:{lost.entry.id}",
    )  # fmt: skip
    for (user_id,) in names:
        row = forgetting.new_erasure(
            lost.session, team_id, ErasureKind.PERSON, user_id, lost.grace, lost.entry.id
        )
        forgetting.forget_person(lost.session, row, lost.grace)
    if is_news and not names:
        row = forgetting.new_erasure(
            lost.session, team_id, ErasureKind.PERSON, None, lost.grace, lost.entry.id
        )
        row.state, row.done_at = ErasureState.DONE, utc_now()


def _message(lost: _Lost, team_id: str, names: list[tuple[str, ...]]) -> None:
    for channel_id, message_ts in names:
        forgetting.forget_message(lost.session, team_id, channel_id, message_ts, lost.grace)


def _edit(lost: _Lost, team_id: str, names: list[tuple[str, ...]]) -> None:
    """What it says now is Slack's to tell, once the bot is connected."""
    edited_ts = f"{lost.entry.at.timestamp():.6f}"
    for channel_id, message_ts in names:
        payload = {"channel_id": channel_id, "message_ts": message_ts, "edited_ts": edited_ts}
        inbox.receive(
            lost.session, team_id, InboxKind.MESSAGE_CHANGED, f"{channel_id}:{message_ts}",
            payload, edited_ts,
        )  # fmt: skip


def _channel(lost: _Lost, team_id: str, names: list[tuple[str, ...]]) -> None:
    for (channel_id,) in names:
        forgetting.narrow_channel(lost.session, team_id, channel_id, lost.grace)


def _example(lost: _Lost, _team_id: str, names: list[tuple[str, ...]]) -> None:
    for example_id, _ in names:
        example = lost.session.get_one(Example, int(example_id))
        if example.erased_at is None:
            forgetting.move_again(lost.session, example, lost.entry.audience, lost.grace)
            record(lost.session, example, _LEDGER, "example.narrowed")


def _workspace(lost: _Lost, team_id: str, _names: list[tuple[str, ...]]) -> None:
    forgetting.leave_again(lost.session, team_id, lost.entry.at)


_VERBS: dict[Taken, Callable[[_Lost, str, list[tuple[str, ...]]], None]] = {
    Taken.PERSON: _person,
    Taken.MESSAGE: _message,
    Taken.EDIT: _edit,
    Taken.CHANNEL: _channel,
    Taken.EXAMPLE: _example,
    Taken.WORKSPACE: _workspace,
}
