"""
Answers that belong to another question: what a model gives that learned wrong pairs. Pure.

Token F1 hardly sees them where prompting is poor, since any answer in the team's style shares
words with the right one (decision 0115).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import nlargest
from math import log

from bot.evaluation.metrics import tokens_of
from storage.tables import EvaluationAnswer, SnapshotRow

#: An answer is another example's if it is so near to it, 0 to 1, ...
NEAR = 0.2
#: ... and by so much nearer than to the right one and to all that its prompt showed.
AHEAD = 0.05
#: A word that more answers hold than this tells none of them apart, ...
_TOO_COMMON = 200
#: ... and of those that share rare words with what was said, so many are compared.
_MOST_COMPARED = 20


class Taught:
    """
    The answers a candidate was taught, by example.

    Nearness is token F1 in which a word weighs the more the fewer answers hold it: "Ask in" stands
    in many, "KH-31" in one.
    """

    def __init__(self, answers: Mapping[int, str]) -> None:
        self._answers = answers
        self._holders: dict[str, list[int]] = {}
        for key, text in answers.items():
            for word in set(tokens_of(text)):
                self._holders.setdefault(word, []).append(key)

    def is_stray(self, answer: str, right: str, own: int, shown: Collection[int]) -> bool:
        """
        Say whether ``answer`` is another example's: neither that of ``own``, whose curated answer
        is ``right``, nor one of those ``shown`` in the prompt.
        """
        said = Counter(tokens_of(answer))
        excused = [Counter(tokens_of(right)), *map(self._words_of, shown)]
        others = [key for key in self._sharing(said) if key != own and key not in shown]
        nearest = self._nearest(said, map(self._words_of, others))
        return nearest >= NEAR and nearest - self._nearest(said, excused) > AHEAD

    def _words_of(self, key: int) -> Counter[str]:
        """Counted when asked for: of a hundred thousand answers a few are ever compared."""
        return Counter(tokens_of(self._answers.get(key, "")))

    def _sharing(self, said: Iterable[str]) -> list[int]:
        """Those that share the most with what was said."""
        shared: dict[int, float] = {}
        for word in said:
            holders = self._holders.get(word, [])
            for key in holders if len(holders) <= _TOO_COMMON else ():
                shared[key] = shared.get(key, 0.0) + self._weight(word)
        return nlargest(_MOST_COMPARED, shared, key=shared.__getitem__)

    def _nearest(self, said: Counter[str], several: Iterable[Counter[str]]) -> float:
        return max((self._f1(said, words) for words in several), default=0.0)

    def _f1(self, said: Counter[str], words: Counter[str]) -> float:
        total = self._weigh(said) + self._weigh(words)
        return 2 * self._weigh(said & words) / total if total else 0.0

    def _weigh(self, words: Counter[str]) -> float:
        return sum(count * self._weight(word) for word, count in words.items())

    def _weight(self, word: str) -> float:
        return log(len(self._answers) / max(1, len(self._holders.get(word, ()))))


def strays_among(
    answers: Sequence[EvaluationAnswer],
    rows: Mapping[int, SnapshotRow],
    taught: Taught,
    *,
    shows_examples: bool,
) -> frozenset[int]:
    """
    The rows whose answer is another example's.

    Answers that were kept before migration 24 do not say which examples they were shown. Where
    some ought to be, nothing is said of those.
    """
    return frozenset(
        one.snapshot_row_id
        for one in answers
        if (row := rows.get(one.snapshot_row_id))
        and (one.example_ids or not shows_examples)
        and taught.is_stray(one.text, row.answer, row.example_id, one.example_ids)
    )
