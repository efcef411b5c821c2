"""A version on trial, as people in Slack see it: they ask, they vote, the bot decides."""

import contextlib
import time
from datetime import timedelta

import pytest
from sqlmodel import select

from bot.answering.promotion import promote
from bot.loop import Loop
from bot.pipeline.watching import Watch
from storage import versions
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.database import Database
from storage.tables import Canary, CanaryState, Feedback, Promotion, Question, Verdict
from tests.answering_bot import answering_bot
from tests.model_versions import make_version
from tests.running_sandbox import RefusedError, RunningSandbox
from tests.scripted_engine import ScriptedEngine
from tests.teaching import TEAM

EVERYONE = Viewer.person(())
LIVE, CANDIDATE = "workspace-v1", "workspace-v2"
RIGHT, WRONG = "Ask Bob, he has the key.", "Keys are musical."
PATIENCE_SECONDS = 60.0


@pytest.fixture
def sandbox(shared_sandbox):
    return shared_sandbox


@pytest.fixture
def database(database):
    """The first version live, the second one not proven."""
    with database.write() as session:
        make_version(session)
        make_version(session, Verdict.HOLD)
        make_version(session, Verdict.REJECT)
        promote(session, TEAM, LIVE, "U0ALICE", EVERYONE)
        session.exec(select(Promotion)).one().created_at -= timedelta(days=9)
    return database


class Clock:
    ahead = timedelta(0)

    def __call__(self):
        return utc_now() + self.ahead


@contextlib.contextmanager
def watched_bot(sandbox: RunningSandbox, database: Database, engine: ScriptedEngine, now=utc_now):
    names = (LIVE, CANDIDATE)
    with answering_bot(sandbox.api_url, database, engine.engine(names)):
        sandbox.wait_until_connected()
        loop = Loop("watch", Watch(database, now=now).step, database)
        loop.start()
        try:
            yield
        finally:
            loop.stop()


def tell(sandbox: RunningSandbox, user: str, words: str, reply: str = "", **where) -> str:
    """Say a command and return what was answered; with a `reply`, the first that has it."""
    before = len(sandbox.ephemerals(user))
    sandbox.command(user, words, **where)
    heard = sandbox.wait_for(
        lambda _: [m for m in sandbox.ephemerals(user)[before:] if reply in m["text"]],
        PATIENCE_SECONDS,
    )
    return heard[0]["text"]


def ask(sandbox: RunningSandbox, channel: str = "C0HELP", **where) -> dict:
    """Ask and return the whole answer."""
    ts = sandbox.post("U0CAROL", "<@U0APPRENTICE> Who has the key?", channel, **where)
    thread = where.get("thread_ts", ts)
    return sandbox.wait_for_message(
        lambda m: (
            m["thread_ts"] == thread and m["ts"] > ts and m["user"] == "U0APPRENTICE"
            and m["metadata"] and not m["streaming"]
        ),
        PATIENCE_SECONDS,
    )  # fmt: skip


def speaker_of(answer: dict) -> str:
    return next(name for name in (LIVE, CANDIDATE, "base model") if name in str(answer["blocks"]))


def ask_both(sandbox: RunningSandbox, each: int = 5) -> dict[str, list[dict]]:
    """Begin conversations until both sides have so many."""
    sides: dict[str, list[dict]] = {LIVE: [], CANDIDATE: []}
    while min(map(len, sides.values())) < each:
        answer = ask(sandbox)
        sides[speaker_of(answer)].append(answer)
    return sides


def press(sandbox: RunningSandbox, user: str, button: str, **where: str) -> None:
    """As people do: again, where Slack says that the app did not answer within three seconds."""
    for _ in range(4):
        try:
            sandbox.action(user, button, **where)
        except RefusedError as refusal:
            last = refusal
        else:
            return
    raise last


def judge(sandbox: RunningSandbox, answer: dict) -> None:
    """Everybody says what they think, each in a way of their own."""
    good = answer["text"] == RIGHT
    where = {"channel": answer["channel"], "message_ts": answer["ts"]}
    press(sandbox, "U0CAROL", "good" if good else "bad", **where)
    for user in ("U0ALICE", "U0BOB"):
        name = "white_check_mark" if good else "x"
        sandbox.react(user, answer["channel"], answer["ts"], name)


