"""Left to itself, the bot promotes what people prefer and takes back what fails, once."""

from datetime import timedelta
from itertools import count

import pytest
from sqlmodel import select

from bot.answering.canary import Plan, start, stop
from bot.answering.promotion import promote
from bot.answering.strategy import BASE, Strategy, live_strategy
from bot.errors import CanaryError, UnprovenError
from bot.evaluation.health import Limits
from bot.pipeline import reconcile
from bot.pipeline.watching import CANARY, EVERY, WATCH, Watch
from storage import audit, canaries, evaluations, feedback, questions, versions
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.database import Database
from storage.tables import (
    Canary,
    CanaryState,
    OutboxMessage,
    Promotion,
    QuestionState,
    Run,
    Verdict,
    VersionState,
)
from tests.knowing_engine import KnowingEngine
from tests.model_versions import make_version
from tests.pipeline_parts import FACTS, make_workshop
from tests.teaching import TEAM

EVERYONE = Viewer.person(())
IN_OPS = Viewer.person({"C0OPS"})
OLD, NEW = "workspace-v1", "workspace-v2"


@pytest.fixture
def two_versions(database):
    """The first one live for a while."""
    with database.write() as session:
        make_version(session)
        make_version(session, Verdict.HOLD)
        promote(session, TEAM, OLD, "U0ALICE", EVERYONE)
        session.exec(select(Promotion)).one().created_at -= timedelta(days=30)
    return database


