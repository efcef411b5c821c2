"""
What travels with an example in every format, under one key: nothing is lost on the way back.

The key is our own, so that other programs can drop it or leave it alone.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from bot.dataset.record import ROLES, Phrase, Record, RowError, Turn
from storage.tables import ExampleState, Part, RevisionReason, Source, WordingUse

KEY = "apprentice"
#: The columns of ``Example`` that say where something stands in Slack.
_TS, _PERSON = re.compile(r"\d{1,12}\.\d{1,9}"), re.compile(r"[A-Z0-9]{2,24}")
_PLACE = {
    "channel_id": re.compile(r"[A-Z][A-Z0-9]{1,23}"),
    "thread_ts": _TS,
    "question_ts": _TS,
    "answer_ts": _TS,
    "asker_id": _PERSON,
    "author_id": _PERSON,
    # It is shown as a link, inside of Slack's markup.
    "permalink": re.compile(r"https?://[!-;=?-{}~]{1,500}"),
}
PLACE = tuple(_PLACE)
_WHOSE = {"asker_id": _PERSON, "channel_id": _PLACE["channel_id"], "message_ts": _TS}
#: Who vouched or edited: a person's id, or a name given on the command line.
_MAX_NAME = 200
Kind = TypeVar("Kind", bound=StrEnum)


def of(record: Record, *, with_text: bool = False) -> dict[str, Any]:
    """
    The metadata of a record; what is empty is left out.

    ``with_text`` adds question and context, for formats that cannot hold them apart.
    """
    found: dict[str, Any] = {
        "id": record.id,
        "audience": record.audience,
        "state": record.state and record.state.value,
        "question_source": record.question_source and record.question_source.value,
        "answer_source": record.answer_source and record.answer_source.value,
        "wordings": [_phrase(each) for each in record.wordings],
        "rejected": list(record.rejected),
        "tags": list(record.tags),
        "place": dict(record.place),
        "messages": [[ts, user_id, part.value] for ts, user_id, part in record.messages],
        "revision": record.revision if record.revision != 1 else None,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "history": [dict(each) for each in record.history],
    }
    if with_text:
        found |= {"question": record.question, "context": list(record.context)}
    return {key: value for key, value in found.items() if value not in (None, [], {})}


def read(record: Record, found: object) -> Record:
    """
    Return the record with what its row says about it; None says nothing.

    Raises:
        RowError: the metadata is not what we write.
    """
    if found is None:
        return record
    if not isinstance(found, dict):
        raise RowError(f"`{KEY}` has to be an object.")
    revision = _number(found, "revision") or 1
    return replace(
        record,
        question=_text(found, "question") or record.question,
        context=tuple(_turns(found)) or record.context,
        wordings=tuple(_phrases(found)) or record.wordings,
        rejected=tuple(_texts(found, "rejected")) or record.rejected,
        tags=tuple(_texts(found, "tags")) or record.tags,
        id=_number(found, "id") or record.id,
        audience=_text(found, "audience") or record.audience,
        state=_member(found, "state", ExampleState) or record.state,
        question_source=_member(found, "question_source", Source) or record.question_source,
        answer_source=_member(found, "answer_source", Source) or record.answer_source,
        place=_place(found),
        messages=tuple(_messages(found)) or record.messages,
        revision=revision,
        created_at=_time(found, "created_at"),
        updated_at=_time(found, "updated_at"),
        history=tuple(_revisions(found, revision)),
    )


def _phrase(phrase: Phrase) -> dict[str, Any]:
    """With whose words they are: without it they could not be taken back where they arrive."""
    return {key: value for key, value in vars(phrase).items() if value is not None}


def _turns(found: dict[str, Any]) -> Iterable[Turn]:
    for turn in _list(found, "context"):
        if not (
            isinstance(turn, dict)
            and turn.get("role") in ROLES
            and isinstance(turn.get("content"), str)
        ):
            raise RowError(
                f"`{KEY}.context` has to be a list of turns with content and a role of "
                f"{', '.join(ROLES)}."
            )
        weight = {"weight": 0} if turn.get("weight") == 0 else {}
        yield {"role": turn["role"], "content": turn["content"]} | weight


def _place(found: dict[str, Any]) -> dict[str, str]:
    return _shaped(_object(found, "place"), "place", _PLACE)


def _shaped(
    found: dict[str, Any], name: str, shapes: Mapping[str, re.Pattern[str]]
) -> dict[str, str]:
    for key, shape in shapes.items():
        if found.get(key) and not _has_shape(found[key], shape):
            raise RowError(f"`{KEY}.{name}.{key}` is not what Slack writes there.")
    return {key: found[key] for key in shapes if found.get(key)}


def _has_shape(value: object, shape: re.Pattern[str]) -> bool:
    return isinstance(value, str) and shape.fullmatch(value) is not None


def _phrases(found: dict[str, Any]) -> Iterable[Phrase]:
    for each in _list(found, "wordings"):
        if isinstance(each, str):
            yield Phrase(each)
        elif isinstance(each, dict) and isinstance(each.get("text"), str):
            use = _member(each, "use", WordingUse) or WordingUse.EVALUATION
            yield Phrase(each["text"], use, **_shaped(each, "wordings", _WHOSE))
        else:
            raise RowError(f"`{KEY}.wordings` has to be a list of texts.")


def _messages(found: dict[str, Any]) -> Iterable[tuple[str, str, Part]]:
    for each in _list(found, "messages"):
        is_message = isinstance(each, list) and len(each) == 3
        if not (
            is_message
            and _has_shape(each[0], _TS)
            and (each[1] == "" or _has_shape(each[1], _PERSON))
            and isinstance(each[2], str)
        ):
            raise RowError(f"`{KEY}.messages` has to be a list of time, author and part.")
        if each[2] not in set(Part):
            raise RowError(f"`{KEY}.messages` names a part that is none of {', '.join(Part)}.")
        yield each[0], each[1], Part(each[2])


def _revisions(found: dict[str, Any], newest: int) -> Iterable[dict[str, Any]]:
    for each in _list(found, "history"):
        if not isinstance(each, dict) or not _number(each, "number"):
            raise RowError(f"`{KEY}.history` has to be a list of numbered revisions.")
        if each["number"] > newest:
            raise RowError(f"`{KEY}.history` names a revision after the newest, {newest}.")
        revision: dict[str, Any] = {
            "number": each["number"],
            "reason": _member(each, "reason", RevisionReason) or RevisionReason.EDITED,
            "author_id": _name(each, "author_id"),
            "made_at": _time(each, "made_at"),
        }
        if _text(each, "question") is not None and _text(each, "answer") is not None:
            revision |= {"question": each["question"], "answer": each["answer"]}
            revision |= {"context": list(_turns(each)), "tags": _texts(each, "tags")}
        yield revision


def _texts(found: dict[str, Any], key: str) -> list[str]:
    texts = _list(found, key)
    if not all(isinstance(text, str) for text in texts):
        raise RowError(f"`{KEY}.{key}` has to be a list of texts.")
    return texts


def _list(found: dict[str, Any], key: str) -> list[Any]:
    value = found.get(key)
    if value is not None and not isinstance(value, list):
        raise RowError(f"`{KEY}.{key}` has to be a list.")
    return value or []


def _object(found: dict[str, Any], key: str) -> dict[str, Any]:
    value = found.get(key)
    if value is not None and not isinstance(value, dict):
        raise RowError(f"`{KEY}.{key}` has to be an object.")
    return value or {}


def _text(found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    if value is not None and not isinstance(value, str):
        raise RowError(f"`{KEY}.{key}` has to be text.")
    return value


def _name(found: dict[str, Any], key: str) -> str | None:
    name = _text(found, key)
    if name is not None and not (name.isprintable() and len(name) <= _MAX_NAME):
        raise RowError(f"`{KEY}.{key}` is no name and no id.")
    return name


def _number(found: dict[str, Any], key: str) -> int | None:
    value = found.get(key)
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62
    if value is not None and not is_number:
        raise RowError(f"`{KEY}.{key}` has to be a whole number.")
    return value


def _time(found: dict[str, Any], key: str) -> str | None:
    if (text := _text(found, key)) is None:
        return None
    try:
        told = datetime.fromisoformat(text)
        # Around the first and the last year there is no such time in UTC, as it is kept.
        has_zone = told.tzinfo is not None and told.astimezone(UTC) is not None
    except (ValueError, OverflowError):
        has_zone = False
    if not has_zone:
        raise RowError(f"`{KEY}.{key}` has to be a time with its zone, as 2026-11-24T04:00:00Z.")
    return text


def _member(found: dict[str, Any], key: str, kind: type[Kind]) -> Kind | None:
    value = found.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or value not in set(kind):
        raise RowError(f"`{KEY}.{key}` has to be one of {', '.join(kind)}.")
    return kind(value)