def only_canary(database: Database) -> Canary:
    with database.read() as session:
        return session.exec(select(Canary)).one()


def announced(sandbox: RunningSandbox, words: str) -> dict:
    return sandbox.wait_for_message(
        lambda m: words in m["text"] and not m["ephemeral_to"], PATIENCE_SECONDS
    )


def in_thread_of(answer: dict) -> dict:
    return {"thread_ts": answer["thread_ts"]}


def test_a_bad_candidate_is_taken_back_by_itself(sandbox, database, engine):
    engine.says = {LIVE: RIGHT, CANDIDATE: WRONG}
    with watched_bot(sandbox, database, engine):
        told = tell(sandbox, "U0ALICE", "canary workspace-v2 50%")
        assert "*workspace-v2* answers 50 % of the conversations" in told
        sides = ask_both(sandbox)
        follow_up = ask(sandbox, **in_thread_of(sides[CANDIDATE][0]))
        assert speaker_of(follow_up) == CANDIDATE  # the same conversation, the same side
        for answer in sides[LIVE] + sides[CANDIDATE]:
            judge(sandbox, answer)

        said = announced(sandbox, "I ended the canary of *workspace-v2*: people liked it in 0 of ")
        assert said["channel"] == "C0HELP"
        assert "Everybody gets *workspace-v1*." in said["text"]
        after = ask(sandbox, **in_thread_of(sides[CANDIDATE][0]))
        assert speaker_of(after) == LIVE
        assert "taken back, people liked" in str(whole(sandbox, "U0CAROL", "canary"))

    assert only_canary(database).state is CanaryState.ROLLED_BACK


def whole(sandbox: RunningSandbox, user: str, words: str) -> dict:
    tell(sandbox, user, words)
    return sandbox.ephemerals(user)[-1]


def test_a_better_candidate_is_promoted_by_itself(sandbox, database, engine):
    engine.says = {LIVE: WRONG, CANDIDATE: RIGHT}
    with watched_bot(sandbox, database, engine):
        tell(sandbox, "U0ALICE", "canary workspace-v2 50%")
        sides = ask_both(sandbox)
        for answer in sides[LIVE] + sides[CANDIDATE]:
            judge(sandbox, answer)

        announced(sandbox, "*workspace-v2* answers everywhere from now on: people liked it in ")
        assert speaker_of(ask(sandbox, **in_thread_of(sides[LIVE][0]))) == CANDIDATE

        before = time.monotonic()
        # Thanks for the votes may still come in between.
        tell(sandbox, "U0ALICE", "rollback", "*workspace-v1* answers now, not *workspace-v2*")
        assert speaker_of(ask(sandbox)) == LIVE
        assert time.monotonic() - before < 5


def test_an_equal_candidate_is_held_when_the_days_are_over(sandbox, database, engine):
    engine.says = {LIVE: RIGHT, CANDIDATE: RIGHT}
    clock = Clock()
    with watched_bot(sandbox, database, engine, clock):
        tell(sandbox, "U0ALICE", "canary workspace-v2 50%")
        sides = ask_both(sandbox, 2)
        for answer in sides[LIVE] + sides[CANDIDATE]:
            judge(sandbox, answer)
        votes = 3 * sum(map(len, sides.values()))
        sandbox.wait_for(lambda _: count_of(database, Feedback) == votes, PATIENCE_SECONDS)
        assert only_canary(database).state is CanaryState.RUNNING

        clock.ahead = timedelta(days=15)
        liked = len(sides[CANDIDATE])  # the share decides by chance: two at least
        announced(sandbox, f"I hold *workspace-v2*: people liked it in {liked} of {liked} conv")

    with database.read() as session:
        assert versions.live(session, TEAM, WORKSPACE).version_id == 1


def count_of(database: Database, table) -> int:
    with database.read() as session:
        return len(session.exec(select(table)).all())


