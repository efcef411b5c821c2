"""Over generated histories, no read shows a viewer what is outside of their audiences."""

import importlib
import inspect
import pkgutil
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
UNSEEN = {"storage.votes", "storage.erasure", "storage.vectors"}
TEXTS = ("Example", "Wording", "Revision", "SnapshotRow", "EvaluationAnswer", "AuditEntry")

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
            seen += snapshots.approved_examples(session, TEAM, audience, viewer)
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
            returns = str(inspect.signature(function).return_annotation)
            is_list = "list[" in returns or "dict[" in returns
            is_read = function.__module__ == found.name and not name.startswith("_") and is_list
            shows = any(f".{text}]" in returns or f".{text}," in returns for text in TEXTS)
            if is_read and shows and "viewer" not in inspect.signature(function).parameters:
                missing.append(f"{found.name}.{name}")
    assert missing == []
