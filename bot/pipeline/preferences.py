"""
Preference pairs of a run: the answer people want, and what stood there before they corrected it.

Pairs come from examples in the run's training split alone, so audience and lineage are those of
its rows: what is erased of an example is erased here, and its version is marked.
"""

from collections.abc import Mapping, Sequence

from bot.engines.client import Message
from bot.pipeline.training_rows import training_rows
from bot.pipeline.workshop import Workshop
from bot.training.local import LocalTrainer
from storage import snapshots
from storage.audience import Viewer
from storage.tables import Run, SnapshotRow, Source, Split

Pair = tuple[list[Message], str]

#: Fewer teach a model how these few read, not what is preferred.
FEWEST_PAIRS = 8
#: What stood there may be either; which, is not known any more once it is corrected.
MAY_BE = frozenset({Source.SLACK_MESSAGE.value, Source.BOT_ANSWER.value})


def find_pairs(workshop: Workshop, run: Run, rows: Sequence[SnapshotRow]) -> tuple[list[Pair], str]:
    """The pairs to learn from, or none, and a sentence about them; empty where none were asked."""
    if not workshop.learns_preferences:
        return [], ""
    if run.trainer != "local" or not isinstance(workshop.trainers[run.trainer], LocalTrainer):
        return [], "Preferences are learned by the trainer local alone: this run learns answers."
    missing = sorted(MAY_BE - set(run.rights.get("sources", ())))
    if missing:
        return [], (
            "Corrected answers may be Slack messages or the bot's own, and training on "
            f"{' and '.join(missing)} is not attested: this run learns answers only."
        )
    with workshop.database.read() as session:
        wrong = snapshots.corrected_answers(
            session, run.team_id, run.audience, Viewer.model(run.audience)
        )
    pairs = pairs_of(rows, wrong)
    if len(pairs) < FEWEST_PAIRS:
        return [], (
            f"Corrected answers to learn preferences from: {len(pairs)}, and {FEWEST_PAIRS} are "
            "needed. This run learns answers only."
        )
    return pairs, f"Learns last, from {len(pairs)} pairs, which answers were corrected."


def pairs_of(rows: Sequence[SnapshotRow], wrong: Mapping[int, tuple[str, str]]) -> list[Pair]:
    """
    One pair a trained row whose example still says what was frozen. ``wrong`` is what examples
    say now and said before, by their ids.
    """
    train = [row for row in rows if row.split == Split.TRAIN]
    pairs = []
    for row, chat in zip(train, training_rows(rows), strict=True):
        now, before = wrong.get(row.example_id, ("", ""))
        if before and before != row.answer == now:
            pairs.append((chat, before))
    return pairs
