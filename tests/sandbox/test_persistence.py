import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.running_sandbox import free_port, running_sandbox
from tests.sandbox.socket_client import listening

RECIPIENT = {"recipient_team_id": "T0DEMO", "recipient_user_id": "U0CAROL"}


def by_id(things: Any) -> Any:
    if isinstance(things, dict):
        return things
    return {thing.get("id") or thing["ts"]: thing for thing in things}


def test_a_restart_finds_everything_as_it_was(tmp_path: Path) -> None:
    with running_sandbox(home=tmp_path) as sandbox:
        bot = sandbox.client()
        root = sandbox.post("U0CAROL", "a question")
        sandbox.post("U0BOB", "an answer", thread_ts=root)
        sandbox.react("U0ALICE", "C0HELP", root)
        gone = sandbox.post("U0CAROL", "never mind")
        sandbox.client("U0CAROL").chat_delete(channel="C0HELP", ts=gone)
        bot.files_upload_v2(channel="C0HELP", content=b"png", filename="a.png")
        bot.views_publish(user_id="U0CAROL", view={"type": "home", "blocks": [{"type": "divider"}]})
        bot.chat_postEphemeral(channel="C0HELP", user="U0BOB", text="only for Bob")
        direct = bot.chat_postMessage(channel="U0CAROL", text="psst")["channel"]
        sandbox.control("channel", id="C0NEW", name="new", members=["U0ALICE"], is_private=True)
        sandbox.control("user", id="U0FRANK", name="frank", is_restricted=True)
        before = sandbox.state("messages", "homes", "files", "channels", "users")

    with running_sandbox(home=tmp_path, port=sandbox.port) as sandbox:
        after = sandbox.state("messages", "homes", "files", "channels", "users")
        later = sandbox.post("U0CAROL", "back again")

        for kind in ("messages", "homes", "files", "channels", "users"):
            assert by_id(after[kind]) == by_id(before[kind]), kind
        assert later > max(m["ts"] for m in before["messages"])
        assert direct in [c["id"] for c in after["channels"]]


def test_a_stream_comes_back_closed(tmp_path: Path) -> None:
    with running_sandbox(home=tmp_path) as sandbox:
        root = sandbox.post("U0CAROL", "a question")
        bot = sandbox.client()
        stream = bot.chat_startStream(channel="C0HELP", thread_ts=root, **RECIPIENT)["ts"]
        bot.chat_appendStream(channel="C0HELP", ts=stream, markdown_text="half an ans")

    with running_sandbox(home=tmp_path) as sandbox:
        (message,) = [m for m in sandbox.messages() if m["ts"] == stream]
        changed = sandbox.client().chat_update(channel="C0HELP", ts=stream, text="whole")

        assert (message["text"], message["streaming"]) == ("half an ans", False)
        assert changed["ok"]


def test_a_killed_sandbox_keeps_what_was_said(tmp_path: Path) -> None:
    with running_sandbox(home=tmp_path) as sandbox:
        sent = [sandbox.post("U0CAROL", f"message {n}") for n in range(50)]
        time.sleep(0.05)
        sandbox.kill()

    with running_sandbox(home=tmp_path) as sandbox:
        assert [m["ts"] for m in sandbox.messages("C0HELP")] == sent


def test_events_not_yet_delivered_outlive_a_restart(tmp_path: Path) -> None:
    with running_sandbox(home=tmp_path) as sandbox:
        sent = [sandbox.post("U0CAROL", f"message {n}") for n in range(5)]
        time.sleep(0.05)
        sandbox.kill()

    with running_sandbox(home=tmp_path) as sandbox:
        with listening(sandbox) as app:
            app.wait_for("message", 5)
            assert [body["ts"] for body in app.bodies("message")] == sent
        sandbox.wait_for(lambda s: all(d["state"] == "acknowledged" for d in s["deliveries"]))
    database = sqlite3.connect(tmp_path / "sandbox.sqlite3")
    left = database.execute("SELECT count(*) FROM thing WHERE kind = 'delivery'").fetchone()
    database.close()
    assert left == (0,)


def test_a_second_sandbox_on_the_same_home_says_so(tmp_path: Path) -> None:
    with running_sandbox(home=tmp_path):
        second = subprocess.run(
            [sys.executable, "-m", "bot.sandbox", "--no-page", "--port", str(free_port()),
             "--home", str(tmp_path)],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    assert second.returncode == 2
    assert "Another sandbox is running on" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_stop_is_quick_and_clean(tmp_path: Path) -> None:
    with running_sandbox(home=tmp_path) as sandbox, listening(sandbox):
        started = time.monotonic()
        sandbox.process.send_signal(signal.SIGTERM)
        sandbox.process.wait(10)

        assert time.monotonic() - started < 5


def test_a_past_is_loaded_once_and_told_to_nobody(tmp_path: Path) -> None:
    past = {"channel": "C0HELP", "user": "U0BOB", "ts": "1700000000.000001",
            "text": "Ask @alice", "reactions": {"white_check_mark": ["U0ALICE"]}}  # fmt: skip
    history = tmp_path / "history.json"
    history.write_text(json.dumps({"messages": [past]}))
    for _ in range(2):
        with running_sandbox(home=tmp_path / "home", history=history) as sandbox:
            (message,) = sandbox.messages()

            assert message["text"] == "Ask <@U0ALICE>"
            assert message["reactions"][0]["users"] == ["U0ALICE"]
            assert sandbox.deliveries() == []
