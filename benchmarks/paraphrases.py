"""
How many of the seed data's other wordings are found as near-duplicates of the first ones.

Thresholds were chosen on the second wordings; the third ones are only reported. Questions nobody
answered, each near to a known one, count as false alarms where something is found.
"""

import tempfile
from pathlib import Path
from typing import Any

from sqlmodel import Session

from bot.curation.near_duplicates import near_duplicates
from bot.seed import curated_facts, load_facts, load_unanswered
from bot.seed.organisation import Fact
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.schema import upgrade
from storage.tables import Example, ExampleState, Source

TEAM = "T0DEMO"
EVERYBODY = Viewer.channel("C0HELP", is_private=False)


def measure() -> dict[str, Any]:
    return {
        f"{len(facts)} facts, {name} wordings": _measured(facts, wording)
        for facts in (list(load_facts()), list(curated_facts()))
        for wording, name in ((1, "second"), (2, "third"))
    }


def _measured(facts: list[Fact], wording: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="apprentice-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'apprentice.db'}")
        upgrade(database)
        with database.write() as session:
            ids = [_stored(session, fact) for fact in facts]
        with database.read() as session:
            found = [_found(session, fact.wordings[wording]) for fact in facts]
            alarms = sum(len(_found(session, each.question)) for each in load_unanswered())
        database.close()
    right = sum(own in those for own, those in zip(ids, found, strict=True))
    pairs = sum(len(those) for those in found)
    return {
        "recall": round(right / len(facts), 3),
        "precision": round(right / max(pairs, 1), 3),
        "precision_with_unanswered_questions": round(right / max(pairs + alarms, 1), 3),
    }


def _stored(session: Session, fact: Fact) -> int:
    example = Example(
        team_id=TEAM,
        audience=WORKSPACE,
        state=ExampleState.APPROVED,
        question=fact.wordings[0],
        answer=fact.answer,
        question_source=Source.AUTHORED,
        answer_source=Source.AUTHORED,
    )
    session.add(example)
    session.flush()
    assert example.id is not None
    return example.id


def _found(session: Session, question: str) -> list[int]:
    return [each.example_id for each in near_duplicates(session, TEAM, EVERYBODY, question)]
