"""
A workspace's life, made up step by step: nothing anybody wrote is read by whom it is not for.

Every text carries a mark of its own. What may be seen of it is kept here, apart from the code:
who holds the text now, and for whom each holder is. After every step each read is made for
every kind of viewer, and no mark and no id may be in what comes back that the viewer may not see.
Who is in which channel, and which is shared with another company, changes as well; what people may
see then is what the bot makes of the answers of a Slack. What happened is counted: histories in
which nothing is merged, widened or closed would prove nothing.
"""

import importlib
import inspect
import pkgutil
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlmodel import Session, select

import storage
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
from bot.errors import BotError, NotFoundError
from handlers.people import People
from storage import (
    audit,
    evaluations,
    examples,
    exchange,
    near_duplicates,
    notices,
    questions,
    review,
    revisions,
    runs,
    snapshots,
    unanswered,
    versions,
)
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.database import Database
from storage.review import Queue
from storage.tables import (
    EvaluationAnswer,
    Example,
    ExampleMessage,
    ExampleState,
    ModelVersion,
    NearDuplicate,
    ReviewAction,
    Revision,
    Run,
    RunState,
    Snapshot,
    Source,
    Unanswered,
    Verb,
    WhyUnanswered,
    Wording,
)
from storage.unanswered import OpenQuestion
from tests.running_sandbox import RunningSandbox, running_sandbox
from tests.teaching import TEAM, fresh_database, teach

AUDIENCES = (WORKSPACE, "C0OPS", "C0HR")
BOT = "U0APPRENTICE"
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
EVERY = tuple(ExampleState)
#: So many kinds of viewers look around after each step; after the last one all of them do.
LOOKING = 1
#: Whose membership changes, and who is in every channel from the beginning.
MOVING = ("U0BOB", "U0CAROL")
CHANNELS = AUDIENCES[1:]
audiences = st.sampled_from(AUDIENCES)
numbers = st.integers(0, 99)


#: Functions that ask for a viewer and are not read here.
NO_READS = {
    "storage.audience.readable": "is no query",
    "storage.examples.add_wording": "writes to what `get` finds",
    "storage.near_duplicates.resolve": "writes to what `get` finds",
    **{
        f"storage.{module}.visible": "says what models do, and nothing of examples"
        for module in ("canaries", "deployments", "pins", "schedules", "sunsets")
    },
}


def read_everything(session: Session, viewer: Viewer) -> Iterator[tuple[str, Any]]:
    """Every way in which what people wrote is read for somebody."""
    for read, found in read_storage(session, viewer):
        yield f"{read.__module__}.{read.__name__}", found
    yield "alike", alike(session, TEAM, viewer, "How do I get into room 7?")
    for audience in AUDIENCES:
        yield (
            f"retrieved for {audience}",
            retrieve(session, TEAM, audience, viewer, "How do I get into room 7?", 99),
        )
        yield f"exported for {audience}", list(records(session, TEAM, audience, viewer))


def read_storage(session: Session, viewer: Viewer) -> Iterator[tuple[Callable[..., Any], Any]]:
    """Every query that asks for a viewer, with what it says to this one."""
    yield from read_lists(session, viewer)
    yield from read_for_models(session, viewer)
    yield from read_one_by_one(session, viewer)


def read_lists(session: Session, viewer: Viewer) -> Iterator[tuple[Callable[..., Any], Any]]:
    stale = review.StaleBefore(utc_now() + timedelta(days=1))
    all_ids = list(session.exec(select(Example.id)))
    yield examples.newest, examples.newest(session, TEAM, viewer, states=EVERY, limit=999)
    yield examples.search, examples.search(session, TEAM, viewer, "room", limit=999)[0]
    yield examples.kinds_of, [Ids(examples.kinds_of(session, TEAM, viewer, all_ids))]
    for queue in review.OF_EXAMPLES:
        found = review.examples_in(session, TEAM, viewer, queue, stale, limit=999)
        yield review.examples_in, found
    yield review.widenings, review.widenings(session, TEAM, viewer, limit=999)
    yield near_duplicates.open_pairs, near_duplicates.open_pairs(session, TEAM, viewer, limit=999)
    yield notices.decided, notices.decided(session, TEAM, viewer, all_ids)
    for asked in (unanswered.most_asked, unanswered.asked_in_vain):
        yield asked, asked(session, TEAM, viewer, limit=999)
    yield audit.entries, audit.entries(session, TEAM, viewer)
    yield exchange.known_texts, list(map(tuple, exchange.known_texts(session, TEAM, viewer)))
    earlier = exchange.known_earlier_texts(session, TEAM, viewer)
    yield exchange.known_earlier_texts, list(map(tuple, earlier))
    for read in (runs.open_runs, runs.ended, versions.visible):
        yield read, read(session, TEAM, viewer)
    # No words and no ids: how many there are.
    shown = examples.newest(session, TEAM, viewer, limit=999)
    counted = examples.count_by_state(session, TEAM, viewer)
    assert sum(counted.values()) == len(shown)
    yield examples.count_by_state, ()
    waiting = review.counts(session, TEAM, viewer, stale)
    for queue in review.OF_EXAMPLES:
        listed = review.examples_in(session, TEAM, viewer, queue, stale, limit=999)
        assert waiting.get(queue, 0) == len(listed)
    listed = review.widenings(session, TEAM, viewer, limit=999)
    assert waiting.get(Queue.WIDENING, 0) == len(listed)
    yield review.counts, ()
    pairs = near_duplicates.open_pairs(session, TEAM, viewer, limit=999)
    assert near_duplicates.count_open(session, TEAM, viewer) == len(pairs)
    yield near_duplicates.count_open, ()
    asked = unanswered.most_asked(session, TEAM, viewer, limit=999)
    assert unanswered.count_open(session, TEAM, viewer) == len(asked)
    yield unanswered.count_open, ()


