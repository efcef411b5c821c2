"""
The whole loop with the real model: ask, teach, train, prove, promote, ask again, roll back.

One demo for the module: what one test leaves is where the next begins, as in a workspace.
"""

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.running_demo import RunningDemo, running_demo

# Never again from the middle: a test that ran once has left its marks in the demo.
pytestmark = [pytest.mark.slow, pytest.mark.flaky(reruns=0)]

ALICE, BOB, CAROL, DAVE = "U0ALICE", "U0BOB", "U0CAROL", "U0DAVE"
HELP = "C0HELP"
#: Far longer than it takes anywhere; what it takes is for the benchmarks to say.
PATIENCE = 1800.0
QUESTION = "<@U0APPRENTICE> how do I get access to the staging database?"
OTHER_WORDS = "<@U0APPRENTICE> who lets me into the staging database, and how do I ask?"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory):
    with running_demo(tmp_path_factory.mktemp("home")) as demo:
        yield demo


def ask(demo: RunningDemo, user: str, text: str, channel: str = HELP) -> dict[str, Any]:
    """Ask and return the finished answer."""
    ts = demo.post(user, text, channel)
    return demo.wait_for_message(
        lambda m: m["thread_ts"] == ts and m["bot_id"] and not m["streaming"] and m["text"],
        timeout=120,
    )


def shown(message: dict[str, Any]) -> str:
    return str(message["text"]) + str(message["blocks"])


def card_of(demo: RunningDemo, run: int = 1) -> dict[str, Any] | None:
    for message in demo.messages(HELP):
        payload = (message["metadata"] or {}).get("event_payload", {})
        if payload.get("key") == f"run:{run}":
            return message
    return None


def press(demo: RunningDemo, user: str, message: dict[str, Any], action_id: str) -> None:
    buttons = [e for b in message["blocks"] if b["type"] == "actions" for e in b["elements"]]
    button = next(b for b in buttons if b["action_id"] == action_id)
    demo.action(user, action_id, button.get("value"), channel=HELP, message_ts=message["ts"])