class Team:
    """People who ask and say what they think of the answers."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._number = count()
        self.clock = Clock()
        self.watch = Watch(database, now=self.clock)

    def ask(
        self, version, good=0, bad=0, *, failed=0, seconds=2.0, ago=timedelta(0), canary=None,
        by=("U0CAROL", "U0BOB"), thread=None,
    ):  # fmt: skip
        """So many answers of a version, each with one opinion; or so many failures."""
        with self.database.write() as session:
            for value in [1] * good + [-1] * bad + [0] * failed:
                question = self._ask(session, version, value, seconds, ago, canary, thread)
                if value:
                    number = int(question.message_ts)
                    who = {"key": str(number), "user_id": by[number % len(by)]}
                    feedback.note(session, question, value=value, order_key="1", **who)

    def _ask(self, session, version, value, seconds, ago, canary, thread):
        ts = str(next(self._number))
        question = questions.ask(
            session, TEAM, channel_id="C0HELP", message_ts=ts, thread_ts=thread or ts,
            user_id="U0CAROL", queue_limit=10_000,
        )  # fmt: skip
        questions.chose(session, question.id, version, [], canary)
        question.asked_at = question.started_at = utc_now() - ago
        question.ended_at = question.started_at + timedelta(seconds=seconds)
        question.state = QuestionState.ANSWERED if value else QuestionState.FAILED
        question.engine_failed = not value
        return question

    def start_canary(self, name=NEW, viewer=EVERYONE, days=14):
        with self.database.write() as session:
            ends_at = utc_now() + timedelta(days=days)
            return start(session, TEAM, Plan(name, 20, "U0ALICE", "C0HELP", ends_at), viewer).id

    def live(self, audience=WORKSPACE) -> Strategy:
        with self.database.read() as session:
            return live_strategy(session, TEAM, audience)

    def said(self) -> list[str]:
        with self.database.read() as session:
            return [row.text for row in session.exec(select(OutboxMessage))]

    def state(self, canary_id) -> CanaryState:
        with self.database.read() as session:
            return session.get_one(Canary, canary_id).state


class Clock:
    ahead = timedelta(0)

    def __call__(self):
        return utc_now() + self.ahead


@pytest.fixture
def team(two_versions):
    return Team(two_versions)


def test_a_candidate_people_like_less_is_taken_back_with_one_sentence(team):
    canary = team.start_canary()
    team.ask(OLD, good=12, canary=canary)
    team.ask(NEW, bad=4, canary=canary)
    assert not team.watch.step()

    team.ask(NEW, bad=4, canary=canary)
    assert team.watch.step()
    assert not team.watch.step()

    assert team.said() == [
        "I ended the canary of *workspace-v2*: people liked it in 0 of 8 conversations, and "
        "*workspace-v1* in 12 of 12. Everybody gets *workspace-v1*."
    ]
    assert (team.state(canary), team.live()) == (CanaryState.ROLLED_BACK, Strategy(OLD, 1))
    with team.database.read() as session:
        assert versions.by_name(session, TEAM, NEW, EVERYONE).taken_back_at
        [entry] = [
            e for e in audit.entries(session, TEAM, EVERYONE) if e.action == "canary.rolled_back"
        ]
    assert (entry.actor, entry.subject) == (CANARY, "version:workspace-v2")
    assert "people liked it in 0 of 8" in entry.details["reason"]


def test_a_candidate_people_like_better_is_promoted_though_its_evaluation_was_a_hold(team):
    canary = team.start_canary()
    team.ask(OLD, good=5, bad=10, canary=canary)
    team.ask(NEW, good=14, canary=canary)

    assert team.watch.step()

    [text] = team.said()
    assert text.startswith(
        "*workspace-v2* answers everywhere from now on: people liked it in 14 of 14"
    )
    assert (team.state(canary), team.live()) == (CanaryState.PROMOTED, Strategy(NEW, 1))
    with team.database.read() as session:
        moved = versions.live(session, TEAM, WORKSPACE)
    assert (moved.promoted_by, "people liked it in 14 of 14" in moved.reason) == (CANARY, True)


def test_a_candidate_that_is_as_good_is_held_when_its_time_is_over(team):
    canary = team.start_canary(days=14)
    team.ask(OLD, good=40, bad=10, canary=canary)
    team.ask(NEW, good=9, bad=2, canary=canary)
    team.clock.ahead = timedelta(days=13.9)
    assert not team.watch.step()

    team.clock.ahead = timedelta(days=14.1)
    assert team.watch.step()

    [text] = team.said()
    assert text == (
        "I hold *workspace-v2*: people liked it in 9 of 11 conversations, and "
        "*workspace-v1* in 40 of 50, which is too little to tell them apart. Everybody gets "
        "*workspace-v1*. `/apprentice canary workspace-v2 50%` would ask more people."
    )
    assert (team.state(canary), team.live()) == (CanaryState.HELD, Strategy(OLD, 1))
    with team.database.read() as session:
        assert versions.by_name(session, TEAM, NEW, EVERYONE).state is VersionState.HELD


def test_a_person_who_ends_a_canary_while_it_is_being_decided_is_faster(team):
    canary = team.start_canary(days=14)
    looks = count()

    def now():
        """Time is over at the second look; somebody types the command in that moment."""
        if next(looks) == 1:
            with team.database.write() as session:
                stop(session, TEAM, WORKSPACE, "U0ALICE", utc_now())
        return utc_now() + timedelta(days=15)

    Watch(team.database, now=now).step()

    assert next(looks) > 1
    assert team.state(canary) is CanaryState.STOPPED
    assert team.said() == []


def test_only_what_was_said_during_the_canary_counts(team):
    team.ask(NEW, bad=30)
    canary = team.start_canary()
    team.ask(OLD, good=12, canary=canary)
    team.ask(OLD, good=99)

    assert not team.watch.step()


def test_one_person_has_one_opinion_of_one_answer(team):
    canary = team.start_canary()
    team.ask(NEW, good=1, canary=canary)
    with team.database.write() as session:
        [question] = questions.outcomes(session, TEAM, NEW, limit=9)

        def say(key, value, at):
            who = {"user_id": key.partition(":")[0], "value": value, "order_key": at}
            feedback.note(session, question, key=key, **who)
            return feedback.of_canary(session, TEAM, canary).get(NEW)

        assert say("U0ALICE:button", 1, "1") == (1, 0)
        assert say("U0ALICE:white_check_mark", 1, "2") == (1, 0)
        assert say("U0ALICE:x", -1, "3") is None  # against the other's good one: divided
        assert say("U0ALICE:x", 1, "2") is None  # an older event that came late
        feedback.take_back(session, TEAM, "U0ALICE:x", "2")
        assert feedback.of_canary(session, TEAM, canary) == {}
        feedback.take_back(session, TEAM, "U0ALICE:x", "4")
        assert feedback.of_canary(session, TEAM, canary)[NEW] == (1, 0)


def test_a_conversation_is_one_vote_that_of_the_majority(team):
    canary = team.start_canary()
    team.ask(OLD, good=12, canary=canary)
    team.ask(NEW, bad=30, canary=canary, thread="1")
    team.ask(NEW, good=2, bad=1, canary=canary, thread="2")

    assert not team.watch.step()

    with team.database.read() as session:
        assert feedback.of_canary(session, TEAM, canary) == {OLD: (12, 0), NEW: (1, 1)}


def test_one_person_alone_promotes_no_candidate_however_often_they_vote(team):
    canary = team.start_canary()
    team.ask(OLD, bad=50, canary=canary, by=["U0CAROL"])
    team.ask(NEW, good=50, canary=canary, by=["U0CAROL"])
    team.ask(OLD, good=1, canary=canary, by=["U0BOB"])
    team.ask(NEW, good=1, canary=canary, by=["U0BOB"])
    assert not team.watch.step()

    team.clock.ahead = timedelta(days=14.1)
    assert team.watch.step()

    assert (team.state(canary), team.live()) == (CanaryState.HELD, Strategy(OLD, 1))
    assert (
        "*workspace-v1* in 1 of 51, but without one person's votes it is no better"
        in (team.said()[0])
    )


def test_with_a_second_person_of_the_same_opinion_it_is_promoted(team):
    canary = team.start_canary()
    team.ask(OLD, bad=50, canary=canary, by=["U0CAROL"])
    team.ask(NEW, good=50, canary=canary, by=["U0CAROL"])
    team.ask(NEW, good=1, canary=canary, by=["U0BOB"])
    team.ask(OLD, bad=1, canary=canary, by=["U0BOB"])
    assert not team.watch.step()  # a slip is no opinion

    team.ask(NEW, good=1, canary=canary, by=["U0BOB"])
    team.ask(OLD, bad=1, canary=canary, by=["U0BOB"])
    assert team.watch.step()

    assert team.state(canary) is CanaryState.PROMOTED


COLLUDING = ("U0CAROL", "U0BOB")


def test_two_who_agree_beforehand_need_ten_conversations_of_their_own(team):
    canary = team.start_canary()
    team.ask(OLD, bad=4, canary=canary, by=COLLUDING)
    team.ask(NEW, good=5, canary=canary, by=COLLUDING)
    assert not team.watch.step()

    team.ask(OLD, bad=1, canary=canary, by=COLLUDING)
    assert team.watch.step()

    assert team.state(canary) is CanaryState.PROMOTED


def test_whoever_disagrees_in_their_conversations_takes_their_votes_away(team):
    canary = team.start_canary()
    for number in range(20):
        answers = (OLD, -1, "old") if number % 2 else (NEW, 1, "new")
        version, value, name = answers
        thread = f"{name}{number}"
        for opinion, by in ((value, COLLUDING[number % 2 :]), (-value, ["U0DAVE"])):
            team.ask(
                version, good=opinion > 0, bad=opinion < 0, canary=canary, by=by, thread=thread
            )

    assert not team.watch.step()
    with team.database.read() as session:
        assert feedback.of_canary(session, TEAM, canary) == {}


def test_what_two_put_live_against_the_others_the_others_take_back_for_good(team):
    canary = team.start_canary()
    team.ask(OLD, bad=5, canary=canary, by=COLLUDING)
    team.ask(NEW, good=5, canary=canary, by=COLLUDING)
    assert team.watch.step()
    team.ask(OLD, good=20, ago=timedelta(days=1), by=["U0DAVE", "U0ERIN"])
    team.ask(NEW, bad=20, by=["U0DAVE", "U0ERIN"])
    team.clock.ahead = EVERY
    assert team.watch.step()
    assert team.live() == Strategy(OLD, 1)

    again = team.start_canary()
    team.ask(OLD, bad=10, canary=again, by=COLLUDING)
    team.ask(NEW, good=10, canary=again, by=COLLUDING)
    assert team.watch.step()

    assert (team.state(again), team.live()) == (CanaryState.HELD, Strategy(OLD, 1))


def test_a_candidate_whose_engine_fails_is_taken_back_though_nobody_votes(team):
    canary = team.start_canary()
    team.ask(OLD, good=9, canary=canary)
    team.ask(NEW, failed=6, canary=canary)

    assert team.watch.step()

    assert team.state(canary) is CanaryState.ROLLED_BACK
    assert "the engine failed in 6 of its last 6 answers" in team.said()[0]


def test_a_candidate_that_loses_its_files_ends_the_canary(team):
    canary = team.start_canary()
    with team.database.write() as session:
        versions.by_name(session, TEAM, NEW, EVERYONE).state = VersionState.RETIRED

    assert team.watch.step()

    assert team.state(canary) is CanaryState.ROLLED_BACK
    assert "it cannot answer any more" in team.said()[0]


def test_a_candidate_that_is_judged_anew_and_rejected_is_tried_no_more(team):
    canary = team.start_canary()
    team.ask(OLD, bad=10, canary=canary)
    team.ask(NEW, good=14, canary=canary)
    with team.database.write() as session:
        judge(session, Verdict.REJECT)

    assert team.watch.step()

    assert (team.state(canary), team.live()) == (CanaryState.ROLLED_BACK, Strategy(OLD, 1))
    assert "its evaluation was judged anew and forbids it" in team.said()[0]


def test_a_candidate_that_is_judged_anew_and_not_proven_is_tried_no_more(team):
    canary = team.start_canary()
    team.ask(OLD, bad=10, canary=canary)
    team.ask(NEW, good=14, canary=canary)
    with team.database.write() as session:
        version = versions.by_name(session, TEAM, NEW, EVERYONE)
        evaluation = evaluations.of_version(session, TEAM, version.id)
        evaluation.evidence = {"findings": {"parity_proven": False}}

    assert team.watch.step()

    assert (team.state(canary), team.live()) == (CanaryState.ROLLED_BACK, Strategy(OLD, 1))


def test_one_candidate_is_tried_at_a_time(team):
    canary = team.start_canary()
    with team.database.write() as session:
        make_version(session)

    with pytest.raises(CanaryError, match="One canary at a time: workspace-v2"):
        team.start_canary("workspace-v3")

    assert team.start_canary() == canary  # the same again changes its share


def test_what_is_not_proven_is_tried_only_where_somebody_takes_that_on_themselves(team):
    with team.database.write() as session:
        version = versions.by_name(session, TEAM, NEW, EVERYONE)
        evaluation = evaluations.of_version(session, TEAM, version.id)
        evaluation.evidence = {"findings": {"parity_proven": False}}

    with pytest.raises(UnprovenError):
        team.start_canary()


def test_a_canary_whose_rival_was_replaced_ends(team):
    canary = team.start_canary()
    with team.database.write() as session:
        make_version(session)
        promote(session, TEAM, "workspace-v3", "U0ALICE", EVERYONE)

    assert team.watch.step()

    assert team.state(canary) is CanaryState.STOPPED
    assert "Everybody gets *workspace-v3*." in team.said()[0]


def test_a_private_channels_canary_compares_with_what_the_channel_had(team):
    with team.database.write() as session:
        make_version(session, audience="C0OPS")
    canary = team.start_canary("c0ops-v1", IN_OPS)
    team.ask(OLD, good=5, bad=10, canary=canary)
    team.ask("c0ops-v1", good=14, canary=canary)

    assert team.watch.step()

    assert team.state(canary) is CanaryState.PROMOTED
    assert (team.live("C0OPS").version_name, team.live().version_name) == ("c0ops-v1", OLD)


def promote_new(team):
    """The second version replaces the first, ten minutes ago."""
    with team.database.write() as session:
        judge(session, Verdict.PROMOTE)
        promote(session, TEAM, NEW, "U0ALICE", EVERYONE)
        moved = versions.live(session, TEAM, WORKSPACE)
        moved.created_at -= timedelta(minutes=10)
        session.get_one(Run, 2).channel_id = "C0GENERAL"


def judge(session, verdict: Verdict):
    version = versions.by_name(session, TEAM, NEW, EVERYONE)
    evaluations.of_version(session, TEAM, version.id).verdict = verdict


YESTERDAY = timedelta(days=1)


def test_how_the_one_before_fares_since_then_is_no_measure(team):
    """It may be pinned somewhere, and slow today: what people knew before counts."""
    team.ask(OLD, good=30, ago=YESTERDAY)
    promote_new(team)
    team.ask(OLD, good=60, seconds=20)
    team.ask(NEW, good=12, seconds=20)

    assert team.watch.step()

    assert team.live() == Strategy(OLD, 1)
    assert "2.0 would be usual" in team.said()[-1]


def test_what_was_said_of_it_before_it_was_promoted_takes_nothing_back(team):
    team.ask(OLD, good=30, bad=3, ago=YESTERDAY)
    team.ask(NEW, bad=20, ago=YESTERDAY)
    promote_new(team)
    team.ask(NEW, good=12)

    assert not team.watch.step()

    assert team.live() == Strategy(NEW, 1)


def test_who_promotes_something_else_while_a_rollback_is_decided_is_faster(team, monkeypatch):
    team.ask(OLD, good=30, bad=3, ago=YESTERDAY)
    promote_new(team)
    team.ask(NEW, failed=8)
    roll_back = Watch._roll_back

    def after_a_person(watch, found):
        with team.database.write() as session:
            make_version(session)
            promote(session, TEAM, "workspace-v3", "U0ALICE", EVERYONE)
        roll_back(watch, found)

    monkeypatch.setattr(Watch, "_roll_back", after_a_person)
    team.watch.step()

    assert team.live() == Strategy("workspace-v3", 1)


@pytest.mark.parametrize(
    ("after", "why"),
    [
        ({"failed": 8}, "the engine failed in 8 of its last 8 answers"),
        ({"good": 12, "seconds": 20}, "its answers take 20.0 seconds, and 2.0 would be usual"),
        (
            {"good": 2, "bad": 20},
            "people liked it in 2 of 22 conversations, and what was before in 30 of 33",
        ),
    ],
)
def test_a_promoted_version_that_fares_badly_is_rolled_back_and_why_is_told_once(team, after, why):
    team.ask(OLD, good=30, bad=3, ago=YESTERDAY)
    promote_new(team)
    team.ask(NEW, **after)

    assert team.watch.step()
    for _ in range(3):
        team.clock.ahead += 2 * EVERY
        assert not team.watch.step()

    [text] = team.said()
    assert text.startswith(f"I rolled *workspace-v2* back: {why}")
    assert "*workspace-v1* answers again" in text
    with team.database.read() as session:
        [row] = session.exec(select(OutboxMessage))
        moved = versions.live(session, TEAM, WORKSPACE)
        assert versions.by_name(session, TEAM, NEW, EVERYONE).taken_back_at
    assert (row.channel_id, team.live()) == ("C0GENERAL", Strategy(OLD, 1))
    assert (moved.promoted_by, moved.is_rollback, moved.reason.startswith(why)) == (
        WATCH, True, True,
    )  # fmt: skip


def test_a_clock_that_is_put_back_blinds_nobody(team):
    promote_new(team)
    team.clock.ahead = timedelta(hours=2)
    assert not team.watch.step()
    team.ask(NEW, failed=8)

    team.clock.ahead = timedelta(0)
    assert team.watch.step()


def test_a_promoted_version_that_fares_as_before_stays(team):
    team.ask(OLD, good=30, bad=3, failed=2, ago=YESTERDAY)
    promote_new(team)
    team.ask(NEW, good=30, bad=4, failed=3, seconds=3.5)

    assert not team.watch.step()


def test_the_limits_are_settings(team):
    team.ask(OLD, good=30, bad=3, ago=YESTERDAY)
    promote_new(team)
    team.ask(NEW, failed=8)

    assert not Watch(team.database, Limits(error_share=0)).step()


def test_what_was_taken_back_is_never_promoted_again_by_itself(team):
    team.ask(OLD, good=30, ago=YESTERDAY)
    promote_new(team)
    team.ask(NEW, failed=8)
    team.watch.step()
    canary = team.start_canary()
    team.ask(OLD, good=5, bad=10, canary=canary)
    team.ask(NEW, good=30, canary=canary)

    assert team.watch.step()

    assert (team.state(canary), team.live()) == (CanaryState.HELD, Strategy(OLD, 1))
    assert "but I took it back once before" in team.said()[-1]
    with team.database.write() as session:  # a person may, and then it stays
        session.exec(select(Promotion)).all()[-1].created_at -= timedelta(minutes=1)
        promote(session, TEAM, NEW, "U0ALICE", EVERYONE)
    team.clock.ahead += 2 * EVERY
    assert not team.watch.step()


def test_the_version_below_is_not_blamed_for_an_engine_that_goes_on_failing(team):
    team.ask(None, good=30, ago=timedelta(days=60))
    team.ask(OLD, good=30, ago=YESTERDAY)
    promote_new(team)
    team.ask(NEW, good=2, bad=20)
    assert team.watch.step()
    team.ask(OLD, failed=20)
    team.clock.ahead += 2 * EVERY

    assert not team.watch.step()
    assert team.live() == Strategy(OLD, 1)


def test_without_a_place_the_person_who_promoted_is_told(database):
    with database.write() as session:
        make_version(session)
        promote(session, TEAM, OLD, "U0ALICE", EVERYONE)
        versions.live(session, TEAM, WORKSPACE).created_at -= timedelta(minutes=1)
    team = Team(database)
    team.ask(OLD, failed=6)

    assert team.watch.step()

    with database.read() as session:
        [row] = session.exec(select(OutboxMessage))
    assert (row.channel_id, team.live()) == ("U0ALICE", BASE)
    assert "The base model with your examples answers again" in row.text


def test_rolling_back_needs_no_new_engine(team, tmp_path):
    with team.database.write() as session:
        for number, version in enumerate(versions.visible(session, TEAM, EVERYONE)):
            version.gguf_path = f"{number}.gguf"
            (tmp_path / version.gguf_path).write_bytes(b"GGUF")
    promote_new(team)
    engine = KnowingEngine(FACTS)
    workshop = make_workshop(team.database, tmp_path, engine=engine)
    reconcile(workshop)
    team.ask(OLD, good=30, ago=YESTERDAY)
    team.ask(NEW, failed=8)

    assert team.watch.step()

    assert not reconcile(workshop)
    assert len(engine.switches) == 1
    assert team.live().version_name in engine.adapters


def test_a_live_version_whose_file_is_gone_gives_way_and_that_is_told(team, tmp_path):
    with team.database.write() as session:
        version = versions.by_name(session, TEAM, OLD, EVERYONE)
        version.gguf_path = "gone.gguf"
    workshop = make_workshop(team.database, tmp_path)

    reconcile(workshop)
    reconcile(workshop)

    [text] = team.said()
    assert text.startswith("The files of *workspace-v1* are missing or broken")
    assert team.live() == BASE


def test_a_canary_survives_a_restart(team, tmp_path):
    canary = team.start_canary()
    team.ask(OLD, good=12, canary=canary)
    team.database.close()

    again = Team(Database(f"sqlite:///{tmp_path / 'apprentice.db'}"))
    again._number = count(1000)
    again.ask(NEW, bad=8, canary=canary)
    assert again.watch.step()

    with again.database.read() as session:
        assert canaries.all_running(session) == []
