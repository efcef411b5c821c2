"""
The verbs of forgetting: a message that was deleted or edited, a person who opts out, a channel
that closes, a workspace that leaves.

Each runs inside the caller's transaction, does nothing twice, and leaves an ``Erasure`` row where
something was erased, by which files and free pages are cleared afterwards (``bot.pipeline``). What
is taken back is noted in the ledger first; ``bot.curation.forgetting_again`` reads it.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot.curation.lesson import Lesson
from bot.errors import MessageGoneError, OptedOutError
from storage import (
    audit,
    blind_votes,
    erasure,
    feedback,
    inbox,
    ledger,
    lineage,
    opt_outs,
    pins,
    review,
    revisions,
    sweeping,
    traces,
    unanswered,
)
from storage.audience import WORKSPACE
from storage.columns import utc_now
from storage.ledger import Taken
from storage.tables import (
    STALE_MESSAGE_EDITED,
    Erasure,
    ErasureKind,
    ErasureState,
    Example,
    ExampleState,
    InboxKind,
    Part,
    RevisionReason,
)

SLACK = "slack"  # who deleted or edited is Slack's to say
#: How long a version that learned from erased words may go on answering, unless set otherwise.
SERVE_DAYS = 7
#: In the payload of an edit: what was kept of the message was read before it.
KEPT_AFTER_EDIT = "kept_after_edit"
_OPEN_TO_EDITS = (ExampleState.PROPOSED, ExampleState.WITHDRAWN)


@dataclass(frozen=True)
class Grace:
    """The moment of an erasure, and for how long a live version may outlast it."""

    now: datetime
    days: float = SERVE_DAYS

    @property
    def serve_until(self) -> datetime:
        return self.now + timedelta(days=self.days)


def check_may_keep(session: Session, team_id: str, lesson: Lesson, keeper_id: str) -> bool:
    """
    Refuse what nobody may keep, in the transaction that would keep it. ``keeper_id`` votes for
    it, and wrote the words themselves where they were typed. Returns whether they opted out.

    Raises:
        OptedOutError: it has words of somebody who opted out.
        MessageGoneError: one of its messages was deleted while it was read.
    """
    messages = lesson.at.all_messages() if lesson.at else []
    people = {user_id for _, user_id, _ in messages if user_id}
    if lesson.is_edited:
        people.add(keeper_id)
    silent = opt_outs.opted_out(session, team_id, people | {keeper_id})
    if silent & people:
        raise OptedOutError
    gone = [ts for ts, _, _ in messages]
    if lesson.at and erasure.is_deleted(session, team_id, lesson.at.channel_id, gone):
        raise MessageGoneError
    return keeper_id in silent


def note_deletion(session: Session, team_id: str, channel_id: str, message_ts: str) -> None:
    """Note that a message was deleted, as soon as it is heard of: Slack says it once."""
    ledger.note(session, Taken.MESSAGE, team_id, channel_id, message_ts)


def note_edit(
    session: Session, team_id: str, channel_id: str, message_ts: str, edited_ts: str
) -> None:
    """Note that a message which something was learned from says something else now."""
    if traces.of_message(session, team_id, channel_id, message_ts):
        at = datetime.fromtimestamp(float(edited_ts), UTC)
        ledger.note(session, Taken.EDIT, team_id, channel_id, message_ts, at=at)


def forget_message(
    session: Session, team_id: str, channel_id: str, message_ts: str, grace: Grace
) -> Erasure | None:
    """
    Follow a message that was deleted: what it was question or answer of is erased, what it was
    said in between of loses its context. Returns None where nothing was kept of it.
    """
    found = traces.of_message(session, team_id, channel_id, message_ts)
    wordings = traces.wordings_of_message(session, team_id, channel_id, message_ts)
    asks = traces.asks_of_message(session, team_id, channel_id, message_ts)
    if not found and not wordings and not asks:
        return None
    whole = [example for example, part in found if part is not Part.CONTEXT]
    partly = [example for example, part in found if part is Part.CONTEXT]
    row = new_erasure(session, team_id, ErasureKind.MESSAGE, None, grace)
    _erase(session, row, whole, partly, grace, actor=SLACK)
    # Again: what was a wording of an erased example, or of the one it was merged into, is gone.
    wordings = traces.wordings_of_message(session, team_id, channel_id, message_ts)
    _drop_wordings(session, row, wordings, grace, actor=SLACK)
    _finish(session, row, unanswered=erasure.drop_unanswered(session, team_id, asks))
    return row


def look_again(session: Session, team_id: str, keys: Iterable[str], read_at: str = "") -> None:
    """
    Follow the edits that came after words were read and before they were kept, as while a form was
    open. ``keys`` are ``channel:ts`` of the messages, ``read_at`` is Slack's kind of ts.
    """
    since = f"{max(float(read_at) - _CLOCKS_DIFFER.total_seconds(), 0):.6f}" if read_at else ""
    inbox.reopen(
        session, team_id, InboxKind.MESSAGE_CHANGED, keys, since, **{KEPT_AFTER_EDIT: True}
    )


def follow_edit(
    session: Session, example: Example, lesson: Lesson | None, edited_at: datetime | None
) -> bool:
    """
    Bring an edited message to its example; returns whether anything changed.

    What no curator approved yet takes the new words, unless a person put others in their place;
    else they are proposed and the example is due for review. ``lesson`` is what the thread says
    now; None where it says nothing any more. ``edited_at`` None: after the words were read.
    """
    if example.erased_at is not None:
        return False
    if edited_at is not None and edited_at < example.created_at - _CLOCKS_DIFFER:
        return False
    now = None if lesson is None else _words(lesson)
    if now == _words(example) or (example.stale_since and now == example.proposal):
        return False
    is_open = example.state in _OPEN_TO_EDITS and example.original_answer is None
    if is_open and now is not None:
        revisions.change(session, example, None, RevisionReason.MESSAGE_EDITED, **now)
    else:
        example.stale_since, example.stale_reason = utc_now(), STALE_MESSAGE_EDITED
        example.proposal = now
        session.add(example)
    _tell(session, example, SLACK, "example.message_edited")
    return True


def drop_edited(
    session: Session,
    team_id: str,
    channel_id: str,
    message_ts: str,
    edited_at: datetime,
    grace: Grace,
) -> None:
    """Forget what else was learned from a message before it was edited: as wording, as asked."""
    before = edited_at + _CLOCKS_DIFFER
    wordings = [
        wording
        for wording in traces.wordings_of_message(session, team_id, channel_id, message_ts)
        if wording.created_at <= before
    ]
    asks = [
        ask
        for ask in traces.asks_of_message(session, team_id, channel_id, message_ts)
        if ask.asked_at <= before
    ]
    if wordings or asks:
        row = new_erasure(session, team_id, ErasureKind.MESSAGE, None, grace)
        _drop_wordings(session, row, wordings, grace, actor=SLACK)
        _finish(session, row, unanswered=erasure.drop_unanswered(session, team_id, asks))


def opt_out(session: Session, team_id: str, user_id: str) -> Erasure:
    """
    Keep nothing of a person from now on, and ask for everything of theirs to be erased.

    Asking again while it is under way returns the same receipt.
    """
    opt_outs.opt_out(session, team_id, user_id)
    for row in erasure.open_erasures(session):
        is_same = (row.team_id, row.user_id) == (team_id, user_id)
        if is_same and row.state is ErasureState.ASKED:
            return row
    row = new_erasure(session, team_id, ErasureKind.PERSON, user_id, Grace(utc_now()))
    ledger.note(session, Taken.PERSON, team_id, user_id, name=row.receipt)
    _record(session, team_id, user_id, "person.opted_out", audit.person(user_id))
    return row


def forget_person(session: Session, row: Erasure, grace: Grace) -> None:
    """Erase every word of the person an ``Erasure`` names, and their name where they acted."""
    assert row.user_id is not None
    team_id, user_id = row.team_id, row.user_id
    whole = traces.of_person(session, team_id, user_id)
    known = {example.id for example in whole}
    partly = [
        example
        for example in traces.with_context_of(session, team_id, user_id)
        if example.id not in known
    ]
    actor = audit.ERASED + row.receipt
    _erase(session, row, whole, partly, grace, actor)
    # Only now: what was a wording of an erased example went with it.
    wordings = traces.wordings_of_person(session, team_id, user_id)
    _drop_wordings(session, row, wordings, grace, actor)
    asks = traces.asks_of_person(session, team_id, user_id)
    _finish(session, row, unanswered=erasure.drop_unanswered(session, team_id, asks))
    review.withdraw_requests(session, team_id, user_id)
    changed = take_name_out(session, row, grace)
    row.counts = {**row.counts, "rows_without_your_name": changed}
    session.add(row)


def take_name_out(session: Session, row: Erasure, grace: Grace) -> int:
    """
    Put a pseudonym where a person acted; returns how many rows changed. What they said of single
    answers goes, and so do rows of snapshots that name them: a snapshot never changes.
    """
    assert row.user_id is not None
    feedback.forget(session, row.team_id, row.user_id)
    blind_votes.forget(session, row.team_id, row.user_id)
    _mark(session, row, traces.frozen_with_name(session, row.team_id, row.user_id), grace)
    return sweeping.replace_person(session, row.team_id, row.user_id, pseudonym())


def close_channel(session: Session, team_id: str, channel_id: str, grace: Grace) -> Erasure | None:
    """
    Follow a public channel that turned private: what was learned there stays there.

    Returns None where nothing was known of it.
    """
    ledger.note(session, Taken.CHANNEL, team_id, channel_id)
    return narrow_channel(session, team_id, channel_id, grace)


def narrow_channel(session: Session, team_id: str, channel_id: str, grace: Grace) -> Erasure | None:
    """
    Narrow a channel's examples to it; they leave the snapshots and versions of the workspace as
    if they were erased. So does what was asked there in other words; what was asked there in vain
    is its members' to answer.
    """
    found = traces.of_channel(session, team_id, channel_id)
    narrowed = unanswered.narrow(session, team_id, channel_id)
    is_pinned = pins.narrow(session, team_id, channel_id)
    wordings = traces.wordings_of_channel(session, team_id, channel_id)
    if not (found or narrowed or is_pinned or wordings):
        return None
    audit.record(
        session, team_id, actor=SLACK, action="channel.closed", subject=f"channel:{channel_id}",
        audience=channel_id,
    )  # fmt: skip
    row = new_erasure(session, team_id, ErasureKind.MESSAGE, None, grace)
    _mark(session, row, found, grace)
    for example in found:
        example.audience = channel_id
        session.add(example)
        _tell(session, example, SLACK, "example.narrowed")
    session.flush()
    # Those of examples that went along stay with them.
    left = [each for each in wordings if session.get_one(Example, each.example_id) not in found]
    _drop_wordings(session, row, left, grace, actor=SLACK)
    _finish(session, row, narrowed=len(found), unanswered=narrowed)
    return row


def move(session: Session, example: Example, audience: str, grace: Grace) -> None:
    """
    Give an example to another audience; where fewer people may hear it then, it leaves the
    snapshots and versions it was in as if it were erased.
    """
    if audience != WORKSPACE:
        name = ledger.example_name(example.id, example.created_at)
        ledger.note(session, Taken.EXAMPLE, example.team_id, *name, audience=audience)
    move_again(session, example, audience, grace)


def move_again(session: Session, example: Example, audience: str, grace: Grace) -> None:
    """The same, of what the ledger knows already."""
    example.audience, example.updated_at = audience, utc_now()
    session.add(example)
    session.flush()
    if audience != WORKSPACE:
        row = new_erasure(session, example.team_id, ErasureKind.MESSAGE, None, grace)
        _mark(session, row, [example], grace)
        _finish(session, row, narrowed=1)


def leave(session: Session, team_id: str, due_at: datetime) -> Erasure:
    """Note that the app was uninstalled, so that everything of the workspace is deleted."""
    for row in erasure.open_erasures(session):
        if row.team_id == team_id and row.kind is ErasureKind.WORKSPACE:
            return row
    ledger.note(session, Taken.WORKSPACE, team_id, at=due_at)
    return leave_again(session, team_id, due_at)


def leave_again(session: Session, team_id: str, due_at: datetime) -> Erasure:
    """The same, of what the ledger knows already."""
    row = new_erasure(session, team_id, ErasureKind.WORKSPACE, None, Grace(due_at))
    _record(session, team_id, SLACK, "workspace.left", f"workspace:{team_id}")
    return row


def pseudonym() -> str:
    """What stands in a person's place; nobody can tell from it who they were."""
    return audit.ERASED + secrets.token_hex(4)


