"""
A file is older than the database: what was taken back since does not come back with it.

That is messages that were deleted in Slack, words of people who opted out, and what was said in a
channel that is private by now; of another wording only the wording goes. Only records that say
where they come from can be held against it.
"""

from dataclasses import replace

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

    def is_closed(channel_id: str | None) -> bool:
        return channel_id is not None and ledger.digest(team_id, channel_id) in closed

    def is_open(record: Record) -> bool:
        return (record.audience or WORKSPACE) == WORKSPACE

    gone: list[bytes] = []
    changed: list[tuple[bytes, Record]] = []
    for page in pages(staging.placed(), exchange.PAGE):
        deleted = erasure.deleted_of(
            session, team_id, {m for _, r in page for m in _messages(r) | _messages_of_wordings(r)}
        )
        silent = opt_outs.opted_out(
            session, team_id, {p for _, r in page for p in _people(r) | _askers_of_wordings(r)}
        )
        for said, record in page:
            if deleted & _messages(record) or silent & _people(record):
                gone.append(said)
                continue
            wordings = tuple(
                each
                for each in record.wordings
                if each.asker_id not in silent
                and (each.channel_id, each.message_ts) not in deleted
                and not (is_open(record) and is_closed(each.channel_id))
            )
            is_narrowed = is_open(record) and is_closed(record.place.get("channel_id"))
            inside = record.within(record.place["channel_id"]) if is_narrowed else record
            if inside is not record or len(wordings) < len(record.wordings):
                changed.append((said, replace(inside, wordings=wordings)))
    for said in gone:
        staging.drop(said)
    for said, record in changed:
        staging.drop(said)
        staging.add(digest(record.audience or WORKSPACE, record), record, record.where)
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


def _messages_of_wordings(record: Record) -> set[tuple[str, str]]:
    return {
        (each.channel_id, each.message_ts)
        for each in record.wordings
        if each.channel_id and each.message_ts
    }


def _askers_of_wordings(record: Record) -> set[str]:
    return {each.asker_id for each in record.wordings if each.asker_id}
