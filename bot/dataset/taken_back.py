"""
A file is older than the database: what was taken back since does not come back with it.

That is messages that were deleted in Slack, words of people who opted out, and what was said in a
channel that is private by now. Only records that say where they come from can be held against it.
"""

from sqlmodel import Session

from bot.curation import forgetting
from bot.dataset.record import Record, digest
from bot.dataset.staging import Staging
from storage import erasure, exchange, ledger, opt_outs
from storage.audience import WORKSPACE
from storage.chunks import pages
from storage.ledger import Taken


def heed(session: Session, team_id: str, staging: Staging) -> int:
    """Leave out what was taken back, and narrow what is private by now; returns how many left."""
    closed = ledger.taken(session, Taken.CHANNEL)
    gone: list[bytes] = []
    narrowed: list[tuple[bytes, Record]] = []
    for page in pages(staging.placed(), exchange.PAGE):
        deleted = erasure.deleted_of(session, team_id, {m for _, r in page for m in _messages(r)})
        silent = opt_outs.opted_out(session, team_id, {p for _, r in page for p in _people(r)})
        for said, record in page:
            if deleted & _messages(record) or silent & _people(record):
                gone.append(said)
            elif _is_closed(team_id, record, closed):
                narrowed.append((said, record))
    for said in gone:
        staging.drop(said)
    for said, record in narrowed:
        staging.drop(said)
        inside = record.within(record.place["channel_id"])
        staging.add(digest(inside.audience or WORKSPACE, inside), inside, inside.where)
    return len(gone)


def follow_edits(session: Session, team_id: str, records: list[Record]) -> None:
    """Compare with Slack what was edited there, as soon as the bot is connected."""
    keys = {f"{channel}:{ts}" for record in records for channel, ts in _messages(record)}
    forgetting.look_again(session, team_id, keys)


def _messages(record: Record) -> set[tuple[str, str]]:
    channel, place = record.place.get("channel_id", ""), record.place
    named = [place[name] for name in ("question_ts", "answer_ts") if name in place]
    return {(channel, ts) for ts in [*named, *(ts for ts, _, _ in record.messages)]}


def _people(record: Record) -> set[str]:
    named = {record.place[name] for name in ("asker_id", "author_id") if name in record.place}
    return named | {user_id for _, user_id, _ in record.messages if user_id}


def _is_closed(team_id: str, record: Record, closed: frozenset[str]) -> bool:
    channel = record.place.get("channel_id")
    is_open = (record.audience or WORKSPACE) == WORKSPACE
    return bool(channel) and is_open and ledger.digest(team_id, channel or "") in closed
