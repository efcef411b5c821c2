"""The outbox in a real Slack: posted once, updated, put off, given up; pictures and ephemerals."""

import struct
import zlib

import pytest

from handlers import blocks
from handlers.delivery import Delivery
from handlers.people import People
from handlers.recovery import recover
from storage import outbox
from storage.tables import OutboxKind, OutboxState
from tests.teaching import TEAM


@pytest.fixture
def sandbox(shared_sandbox):
    return shared_sandbox


@pytest.fixture
def delivery(sandbox, database):
    client = sandbox.client()
    return Delivery(database, client, People(client))


@pytest.fixture
def thread(sandbox):
    return sandbox.post("U0CAROL", "A thread of this test's own")


def put(database, key, text="hello", **options):
    options.setdefault("channel_id", "C0HELP")
    with database.write() as session:
        return outbox.put(session, TEAM, key, text=text, **options)


def row_of(database, key):
    with database.read() as session:
        return outbox.find(session, TEAM, key)


def said(sandbox, thread):
    return [m for m in sandbox.messages("C0HELP", thread) if m["user"] == "U0APPRENTICE"]


def step_until_said(delivery, sandbox, thread):
    def is_said(_):
        delivery.step()
        return said(sandbox, thread)

    sandbox.wait_for(is_said)


def drain(delivery):
    while delivery.step():
        pass


def test_a_message_is_posted_and_its_changes_update_it(sandbox, database, delivery, thread):
    put(database, "card", "one", thread_ts=thread)
    drain(delivery)
    put(database, "card", "two", thread_ts=thread, blocks=[blocks.section("two")])
    drain(delivery)

    [message] = said(sandbox, thread)
    assert message["text"] == "two"
    assert message["metadata"]["event_payload"] == {"key": "card"}
    assert row_of(database, "card").message_ts == message["ts"]


def test_changes_that_come_fast_are_sent_as_one(sandbox, database, delivery, thread):
    put(database, "card", "0", thread_ts=thread)
    drain(delivery)
    put(database, "card", "1", thread_ts=thread)
    drain(delivery)

    for number in range(2, 9):
        put(database, "card", str(number), thread_ts=thread)
        drain(delivery)

    assert said(sandbox, thread)[0]["text"] == "1"  # the next update waits its two seconds
    assert row_of(database, "card").revision == 9


def test_a_post_that_went_through_unheard_is_found_not_repeated(
    sandbox, database, delivery, thread
):
    sandbox.fault("chat.postMessage", drop=True, stage="after")
    row = put(database, "lost", thread_ts=thread)

    delivery.step()
    with database.write() as session:
        outbox.release(session, row_of(database, "lost"))
    delivery.step()

    [message] = said(sandbox, thread)
    assert row_of(database, "lost").message_ts == message["ts"]
    assert row.id == row_of(database, "lost").id


def test_a_post_outside_a_thread_is_found_again_too(sandbox, database, delivery):
    sandbox.fault("chat.postMessage", drop=True, stage="after")
    put(database, "lost in the channel", "once in the channel", channel_id="C0GENERAL")

    delivery.step()
    with database.write() as session:
        outbox.release(session, row_of(database, "lost in the channel"))
    delivery.step()

    found = [m for m in sandbox.messages("C0GENERAL") if m["text"] == "once in the channel"]
    assert len(found) == 1


def test_a_crash_after_posting_leaves_one_message(sandbox, database, delivery, thread):
    put(database, "crashed", thread_ts=thread)
    with database.write() as session:
        row = outbox.claim(session)
    sandbox.client().chat_postMessage(
        channel="C0HELP", thread_ts=thread, text="hello",
        metadata={"event_type": "apprentice_message", "event_payload": {"key": row.key}},
    )  # fmt: skip

    recover(database)
    drain(delivery)

    assert len(said(sandbox, thread)) == 1