def rows(demo: RunningDemo, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{demo.database}?mode=ro", uri=True) as database:
        return database.execute(query).fetchall()


def test_an_answer_streams_and_says_what_it_is_based_on(demo: RunningDemo):
    answer = ask(demo, CAROL, QUESTION)

    assert "/archives/C0HELP/p" in shown(answer)
    assert "base model" in shown(answer)
    actions = [e["action_id"] for b in answer["blocks"] for e in b.get("elements", []) if
               "action_id" in e]  # fmt: skip
    assert actions == ["good", "bad"]


def test_a_link_of_an_answer_leads_to_a_message_that_is_there(demo: RunningDemo):
    answer = ask(demo, CAROL, QUESTION)

    link = shown(answer).split("<http://")[1].split("|")[0].replace("&amp;", "&")
    ts = link.split("/p")[1].split("?")[0]
    known = {m["ts"].replace(".", "") for m in demo.messages(HELP)}
    assert ts in known


def test_a_curators_reaction_keeps_an_answer_and_taking_it_back_undoes_it(demo: RunningDemo):
    question = demo.post(CAROL, "Where do I find the printer of the second deck?")
    answer = demo.post(ALICE, "It stands behind the galley, its name is `gull-2`.", HELP, question)

    demo.react(BOB, HELP, answer)

    kept = demo.wait_for_message(
        lambda m: m["ephemeral_to"] == BOB and "gull-2" in shown(m), timeout=30
    )
    assert "printer of the second deck" in shown(kept)
    state = "SELECT state FROM example WHERE answer LIKE '%gull-2%'"
    assert rows(demo, state) == [("approved",)]

    demo.unreact(BOB, HELP, answer)

    demo.wait_for(lambda _: rows(demo, state) == [("withdrawn",)], timeout=30, only=("connected",))
    assert not [m for m in demo.ephemerals(CAROL) if "gull-2" in shown(m)]


def test_only_an_admin_may_train(demo: RunningDemo):
    demo.command(CAROL, "train")

    demo.wait_for_message(
        lambda m: m["ephemeral_to"] == CAROL and "admin" in m["text"].lower(), timeout=30
    )
    assert rows(demo, "SELECT count(*) FROM run") == [(0,)]


def test_training_asks_for_the_attestation_then_runs_to_a_verdict(demo: RunningDemo):
    demo.command(ALICE, "train")
    form = demo.wait_for(lambda _: demo.views(ALICE), timeout=30, only=("connected",))[-1]
    assert rows(demo, "SELECT count(*) FROM run") == [(0,)]

    demo.action(ALICE, "attest", view_id=form["id"])

    seen: list[str] = []

    def has_verdict(_: Any) -> bool:
        card = card_of(demo)
        if card and card["text"] not in seen:
            seen.append(card["text"])
        done = rows(demo, "SELECT state FROM run")
        return bool(done) and done[0][0] in {"done", "failed", "cancelled"}

    # To look costs the sandbox and us 7 ms, of minutes in which the training wants both cores.
    demo.wait_for(has_verdict, timeout=PATIENCE, only=("connected",), rest=1.0)
    error = rows(demo, "SELECT state, error FROM run")
    assert error == [("done", None)]
    assert rows(demo, "SELECT verdict FROM evaluation") == [("promote",)]
    assert any("training" in text for text in seen)
    assert rows(demo, "SELECT json_extract(rights, '$.by') FROM run") != [(None,)]


def test_the_card_shows_strategies_two_pictures_and_the_decision(demo: RunningDemo):
    def is_final(_: Any) -> Any:
        card = card_of(demo)
        return card if card and '"promote"' in str(card["blocks"]).replace("'", '"') else None

    card = demo.wait_for(is_final, timeout=60, only=("connected",))

    pictures = [block for block in card["blocks"] if block["type"] == "image"]
    assert len(pictures) == 2
    assert all(picture["alt_text"] for picture in pictures)
    assert {"promote", "hold"} <= {
        e["action_id"] for b in card["blocks"] if b["type"] == "actions" for e in b["elements"]
    }


def test_a_promoted_version_answers_and_says_so(demo: RunningDemo):
    press(demo, ALICE, card_of(demo) or {}, "promote")
    demo.wait_for(
        lambda _: rows(demo, "SELECT count(*) FROM promotion") == [(1,)],
        timeout=30,
        only=("connected",),
    )

    answer = ask(demo, CAROL, OTHER_WORDS)

    assert "workspace-v1" in shown(answer)
    assert "KH-12" in answer["text"]


def test_the_lists_show_where_things_stand(demo: RunningDemo):
    for words, expected in (
        ("status", "workspace-v1"),
        ("models", "workspace-v1"),
        ("examples staging", "staging database"),
    ):
        before = len(demo.ephemerals(ALICE))
        demo.command(ALICE, words)
        demo.wait_for(
            lambda _, n=before: len(demo.ephemerals(ALICE)) > n, timeout=30, only=("connected",)
        )
        assert expected in shown(demo.ephemerals(ALICE)[-1])


def test_a_rollback_returns_to_what_answered_before_within_seconds_and_without_a_restart(
    demo: RunningDemo,
):
    engine, began = demo.processes()["engine"].pid, time.monotonic()
    demo.command(ALICE, "rollback")
    demo.wait_for(
        lambda _: rows(demo, "SELECT count(*) FROM promotion") == [(2,)],
        timeout=30,
        only=("connected",),
    )
    seconds = time.monotonic() - began

    answer = ask(demo, CAROL, OTHER_WORDS)

    assert "workspace-v1" not in shown(answer)
    assert "base model" in shown(answer)
    assert demo.processes()["engine"].pid == engine
    print(f"Rolled back after {seconds:.2f} s")  # noqa: T201 - the figure, for whoever asks for it
    assert seconds < 5


def test_a_guest_hears_nothing_of_the_workspace(demo: RunningDemo):
    answer = ask(demo, DAVE, QUESTION)

    assert "KH-12" not in shown(answer)
    assert "/archives/" not in shown(answer)


def test_a_restart_keeps_everything(demo: RunningDemo):
    home, port = Path(demo.home), demo.port
    before = rows(demo, "SELECT count(*) FROM example"), len(demo.messages())

    assert demo.stop() == 0
    with running_demo(home, port=port) as again:
        assert (rows(again, "SELECT count(*) FROM example"), len(again.messages())) == before
        assert "base model" in shown(ask(again, CAROL, QUESTION))
