"""While much comes in the sentence model gives way, but nothing waits for ever."""

import pytest

from bot.embedding.filling import PATIENCE_SECONDS, Filling
from bot.embedding.meaning import Meaning
from storage import vectors
from tests.teaching import TEAM, fresh_database, teach


class Rush:
    """Says whether it goes on, and what time it is."""

    goes_on = True
    now = 1000.0

    def __call__(self) -> bool:
        return self.goes_on

    def clock(self) -> float:
        return self.now


@pytest.fixture
def rush() -> Rush:
    return Rush()


@pytest.fixture
def filling(tmp_path, model, rush):
    database = fresh_database(tmp_path)
    meaning = Meaning.by(model).patient()
    yield Filling(database, meaning, lambda *_: None, rush, rush.clock)
    database.close()


def lacking(filling: Filling) -> int:
    with filling.database.read() as session:
        return len(vectors.without_vector(session, filling.meaning.model.name, 99))


def teach_one(filling: Filling, number: int) -> None:
    with filling.database.write() as session:
        teach(session, f"Where is key {number}?", "On its hook.", team_id=TEAM)


def work_off(filling: Filling) -> None:
    while filling.step():
        pass


def test_a_rush_is_waited_for_and_its_end_is_enough(filling, rush):
    teach_one(filling, 1)

    assert not filling.step()
    assert lacking(filling) == 1

    rush.goes_on = False
    work_off(filling)
    assert lacking(filling) == 0


def test_in_an_endless_rush_everything_gets_its_vector_again_and_again(filling, rush):
    teach_one(filling, 1)
    filling.step()

    for number in (2, 3):
        rush.now += PATIENCE_SECONDS - 1
        assert not filling.step()
        rush.now += 1
        work_off(filling)
        assert lacking(filling) == 0

        teach_one(filling, number)
        assert not filling.step(), "what came since waits for the rush once more"


def test_a_rush_that_ended_starts_no_clock_for_the_next(filling, rush):
    teach_one(filling, 1)
    filling.step()
    rush.goes_on = False
    work_off(filling)

    rush.goes_on, rush.now = True, rush.now + PATIENCE_SECONDS
    teach_one(filling, 2)

    assert not filling.step()
