"""A Slack export gives what capture would have kept, and its archive can do no harm."""

import json
import os
import tracemalloc
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from sqlmodel import select

from bot.dataset.accepting import Rules
from bot.dataset.errors import FileRefusedError
from bot.dataset.formats import slack_archive
from bot.dataset.formats.slack_archive import Archive
from bot.dataset.formats.slack_export import SlackExport
from bot.dataset.importing import Order, import_rows
from bot.dataset.record import Record
from storage.audience import Viewer
from storage.tables import Example, ExampleMessage, Source
from tests.teaching import TEAM, fresh_database

PEOPLE = [
    {"id": "U0BOB", "name": "bob"},
    {"id": "U0CAROL", "name": "carol", "deleted": True},
    {"id": "U0DAVE", "is_restricted": True},
    {"id": "U0BOT", "is_bot": True},
]
CHANNELS = [
    {"id": "C0HELP", "name": "help"},
    {"id": "C0PARTNER", "name": "partner", "is_ext_shared": True},
]


def say(ts: str, user: str, text: str, thread: str = "100.1", good=(), bad=(), **more):
    reactions = [{"name": "white_check_mark", "users": list(good)}, {"name": "x", "users": [*bad]}]
    found = [reaction | {"count": len(reaction["users"])} for reaction in reactions]
    shown = [reaction for reaction in found if reaction["users"]]
    return {"type": "message", "ts": ts, "thread_ts": thread, "user": user, "text": text} | (
        {"reactions": shown} if shown else {}
    ) | more  # fmt: skip


def archive(tmp_path: Path, *messages, channel="help", more=None) -> Path:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        entries = {
            "users.json": PEOPLE,
            "channels.json": CHANNELS,
            "groups.json": [{"id": "C0OPS", "name": "ops"}],
            "dms.json": [{"id": "D0DIRECT", "members": ["U0BOB", "U0CAROL"]}],
            # The thread goes on the next day.
            f"{channel}/2026-01-01.json": list(messages[:1]),
            f"{channel}/2026-01-02.json": list(messages[1:]),
        } | (more or {})
        for name, content in entries.items():
            file.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return path


def found_in(path: Path, *names: str, unwanted=()) -> list[Record]:
    with closing(Archive(path)) as opened:
        export = SlackExport(opened, "white_check_mark", "x", unwanted)
        return [row.record for row in export.rows(export.choose(names or ("help",)))]


ASKED = say("100.1", "U0CAROL", "<@U0BOB> where is the key of <@U0DAVE>?")


def test_marked_replies_are_approved_and_names_are_neutral(tmp_path):
    path = archive(
        tmp_path, ASKED, say("101.1", "U0BOB", "No idea."),
        say("102.1", "U0BOB", "Ah: <@U0CAROL> has it &amp; the map", good=["U0CAROL"]),
    )  # fmt: skip

    (record,) = found_in(path)

    assert record.question == "where is the key of colleague A?"
    assert record.answer == "No idea.\nAh: colleague B has it & the map"
    assert (record.state, record.audience) == ("approved", "workspace")
    assert record.answer_source is Source.SLACK_MESSAGE
    assert record.place["channel_id"] == "C0HELP"
    assert record.place["author_id"] == "U0BOB"


@pytest.mark.parametrize(
    ("reply", "states"),
    [
        (say("101.1", "U0BOB", "Here."), ["proposed"]),
        (say("101.1", "U0BOB", "Here.", good=["U0BOB"]), ["proposed"]),
        (say("101.1", "U0BOB", "Here.", good=["U0DAVE"]), ["proposed"]),
        (say("101.1", "U0BOB", "Here.", good=["U0CAROL"]), ["approved"]),
        (say("101.1", "U0BOB", "Here.", bad=["U0CAROL"]), []),
        (say("101.1", "U0BOB", "Here.", good=["U0CAROL"], bad=["U0CAROL"]), ["disputed"]),
        (say("101.1", "U0DAVE", "Here.", good=["U0CAROL"]), []),
        (say("101.1", "U0NOBODY", "Here.", good=["U0CAROL"]), []),
        (say("101.1", "U0BOT", "Here.", good=["U0CAROL"], bot_id="B1"), []),
        (say("101.1", "U0BOB", "👍"), []),
        (say("101.1", "U0BOB", "x" * 4000, good=["U0CAROL"]), []),
    ],
)
def test_votes_decide_and_outsiders_are_left_out(tmp_path, reply, states):
    assert [record.state for record in found_in(archive(tmp_path, ASKED, reply))] == states


def test_who_wants_nothing_kept_is_left_out(tmp_path):
    path = archive(tmp_path, ASKED, say("101.1", "U0BOB", "Here.", good=["U0CAROL"]))

    assert found_in(path, unwanted={"U0BOB"}) == []


