"""One child for a whole module of tests."""

from collections.abc import Iterator

import pytest

from bot.embedding.sentence_model import SentenceModel
from tests.running_sentence_model import running_sentence_model


@pytest.fixture(scope="module")
def model() -> Iterator[SentenceModel]:
    with running_sentence_model() as model:
        yield model
