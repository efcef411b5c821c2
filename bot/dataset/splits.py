"""
Which rows are trained on and which are held out. Pure, and the same for the same content.

Whole clusters of near-duplicates go to one side, so that no wording of a question stands on both.
The one exception is meant: other wordings of a trained question are held out, to see whether the
fact was learned and not the sentence.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from bot.dataset.clusters import clusters_of
from storage.tables import Split

#: With fewer examples than this nothing is kept back: each one is needed for training.
MANY_EXAMPLES = 200
#: One cluster in so many is held out as unseen questions, where there are many examples.
ONE_IN = 12
#: One cluster in so many of the others tells a trainer when to stop.
VALIDATION_ONE_IN = 20

_WORD = re.compile(r"\w+")


def splits_of(questions: Mapping[int, Sequence[str]]) -> dict[int, Split]:
    """
    The split of each example, of those that hold whole examples.

    ``questions`` are all wordings of each example, by its id.
    """
    if len(questions) < MANY_EXAMPLES:
        return dict.fromkeys(questions, Split.TRAIN)
    cluster = clusters_of(questions)
    members: dict[int, str] = {}
    for example_id, name in cluster.items():
        least = min(questions[example_id])
        members[name] = min(least, members.get(name, least))
    # By content and not by id: the same data set is split the same way on every machine.
    sizes = Counter(cluster.values())
    chosen = {
        # What is larger than all that is held out together would leave little or nothing to train.
        name: Split.TRAIN if sizes[name] * ONE_IN > len(questions) else _split_of_cluster(text)
        for name, text in members.items()
    }
    return {example_id: chosen[name] for example_id, name in cluster.items()}


def words_of(question: str) -> str:
    """What makes two questions the same question, however they are typed."""
    return " ".join(_WORD.findall(question.casefold())) or question


def _split_of_cluster(text: str) -> Split:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    if int.from_bytes(digest[:8], "big") % ONE_IN == 0:
        return Split.HELD_OUT_QUESTION
    if int.from_bytes(digest[8:16], "big") % VALIDATION_ONE_IN == 0:
        return Split.VALIDATION
    return Split.TRAIN