def _erase(
    session: Session,
    row: Erasure,
    whole: list[Example],
    partly: list[Example],
    grace: Grace,
    actor: str,
) -> None:
    whole = _with_what_was_made(session, row.team_id, whole)
    gone = {example.id for example in whole}
    partly = [example for example in partly if example.id not in gone]
    _mark(session, row, [*whole, *partly], grace)
    for example in whole:
        if (kept_in := example.merged_into) is not None:
            # Its question went there as a wording, and goes from there as well.
            _tell(session, session.get_one(Example, kept_in), actor, "example.wording_erased")
        erasure.blank(session, example)
        _tell(session, example, actor, "example.erased")
    for example in partly:
        erasure.blank_context(session, example)
        _tell(session, example, actor, "example.context_erased")
    _finish(session, row, examples=len(whole), contexts=len(partly))


def _with_what_was_made(session: Session, team_id: str, whole: list[Example]) -> list[Example]:
    """Add kept answers that the bot made from these examples, and what it made from those."""
    found = {example.id: example for example in whole if example.erased_at is None}
    new = set(found)
    while new:
        made = traces.made_from(session, team_id, [name for name in new if name is not None])
        new = {example.id for example in made} - set(found)
        found |= {example.id: example for example in made}
    return list(found.values())


def _mark(
    session: Session,
    row: Erasure,
    examples: list[Example],
    grace: Grace,
    made_since: datetime | None = None,
) -> None:
    ids = [example.id for example in examples if example.id is not None]
    marked = lineage.mark(
        session, row.team_id, ids,
        now=grace.now, serve_until=grace.serve_until, made_since=made_since,
    )  # fmt: skip
    row.run_ids = sorted({*row.run_ids, *marked.run_ids})
    # Several calls find the same snapshots and versions again, and never the same rows.
    row.counts = row.counts | {
        "snapshot_rows": row.counts.get("snapshot_rows", 0) + marked.rows,
        "snapshots": max(row.counts.get("snapshots", 0), len(marked.snapshot_ids)),
        "model_versions": lineage.versions_marked(session, row.run_ids),
    }


