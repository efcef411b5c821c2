"""
A workspace's life, made up step by step: nothing anybody wrote is read by whom it is not for.

Every text carries a mark of its own. What may be seen of it is kept here, apart from the code:
who holds the text now, and for whom each holder is. After every step each read is made for
every kind of viewer, and no mark may be in what comes back that the viewer may not see. What
happened is counted: histories in which nothing is merged, widened or closed would prove nothing.
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlmodel import Session, select

from bot.answering.retrieval import retrieve
from bot.curation import forgetting
from bot.curation import review as verbs
from bot.curation.forgetting import Grace
from bot.curation.near_duplicates import near_duplicates as alike
from bot.curation.near_duplicates import note_near_duplicates
from bot.curation.review import Reviewer
from bot.curation.undoing import undo
from bot.dataset.exporting import records
from bot.dataset.rights import attest
from bot.dataset.snapshot import freeze
from bot.errors import BotError
from storage import (
    audit,
    examples,
    exchange,
    near_duplicates,
    questions,
    review,
    revisions,
    snapshots,
    unanswered,
)
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.database import Database
from storage.review import Queue
from storage.tables import (
    Example,
    ExampleState,
    ReviewAction,
    Snapshot,
    Source,
    Verb,
    WhyUnanswered,
)
from tests.teaching import TEAM, fresh_database, teach

AUDIENCES = (WORKSPACE, "C0OPS", "C0HR")
PEOPLE = ("U0ALICE", "U0BOB", "U0CAROL")
MARK = re.compile(r"mark\d+x")
INSIDER = Viewer.person(AUDIENCES[1:])
ALICE, BOB = Reviewer("U0ALICE", INSIDER), Reviewer("U0BOB", INSIDER)
VIEWERS = {
    "a stranger": Viewer.nobody(),
    "a member": Viewer.person(()),
    "a member of ops": Viewer.person(["C0OPS"]),
    "a public channel": Viewer.channel("C0HELP", is_private=False),
    "the channel hr": Viewer.channel("C0HR", is_private=True),
    "a model of ops": Viewer.model("C0OPS"),
    "the workspace's model": Viewer.model(WORKSPACE),
}
audiences = st.sampled_from(AUDIENCES)
numbers = st.integers(0, 99)


def read_everything(session: Session, viewer: Viewer) -> Iterator[tuple[str, Any]]:
    """Every way in which what people wrote is read for somebody."""
    stale = review.StaleBefore(utc_now() + timedelta(days=1))
    every = tuple(ExampleState)
    yield "newest", examples.newest(session, TEAM, viewer, states=every, limit=999)
    yield "search", examples.search(session, TEAM, viewer, "room", limit=999)
    for queue in review.OF_EXAMPLES:
        yield queue, review.examples_in(session, TEAM, viewer, queue, stale, limit=999)
    yield Queue.WIDENING, review.widenings(session, TEAM, viewer, limit=999)
    yield "pairs", near_duplicates.open_pairs(session, TEAM, viewer, limit=999)
    yield "alike", alike(session, TEAM, viewer, "How do I get into room 7?")
    yield "unanswered", unanswered.most_asked(session, TEAM, viewer, limit=999)
    yield "audit", audit.entries(session, TEAM, viewer)
    for audience in AUDIENCES:
        yield (
            f"retrieved for {audience}",
            retrieve(session, TEAM, audience, viewer, "How do I get into room 7?", 99),
        )
        yield (
            f"to be learned for {audience}",
            snapshots.approved_examples(session, TEAM, audience, viewer),
        )
        yield f"exported for {audience}", list(records(session, TEAM, audience, viewer))
        yield f"wrong for {audience}", exchange.wrong_answers(session, TEAM, audience, viewer)
    for taken in session.exec(select(Snapshot)).all():
        rows = snapshots.rows_of(session, TEAM, taken.id, viewer)
        yield f"snapshot {taken.id} of {taken.audience}", rows
    for example in session.exec(select(Example)).all():
        yield f"revisions {example.id}", revisions.of_example(session, TEAM, viewer, example.id)


class Workspace(RuleBasedStateMachine):
    """``audience``, ``holders`` and ``author`` are what the code must know as well."""

    template: Path
    happened: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.audience: dict[int, str] = {}  # of an example
        self.channel: dict[int, str] = {}
        self.holders: dict[str, set[int]] = {}  # of a mark
        self.author: dict[str, str] = {}
        self.asked: dict[str, str] = {}  # marks of unanswered questions, with their audience
        self.gone: set[str] = set()
        self.said_in: dict[str, str] = {}  # of a mark, the channel it comes from
        self.asks: dict[int, tuple[int, str]] = {}
        self.marks = 0

    @initialize()
    def begin(self) -> None:
        shutil.copy(self.template, self.template.with_name("played.db"))
        for left in ("played.db-wal", "played.db-shm"):
            self.template.with_name(left).unlink(missing_ok=True)
        self.database = Database(f"sqlite:///{self.template.with_name('played.db')}")
        # Of each audience two that say the same, so that whatever is done finds something.
        for audience in AUDIENCES:
            for author in ("U0ALICE", "U0CAROL"):
                self.teach(audience, author, 1, "approved")

    def teardown(self) -> None:
        self.database.close()

    def new_mark(self, example_id: int | None, author: str) -> str:
        self.marks += 1
        mark = f"mark{self.marks}x"
        self.author[mark] = author
        self.holders[mark] = set() if example_id is None else {example_id}
        return mark

    def example(self, number: int) -> int:
        return sorted(self.audience)[number % len(self.audience)]

    @rule(audience=audiences, author=st.sampled_from(PEOPLE), number=numbers,
          state=st.sampled_from(["approved", "proposed", "disputed", "rejected"]))  # fmt: skip
    def teach(self, audience: str, author: str, number: int, state: str) -> None:
        mark = self.new_mark(None, author)
        with self.database.write() as session:
            kept = teach(
                session,
                f"How do I get into room {number % 3}?",
                f"With key {number % 2}, says {mark}.",
                audience=audience,
                state=ExampleState(state),
                held_out=(f"Room {number % 3}, how? {mark}",),
                source=Source.BOT_ANSWER if state == "rejected" else Source.AUTHORED,
            )
            kept.author_id = kept.asker_id = author
            kept.channel_id = audience if audience != WORKSPACE else f"C{number % 3}"
            kept.answer_ts = kept.question_ts = f"{self.marks}.000100"
            session.flush()
            note_near_duplicates(session, kept)
            self.audience[kept.id], self.channel[kept.id] = audience, kept.channel_id
            self.said_in[mark] = kept.channel_id
            self.holders[mark].add(kept.id)

    @rule(audience=audiences, user=st.sampled_from(PEOPLE))
    def ask_in_vain(self, audience: str, user: str) -> None:
        mark = self.new_mark(None, user)
        self.asked[mark] = audience
        with self.database.write() as session:
            asked = questions.ask(
                session,
                TEAM,
                channel_id="C1",
                message_ts=f"{self.marks}.000200",
                thread_ts=f"{self.marks}.000200",
                user_id=user,
                queue_limit=99,
            )
            unanswered.note(
                session, asked, audience=audience, topic=mark, text=f"Why {mark}?",
                why=WhyUnanswered.ABSTAINED,
            )  # fmt: skip

    @rule(number=numbers, channel=st.sampled_from(["C0", "C1", "C2"]))
    def learn_wording(self, number: int, channel: str) -> None:
        """Somebody asked otherwise what everybody may know, and praised the answer."""
        open_to_all = sorted(name for name, heard in self.audience.items() if heard == WORKSPACE)
        if not open_to_all:
            return
        example_id = open_to_all[number % len(open_to_all)]
        mark = self.new_mark(None, "U0BOB")
        with self.database.write() as session:
            try:
                said = examples.add_wording(
                    session, TEAM, INSIDER, example_id, f"Into room? {mark}"
                )
            except BotError:
                return
            said.channel_id, said.message_ts = channel, f"{self.marks}.000300"
            said.asker_id = "U0BOB"
            session.add(said)
        self.holders[mark].add(example_id)
        self.said_in[mark] = channel

    @precondition(lambda self: self.audience)
    @rule(number=numbers)
    def edit(self, number: int) -> None:
        mark = self.new_mark(None, "U0BOB")
        example_id = self.example(number)
        with self.database.write() as session:
            seen = session.get_one(Example, example_id)
            try:
                verbs.edit(session, TEAM, BOB, example_id, f"Room? {mark}", "Yes.", seen.revision)
            except BotError:
                return
        self.holders[mark].add(example_id)
        self.said_in[mark] = self.channel[example_id]
        self.happened["edited"] += 1

    @precondition(lambda self: self.audience)
    @rule(number=numbers)
    def merge(self, number: int) -> None:
        with self.database.write() as session:
            pairs = near_duplicates.open_pairs(session, TEAM, INSIDER, limit=99)
            if not pairs:
                return
            pair, first, second = pairs[number % len(pairs)]
            try:
                verbs.merge(session, TEAM, BOB, pair.id, first.id)
            except BotError:
                return
            for holders in self.holders.values():
                if second.id in holders:
                    holders.add(first.id)
            self.happened["merged"] += 1

    @precondition(lambda self: self.audience)
    @rule(number=numbers, audience=audiences)
    def move(self, number: int, audience: str, of: list[int] | None = None) -> None:
        example_id = of[number] if of else self.example(number)
        with self.database.write() as session:
            try:
                action = verbs.change_audience(session, TEAM, ALICE, example_id, audience)
            except BotError:
                return
            if action.verb is Verb.ASK_AUDIENCE:
                assert self.audience[example_id] != WORKSPACE
                self.asks[action.id] = (example_id, audience)
            else:  # nobody else has to agree to what narrows
                assert self.audience[example_id] == WORKSPACE
                self.audience[example_id] = audience
                self.happened["narrowed"] += 1

    @precondition(lambda self: set(self.audience.values()) - {WORKSPACE})
    @rule(number=numbers, is_second=st.booleans())
    def widen(self, number: int, is_second: bool) -> None:
        """Ask for it, and have it granted by another member, or try to grant it oneself."""
        private = sorted(name for name, heard in self.audience.items() if heard != WORKSPACE)
        asked = set(self.asks)
        self.move(private.index(private[number % len(private)]), WORKSPACE, of=private)
        for action_id in set(self.asks) - asked:
            self.agree(sorted(self.asks).index(action_id), is_second)

    @precondition(lambda self: self.asks)
    @rule(number=numbers, is_second=st.booleans())
    def agree(self, number: int, is_second: bool) -> None:
        action_id = sorted(self.asks)[number % len(self.asks)]
        with self.database.write() as session:
            try:
                verbs.agree(session, TEAM, BOB if is_second else ALICE, action_id)
            except BotError:
                return
        example_id, audience = self.asks.pop(action_id)
        assert is_second
        self.audience[example_id] = audience
        self.happened["widened"] += 1

    @rule(number=numbers)
    def undo(self, number: int) -> None:
        with self.database.write() as session:
            actions = session.exec(select(ReviewAction)).all()
            if not actions:
                return
            action = actions[-1 - number % min(3, len(actions))]
            before = (action.verb, action.example_id, action.other_id, dict(action.before))
            try:
                undo(session, TEAM, BOB, action.id)
            except BotError:
                return
        verb, example_id, other_id, was = before
        self.happened[f"undone {verb}"] += 1
        if verb is Verb.CHANGE_AUDIENCE:
            self.audience[example_id] = was["audience"]
        elif verb is Verb.MERGE:
            for holders in self.holders.values():
                if other_id in holders:
                    holders.discard(example_id)

    @rule(channel=st.sampled_from(["C1", "C1", "C0", "C2"]))
    def turn_private(self, channel: str) -> None:
        with self.database.write() as session:
            row = forgetting.close_channel(session, TEAM, channel, Grace(utc_now()))
        self.happened["closed"] += row is not None
        for mark in [mark for mark, audience in self.asked.items() if audience == WORKSPACE]:
            if channel == "C1":  # all were asked there
                self.asked[mark] = channel
        for mark, place in self.said_in.items():
            if place == channel:
                # It leaves the examples of other channels that it was merged into or kept with.
                self.holders[mark] = {h for h in self.holders[mark] if self.channel[h] == place}
        for example_id, place in self.channel.items():
            if place == channel and self.audience[example_id] == WORKSPACE:
                self.audience[example_id] = channel

    @rule(user=st.sampled_from(PEOPLE))
    def forget(self, user: str) -> None:
        with self.database.write() as session:
            row = forgetting.opt_out(session, TEAM, user)
            forgetting.forget_person(session, row, Grace(utc_now()))
        if user == "U0ALICE":
            self.asks.clear()  # with her go her requests
        self.gone |= {mark for mark, author in self.author.items() if author == user}
        self.happened["forgotten"] += 1

    @rule(audience=audiences)
    def freeze(self, audience: str) -> None:
        with self.database.write() as session:
            freeze(session, TEAM, audience, attest(session, TEAM, "U0ALICE", tuple(Source)))
        self.happened["frozen"] += 1

    @invariant()
    def nothing_is_read_by_whom_it_is_not_for(self) -> None:
        if not hasattr(self, "database"):
            return
        with self.database.read() as session:
            for who, viewer in VIEWERS.items():
                for how, found in read_everything(session, viewer):
                    for mark in MARK.findall(_written(found)):
                        assert mark not in self.gone, f"{mark} is gone, and {who} reads: {how}"
                        assert self.heard_by(mark) & viewer.audiences, f"{who} reads {mark}: {how}"

    def heard_by(self, mark: str) -> set[str]:
        if mark in self.asked:
            return {self.asked[mark]}
        return {self.audience[holder] for holder in self.holders[mark]}


def _written(found: Any) -> str:
    """All text in it, of rows, of tuples and of lists of them."""
    if isinstance(found, list | tuple):
        return " ".join(_written(one) for one in found)
    return str(found.model_dump() if hasattr(found, "model_dump") else found)


@pytest.fixture(autouse=True, scope="module")
def _template(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("played")
    fresh_database(folder).close()
    Workspace.template = folder / "apprentice.db"


def test_what_is_narrowed_leaves_the_snapshots_of_those_who_may_not_hear_it_any_more():
    played = Workspace()
    played.begin()
    try:
        for audience in AUDIENCES:
            played.freeze(audience)
        played.move(0, "C0OPS")
        played.nothing_is_read_by_whom_it_is_not_for()
        played.freeze("C0OPS")
        played.move(0, "workspace")
        played.agree(0, is_second=True)
        played.freeze("workspace")
        played.undo(0)
        assert played.audience[played.example(0)] == "C0OPS"
        played.nothing_is_read_by_whom_it_is_not_for()
    finally:
        played.teardown()


def test_what_was_asked_in_a_channel_that_closes_leaves_other_channels_examples():
    played = Workspace()
    played.begin()
    try:
        played.ask_in_vain(WORKSPACE, "U0BOB")
        played.learn_wording(0, "C2")
        in_c1 = played.example(0)
        other = next(
            name for name, heard in played.audience.items() if heard == WORKSPACE and name != in_c1
        )
        with played.database.write() as session:
            session.get_one(Example, other).channel_id = "C2"
        played.channel[other] = "C2"
        for mark, holders in played.holders.items():
            if other in holders:
                played.said_in[mark] = "C2"
        played.merge(0)
        assert played.happened["merged"]

        for channel in ("C2", "C1"):
            played.turn_private(channel)
            played.nothing_is_read_by_whom_it_is_not_for()
    finally:
        played.teardown()


def test_nobody_agrees_to_their_own_request_by_being_forgotten_in_between():
    played = Workspace()
    played.begin()
    try:
        private = next(name for name, heard in played.audience.items() if heard == "C0OPS")
        with played.database.write() as session:
            session.get_one(Example, private).author_id = "U0CAROL"
            session.get_one(Example, private).asker_id = "U0CAROL"
        played.move(0, WORKSPACE, of=[private])
        [asked] = played.asks
        played.forget("U0ALICE")

        with played.database.write() as session, pytest.raises(BotError):
            verbs.agree(session, TEAM, ALICE, asked)

        with played.database.read() as session:
            assert session.get_one(Example, private).audience == "C0OPS"
    finally:
        played.teardown()


TestWorkspace = Workspace.TestCase
TestWorkspace.settings = settings(
    max_examples=15,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A history that fails is short already; shortening it more takes minutes.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


def test_the_histories_held_what_they_are_to_prove():
    """After the machine: it once ran a thousand steps in which nothing was ever merged."""
    wanted = ("edited", "merged", "narrowed", "widened", "closed", "forgotten", "frozen")

    assert not [what for what in wanted if not Workspace.happened[what]], Workspace.happened
    assert any(what.startswith("undone") for what in Workspace.happened), Workspace.happened
