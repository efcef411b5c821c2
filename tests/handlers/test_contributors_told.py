"""
Whoever brought an example learns what became of it: once, and where nobody else reads it.

Whatever becomes of it, and whether the bot is restarted or the decision undone and made again.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest

from bot.curation import review as verbs
from bot.curation.near_duplicates import note_near_duplicates
from bot.curation.review import Reviewer
from bot.curation.undoing import undo
from handlers import notices
from handlers.delivery import Delivery
from handlers.recovery import recover
from storage import erasure, near_duplicates, rules
from storage.audience import Viewer
from storage.columns import utc_now
from storage.tables import Example, ExampleState
from tests.capture_desk import Desk
from tests.teaching import TEAM, teach

ALICE, BOB, CAROL = "U0ALICE", "U0BOB", "U0CAROL"
EVERYBODY = Viewer.person(())
REVIEWER = Reviewer(BOB, EVERYBODY)
numbers = count()


@pytest.fixture
def desk(shared_sandbox, tmp_path):
    desk = Desk.open(shared_sandbox, tmp_path / "desk.db")
    yield desk
    desk.database.close()


@pytest.fixture
def word() -> str:
    """Stands in nothing that another test says."""
    return f"thing{next(numbers)}"


def proposed(desk: Desk, word: str) -> str:
    """Carol proposes what Alice answered; returns the answer's ts."""
    answer = desk.thread((BOB, f"Where is the {word}?"), (ALICE, "On the hook."))[1]
    desk.vote(CAROL, answer)
    return answer


def told(desk: Desk, word: str) -> list[dict]:
    """What the bot has said of it to anybody, everything due being out."""
    later = utc_now() + timedelta(hours=1)
    while notices.step(desk.database, desk.client, desk.deps.people, lambda: later):
        pass
    delivery = Delivery(desk.database, desk.client, desk.deps.people)
    while delivery.step():
        pass
    said = desk.sandbox.state("messages")["messages"]
    return [m for m in said if "what became of" in m["text"] and word in m["text"]]


def decide(desk: Desk, act: Callable) -> int:
    with desk.database.write() as session:
        return act(session).id


def take_back(desk: Desk, action_id: int) -> None:
    with desk.database.write() as session:
        undo(session, TEAM, REVIEWER, action_id)


def approved(desk: Desk, word: str) -> int:
    return decide(desk, lambda session: verbs.approve(session, TEAM, REVIEWER, 1))


def rejected(desk: Desk, word: str) -> int:
    return decide(desk, lambda session: verbs.reject(session, TEAM, REVIEWER, 1))


def of_a_pair(desk: Desk, word: str, answer: str, act: Callable) -> int:
    """Decide about Carol's example beside one that asks the same."""
    with desk.database.write() as session:
        pairs = near_duplicates.open_pairs(session, TEAM, EVERYBODY)
        if not pairs:
            note_near_duplicates(session, teach(session, f"Where is the {word}?", answer))
            pairs = near_duplicates.open_pairs(session, TEAM, EVERYBODY)
        [(pair, _, other)] = pairs
        return act(session, TEAM, REVIEWER, pair.id, other.id).id


def merged(desk: Desk, word: str) -> int:
    return of_a_pair(desk, word, "On the hook.", verbs.merge)


def contradicted(desk: Desk, word: str) -> int:
    return of_a_pair(desk, word, "With the caretaker, upstairs.", verbs.settle)


OUTCOMES = [
    (approved, "✅ approved"),
    (rejected, "❌ rejected"),
    (merged, "🔗 merged"),
    (contradicted, "❌ rejected"),
]


@pytest.mark.parametrize(
    ("outcome", "words"), OUTCOMES, ids=[each.__name__ for each, _ in OUTCOMES]
)
def test_each_outcome_is_told_once_to_one_person(desk, word, outcome, words):
    proposed(desk, word)
    assert told(desk, word) == []

    action = outcome(desk, word)
    take_back(desk, action)
    assert told(desk, word) == [], "it was undone in time"
    action = outcome(desk, word)
    [message] = told(desk, word)

    assert words in message["text"]
    assert message["channel"] == direct_messages_of(desk, CAROL)
    # Neither a restart nor a decision made again, or another one, says it once more.
    desk.restart()
    recover(desk.database)
    assert told(desk, word) == [message]
    take_back(desk, action)
    assert told(desk, word) == [message]
    outcome(desk, word)
    assert told(desk, word) == [message]


def direct_messages_of(desk: Desk, user_id: str) -> str:
    return desk.client.conversations_open(users=user_id)["channel"]["id"]


def test_of_a_dispute_the_end_is_told(desk, word):
    answer = proposed(desk, word)
    first = desk.vote(BOB, answer)
    desk.vote(ALICE, answer, -1)
    assert desk.states() == ["disputed"]
    assert told(desk, word) == [], "nothing is decided"

    decide(desk, lambda session: verbs.approve(session, TEAM, REVIEWER, 1))

    [message] = told(desk, word)
    assert "✅ approved" in message["text"]
    desk.take_back(first)
    assert told(desk, word) == [message]


def test_a_vote_that_is_taken_back_in_time_is_told_when_it_is_cast_anew(desk, word):
    answer = proposed(desk, word)
    desk.take_back(desk.vote(BOB, answer))
    assert desk.states() == ["proposed"]
    assert told(desk, word) == []

    desk.vote(BOB, answer)

    [message] = told(desk, word)
    assert "✅ approved" in message["text"]


def test_a_notice_of_an_erased_example_leaves_the_next_one_its_message(desk, word):
    """SQLite gives a row's number again once the row with the greatest one is gone."""
    proposed(desk, f"{word} one")
    approved(desk, word)
    assert len(told(desk, word)) == 1
    with desk.database.write() as session:
        erasure.blank(session, session.get_one(Example, 1))
    answer = proposed(desk, f"{word} two")
    desk.vote(BOB, answer)

    said = told(desk, word)

    assert desk.examples()[1].state is ExampleState.APPROVED
    assert [f"{word} one" in m["text"] for m in said] == [True, False]


def test_whoever_rules_on_what_they_brought_is_told_nothing(desk, word):
    with desk.database.write() as session:
        rules.set_values(session, TEAM, None, {"quorum": 2}, ALICE)
    answer = desk.thread((CAROL, f"Where is the {word}?"), (ALICE, "On the hook."))[1]
    desk.vote(BOB, answer)
    assert desk.states() == ["proposed"]

    rejected(desk, word)

    assert desk.states() == ["rejected"]
    assert told(desk, word) == []


def test_whoever_decides_about_their_own_is_told_nothing(desk, word):
    answer = desk.thread((CAROL, f"Where is the {word}?"), (ALICE, "On the hook."))[1]
    desk.vote(BOB, answer)

    assert desk.states() == ["approved"]
    assert told(desk, word) == []