def test_a_private_channel_keeps_its_audience_and_direct_messages_are_refused(tmp_path):
    path = archive(tmp_path, ASKED, say("101.1", "U0BOB", "Here."), channel="ops")

    assert [record.audience for record in found_in(path, "ops")] == ["C0OPS"]
    for name in ("D0DIRECT", "partner"):
        with pytest.raises(FileRefusedError, match="nothing is ever kept"):
            found_in(path, name)
    with pytest.raises(FileRefusedError, match="There are: D0DIRECT, help, ops, partner"):
        found_in(path, "gossip")


def test_it_is_imported_once_and_its_messages_can_be_followed(tmp_path):
    path = archive(tmp_path, ASKED, say("101.1", "U0BOB", "Here.", good=["U0CAROL"]))
    database = fresh_database(tmp_path)
    order = Order("export.zip", Rules(lambda text: (text, [])), "operator")
    viewer = Viewer.model("workspace")

    reports = []
    for _ in range(2):
        with closing(Archive(path)) as opened:
            export = SlackExport(opened, "white_check_mark", "x")
            rows = export.rows(export.choose(["#help"]))
            reports.append(
                import_rows(database, TEAM, viewer, rows, order, lambda session, ids: (0, 0))
            )

    assert [(report.new, report.known) for report in reports] == [(1, 0), (0, 1)]
    with database.read() as session:
        example = session.exec(select(Example)).one()
        messages = session.exec(select(ExampleMessage).order_by(ExampleMessage.id)).all()
    assert (example.channel_id, example.answer_ts) == ("C0HELP", "101.1")
    assert {(m.message_ts, m.user_id, str(m.part)) for m in messages} == {
        ("100.1", "U0CAROL", "question"), ("101.1", "U0BOB", "answer"),
    }  # fmt: skip


def spoilt(tmp_path: Path, spoil) -> Path:
    """An export whose first entry in the archive's list is not what it says."""
    path = archive(tmp_path, ASKED, say("101.1", "U0BOB", "Here."))
    raw = bytearray(path.read_bytes())
    raw = spoil(raw, raw.find(b"PK\x01\x02")) or raw
    path.write_bytes(raw)
    return path


def put(raw: bytearray, place: int, content: bytes) -> None:
    raw[place : place + len(content)] = content


def far_away(raw: bytearray, at: int) -> bytes:
    """Where the entry begins is said in 64 bits, and lies behind all that there can be."""
    end = raw.find(b"PK\x05\x06")
    name = int.from_bytes(raw[at + 28 : at + 30], "little")
    extra = b"\x01\0\x08\0" + (2**64 - 5).to_bytes(8, "little")
    listed, rest = raw[at:end], raw[end:]
    put(listed, 30, len(extra).to_bytes(2, "little"))
    put(listed, 42, b"\xff" * 4)
    listed[46 + name : 46 + name] = extra
    put(rest, 12, len(listed).to_bytes(4, "little"))
    return bytes(raw[:at] + listed + rest)


SPOILT = {
    "encrypted": (lambda raw, at: put(raw, at + 8, b"\x01\0"), "is encrypted"),
    "strongly encrypted": (lambda raw, at: put(raw, at + 8, b"\x40\0"), "damaged"),
    "packed in no known way": (lambda raw, at: put(raw, at + 10, b"\x63\0"), "damaged"),
    "packed otherwise than said": (lambda raw, at: put(raw, at + 10, b"\x0e\0"), "damaged"),
    "longer than said": (lambda raw, at: put(raw, at + 24, b"\x03\0\0\0"), "damaged"),
    "another sum": (lambda raw, at: put(raw, at + 16, b"\0\0\0\0"), "damaged"),
    "begins elsewhere": (lambda raw, at: put(raw, at + 42, b"\x01\0\0\0"), "damaged"),
    "begins far away": (far_away, "users.json"),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_an_archive_that_lies_about_an_entry_is_refused(tmp_path, kind):
    spoil, reason = SPOILT[kind]

    with pytest.raises(FileRefusedError, match=reason):
        found_in(spoilt(tmp_path, spoil))


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"../../etc/passwd": []}, "points out of it"),
        ({"/etc/passwd": []}, "points out of it"),
        ({"help\\..\\x": []}, "points out of it"),
        ({"users.json": b"{}"}, "two entries of one name"),
        ({"help/2026-01-03.json": b"not JSON"}, "no JSON in help/2026-01-03.json"),
        ({"help/2026-01-03.json": b"[" * 100_000}, "no JSON"),
        ({"help/2026-01-03.json": {"a": 1}}, "no list"),
        ({"help/2026-01-03.json": b"[" + b" " * 9_000_000 + b"]"}, "swells"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_tricks_with_the_archive_are_refused(tmp_path, entries, reason):
    path = tmp_path / "export.zip"
    archive(tmp_path, ASKED, say("101.1", "U0BOB", "Here."))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content if isinstance(content, bytes) else json.dumps(content))

    with pytest.raises(FileRefusedError, match=reason):
        found_in(path)


