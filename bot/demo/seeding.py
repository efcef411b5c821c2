"""Puts the demo's curated examples into an empty database, once, as if Bob had marked them."""

from collections.abc import Iterable

from sqlmodel import Session, col, func, select

from bot.demo.history import GOOD, Past
from bot.seed.organisation import curated_facts
from storage.audience import WORKSPACE
from storage.database import Database
from storage.schema import upgrade
from storage.tables import Example, ExampleState, Setting, Source, Vote, Wording, WordingUse

DEMO_TEAM = "T0DEMO"
_SEEDED = "demo_seeded"


def seed_examples(database_url: str, history: Iterable[Past], address: str) -> None:
    """
    Seed an empty database; later starts only bring the links up to date with the page's address.

    ``address`` is the page's, without a final slash.
    """
    database = Database(database_url)
    try:
        upgrade(database)
        with database.write() as session:
            if not _is_seeded(session):
                _seed(session, history)
            _link(session, address)
    finally:
        database.close()


def _is_seeded(session: Session) -> bool:
    seeded = select(Setting).where(Setting.team_id == DEMO_TEAM, Setting.key == _SEEDED)
    count = session.exec(select(func.count()).select_from(Example)).one()
    return session.exec(seeded).first() is not None or count > 0


def _seed(session: Session, history: Iterable[Past]) -> None:
    wordings = {fact.id: fact.wordings for fact in curated_facts()}
    for thread in history:
        example = Example(
            team_id=DEMO_TEAM,
            audience=WORKSPACE,
            state=ExampleState.APPROVED,
            question=thread.question,
            answer=thread.answer,
            question_source=Source.SLACK_MESSAGE,
            answer_source=Source.SLACK_MESSAGE,
            channel_id=thread.channel,
            thread_ts=thread.question_ts,
            question_ts=thread.question_ts,
            answer_ts=thread.answer_ts,
            asker_id=thread.asked_by,
            author_id=thread.answered_by,
        )
        session.add(example)
        session.flush()
        assert example.id is not None
        session.add(
            Vote(
                team_id=DEMO_TEAM,
                key=f"{thread.channel}:{thread.answer_ts}:{thread.marked_by}:{GOOD}",
                example_id=example.id,
                user_id=thread.marked_by,
                value=1,
                by_curator=True,
                order_key=thread.answer_ts,
            )
        )
        # The second wording stays free for whoever tries the demo; the third judges the models.
        session.add(
            Wording(
                team_id=DEMO_TEAM,
                example_id=example.id,
                text=wordings[thread.fact_id][2],
                use=WordingUse.EVALUATION,
            )
        )
    session.add(Setting(team_id=DEMO_TEAM, key=_SEEDED, value=True, changed_by="demo"))


def _link(session: Session, address: str) -> None:
    rows = select(Example).where(Example.team_id == DEMO_TEAM, col(Example.answer_ts).is_not(None))
    for example in session.exec(rows):
        path = f"/archives/{example.channel_id}/p{(example.answer_ts or '').replace('.', '')}"
        example.permalink = (
            f"{address}{path}?thread_ts={example.thread_ts}&cid={example.channel_id}"
        )