def read_for_models(session: Session, viewer: Viewer) -> Iterator[tuple[Callable[..., Any], Any]]:
    for audience in AUDIENCES:
        of = (session, TEAM, audience, viewer)
        ids = [row.id for row in snapshots.questions_of(*of)]
        assert [row.id for row in snapshots.material(*of)] == ids
        rows = [tuple(row) for row in snapshots.questions_of(*of)]
        yield snapshots.questions_of, [Ids(ids), *rows]
        yield snapshots.material, [tuple(row) for row in snapshots.material(*of)]
        every = list(session.exec(select(Example.id)))
        yield snapshots.material, [tuple(row) for row in snapshots.material(*of, every)]
        assert sum(snapshots.sources_of(*of).values()) == len(ids)
        yield snapshots.sources_of, ()
        asked = snapshots.some_questions(*of, at_most=1000)
        yield snapshots.some_questions, [Ids(list(asked)), *asked.values()]
        assert snapshots.count_unknown(*of, tuple(Source), None) == len(ids)
        yield snapshots.count_unknown, ()
        corrected = snapshots.corrected_answers(*of)
        yield snapshots.corrected_answers, [Ids(corrected), *corrected.values()]
        others = snapshots.other_wordings(*of)
        yield (
            snapshots.other_wordings,
            [Ids(others), *(tuple(w) for s in others.values() for w in s)],
        )
        yield exchange.wrong_answers, exchange.wrong_answers(*of)
        for whole in exchange.everything(*of, EVERY):
            parts = [whole.example, whole.wordings, whole.revisions, whole.messages]
            yield exchange.everything, parts
        yield evaluations.of_audience, evaluations.of_audience(*of)
    for taken in session.exec(select(Snapshot)).all():
        for read in (snapshots.rows_of, snapshots.with_tombstones, snapshots.each_with_tombstones):
            yield read, list(read(session, TEAM, taken.id, viewer))


def read_one_by_one(session: Session, viewer: Viewer) -> Iterator[tuple[Callable[..., Any], Any]]:
    def tried(read: Callable[..., Any], *of: Any) -> tuple[Callable[..., Any], Any]:
        try:
            return read, read(session, TEAM, viewer, *of)
        except NotFoundError:
            return read, ()

    def ids(table: Any) -> list[int]:
        return list(session.exec(select(table.id)))

    for example in session.exec(select(Example)).all():
        yield tried(revisions.of_example, example.id)
        if example.audience not in viewer.audiences:  # the others are in the lists
            yield tried(examples.at, example.channel_id, example.answer_ts)
            yield tried(examples.get, example.id)
            yield tried(examples.wordings, example.id)
    yield from (tried(near_duplicates.get, each) for each in ids(NearDuplicate))
    yield from (tried(review.get, each) for each in ids(ReviewAction))
    yield from (tried(unanswered.get, each) for each in ids(Unanswered))
    for run_id in ids(Run):
        yield evaluations.answers_of, evaluations.answers_of(session, TEAM, run_id, viewer)
    for asked in filter(None, session.exec(select(EvaluationAnswer.asked)).all()):
        found = evaluations.answered_before(session, TEAM, asked, viewer)
        yield evaluations.answered_before, [found]
    for name in session.exec(select(ModelVersion.name)).all():
        yield versions.by_name, versions.by_name(session, TEAM, name, viewer)


class Ids(list[int]):
    """Of examples; no text comes with them."""