def test_an_entry_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(slack_archive, "MAX_ENTRY_BYTES", 100)

    with pytest.raises(FileRefusedError, match="swells"):
        found_in(archive(tmp_path, ASKED))


TWO_GIGABYTES = 2 * 1024**3


def test_two_gigabytes_are_refused_by_name_or_passed_over_and_cost_no_memory(tmp_path):
    path = archive(tmp_path, ASKED, say("101.1", "U0BOB", "Here."))
    with zipfile.ZipFile(path, "a") as file:
        add_sparse(file, "ops/2026-01-03.json", TWO_GIGABYTES)
    assert path.stat().st_size > TWO_GIGABYTES

    tracemalloc.start()
    (record,) = found_in(path)  # a channel that was not chosen is not read
    _, passed_over = tracemalloc.get_traced_memory()
    with pytest.raises(FileRefusedError, match=r"ops/2026-01-03.json is far larger"):
        found_in(path, "ops")
    _, refused = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert record.answer == "Here."
    assert passed_over < 10_000_000
    assert refused < 3 * slack_archive.MAX_ENTRY_BYTES


def add_sparse(file: zipfile.ZipFile, name: str, size: int) -> None:
    """An entry of zeros that takes no room on the disk."""
    with file.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
        file.fp.seek(size, os.SEEK_CUR)
        entry._file_size = size


def test_a_long_export_is_read_day_by_day(tmp_path):
    """Twenty times the days need no more memory: two gigabytes in days are as good as one day."""
    talk = [{"type": "message", "ts": f"{n}.1", "text": "x" * 2000} for n in range(500)]
    peaks = []
    for days in (2, 40):
        more = {f"help/2026-02-{day:02}.json": talk for day in range(1, days + 1)}
        path = archive(tmp_path, ASKED, say("101.1", "U0BOB", "Here."), more=more)
        tracemalloc.start()
        assert len(found_in(path)) == 1
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.2 * peaks[0]


def test_what_is_no_export_is_refused(tmp_path):
    text, other, torn = tmp_path / "a.txt", tmp_path / "b.zip", tmp_path / "c.zip"
    text.write_text("hello")
    with zipfile.ZipFile(other, "w") as file:
        file.writestr("x", "y")
    whole = archive(tmp_path, ASKED).read_bytes()
    torn.write_bytes(whole[: len(whole) // 2])

    for path, reason in ((text, "no ZIP"), (other, "Slack did not"), (torn, "no ZIP")):
        with pytest.raises(FileRefusedError, match=reason):
            found_in(path)


STRANGE: dict[str, dict] = {
    "reactions a number": {"reactions": 7},
    "voters a number": {"reactions": [{"name": "white_check_mark", "users": 7}]},
    "blocks a text": {"text": "", "blocks": "x"},
    "blocks of numbers": {"text": "", "blocks": [7, None, {"type": "section", "fields": 7}]},
    "elements a number": {"text": "", "blocks": [{"type": "rich_text", "elements": 7}]},
    "parts of numbers": {
        "text": "",
        "blocks": [{"type": "rich_text", "elements": [{"elements": [7, {"type": "text"}]}, 7]}],
    },
    "style a text": {
        "text": "",
        "blocks": [
            {
                "type": "rich_text",
                "elements": [{"elements": [{"type": "text", "text": "", "style": "code"}]}],
            }
        ],
    },
    "attachments a number": {"text": "", "attachments": 7},
    "attachments of numbers": {"text": "", "attachments": [7, {"blocks": [7]}]},
}


@pytest.mark.parametrize("kind", STRANGE)
def test_a_message_that_is_made_wrongly_stops_nothing(tmp_path, kind):
    odd = say("101.1", "U0BOB", "Odd.") | STRANGE[kind]
    path = archive(tmp_path, ASKED, odd, say("102.1", "U0BOB", "Here.", good=["U0CAROL"]))

    assert [record.answer.splitlines()[-1] for record in found_in(path)] == ["Here."]


def test_strange_messages_are_passed_over(tmp_path):
    strange = [None, 7, {"ts": "x", "thread_ts": "y"}, {"ts": 1.0}, {"thread_ts": "100.1"}]
    reply = say("101.1", "U0BOB", "Here.")
    path = archive(tmp_path, ASKED, reply, more={"help/2026-01-03.json": strange})

    assert len(found_in(path)) == 1
