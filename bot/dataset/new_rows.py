"""A record as the rows of the database it becomes. Pure."""

from datetime import UTC, datetime

from bot.dataset.record import Record
from storage.audience import WORKSPACE
from storage.columns import utc_now
from storage.tables import (
    Example,
    ExampleMessage,
    ExampleState,
    Part,
    Revision,
    RevisionReason,
    Source,
    Vote,
    Wording,
)


def new_example(team_id: str, record: Record) -> Example:
    return Example(
        team_id=team_id,
        audience=record.audience or WORKSPACE,
        state=record.state or ExampleState.APPROVED,
        question=record.question,
        context=list(record.context),
        answer=record.answer,
        question_source=record.question_source or Source.IMPORT,
        answer_source=record.answer_source or Source.IMPORT,
        tags=list(record.tags),
        original_answer=record.rejected[0] if record.rejected else None,
        revision=max(record.revision, 1),
        created_at=_time(record.created_at),
        updated_at=_time(record.updated_at),
        **record.place,  # type: ignore[arg-type]  # columns of text, by name
    )


def new_wordings(team_id: str, example_id: int, record: Record) -> list[Wording]:
    return [
        Wording(team_id=team_id, example_id=example_id, **vars(phrase))
        for phrase in record.wordings
        if phrase.text != record.question
    ]


def new_votes(team_id: str, example_id: int, said: bytes, record: Record, by: str) -> list[Vote]:
    """Without a vote the next reaction would decide alone about what was imported."""
    state = record.state or ExampleState.APPROVED
    if state not in (ExampleState.APPROVED, ExampleState.PROPOSED, ExampleState.REJECTED):
        return []
    own = Vote(
        team_id=team_id,
        key=f"import:{example_id}:{said.hex()}",
        example_id=example_id,
        user_id=by,
        value=-1 if state is ExampleState.REJECTED else 1,
        by_curator=state is not ExampleState.PROPOSED,
        order_key="0",
    )
    return [own]


def new_messages(team_id: str, example_id: int, record: Record) -> list[ExampleMessage]:
    """Where its words stand in Slack, so that who deletes or forgets there is followed here."""
    place = record.place
    if not place.get("channel_id"):
        return []
    found = {ts: (user, part) for ts, user, part in reversed(record.messages)}
    for key, person, part in (
        ("question_ts", "asker_id", Part.QUESTION),
        ("answer_ts", "author_id", Part.ANSWER),
    ):
        if ts := place.get(key):
            found.setdefault(ts, (place.get(person, ""), part))
    return [
        ExampleMessage(
            team_id=team_id,
            example_id=example_id,
            channel_id=place["channel_id"],
            message_ts=ts,
            user_id=user or None,
            part=part,
        )
        for ts, (user, part) in found.items()
    ]


def new_revisions(team_id: str, example_id: int, record: Record) -> list[Revision]:
    history = {each["number"]: each for each in record.history}
    history.setdefault(record.revision, {"reason": RevisionReason.CREATED})
    return [
        Revision(
            team_id=team_id,
            example_id=example_id,
            number=number,
            question=each.get("question", record.question),
            answer=each.get("answer", record.answer),
            context=each.get("context", list(record.context)),
            tags=each.get("tags", list(record.tags)),
            author_id=each.get("author_id"),
            reason=each["reason"],
            made_at=_time(each.get("made_at")),
        )
        for number, each in sorted(history.items())
    ]


def _time(text: str | None) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC) if text else utc_now()
