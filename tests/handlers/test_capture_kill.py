"""The bot is killed between every two steps of a capture: nothing is lost, nothing is twice."""

import pytest
from sqlmodel import select

from storage.tables import Example, InboxItem, InboxState, OutboxMessage, OutboxState, Vote
from tests.answering_bot import answering_bot
from tests.forked import Forked

ENDED = (OutboxState.SENT, OutboxState.FAILED)


def run_until_killed(step: str, sandbox, database, engine) -> None:
    process = Forked(
        "tests.answering_bot", "--api-url", sandbox.api_url,
        "--database", str(database.path), "--engine-url", engine.url, "--die-at", step,
    )  # fmt: skip
    assert process.wait(30) == -9, f"never came to {step!r}"


def rows(database, table) -> list:
    with database.read() as session:
        return list(session.exec(select(table)))


def is_all_done(database) -> bool:
    items, told = rows(database, InboxItem), rows(database, OutboxMessage)
    return (
        bool(items and told)
        and all(item.state is InboxState.DONE for item in items)
        and all(row.state in ENDED for row in told)
    )


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("item claimed", {1}),
        ("item worked on", {1}),
        # From here on Slack may have shown it: an ephemeral goes out at most once.
        ("row claimed", {0, 1}),
        ("row posted", {1}),
    ],
)
def test_killed_at(step, told, shared_sandbox, database, engine):
    sandbox = shared_sandbox
    asked = sandbox.post("U0CAROL", f"Where was it killed at {step}?")
    answer = sandbox.post("U0ALICE", "Right here.", thread_ts=asked)
    sandbox.react("U0BOB", "C0HELP", answer)

    run_until_killed(step, sandbox, database, engine)
    with answering_bot(sandbox.api_url, database, engine.engine()):
        sandbox.wait_for(lambda _: is_all_done(database), timeout=30)

    [example] = rows(database, Example)
    assert (example.question, example.answer) == (f"Where was it killed at {step}?", "Right here.")
    assert example.state == "approved"
    assert len(rows(database, Vote)) == 1
    # The vote's confirmation, and the one word to Alice that her answer was kept.
    told_of = sorted(row.key.partition(":")[0] for row in rows(database, OutboxMessage))
    assert told_of == ["first-capture", "vote"]
    shown = [m for m in sandbox.ephemerals("U0BOB") if step in str(m["blocks"])]
    assert len(shown) in told
