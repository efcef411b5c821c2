"""Reading examples: for somebody, or not at all."""

import inspect
from collections.abc import Iterator
from types import FunctionType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, delete

from bot.errors import NotFoundError
from storage import examples, votes
from storage.audience import WORKSPACE, Viewer
from storage.database import Database
from storage.tables import Example, ExampleState, Wording, WordingUse
from tests.teaching import TEAM, fresh_database, teach

EVERYONE = Viewer.person(())
CHANNEL = "C0HELP"


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Database]:
    database = fresh_database(tmp_path_factory.mktemp("examples"))
    yield database
    database.close()


@pytest.fixture
def session(shared) -> Iterator[Session]:
    with shared.write() as session:
        empty(session)
        yield session


def empty(session: Session) -> None:
    for table in (Wording, Example):
        session.exec(delete(table))


def questions(found) -> list[str]:
    return [example.question for example in found]


def test_the_newest_come_first_and_no_more_than_asked_for(session):
    for number in range(5):
        teach(session, f"Q{number}", "A")

    assert questions(examples.newest(session, TEAM, EVERYONE, limit=3)) == ["Q4", "Q3", "Q2"]


def test_withdrawn_examples_are_in_no_list(session):
    teach(session, "gone room", "A", state=ExampleState.WITHDRAWN)

    assert examples.newest(session, TEAM, EVERYONE) == []
    assert examples.search(session, TEAM, EVERYONE, "room") == ([], 0)
    assert examples.count_by_state(session, TEAM, EVERYONE) == {}


def test_a_search_finds_examples_that_have_all_the_words(session):
    teach(session, "How do I get into the staging database?", "Ask Bob.")
    teach(session, "Where is the staging server?", "In the cellar.")

    found, total = examples.search(session, TEAM, EVERYONE, "staging databases")

    assert questions(found) == ["How do I get into the staging database?"]
    assert total == 1


def test_a_search_looks_at_beginnings_of_words(session):
    teach(session, "May I pick a mushroom?", "Yes.")
    teach(session, "How big are the rooms?", "Big.")

    assert questions(examples.search(session, TEAM, EVERYONE, "room")[0]) == [
        "How big are the rooms?"
    ]


def test_a_search_shows_the_best_first_and_counts_the_rest(session):
    for number in range(12):
        teach(session, f"Something else {number}", "The answer mentions the printer once.")
    teach(session, "Printer? The printer!", "Printer.")

    found, total = examples.search(session, TEAM, EVERYONE, "printer", limit=3)

    assert found[0].question == "Printer? The printer!"
    assert (len(found), total) == (3, 13)


def test_a_search_finds_what_waits_for_a_curator_too(session):
    teach(session, "Where is room 5?", "Upstairs.", state=ExampleState.PROPOSED)

    assert examples.search(session, TEAM, EVERYONE, "ROOM up")[1] == 1


@pytest.mark.parametrize(
    "words",
    ["", "  ", '"', "*", "room*", "NEAR(room", "a OR", "-room", "100%", "_", "')--", "ß\x00"],
)
def test_hostile_words_break_no_search(session, words):
    teach(session, "Where is the room?", "Here.", state=ExampleState.PROPOSED)
    teach(session, "Where is the room?", "Here.")

    examples.search(session, TEAM, EVERYONE, words)


def test_examples_are_counted_by_state(session):
    teach(session, "Q1", "A")
    teach(session, "Q2", "A")
    teach(session, "Q3", "A", state=ExampleState.DISPUTED)

    counts = examples.count_by_state(session, TEAM, EVERYONE)

    assert counts == {ExampleState.APPROVED: 2, ExampleState.DISPUTED: 1}


def test_the_same_wording_twice_is_one_wording(session):
    example = teach(session, "Q", "A")

    for text in ("Q please?", "Q please?", "Q now?"):
        examples.add_wording(session, TEAM, EVERYONE, example.id, text)

    kept = examples.wordings(session, TEAM, EVERYONE, example.id)
    assert [(wording.text, wording.use) for wording in kept] == [
        ("Q please?", WordingUse.EVALUATION),
        ("Q now?", WordingUse.EVALUATION),
    ]


def test_who_may_not_see_an_example_may_not_add_to_it(session):
    example = teach(session, "Q", "A", audience="C0OPS")

    with pytest.raises(NotFoundError):
        examples.add_wording(session, TEAM, EVERYONE, example.id, "Q?")


