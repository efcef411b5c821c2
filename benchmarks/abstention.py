"""
How often the bot says that it is not sure, or does not know, for what nobody taught it and for what
somebody did.

Decided by the code that serves. The lines are drawn on the facts' first and second wordings; asked
are the frozen third ones and the frozen questions that no fact answers. A known question is lost
where neither a model answers it nor the right answer is among what is quoted. What a tuned model
itself says comes on top and is not measured here.
"""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from benchmarks.seed_team import EVERYBODY, TEAM, running_model, seed_team
from bot.answering.abstention import QUOTED, standing_of
from bot.answering.retrieval import retrieve
from bot.embedding.meaning import Meaning
from bot.embedding.sentence_model import SentenceModel
from bot.evaluation.intervals import interval_of
from bot.pipeline.calibrating import Calibration
from bot.seed import curated_facts, load_facts
from bot.seed.organisation import Fact, load_unanswered
from storage import examples
from storage.audience import WORKSPACE
from storage.tables import Standing


def measure() -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with running_model() as model:
        for facts in (list(curated_facts()), list(load_facts())):
            figures |= measured(facts, None)
            if model:
                figures |= measured(facts, model)
    return figures


def measured(facts: Sequence[Fact], model: SentenceModel | None) -> dict[str, Any]:
    """Shares with their 95 % intervals and counts."""
    by = "words and meaning" if model else "words alone"
    with seed_team(facts, model) as (database, ids, meaning):
        with database.write() as session:
            for fact, example_id in zip(facts, ids, strict=True):
                examples.add_wording(session, TEAM, EVERYBODY, example_id, fact.wordings[1])
        Calibration(database, meaning).step()
        with database.read() as session:
            known = [
                _asked(session, fact.wordings[2], meaning, example_id)
                for fact, example_id in zip(facts, ids, strict=True)
            ]
            unknown = [_asked(session, each.question, meaning) for each in load_unanswered()]
    shares = {
        "unanswered: says so": [standing is not Standing.SURE for standing, _ in unknown],
        "unanswered: refused outright": [standing is Standing.UNKNOWN for standing, _ in unknown],
        "known: lost": [standing is not Standing.SURE and not shown for standing, shown in known],
        "known: quoted, the right answer shown": [
            standing is Standing.DOUBTFUL and shown for standing, shown in known
        ],
        "known: a model is asked": [standing is Standing.SURE for standing, _ in known],
    }
    return {f"{len(facts)} facts, by {by}, {name}": _share(each) for name, each in shares.items()}


def _asked(
    session: Session, question: str, meaning: Meaning | None, right: int | None = None
) -> tuple[Standing, bool]:
    """What becomes of a question, and whether its right answer would be quoted."""
    found = retrieve(session, TEAM, WORKSPACE, EVERYBODY, question, QUOTED, meaning=meaning)
    standing = standing_of(session, TEAM, WORKSPACE, question, found)
    is_quoted = standing is Standing.DOUBTFUL and right in [example.id for example in found]
    return standing, is_quoted


def _share(chosen: Sequence[bool]) -> dict[str, Any]:
    share = interval_of([float(each) for each in chosen], range(len(chosen)))
    return {
        "share": round(share.mean, 3),
        "interval": [round(share.low, 3), round(share.high, 3)],
        "of": len(chosen),
    }
