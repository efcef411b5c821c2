"""Messages as they ought to look: once each, the newest state, nothing lost."""

from datetime import timedelta

from storage import outbox
from storage.columns import utc_now
from storage.outbox import Pause
from storage.tables import OutboxKind, OutboxMessage, OutboxState
from tests.teaching import TEAM


def put(database, key="k", text="hello", **options):
    with database.write() as session:
        return outbox.put(session, TEAM, key, channel_id="C1", text=text, **options)


def claim(database, **options):
    with database.write() as session:
        return outbox.claim(session, **options)


def deliver(database, row, ts="1.0"):
    with database.write() as session:
        outbox.delivered(session, row.id, row.revision, ts)


def row_of(database, key="k"):
    with database.read() as session:
        return outbox.find(session, TEAM, key)


def test_a_delivered_message_is_due_again_only_when_it_changes(database):
    put(database)
    deliver(database, claim(database))

    put(database)
    nothing_new = claim(database)
    put(database, text="changed")

    assert nothing_new is None
    changed = claim(database)
    assert (changed.text, changed.message_ts, changed.revision) == ("changed", "1.0", 2)


def test_a_change_during_delivery_is_delivered_afterwards(database):
    put(database)
    row = claim(database)

    put(database, text="changed")
    in_between = claim(database)
    deliver(database, row)

    assert in_between is None
    assert claim(database).text == "changed"


def test_an_ephemeral_goes_out_once(database):
    put(database, kind=OutboxKind.EPHEMERAL, user_id="U1")
    put(database, kind=OutboxKind.EPHEMERAL, user_id="U1", text="changed")

    row = claim(database)

    assert (row.text, row.revision) == ("hello", 1)


def test_a_picture_that_was_uploaded_is_not_uploaded_for_the_next_revision(database):
    picture = {"path": "a.png", "title": "A", "alt_text": "a"}
    row = put(database, uploads=[picture])
    with database.write() as session:
        outbox.uploaded(session, row.id, [{**picture, "file_id": "F1"}])

    put(database, text="changed", uploads=[picture])

    assert row_of(database).uploads == [{**picture, "file_id": "F1"}]


def test_a_message_put_off_waits_for_its_time(database):
    put(database)
    row = claim(database)
    later = utc_now() + timedelta(seconds=30)

    with database.write() as session:
        outbox.release(session, row, later)

    assert claim(database) is None
    assert claim(database, now=later).id == row.id


def test_a_pause_holds_up_only_what_it_names(database):
    put(database, "old")
    deliver(database, claim(database))
    put(database, "old", text="changed")
    put(database, "new")

    paused = frozenset([Pause("C1", is_update=True), Pause("C2", is_update=False)])

    assert claim(database, pauses=paused).key == "new"
    assert claim(database, pauses=paused) is None
    assert claim(database).key == "old"


def test_a_revision_given_up_does_not_hold_up_the_next(database):
    put(database)
    row = claim(database)
    put(database, text="better")

    with database.write() as session:
        outbox.fail(session, row, "invalid_blocks")

    assert claim(database).text == "better"


def test_a_reserved_stream_is_left_alone_by_delivery(database):
    with database.write() as session:
        outbox.reserve_stream(
            session, TEAM, "answer:1", channel_id="C1", thread_ts="1.0", user_id="U1"
        )

    assert claim(database) is None
    with database.read() as session:
        assert [row.key for row in outbox.posting(session)] == ["answer:1"]


def test_known_timestamps_are_those_of_the_channel(database):
    put(database)
    deliver(database, claim(database), "7.0")

    with database.read() as session:
        assert outbox.known_timestamps(session, TEAM, "C1") == {"7.0"}
        assert outbox.known_timestamps(session, TEAM, "C2") == frozenset()


def test_states_are_as_they_read(database):
    row = put(database)
    claim(database)
    with database.write() as session:
        outbox.fail(session, row, "channel_not_found")

    with database.read() as session:
        failed = session.get_one(OutboxMessage, row.id)
    assert (failed.state, failed.error) == (OutboxState.FAILED, "channel_not_found")