def public_functions(module) -> dict[str, FunctionType]:
    return {
        name: function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }


def test_every_function_that_reads_examples_asks_for_whom():
    for name, function in public_functions(examples).items():
        parameters = inspect.signature(function).parameters
        assert list(parameters)[:2] == ["session", "team_id"], name
        assert parameters["viewer"].default is inspect.Parameter.empty, name
    assert set(READERS) == set(public_functions(examples)), "say below how to call the new one"


def test_finding_by_coordinates_alone_is_for_capture():
    """A new function here has to be looked at by somebody: is what it finds shown to anyone?"""
    assert set(public_functions(votes)) == {
        *("find", "on", "around", "moments"),
        *("example_of", "example_at", "example_numbered", "add_example", "add"),
    }


#: How to call each function so that it gives all it can; a wording counts by its example.
READERS = {
    "newest": lambda s, viewer, _: examples.newest(s, TEAM, viewer, limit=1000),
    "search": lambda s, viewer, _: examples.search(s, TEAM, viewer, "room", limit=1000)[0],
    "get": lambda s, viewer, known: [e for i in known if (e := found(s, viewer, i))],
    "at": lambda s, viewer, known: [
        e for i in known if (e := examples.at(s, TEAM, viewer, CHANNEL, answer_of(i)))
    ],
    "wordings": lambda s, viewer, known: [
        s.get_one(Example, wording.example_id)
        for i in known
        for wording in examples.wordings(s, TEAM, viewer, i)
    ],
    "add_wording": lambda s, viewer, known: [
        s.get_one(Example, i) for i in known if can_add(s, viewer, i)
    ],
    "kinds_of": lambda s, viewer, known: [
        s.get_one(Example, i) for i in examples.kinds_of(s, TEAM, viewer, known)
    ],
    "count_by_state": lambda s, viewer, _: sum(examples.count_by_state(s, TEAM, viewer).values()),
}


def answer_of(example_id: int) -> str:
    """The message the answer began at."""
    return f"{example_id}.000100"


def found(session: Session, viewer: Viewer, example_id: int) -> Example | None:
    try:
        return examples.get(session, TEAM, viewer, example_id)
    except NotFoundError:
        return None


def can_add(session: Session, viewer: Viewer, example_id: int) -> bool:
    try:
        return bool(examples.add_wording(session, TEAM, viewer, example_id, "said otherwise"))
    except NotFoundError:
        return False


audiences = st.sampled_from([WORKSPACE, "C0OPS", "C0HR", "C0LEGAL"])
histories = st.lists(
    st.tuples(audiences, st.sampled_from(ExampleState), st.sampled_from([TEAM, "T0OTHER"])),
    max_size=12,
)
changes = st.lists(
    st.tuples(st.integers(0, 11), audiences, st.sampled_from(ExampleState)), max_size=6
)
viewers = st.one_of(
    st.just(Viewer.nobody()),
    st.builds(Viewer.person, st.sets(audiences)),
    st.builds(Viewer.model, audiences),
    st.builds(Viewer.channel, audiences, is_private=st.booleans()),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=histories, later=changes, viewer=viewers)
def test_nothing_outside_of_a_viewers_audiences_ever_comes_back(shared, history, later, viewer):
    with shared.write() as session:
        empty(session)
        kept = [
            teach(session, f"room {n}", "A", audience=audience, state=state, team_id=team,
                  held_out=(f"other {n}",))
            for n, (audience, state, team) in enumerate(history)
        ]  # fmt: skip
        for example in kept:
            example.channel_id, example.answer_ts = CHANNEL, answer_of(example.id)
        for number, audience, state in later:
            if number < len(kept):
                kept[number].audience, kept[number].state = audience, state
        session.flush()
        mine = [e for e in kept if e.team_id == TEAM and e.audience in viewer.audiences]
        listed = [e for e in mine if e.state is not ExampleState.WITHDRAWN]
        known = [e.id for e in kept]

        came = {name: read(session, viewer, known) for name, read in READERS.items()}

    assert came.pop("count_by_state") == len(listed)
    for name, rows in came.items():
        wanted = listed if name in ("newest", "search") else mine
        assert {row.id for row in rows} == {row.id for row in wanted}, name
