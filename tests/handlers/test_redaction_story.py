"""A secret that somebody writes is in no file of the bot's: database, its log, program's log."""

import logging
from pathlib import Path

import pytest
from slack_sdk.errors import SlackClientNotConnectedError
from sqlmodel import select

from bot.app import start_logging
from bot.curation.redaction import Redactor
from storage.tables import Example, OutboxMessage, Unanswered
from tests.answering_bot import answering_bot
from tests.scripted_engine import I_DO_NOT_KNOW
from tests.teaching import fresh_database

BOB = "U0BOB"
#: Joined here, so that nothing in the repository looks like a key.
KEY = "gh" + "p_" + "16C7e42F292c6912E7710c838347Ae178B4a"
MAIL = "anna.schmidt" + "@" + "firma.de"
PASSWORD = "Sunflower" + "-42x"
REDACTOR = Redactor(patterns=[r"EMP-\d{6}"])
BADGE = "EMP-" + "482915"


@pytest.fixture
def sandbox(shared_sandbox):
    return shared_sandbox


@pytest.fixture
def database(tmp_path: Path):
    database = fresh_database(tmp_path, REDACTOR.text)
    yield database
    database.close()


@pytest.fixture
def everything_logged(caplog):
    """The log as somebody has it who looks for an error."""
    names = ("slack_sdk", "slack_bolt", "openai", "httpcore2", "httpcore", "sqlalchemy", "httpx2",
             "httpx", "apscheduler", "alembic")  # fmt: skip
    levels = {name: logging.getLogger(name).level for name in names}
    caplog.set_level(logging.DEBUG)
    start_logging("DEBUG")
    yield caplog
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def bot(sandbox, database, engine, everything_logged, tmp_path):
    with answering_bot(
        sandbox.api_url, database, engine.engine(), home=tmp_path, redactor=REDACTOR
    ) as running:
        sandbox.wait_until_connected()
        yield running


def on_disk(folder: Path) -> bytes:
    """Every byte of every file, the write-ahead log included."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def leaked(folder: Path, log: str, *secrets: str) -> list[str]:
    written = on_disk(folder)
    return [secret for secret in secrets if secret.encode() in written or secret in log]


def kept(sandbox, database) -> Example:
    def newest(_: object) -> Example | None:
        with database.read() as session:
            return session.exec(select(Example).order_by(Example.id.desc())).first()  # type: ignore[union-attr]

    return sandbox.wait_for(newest)


def test_a_captured_thread_leaves_no_secret_anywhere(
    sandbox, database, bot, everything_logged, tmp_path
):
    asked = sandbox.post("U0CAROL", f"Who knows the build token? Badge {BADGE} needs it.")
    answer = sandbox.post(BOB, f"Use {KEY} or ask {MAIL} for it.", thread_ts=asked)

    sandbox.react("U0ALICE", "C0HELP", answer)

    example = kept(sandbox, database)
    assert example.question == "Who knows the build token? Badge [private detail] needs it."
    assert example.answer == "Use [access key] or ask [mail address] for it."
    told = sandbox.wait_for_message(lambda m: "I replaced" in str(m["blocks"]))
    assert (
        "I replaced 1 mail address, 1 access key and 1 private detail: the brackets show where."
    ) in str(told["blocks"])
    assert leaked(tmp_path, everything_logged.text, KEY, MAIL, BADGE) == []


def test_a_form_leaves_no_secret_anywhere(sandbox, database, bot, everything_logged, tmp_path):
    sandbox.command(BOB, "add")
    [view] = sandbox.wait_for(lambda _: sandbox.views(BOB))

    sandbox.submit(
        BOB,
        view["id"],
        {
            "question": {"question": f"Is {MAIL} the landlord?"},
            "answer": {"answer": f"Yes. The password is {PASSWORD}."},
        },
    )

    example = kept(sandbox, database)
    assert example.question == "Is [mail address] the landlord?"
    assert example.answer == "Yes. The password is [password]."
    sandbox.wait_for_message(lambda m: "1 mail address and 1 password" in str(m["blocks"]))
    assert leaked(tmp_path, everything_logged.text, MAIL, PASSWORD) == []


def test_an_answer_does_not_repeat_the_secret_of_its_question(
    sandbox, database, bot, engine, everything_logged, tmp_path
):
    engine.reply = lambda messages: f"Never post {KEY} here."

    sandbox.post("U0CAROL", f"<@U0APPRENTICE> is {KEY} still valid?")

    sandbox.wait_for_message(lambda m: m["text"] == "Never post [access key] here.")
    with database.read() as session:
        texts = [row.text for row in session.exec(select(OutboxMessage))]
    assert "Never post [access key] here." in texts
    assert leaked(tmp_path, everything_logged.text, KEY) == []


def test_a_connection_that_closed_in_between_leaves_no_trace_in_the_log(everything_logged):
    bolt = logging.getLogger("slack_bolt")
    for trouble in (SlackClientNotConnectedError("closed"), ValueError("a mistake of ours")):
        bolt.error("Failed to run a request listener", exc_info=trouble)

    assert "a mistake of ours" in everything_logged.text
    assert "SlackClientNotConnectedError" not in everything_logged.text


def test_a_question_that_nobody_could_answer_keeps_no_secret(
    sandbox, database, bot, engine, everything_logged, tmp_path
):
    """Neither in its words nor in those by which it is found again."""
    engine.reply = lambda messages: I_DO_NOT_KNOW

    sandbox.post("U0CAROL", f"<@U0APPRENTICE> does {MAIL} open the vault with {KEY}?")

    def noted(_: object) -> Unanswered | None:
        with database.read() as session:
            return session.exec(select(Unanswered)).first()

    row = sandbox.wait_for(noted)
    assert row.text == "does [mail address] open the vault with [access key]?"
    assert "vault" in row.topic
    # What it is found by is in small letters, and in words of their own.
    words = [KEY, KEY.lower(), KEY[4:].lower(), MAIL, "schmidt"]
    assert leaked(tmp_path, everything_logged.text, *words) == []