def test_a_vote_taken_back_and_a_correction_count_for_who_answered(sandbox, database, engine):
    engine.says = {LIVE: RIGHT}
    with watched_bot(sandbox, database, engine):
        answer = ask(sandbox)
        sandbox.react("U0BOB", answer["channel"], answer["ts"])
        sandbox.wait_for(lambda _: values(database) == [1], PATIENCE_SECONDS)
        sandbox.unreact("U0BOB", answer["channel"], answer["ts"])
        sandbox.wait_for(lambda _: values(database) == [0], PATIENCE_SECONDS)

        sandbox.shortcut("U0CAROL", "teach_answer", answer["channel"], answer["ts"])
        form = sandbox.wait_for(
            lambda _: [v for v in sandbox.views("U0CAROL") if "Reading" not in str(v["blocks"])]
        )[0]
        typed = {"answer": {"answer": "Erin has it since May."}}
        sandbox.submit("U0CAROL", form["id"], typed)
        sandbox.wait_for(lambda _: values(database) == [0, -1], PATIENCE_SECONDS)

    with database.read() as session:
        [question] = session.exec(select(Question)).all()
    assert question.version_name == LIVE


def values(database: Database) -> list[int]:
    with database.read() as session:
        return [row.value for row in session.exec(select(Feedback).order_by(Feedback.id))]


def test_who_may_start_one_and_of_what(sandbox, database, engine):
    with watched_bot(sandbox, database, engine):
        assert "No canary is running" in tell(sandbox, "U0CAROL", "canary")
        assert "Only admins can start a canary" in tell(sandbox, "U0BOB", "canary 20%")
        assert "Only admins can end a canary" in tell(sandbox, "U0BOB", "canary off")
        assert "No canary is running here" in tell(sandbox, "U0ALICE", "canary off")
        refused = tell(sandbox, "U0ALICE", "canary workspace-v3 20%")
        assert refused == "workspace-v3 may not answer anybody. Because of reject."
        for words in ("canary 100%", "canary workspace-v2 0 %"):
            assert "1% to 99%" in tell(sandbox, "U0ALICE", words)
        for words in ("canary workspace-v2", "canary workspace-v2 half", "canary 20% please"):
            assert "Write a share" in tell(sandbox, "U0ALICE", words)
        assert "is live already" in tell(sandbox, "U0ALICE", "canary workspace-v1 20%")

        assert "*workspace-v2* answers 20 %" in tell(sandbox, "U0ALICE", "canary workspace-v2 20")
        assert "🐤 *workspace-v2* answers 20 %" in tell(sandbox, "U0CAROL", "canary")
        assert "🐤 *workspace-v2* answers 20 %" in str(whole(sandbox, "U0CAROL", "status"))
        assert "🐤 canary, 20 %" in str(whole(sandbox, "U0CAROL", "models"))
        assert "Ended the canary of *workspace-v2*" in tell(sandbox, "U0ALICE", "rollback")
        assert "No canary is running" in tell(sandbox, "U0CAROL", "canary")


def test_a_channel_is_pinned_by_its_curator_and_answers_so(sandbox, database, engine):
    engine.says = {LIVE: RIGHT}
    with watched_bot(sandbox, database, engine):
        assert "Only curators can pin" in tell(sandbox, "U0CAROL", "pin prompting")
        assert "did not earn it" in tell(sandbox, "U0BOB", "pin workspace-v2")
        assert "channel of your own workspace" in tell(
            sandbox, "U0ALICE", "pin prompting", channel="C0PARTNER"
        )
        assert "is not pinned" in tell(sandbox, "U0CAROL", "pin")

        assert "The base model" in tell(sandbox, "U0BOB", "pin prompting")
        assert "is pinned to prompting" in tell(sandbox, "U0CAROL", "pin")
        assert speaker_of(ask(sandbox)) == "base model"
        assert speaker_of(ask(sandbox, "C0GENERAL")) == LIVE
        assert "📌 <#C0HELP> is pinned to prompting" in str(whole(sandbox, "U0CAROL", "status"))

        assert "*workspace-v1* answers here" in tell(sandbox, "U0BOB", "pin workspace-v1")
        rolled_back = tell(sandbox, "U0ALICE", "rollback")
        assert "stays pinned to *workspace-v1*; `/apprentice pin off` ends that" in rolled_back
        assert speaker_of(ask(sandbox)) == LIVE
        assert "📌 <#C0HELP> is pinned to it" in str(whole(sandbox, "U0CAROL", "models"))
        assert "What is live answers here again" in tell(sandbox, "U0BOB", "pin off")
