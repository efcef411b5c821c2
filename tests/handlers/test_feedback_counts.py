"""Opinions of our answers count for who answered: of colleagues, once, and until taken back."""

import pytest
from sqlmodel import select

from bot.curation import forgetting
from bot.curation.forgetting import Grace
from handlers.reactions import BAD, GOOD
from storage import feedback
from storage.columns import utc_now
from storage.tables import Feedback, Question
from tests.capture_desk import Desk
from tests.teaching import TEAM


@pytest.fixture
def desk(shared_sandbox, tmp_path):
    return Desk.open(shared_sandbox, tmp_path / "desk.db")


def tally(desk) -> tuple[int, int]:
    with desk.database.read() as session:
        return feedback.of_version(session, TEAM, "workspace-v1")


@pytest.fixture
def answer(desk) -> str:
    ts = desk.bot_answer()
    with desk.database.write() as session:
        session.exec(select(Question)).one().version_name = "workspace-v1"
    return ts


def test_colleagues_count_once_however_often_the_event_comes(desk, answer):
    desk.vote("U0CAROL", answer, BAD)
    desk.vote("U0BOB", answer, GOOD)
    desk.vote("U0BOB", answer, GOOD, button=True)
    desk.work_again()

    assert tally(desk) == (0, 0)  # one against one


def test_what_is_taken_back_counts_no_more(desk, answer):
    desk.take_back(desk.vote("U0CAROL", answer, BAD))

    assert tally(desk) == (0, 0)


@pytest.mark.parametrize("who", ["U0DAVE", "U0ERIN", "U0APPRENTICE"])
def test_guests_strangers_and_apps_do_not_count(desk, answer, who):
    desk.vote(who, answer, BAD)

    assert tally(desk) == (0, 0)


def test_a_vote_on_what_a_person_said_is_no_feedback(desk):
    [_, said] = desk.thread(("U0CAROL", "Where is the key?"), ("U0BOB", "With me."))
    desk.vote("U0ALICE", said)

    with desk.database.read() as session:
        assert session.exec(select(Feedback)).all() == []


def forget(desk, user_id: str) -> None:
    with desk.database.write() as session:
        row = forgetting.opt_out(session, TEAM, user_id)
        forgetting.forget_person(session, row, Grace(utc_now()))


def test_who_was_forgotten_and_says_the_same_again_adds_no_second_vote(desk, answer):
    desk.vote("U0BOB", answer, BAD)
    for _ in range(3):
        desk.vote("U0CAROL", answer, GOOD)
        assert tally(desk) == (0, 0)  # one against one, whoever was forgotten in between
        forget(desk, "U0CAROL")
        assert tally(desk) == (0, 1)


def test_nobody_is_two_voters_of_a_canary_by_being_forgotten_in_between(desk, answer):
    with desk.database.write() as session:
        session.exec(select(Question)).one().canary_id = 7
    desk.vote("U0CAROL", answer, GOOD)
    forget(desk, "U0CAROL")
    desk.vote("U0CAROL", answer, GOOD)

    with desk.database.read() as session:
        assert feedback.voters(session, TEAM, 7) == ["U0CAROL"]
        assert feedback.of_canary(session, TEAM, 7) == {"workspace-v1": (1, 0)}
        assert feedback.of_canary(session, TEAM, 7, without="U0CAROL") == {}