def _drop_wordings(
    session: Session, row: Erasure, wordings: list[Any], grace: Grace, actor: str
) -> None:
    examples = [session.get_one(Example, wording.example_id) for wording in wordings]
    for wording, example in zip(wordings, examples, strict=True):
        # What was frozen before somebody asked so has none of these words.
        _mark(session, row, [example], grace, wording.created_at - _CLOCKS_DIFFER)
        session.delete(wording)
        _tell(session, example, actor, "example.wording_erased")
    _finish(session, row, wordings=len(wordings))


def new_erasure(
    session: Session,
    team_id: str,
    kind: ErasureKind,
    user_id: str | None,
    grace: Grace,
    receipt: str | None = None,
) -> Erasure:
    row = Erasure(
        team_id=team_id,
        receipt=receipt or secrets.token_hex(6),
        kind=kind,
        user_id=user_id,
        due_at=grace.now,
    )
    session.add(row)
    session.flush()
    return row


def _finish(session: Session, row: Erasure, **counts: int) -> None:
    row.counts = row.counts | {name: row.counts.get(name, 0) + n for name, n in counts.items()}
    row.state = ErasureState.ROWS_ERASED
    sweeping.blank_delivered(session, row.team_id)
    session.add(row)
    session.flush()


def _tell(session: Session, example: Example, actor: str, action: str) -> None:
    subject = f"example:{example.id}"
    audit.record(
        session, example.team_id, actor=actor, action=action, subject=subject,
        audience=example.audience,
    )  # fmt: skip


def _record(session: Session, team_id: str, actor: str, action: str, subject: str) -> None:
    audit.record(session, team_id, actor=actor, action=action, subject=subject)


def _words(of: Lesson | Example) -> dict[str, Any]:
    return {"question": of.question, "answer": of.answer, "context": list(of.context)}


#: Slack's clock and ours may differ by so much.
_CLOCKS_DIFFER = timedelta(minutes=1)
