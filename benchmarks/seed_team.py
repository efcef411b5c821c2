"""The seed's organisation as a team of its own, with or without a sentence model."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import Session

from bot.embedding.filling import Filling
from bot.embedding.meaning import Meaning
from bot.embedding.sentence_model import SentenceModel, packaged_folder
from bot.seed.organisation import Fact
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.schema import upgrade
from storage.tables import Example, ExampleState, Source

TEAM = "T0DEMO"
EVERYBODY = Viewer.channel("C0HELP", is_private=False)


@contextmanager
def running_model() -> Iterator[SentenceModel | None]:
    """The packaged sentence model in its child; None where it is not installed."""
    folder = packaged_folder()
    if folder is None:
        print("  The sentence model is not installed: by words alone.", flush=True)
        yield None
        return
    model = SentenceModel(folder)
    model.start()
    try:
        yield model
    finally:
        model.stop()


@contextmanager
def seed_team(
    facts: Sequence[Fact], model: SentenceModel | None
) -> Iterator[tuple[Database, list[int], Meaning | None]]:
    """A database with the facts' first wordings, the examples' ids, and all their vectors."""
    meaning = Meaning.by(model).patient() if model else None
    with tempfile.TemporaryDirectory(prefix="apprentice-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'apprentice.db'}")
        upgrade(database)
        with database.write() as session:
            ids = [_stored(session, fact) for fact in facts]
        if meaning:
            filling = Filling(database, meaning, lambda *_: None)
            while filling.step():
                pass
        try:
            yield database, ids, meaning
        finally:
            database.close()


def _stored(session: Session, fact: Fact) -> int:
    example = Example(
        team_id=TEAM,
        audience=WORKSPACE,
        state=ExampleState.APPROVED,
        question=fact.wordings[0],
        answer=fact.answer,
        question_source=Source.AUTHORED,
        answer_source=Source.AUTHORED,
    )
    session.add(example)
    session.flush()
    assert example.id is not None
    return example.id