class Workspace(RuleBasedStateMachine):
    """``audience``, ``holders`` and ``author`` are what the code must know as well."""

    template: Path
    sandbox: RunningSandbox
    people: People
    happened: ClassVar[Counter[str]] = Counter()
    reads: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.audience: dict[int, str] = {}  # of an example
        self.channel: dict[int, str] = {}
        self.holders: dict[str, set[int]] = {}  # of a mark
        self.author: dict[str, str] = {}
        self.asked: dict[str, str] = {}  # marks of unanswered questions, with their audience
        self.gone: set[str] = set()
        self.emptied: set[int] = set()
        self.said_in: dict[str, str] = {}  # of a mark, the channel it comes from
        self.asks: dict[int, tuple[int, str]] = {}
        self.members = {channel: {"U0ALICE", *MOVING} for channel in CHANNELS}
        self.shared: set[str] = set()
        self.marks = self.steps = 0

    @initialize()
    def begin(self) -> None:
        shutil.copy(self.template, self.template.with_name("played.db"))
        for left in ("played.db-wal", "played.db-shm"):
            self.template.with_name(left).unlink(missing_ok=True)
        self.database = Database(f"sqlite:///{self.template.with_name('played.db')}")
        for channel in CHANNELS:
            self.tell_slack(channel)
        # Of each audience two that say the same, so that whatever is done finds something.
        for audience in AUDIENCES:
            for author in ("U0ALICE", "U0CAROL"):
                self.teach(audience, author, 1, "approved")

    def teardown(self) -> None:
        try:
            self.look(at_most=99)
        finally:
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

    def tell_slack(self, channel: str) -> None:
        """What is so now, and that something changed."""
        self.sandbox.control(
            "channel", id=channel, name=channel[2:].lower(), is_private=True,
            members=[*self.members[channel], BOT], is_ext_shared=channel in self.shared,
        )  # fmt: skip
        self.people.forget(channel_id=channel)

    @rule(channel=st.sampled_from(CHANNELS), user=st.sampled_from(MOVING))
    def come_or_leave(self, channel: str, user: str) -> None:
        self.happened["left"] += user in self.members[channel]
        self.members[channel] ^= {user}
        self.tell_slack(channel)

    @rule(channel=st.sampled_from(CHANNELS))
    def share_or_not(self, channel: str) -> None:
        self.shared ^= {channel}
        self.happened["shared"] += channel in self.shared
        self.tell_slack(channel)

    def everybody(self) -> Iterator[tuple[str, Viewer, set[str]]]:
        """Who looks, as the bot sees them, and what they may hear, as this history has it."""
        for who, viewer in VIEWERS.items():
            yield who, viewer, set(viewer.audiences)
        for user in ("U0ALICE", *MOVING, "U0DAVE", "U0ERIN"):
            person = self.people.person(user)
            is_ours = user in ("U0ALICE", *MOVING)
            own = {c for c in CHANNELS if user in self.members[c] and c not in self.shared}
            heard = {WORKSPACE, *own} if is_ours else set()
            yield user, self.people.personal_viewer(person), heard
            for channel in CHANNELS:
                here = self.people.viewer(person, self.people.place(channel))
                may = set() if channel in self.shared else heard & {WORKSPACE, channel}
                yield f"{user} in {channel}", here, may

    @rule(audience=audiences)
    def judge(self, audience: str) -> None:
        """A run whose model repeats what it learned and was shown."""
        with self.database.write() as session:
            right = attest(session, TEAM, "U0ALICE", tuple(Source))
            taken = freeze(session, TEAM, audience, right).snapshot
            run = Run(
                team_id=TEAM, audience=audience, state=RunState.DONE, trainer="local",
                requested_by="U0ALICE", snapshot_id=taken.id,
            )  # fmt: skip
            session.add(run)
            session.flush()
            for row in snapshots.rows_of(session, TEAM, taken.id, Viewer.model(audience)):
                session.add(
                    EvaluationAnswer(
                        team_id=TEAM, run_id=run.id, strategy="base+1", snapshot_row_id=row.id,
                        asked=f"{run.id}:{row.id}", text=f"{row.question} {row.answer}", f1=1.0,
                        example_ids=[row.example_id], prompt_tokens=1, answer_tokens=1, seconds=1.0,
                    )
                )  # fmt: skip
            session.add(
                ModelVersion(
                    team_id=TEAM, audience=audience, number=run.id, name=f"{audience}-v{run.id}",
                    run_id=run.id, snapshot_id=taken.id, base_model="b", base_digest="d",
                    checksum="c", adapter_path="a", gguf_path="g",
                )
            )  # fmt: skip
        self.happened["judged"] += 1

    @rule(audience=audiences)
    def freeze(self, audience: str) -> None:
        with self.database.write() as session:
            freeze(session, TEAM, audience, attest(session, TEAM, "U0ALICE", tuple(Source)))
        self.happened["frozen"] += 1

    @invariant()
    def nothing_is_read_by_whom_it_is_not_for(self) -> None:
        if hasattr(self, "database"):
            self.steps += 1
            self.look(LOOKING)

    def look(self, at_most: int) -> None:
        """So many kinds of viewers read everything, by turns: each takes half a second."""
        kinds: dict[frozenset[str], tuple[str, Viewer]] = {}
        for who, viewer, may in self.everybody():
            assert viewer.audiences <= may, who
            kinds.setdefault(viewer.audiences, (who, viewer))
        turns = sorted(kinds.values(), key=lambda kind: sorted(kind[1].audiences))
        self.emptied = self.without_words()
        for turn in range(min(at_most, len(turns))):
            who, viewer = turns[(self.steps * at_most + turn) % len(turns)]
            with self.database.read() as session:
                for how, found in read_everything(session, viewer):
                    self.check(who, viewer, how, found)

    def without_words(self) -> set[int]:
        """What was taken out of an example leaves its id, which says nothing to anybody."""
        with self.database.read() as session:
            is_empty = (Example.question == "", Example.answer == "")
            return set(session.exec(select(Example.id).where(*is_empty)))

    def check(self, who: str, viewer: Viewer, how: str, found: Any) -> None:
        self.reads.add(how)
        for mark in MARK.findall(_written(found)):
            assert mark not in self.gone, f"{mark} is gone, and {who} reads: {how}"
            assert self.heard_by(mark) & viewer.audiences, f"{who} reads {mark}: {how}"
        for example_id in set(_ids(found)) - self.emptied:
            audience = self.audience[example_id]
            assert audience in viewer.audiences, f"{who} reads {example_id}: {how}"
        for audience in _audiences(found):
            assert audience in viewer.audiences, f"{who} reads of {audience}: {how}"

    def heard_by(self, mark: str) -> set[str]:
        if mark in self.asked:
            return {self.asked[mark]}
        return {self.audience[holder] for holder in self.holders[mark]}


