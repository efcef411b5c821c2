"""
How many of the seed data's other wordings are found as near-duplicates of the first ones.

Thresholds were chosen on the second wordings; the third ones are only reported. Questions nobody
answered, each near to a known one, are counted as false alarms where something is found.
"""

from collections.abc import Sequence
from typing import Any

from benchmarks.seed_team import EVERYBODY, TEAM, running_model, seed_team
from bot.curation.near_duplicates import near_duplicates
from bot.embedding.meaning import Meaning
from bot.embedding.sentence_model import SentenceModel
from bot.seed import curated_facts, load_facts, load_unanswered
from bot.seed.organisation import Fact
from storage.database import Database


def measure() -> dict[str, Any]:
    figures = {}
    with running_model() as running:
        for name, model in (("words", None), ("words and meaning", running)):
            if name == "words" or model:
                for facts in (list(load_facts()), list(curated_facts())):
                    figures |= _measured(facts, model, name)
    return figures


def _measured(facts: Sequence[Fact], model: SentenceModel | None, by: str) -> dict[str, Any]:
    figures = {}
    with seed_team(facts, model) as (database, ids, meaning):
        asked = [each.question for each in load_unanswered()]
        alarms = sum(len(_found(database, meaning, question)) for question in asked)
        for wording, name in ((1, "second"), (2, "third")):
            found = [_found(database, meaning, fact.wordings[wording]) for fact in facts]
            right = sum(own in those for own, those in zip(ids, found, strict=True))
            pairs = sum(len(those) for those in found)
            figures[f"{len(facts)} facts, {name} wordings, by {by}"] = {
                "recall": round(right / len(facts), 3),
                "precision": round(right / max(pairs, 1), 3),
                f"false_alarms_of_{len(asked)}_unanswered_questions": alarms,
            }
    return figures


def _found(database: Database, meaning: Meaning | None, question: str) -> list[int]:
    with database.read() as session:
        nearness = meaning.nearness(session, TEAM, question) if meaning else None
        found = near_duplicates(session, TEAM, EVERYBODY, question, nearness=nearness)
    return [each.example_id for each in found]
