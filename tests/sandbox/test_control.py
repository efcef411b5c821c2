import http.client
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bot.sandbox.app_manifest import AppManifest, read_manifest
from tests.running_sandbox import RefusedError, RunningSandbox, running_sandbox
from tests.sandbox.conftest import refusal


def status_of(sandbox: RunningSandbox, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


@pytest.mark.parametrize(
    ("act", "body", "sentence"),
    [
        ("command", {"user": "U0NOBODY", "channel": "C0HELP", "command": "/apprentice"},
         "There is no person 'U0NOBODY'"),
        ("command", {"user": "U0BOB", "channel": "C0HELP", "command": "/other"},
         "/other is not a command"),
        ("command", {"user": "U0BOB", "command": "/apprentice"}, "channel is missing"),
        ("command", {"user": "U0CAROL", "channel": "C0OPS", "command": "/apprentice"},
         "channel_not_found"),
        ("shortcut", {"user": "U0BOB", "callback_id": "sing"}, "no global shortcut 'sing'"),
        ("action", {"user": "U0BOB", "action_id": "undo", "view_id": "V0GONE"},
         "U0BOB has no open view V0GONE"),
        ("action", {"user": "U0BOB", "action_id": "undo", "channel": "C0HELP",
                    "message_ts": "1.000001"}, "message_not_found"),
        ("view_submission", {"user": "U0BOB", "view_id": "V0GONE"}, "no open view"),
        ("event", {"event": "hello"}, "event must be a JSON object"),
        ("fault", {"method": "chat.update"}, "A fault needs a method and one of"),
        ("channel", {"id": "../etc", "name": "x"}, "is not an id"),
        ("user", {"id": "U0X", "name": "x", "shoe_size": 43}, "Unknown fields: shoe_size"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_answered_with_a_sentence(
    sandbox: RunningSandbox, act: str, body: dict[str, object], sentence: str
) -> None:
    with pytest.raises(RefusedError, match=sentence.replace("/", ".")):
        sandbox.control(act, **body)


def test_a_body_that_is_no_json_is_a_400(sandbox: RunningSandbox) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{sandbox.url}/sandbox/command", b"user=U0BOB")

    with refused.value:
        assert refused.value.code == 400
        assert json.load(refused.value)["error"] == "The body must be JSON."


def test_people_and_channels_can_be_changed(sandbox: RunningSandbox) -> None:
    sandbox.control("user", id="U0GRACE", name="grace", real_name="Grace Ito", is_restricted=True)
    sandbox.control("channel", id="C0LAB", name="lab", members=["U0GRACE", "U0APPRENTICE"])
    sandbox.control("channel", id="C0LAB", is_private=True, is_ext_shared=True)
    bot = sandbox.client()

    assert bot.users_info(user="U0GRACE")["user"]["is_restricted"]
    lab = bot.conversations_info(channel="C0LAB")["channel"]
    assert (lab["is_private"], lab["is_ext_shared"]) == (True, True)
    assert bot.conversations_members(channel="C0LAB")["members"] == ["U0GRACE", "U0APPRENTICE"]
    alice = sandbox.client("U0ALICE")
    assert refusal(lambda: alice.conversations_info(channel="C0LAB")) == "channel_not_found"


def test_faults_befall_the_next_calls_only(sandbox: RunningSandbox) -> None:
    bot = sandbox.client()
    sandbox.fault("users.list", error="fatal_error", times=2)
    sandbox.fault("users.info", http_status=500)
    sandbox.fault("team.info", retry_after=7)

    assert [refusal(bot.users_list) for _ in range(2)] == ["fatal_error"] * 2
    assert bot.users_list()["ok"]
    with pytest.raises(SlackApiError) as limited:
        bot.team_info()
    assert limited.value.response.headers["Retry-After"] == "7"
    with pytest.raises(SlackApiError) as broken:
        bot.users_info(user="U0BOB")
    assert broken.value.response.status_code == 500


def test_an_answer_can_be_lost_after_the_work_was_done(sandbox: RunningSandbox) -> None:
    sandbox.fault("chat.postMessage", drop=True, stage="after")

    with pytest.raises((http.client.HTTPException, OSError)):
        sandbox.client().chat_postMessage(channel="C0HELP", text="did it arrive?")

    assert "did it arrive?" in [m["text"] for m in sandbox.messages("C0HELP")]


def test_a_call_can_be_dropped_before_any_work(sandbox: RunningSandbox) -> None:
    sandbox.fault("chat.postMessage", drop=True)

    with pytest.raises((http.client.HTTPException, OSError)):
        sandbox.client().chat_postMessage(channel="C0HELP", text="it did not")

    assert "it did not" not in [m["text"] for m in sandbox.messages("C0HELP")]


@pytest.mark.parametrize("path", ["/sandbox/state", "/api/auth.test", "/"])
def test_other_web_sites_are_kept_out(sandbox: RunningSandbox, path: str) -> None:
    rebound = status_of(sandbox, path, Host="evil.example")
    foreign = status_of(sandbox, path, Origin="https://evil.example")
    opaque = status_of(sandbox, path, Origin="null")

    assert [code for code, _ in (rebound, foreign, opaque)] == [403] * 3
    assert "does not answer to the host name 'evil.example'" in rebound[1]
    assert "takes no requests from other web sites" in foreign[1]


def test_web_sockets_from_other_web_sites_are_kept_out(sandbox: RunningSandbox) -> None:
    url = sandbox.client().apps_connections_open(app_token=sandbox.app_token)["url"]

    with pytest.raises(InvalidStatus):
        connect(url, origin="https://evil.example")


def test_this_machine_is_let_in_under_its_own_names(sandbox: RunningSandbox) -> None:
    own = f"localhost:{sandbox.port}"

    assert status_of(sandbox, "/sandbox/health", Host=own, Origin=f"http://{own}")[0] == 200


def test_a_port_in_use_is_said_in_one_sentence(sandbox: RunningSandbox) -> None:
    command = [sys.executable, "-m", "bot.sandbox", "--no-page", "--port", str(sandbox.port)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert second.returncode == 2
    assert second.stderr.strip() == (
        f"Port {sandbox.port} on 127.0.0.1 is in use: stop what runs there, or choose another"
        " --port."
    )


def test_the_apps_manifest_grants_and_offers(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({
        "display_information": {"name": "Other"},
        "features": {"slash_commands": [{"command": "/other"}]},
        "oauth_config": {"scopes": {"bot": ["commands"]}},
    }))  # fmt: skip
    with running_sandbox(manifest=manifest) as sandbox:
        with pytest.raises(RefusedError, match="apprentice is not a command"):
            sandbox.command("U0BOB")
        post = lambda: sandbox.client().chat_postMessage(channel="C0HELP", text="x")  # noqa: E731
        assert refusal(post) == "missing_scope"


def test_the_built_in_app_is_the_one_of_the_projects_manifest() -> None:
    project = read_manifest(Path(__file__).parents[2] / "manifest.json")
    built_in = AppManifest()

    assert (project.scopes, project.events) == (built_in.scopes, built_in.events)
    assert [c.command for c in project.commands] == [c.command for c in built_in.commands]
    assert [(s.callback_id, s.name, s.type) for s in project.shortcuts] == [
        (s.callback_id, s.name, s.type) for s in built_in.shortcuts
    ]


def test_a_broken_manifest_is_said_in_one_sentence(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text("{")
    command = [sys.executable, "-m", "bot.sandbox", "--no-page", "--port", "0",
               "--manifest", str(manifest)]  # fmt: skip
    started = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert started.returncode == 2
    assert "The sandbox cannot start" in started.stderr
    assert "Traceback" not in started.stderr