def _written(found: Any) -> str:
    """All text in it, of rows, of tuples and of lists of them."""
    if isinstance(found, list | tuple):
        return " ".join(_written(one) for one in found)
    if isinstance(found, OpenQuestion):
        return _written(found.unanswered)
    return str(found.model_dump() if hasattr(found, "model_dump") else found)


def _each(found: Any) -> Iterator[Any]:
    if isinstance(found, list | tuple):
        for one in found:
            yield from _each(one)
    elif found is not None:
        yield found


def _ids(found: Any) -> Iterator[int]:
    """Of examples that are there or that something hangs on."""
    if isinstance(found, Ids):
        yield from found
    elif isinstance(found, list | tuple):
        for one in found:
            yield from _ids(one)
    elif isinstance(found, Example):
        yield found.id
    elif isinstance(found, Wording | Revision | ExampleMessage):
        yield found.example_id


def _audiences(found: Any) -> Iterator[str]:
    for row in _each(found):
        if isinstance(audience := getattr(row, "audience", None), str):
            yield audience


@pytest.fixture(autouse=True, scope="module")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("played")
    fresh_database(folder).close()
    Workspace.template = folder / "apprentice.db"
    with running_sandbox(no_limits=True) as sandbox:
        Workspace.sandbox, Workspace.people = sandbox, People(sandbox.client())
        yield


def test_what_is_narrowed_leaves_the_snapshots_of_those_who_may_not_hear_it_any_more():
    played = Workspace()
    played.begin()
    try:
        for audience in AUDIENCES:
            played.freeze(audience)
        played.move(0, "C0OPS")
        played.look(at_most=99)
        played.freeze("C0OPS")
        played.move(0, "workspace")
        played.agree(0, is_second=True)
        played.freeze("workspace")
        played.undo(0)
        assert played.audience[played.example(0)] == "C0OPS"
        played.look(at_most=99)
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
            played.look(at_most=99)
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
        played.database.close()  # whose words they are was changed by hand


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
    wanted = ("edited", "merged", "narrowed", "widened", "closed", "forgotten", "frozen", "judged",
              "left", "shared")  # fmt: skip

    assert not [what for what in wanted if not Workspace.happened[what]], Workspace.happened
    assert any(what.startswith("undone") for what in Workspace.happened), Workspace.happened


def test_every_query_that_asks_for_a_viewer_is_among_those_that_are_read():
    asking = set()
    for found in pkgutil.iter_modules(storage.__path__, "storage."):
        module = importlib.import_module(found.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            is_own = function.__module__ == found.name and not name.startswith("_")
            if is_own and "viewer" in inspect.signature(function).parameters:
                asking.add(f"{found.name}.{name}")

    read = {how for how in Workspace.reads if how.startswith("storage.")}
    assert asking == read | set(NO_READS)
