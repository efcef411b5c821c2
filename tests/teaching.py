"""A fresh database and what a team taught in it, in one line each; for tests."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from sqlmodel import Session

from storage import unanswered
from storage.audience import WORKSPACE
from storage.database import Database
from storage.schema import upgrade
from storage.tables import (
    Example,
    ExampleState,
    Question,
    Source,
    WhyUnanswered,
    Wording,
    WordingUse,
)

TEAM = "T0DEMO"
PARKING = "May visitors park in the yard?"


@cache
def _newest() -> bytes:
    """A database as the migrations leave it: to run them takes ten times as long as to copy it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "apprentice.db"
        database = Database(f"sqlite:///{path}")
        upgrade(database)
        database.close()
        return path.read_bytes()


def write_new(path: Path) -> None:
    """Make an empty database of the newest schema where there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_newest())


def fresh_database(folder: Path, *guards: Any, **more: Any) -> Database:
    """``guards`` and ``more`` are the database's own arguments after its address."""
    path = folder / "apprentice.db"
    write_new(path)
    return Database(f"sqlite:///{path}", *guards, **more)


def teach(
    session: Session,
    question: str,
    answer: str,
    *,
    team_id: str = TEAM,
    audience: str = WORKSPACE,
    source: Source = Source.AUTHORED,
    question_source: Source | None = None,
    state: ExampleState = ExampleState.APPROVED,
    held_out: tuple[str, ...] = (),
    trained: tuple[str, ...] = (),
) -> Example:
    """One example with its wordings."""
    example = Example(
        team_id=team_id,
        audience=audience,
        state=state,
        question=question,
        answer=answer,
        question_source=question_source or source,
        answer_source=source,
    )
    session.add(example)
    session.flush()
    for texts, use in ((held_out, WordingUse.EVALUATION), (trained, WordingUse.TRAINING)):
        for text in texts:
            session.add(Wording(team_id=team_id, example_id=example.id, text=text, use=use))
    session.flush()
    return example


def teach_facts(session: Session, count: int, **options: object) -> list[Example]:
    """So many facts, each with one wording held out."""
    return [
        teach(
            session,
            f"Where is the key of room {number}?",
            f"It hangs on hook {number} behind the door.",
            held_out=(f"Who can tell me how to find room {number}'s key?",),
            **options,  # type: ignore[arg-type]
        )
        for number in range(1, count + 1)
    ]


def thaw(session: Session) -> None:
    """Let this database change its snapshots, as somebody with the file and a tool could."""
    for trigger in ("snapshot_no_update", "snapshot_row_no_update"):
        session.connection().exec_driver_sql(f"DROP TRIGGER {trigger}")


def ask_in_vain(
    session: Session,
    number: int,
    text: str = PARKING,
    *,
    why: WhyUnanswered = WhyUnanswered.NO_EXAMPLE,
    audience: str = WORKSPACE,
) -> None:
    """Somebody asked what the bot could not answer."""
    ts = f"1900000{number:03d}.000100"
    question = Question(
        team_id=TEAM, channel_id="C0HELP", message_ts=ts, thread_ts=ts, user_id="U0CAROL"
    )
    session.add(question)
    session.flush()
    unanswered.note(session, question, audience=audience, topic=text, text=text, why=why)
