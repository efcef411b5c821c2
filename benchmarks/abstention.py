"""
How often the bot says that nobody taught it, for what nobody did and for what somebody did.

Decided by the code that serves. The threshold is chosen on the facts' second wordings, as after
an evaluation; it is asked with the frozen third ones and with the frozen questions that no fact
answers. What a tuned model itself says comes on top and is not measured here.
"""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from benchmarks.seed_team import EVERYBODY, TEAM, running_model, seed_team
from bot.answering.abstention import choose, confidence, is_unsure, keep_thresholds
from bot.answering.retrieval import retrieve
from bot.embedding.meaning import Meaning
from bot.embedding.sentence_model import SentenceModel
from bot.evaluation.intervals import interval_of
from bot.seed import curated_facts, load_facts
from bot.seed.organisation import Fact, load_unanswered
from storage.audience import WORKSPACE


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
    asked = {
        "known refused": [fact.wordings[2] for fact in facts],
        "unanswered refused": [each.question for each in load_unanswered()],
    }
    with seed_team(facts, model) as (database, _, meaning), database.write() as session:
        second = [fact.wordings[1] for fact in facts]
        keep_thresholds(session, TEAM, WORKSPACE, choose(session, TEAM, WORKSPACE, second, meaning))
        return {
            f"{len(facts)} facts, by {by}, {name}": _share(
                [_is_refused(session, question, meaning) for question in questions]
            )
            for name, questions in asked.items()
        }


def _is_refused(session: Session, question: str, meaning: Meaning | None) -> bool:
    found = retrieve(session, TEAM, WORKSPACE, EVERYBODY, question, 1, meaning=meaning)
    return is_unsure(session, TEAM, WORKSPACE, confidence(session, question, found))


def _share(refused: Sequence[bool]) -> dict[str, Any]:
    share = interval_of([float(each) for each in refused], range(len(refused)))
    return {
        "share": round(share.mean, 3),
        "interval": [round(share.low, 3), round(share.high, 3)],
        "of": len(refused),
    }
