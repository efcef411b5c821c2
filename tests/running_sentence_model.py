"""The real sentence model in its child, and examples with vectors; for the few tests that ask."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.curation.near_duplicates import note_near_duplicates
from bot.embedding.filling import Filling
from bot.embedding.meaning import Meaning
from bot.embedding.sentence_model import SentenceModel, packaged_folder
from storage.database import Database


@contextmanager
def running_sentence_model() -> Iterator[SentenceModel]:
    folder = packaged_folder()
    assert folder is not None, "requirements-model.txt brings the sentence model"
    model = SentenceModel(folder)
    model.start()
    try:
        yield model
    finally:
        model.stop()


def fill(database: Database, meaning: Meaning) -> None:
    """Make every vector that is lacking, and look for near-duplicates, as the bot does beside."""
    filling = Filling(database, meaning, note_near_duplicates)
    while filling.step():
        pass
