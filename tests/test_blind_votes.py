"""People say which of two answers is better, and do not know whose it is."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from sqlmodel import select

from bot.answering.blind import Choice, judge_words, people_words
from bot.answering.promotion import promote
from bot.curation import forgetting
from bot.curation.forgetting import Grace
from bot.errors import NotEarnedError, NotFoundError
from bot.evaluation.blind import cast, next_pair, tally
from bot.evaluation.evidence import replay
from storage import blind_votes
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.lineage import mark
from storage.tables import BlindVote, Evaluation, Preferred, SnapshotRow, Verdict
from tests.knowing_engine import KnowingEngine
from tests.pipeline_parts import FACTS, ask_for_run, make_workshop, work_until_done
from tests.scripted_engine import scripted_engine
from tests.teaching import TEAM, teach_facts

EVERYBODY = Viewer.person([])


@pytest.fixture
def judged(database, tmp_path) -> int:
    """A run whose tuned answers are right and whose prompted ones are wrong."""
    return judge(database, tmp_path)


def judge(database, tmp_path, audience=WORKSPACE, judge=None) -> int:
    with database.write() as session:
        teach_facts(session, 14, audience=audience)
        run_id = ask_for_run(session, audience=audience).id
    engine = KnowingEngine(FACTS, lambda tuned, examples: 1.0 if tuned else 0.0)
    work_until_done(replace(make_workshop(database, tmp_path, engine=engine), judge=judge))
    return run_id


def pair_for(database, run_id, user="U0BOB", viewer=EVERYBODY):
    with database.read() as session:
        return next_pair(session, TEAM, run_id, user, viewer)


def vote(database, run_id, user, prefer) -> int:
    """Vote on all there is, for the answer whose text ``prefer`` is in; how many there were."""
    voted = 0
    while pair := pair_for(database, run_id, user):
        choice = Choice.FIRST if prefer in pair.first else Choice.SECOND
        with database.write() as session:
            cast(session, TEAM, run_id, user, EVERYBODY, pair.row_id, choice)
        voted += 1
    return voted


def people_of(database) -> dict:
    with database.read() as session:
        return session.exec(select(Evaluation)).one().evidence["people"]


def test_both_orders_occur_and_are_the_same_whenever_one_looks(database, judged):
    firsts = Counter()
    for number in range(30):
        pair = pair_for(database, judged, f"U{number}")
        assert pair == pair_for(database, judged, f"U{number}")
        assert {pair.first, pair.second} == {pair.curated, "Something else entirely."}
        firsts[pair.first == pair.curated] += 1

    assert min(firsts[True], firsts[False]) >= 6
    assert "tuned" not in str(pair)
    assert "workspace-v1" not in str(pair)


def test_votes_are_counted_for_whom_they_were_meant(database, judged):
    assert vote(database, judged, "U0BOB", "hook") == 14
    assert vote(database, judged, "U0CAROL", "hook") == 14

    people = people_of(database)

    assert (people["votes"], people["people"], people["tuned"]) == (28, 2, 28)
    assert people["share"] == 1.0
    assert people["prefer"] == "tuned"
    assert "They prefer the tuned one" in people_words(people)
    with database.read() as session:
        assert {one.tuned_was_first for one in session.exec(select(BlindVote))} == {True, False}


def test_what_people_do_not_want_is_not_promoted(database, judged):
    vote(database, judged, "U0BOB", "Something else")

    with database.write() as session, pytest.raises(NotEarnedError, match="prefer the prompted"):
        promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYBODY)


def test_what_two_people_prefer_settles_what_the_scores_did_not(database, judged):
    with database.write() as session:
        session.exec(select(Evaluation)).one().verdict = Verdict.HOLD
    vote(database, judged, "U0BOB", "hook")
    with database.write() as session, pytest.raises(NotEarnedError):  # one person alone
        promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYBODY)

    vote(database, judged, "U0CAROL", "hook")

    assert "whoever of them is left out" in people_words(people_of(database))
    with database.write() as session:
        promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYBODY)


@pytest.mark.parametrize("verdict", [Verdict.REJECT, Verdict.DO_NOT_TUNE])
def test_what_people_prefer_outweighs_nothing_that_was_found(database, judged, verdict):
    vote(database, judged, "U0BOB", "hook")
    vote(database, judged, "U0CAROL", "hook")
    with database.write() as session:
        session.exec(select(Evaluation)).one().verdict = verdict

    with database.write() as session, pytest.raises(NotEarnedError):
        promote(session, TEAM, "workspace-v1", "U0ALICE", EVERYBODY)


def test_who_votes_again_changes_their_mind_and_a_tie_counts_half(database, judged):
    pair = pair_for(database, judged)
    for choice in (Choice.FIRST, Choice.SECOND, Choice.SAME):
        with database.write() as session:
            cast(session, TEAM, judged, "U0BOB", EVERYBODY, pair.row_id, choice)

    people = people_of(database)
    assert (people["votes"], people["share"], people["prefer"]) == (1, 0.5, None)
    assert people["share_low"] is None  # one fact has no interval
    assert pair_for(database, judged).row_id != pair.row_id


def test_who_was_forgotten_and_judges_the_same_again_counts_once(database, judged):
    pair = pair_for(database, judged)
    for _ in range(2):
        with database.write() as session:
            cast(session, TEAM, judged, "U0BOB", EVERYBODY, pair.row_id, Choice.FIRST)
            assert len(blind_votes.of_run(session, TEAM, judged)) == 1
            row = forgetting.opt_out(session, TEAM, "U0BOB")
            forgetting.forget_person(session, row, Grace(utc_now()))
            assert blind_votes.of_run(session, TEAM, judged) == []


def test_few_facts_decide_nothing_however_often_they_are_judged():
    votes = [
        BlindVote(team_id=TEAM, run_id=1, snapshot_row_id=row, user_id=f"U{user}",
                  preferred=Preferred.TUNED, tuned_was_first=True)
        for row in range(9) for user in range(20)
    ]  # fmt: skip

    assert tally(votes, {row: row for row in range(9)})["prefer"] is None


def test_the_judge_model_s_opinion_is_kept_and_compared_with_people(database, tmp_path):
    def reply(messages) -> str:
        quoted = json.loads(messages[-1]["content"])
        return "A" if quoted["answer_A"] == quoted["right_answer"] else "B"

    with scripted_engine() as script:
        script.reply = reply
        run_id = judge(database, tmp_path, judge=script.engine())
    vote(database, run_id, "U0BOB", "hook")

    with database.read() as session:
        evidence = session.exec(select(Evaluation)).one().evidence
    assert evidence["judge"]["share"] == 1.0
    assert (people_of(database)["judge_agreed"], people_of(database)["judge_compared"]) == (14, 14)
    assert "agrees with people in 14 of 14" in judge_words(evidence["judge"], evidence["people"])
    assert replay(evidence).verdict == Verdict.PROMOTE


def test_a_private_run_is_voted_on_by_its_members_alone(database, tmp_path):
    run_id = judge(database, tmp_path, audience="C0OPS")
    member = Viewer.person(["C0OPS"])
    pair = pair_for(database, run_id, viewer=member)

    with pytest.raises(NotFoundError):
        pair_for(database, run_id)
    with database.write() as session, pytest.raises(NotFoundError):
        cast(session, TEAM, run_id, "U0CAROL", EVERYBODY, pair.row_id, Choice.SAME)


def test_erased_words_are_shown_to_nobody(database, judged):
    pair = pair_for(database, judged)
    with database.write() as session:
        cast(session, TEAM, judged, "U0BOB", EVERYBODY, pair.row_id, Choice.SAME)
        example = session.get_one(SnapshotRow, pair.row_id).example_id
        mark(session, TEAM, [example], now=utc_now(), serve_until=utc_now())

    assert pair_for(database, judged) is None  # all answers of the run are blanked
    with database.write() as session, pytest.raises(NotFoundError, match="erased"):
        cast(session, TEAM, judged, "U0BOB", EVERYBODY, pair.row_id, Choice.FIRST)
