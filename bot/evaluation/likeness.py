"""
How like an answer is to the curated one in meaning: the cosine of their vectors, 0 to 1.

Shown and never decided by: a small sentence model puts "room 12" near "room 21" (decision 0080).
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.embedding.encoder import Floats
from bot.embedding.errors import SentenceModelError
from bot.embedding.meaning import Meaning

log = logging.getLogger(__name__)

#: So few texts at once that a question which comes meanwhile waits a moment only.
_AT_ONCE = 4
OFF = "the sentence model is off or not installed (SENTENCE_MODEL)"
AWAY = "the sentence model did not answer"


@dataclass(frozen=True)
class Likeness:
    """Of the texts it was made for; ``problem`` says why it knows nothing."""

    vectors: Mapping[str, Floats] = field(default_factory=dict)
    problem: str | None = None

    def of(self, answer: str, reference: str) -> float | None:
        """None where it is not known. An answer without a word is like nothing."""
        if self.problem or reference not in self.vectors:
            return None
        if not answer.strip():
            return 0.0
        cosine = float(self.vectors[answer] @ self.vectors[reference])
        return min(1.0, max(0.0, cosine))


def likeness_among(meaning: Meaning | None, texts: Iterable[str]) -> Likeness:
    """Let the sentence model read all texts; where it cannot, say why. Takes 20 ms for each."""
    if meaning is None:
        return Likeness(problem=OFF)
    wanted = [text for text in dict.fromkeys(texts) if text.strip()]
    vectors: dict[str, Floats] = {}
    try:
        for at in range(0, len(wanted), _AT_ONCE):
            some = wanted[at : at + _AT_ONCE]
            vectors |= zip(some, meaning.model.encode(some, meaning.patience_seconds), strict=True)
    except SentenceModelError as error:
        log.warning("Semantic similarity is not measured: %s", error)
        return Likeness(problem=AWAY)
    return Likeness(vectors)
