"""
How many of the seed data's other wordings are found as near-duplicates of the first ones.

Thresholds were chosen on the second wordings; the third ones are only reported. Questions nobody
answered, each near to a known one, are counted as false alarms where something is found.

A new example has an answer as well. Somebody who teaches a fact a second time does not give the
very same words, so half the words of the answer are left out, drawn anew for each. What is found
where the own fact is not stored is a false alarm. Facts as they are stored, all different, are
counted too: each pair they make is one that a curator would be shown for nothing.
"""

import random
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
            key = f"{len(facts)} facts, {name} wordings with half an answer, by {by}"
            figures[key] = _with_answers(database, ids, meaning, facts, wording)
        figures[f"{len(facts)} facts, all different, by {by}"] = {
            "pairs": len(_pairs(database, ids, meaning, facts))
        }
    return figures


def _pairs(
    database: Database, ids: list[int], meaning: Meaning | None, facts: Sequence[Fact]
) -> set[frozenset[int]]:
    return {
        frozenset((own, other))
        for own, fact in zip(ids, facts, strict=True)
        for other in _found(database, meaning, fact.wordings[0], fact.answer, exclude=(own,))
    }


def _with_answers(
    database: Database, ids: list[int], meaning: Meaning | None, facts: Sequence[Fact], wording: int
) -> dict[str, Any]:
    rng = random.Random(5)
    pairs = right = alarms = 0
    for own, fact in zip(ids, facts, strict=True):
        kept = [word for word in fact.answer.split() if rng.random() < 0.5]
        new = fact.wordings[wording], " ".join(kept)
        found = _found(database, meaning, *new)
        pairs += len(found)
        right += own in found
        alarms += len(_found(database, meaning, *new, exclude=(own,)))
    return {
        "recall": round(right / len(facts), 3),
        "precision": round(right / max(pairs, 1), 3),
        "precision_with_as_many_new_facts": round(right / max(pairs + alarms, 1), 3),
    }


def _found(
    database: Database,
    meaning: Meaning | None,
    question: str,
    answer: str = "",
    exclude: tuple[int, ...] = (),
) -> list[int]:
    with database.read() as session:
        nearness = meaning.nearness(session, TEAM, question) if meaning else None
        found = near_duplicates(
            session, TEAM, EVERYBODY, question, nearness=nearness, answer=answer, exclude=exclude
        )
    return [each.example_id for each in found]
