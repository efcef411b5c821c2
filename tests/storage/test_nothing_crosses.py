"""Over generated histories, no read shows a viewer what is outside of their audiences."""

import importlib
import inspect
import pkgutil
import re
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session, SQLModel, create_engine, select

import storage
from bot.curation import forgetting
from bot.curation.forgetting import Grace
from storage import examples, revisions, snapshots
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.tables import Example, ExampleState, RevisionReason
from tests.teaching import TEAM, teach

AUDIENCES = (WORKSPACE, "C0OPS", "C0HR")
#: What these return goes to nobody; each module says so.
UNSEEN = {"storage.votes", "storage.traces", "storage.vectors"}
#: Functions that ask for no viewer, and what becomes of the words they return.
FOR_NOBODY = {
    "storage.outbox.claim": "goes to whom it is addressed",
    "storage.outbox.claim_file": "goes to whom it is addressed",
    "storage.outbox.find": "goes to whom it is addressed",
    "storage.outbox.posting": "goes to whom it is addressed",
    "storage.outbox.put": "is what the caller says",
    "storage.outbox.reserve_stream": "is what the caller says",
    "storage.outbox.with_prefix": "goes to whom it is addressed",
    "storage.probes.forbidden_to": "is compared with what a model says",
    "storage.revisions.change": "is what the caller says",
    "storage.revisions.record": "is what the caller says",
    "storage.snapshots.everything_in": "proves a hash",
    "storage.unanswered.note": "is what the caller says",
    "storage.unanswered.of_question": "is found by the question itself, to take it off the list",
}
TEXTS = re.compile(
    r"\b(?:Example|Wording|Revision|SnapshotRow|EvaluationAnswer|AuditEntry|Unanswered"
    r"|OutboxMessage|Forbidden|Whole|OpenQuestion|engine\.row\.Row)\b"
)

steps = st.lists(
    st.tuples(
        st.sampled_from(["teach", "vote", "narrow", "close", "revise", "erase"]),
        st.integers(0, 5),
        st.sampled_from(AUDIENCES),
    ),
    max_size=12,
)


def play(session: Session, history: list[tuple[str, int, str]]) -> None:
    known: list[Example] = []
    for number, (act, which, audience) in enumerate(history):
        if act == "teach" or not known:
            example = teach(session, f"Word {number}?", f"Answer {number}", audience=audience)
            example.channel_id, example.answer_ts = f"C{which}", str(number)
            example.author_id = f"U{which}"
            known.append(example)
            session.flush()
            continue
        example = known[which % len(known)]
        if act == "vote":
            example.state = ExampleState.PROPOSED
        elif act == "narrow" and example.audience == WORKSPACE:
            example.audience = audience
        elif act == "close":
            forgetting.close_channel(session, TEAM, f"C{which}", Grace(utc_now()))
        elif act == "revise" and example.erased_at is None:
            revisions.change(session, example, "U1", RevisionReason.EDITED, answer=f"New {number}")
        elif act == "erase":
            row = forgetting.opt_out(session, TEAM, f"U{which}")
            forgetting.forget_person(session, row, Grace(utc_now() + timedelta(0)))
        session.flush()


@settings(max_examples=40, deadline=None)
@given(steps, st.sets(st.sampled_from(AUDIENCES)))
def test_a_viewer_reads_only_their_audiences(history, audiences):
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    viewer = Viewer(frozenset(audiences))
    with Session(engine) as session:
        play(session, history)
        seen = [*examples.newest(session, TEAM, viewer, limit=99)]
        for audience in AUDIENCES:
            learned = snapshots.questions_of(session, TEAM, audience, viewer)
            seen += [session.get_one(Example, row.id) for row in learned]
        assert all(e.audience in audiences and e.erased_at is None for e in seen)
        for example in session.exec(select(Example)).all():
            shown = revisions.of_example(session, TEAM, viewer, example.id)
            assert not shown or example.audience in audiences
    engine.dispose()


def test_every_read_of_what_people_wrote_asks_for_whom():
    missing = []
    for found in pkgutil.iter_modules(storage.__path__, "storage."):
        if found.ispkg or found.name in UNSEEN:
            continue
        module = importlib.import_module(found.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            signature = inspect.signature(function)
            is_own = function.__module__ == found.name and not name.startswith("_")
            shows = TEXTS.search(str(signature.return_annotation))
            if is_own and shows and "viewer" not in signature.parameters:
                missing.append(f"{found.name}.{name}")
    assert sorted(missing) == sorted(FOR_NOBODY)