def test_a_channel_that_is_put_off_does_not_hold_up_others(sandbox, database, delivery, thread):
    sandbox.fault("chat.postMessage", http_status=429, retry_after=1, channel="C0HELP")
    put(database, "slow", thread_ts=thread)
    put(database, "fast", "fast one", channel_id="C0GENERAL")

    drain(delivery)

    assert row_of(database, "slow").state is OutboxState.PENDING
    assert row_of(database, "fast").state is OutboxState.SENT
    step_until_said(delivery, sandbox, thread)
    assert len(said(sandbox, thread)) == 1


@pytest.mark.parametrize("error", ["channel_not_found", "is_archived", "not_in_channel"])
def test_what_slack_refuses_for_good_is_given_up(sandbox, database, delivery, error):
    sandbox.fault("chat.postMessage", error=error)
    put(database, error)

    drain(delivery)

    row = row_of(database, error)
    assert row.state is OutboxState.FAILED
    assert error in row.error


def test_refused_blocks_leave_the_text(sandbox, database, delivery, thread):
    put(database, "blocks", "in words", thread_ts=thread, blocks=[{"type": "nonsense"}])

    drain(delivery)

    [message] = said(sandbox, thread)
    assert message["text"] == "in words"


def test_a_server_that_stumbles_is_asked_again(sandbox, database, delivery, thread):
    sandbox.fault("chat.postMessage", http_status=500, times=2)
    put(database, "stumble", thread_ts=thread)

    step_until_said(delivery, sandbox, thread)

    assert len(said(sandbox, thread)) == 1


def test_an_ephemeral_is_shown_to_one_person(sandbox, database, delivery, thread):
    put(database, "whisper", "psst", kind=OutboxKind.EPHEMERAL, user_id="U0BOB", thread_ts=thread)

    drain(delivery)

    assert [m["ephemeral_to"] for m in said(sandbox, thread)] == ["U0BOB"]


def test_an_ephemeral_whose_fate_is_unknown_is_not_repeated(sandbox, database, delivery, thread):
    sandbox.fault("chat.postEphemeral", drop=True, stage="after")
    put(database, "w1", "psst", kind=OutboxKind.EPHEMERAL, user_id="U0BOB", thread_ts=thread)
    drain(delivery)
    put(database, "w2", "psst", kind=OutboxKind.EPHEMERAL, user_id="U0BOB", thread_ts=thread)
    with database.write() as session:
        outbox.claim(session)

    recover(database)
    drain(delivery)

    assert len(said(sandbox, thread)) == 1
    states = [row_of(database, key).state for key in ("w1", "w2")]
    assert states == [OutboxState.FAILED, OutboxState.FAILED]


def test_pictures_are_uploaded_once_and_shown(sandbox, database, delivery, thread, tmp_path):
    path = tmp_path / "loss.png"
    path.write_bytes(one_pixel())
    picture = {"path": str(path), "title": "Loss", "alt_text": "A falling curve"}
    shown = [blocks.image(0, "A falling curve", "Loss")]

    put(database, "plot", "see", thread_ts=thread, blocks=shown, uploads=[picture])
    drain(delivery)
    put(database, "plot", "see more", thread_ts=thread, blocks=shown, uploads=[picture])
    drain(delivery)

    [message] = said(sandbox, thread)
    file_id = row_of(database, "plot").uploads[0]["file_id"]
    assert message["blocks"][0]["slack_file"] == {"id": file_id}
    assert [f["id"] for f in sandbox.state()["files"] if f["title"] == "Loss"] == [file_id]


def test_a_picture_that_is_gone_gives_the_message_up(database, delivery, thread):
    picture = {"path": "/nowhere/x.png", "title": "x", "alt_text": "x"}
    put(database, "gone", thread_ts=thread, uploads=[picture])

    drain(delivery)

    assert row_of(database, "gone").state is OutboxState.FAILED


def one_pixel() -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(4)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")
