"""
What questions and examples mean, for whoever compares them; None wherever that is not known now.

An example's vector stands for its question and its answer, the question counting for more, as
other wordings of the same question are nearest to that (docs/decisions/0056).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from sqlmodel import Session

from bot.embedding.encoder import Floats
from bot.embedding.errors import SentenceModelError
from bot.embedding.index import Nearness, VectorIndex
from bot.embedding.sentence_model import SentenceModel

log = logging.getLogger(__name__)

#: How long an answer waits for its question's vector before it goes by words alone. A quiet
#: machine needs 0.02.
PATIENCE_SECONDS = 1.0
#: Who has time waits until a child that died is there again.
LONG_PATIENCE_SECONDS = 60.0
#: So few texts at once that a question which comes meanwhile waits a moment only.
_AT_ONCE = 4


@dataclass(frozen=True)
class Meaning:
    """A sentence model and the vectors made with it."""

    model: SentenceModel
    index: VectorIndex
    patience_seconds: float = PATIENCE_SECONDS

    @classmethod
    def by(cls, model: SentenceModel) -> "Meaning":
        return cls(model, VectorIndex(model.name))

    def patient(self) -> "Meaning":
        """The same for work that must not depend on how busy the machine is."""
        return replace(self, patience_seconds=LONG_PATIENCE_SECONDS)

    def nearness(self, session: Session, team_id: str, question: str) -> Nearness | None:
        """How near a workspace's examples are to a question; None while that is not known."""
        try:
            [vector] = self.model.encode([question], self.patience_seconds)
        except SentenceModelError as error:
            log.warning("%s Examples are found by their words alone meanwhile.", error)
            return None
        return self.index.nearness(session, team_id, vector)

    def vectors_of(self, examples: Sequence[tuple[str, str]]) -> Floats:
        """
        The vectors of questions and answers.

        Raises:
            SentenceModelError: they cannot be made now.
        """
        texts = list(chain.from_iterable((q, f"{q}\n{a}") for q, a in examples))
        parts = [
            self.model.encode(texts[at : at + _AT_ONCE], self.patience_seconds)
            for at in range(0, len(texts), _AT_ONCE)
        ]
        both = np.concatenate(parts).reshape(len(examples), 2, -1).sum(axis=1)
        return both / np.linalg.norm(both, axis=1, keepdims=True)  # type: ignore[no-any-return]
