"""The command line, as a person types it."""

import json
from pathlib import Path

import pytest

from bot.cli import cli
from bot.cli.options import print_rows
from storage.audience import WORKSPACE
from storage.database import Database
from tests.cli_home import bot, teach
from tests.running_sandbox import free_port, running_sandbox

COMMANDS = ["run", "demo", "train", "trainer", "attest", "doctor", "manifest", "dataset", "models",
            "backup", "restore", "advise", "evaluate"]  # fmt: skip


@pytest.fixture
def home_with_examples(tmp_path: Path) -> Path:
    return teach(tmp_path)


def test_every_command_of_the_list_is_there():
    names = {command.name or command.callback.__name__ for command in cli.registered_commands}
    names |= {group.name for group in cli.registered_groups}

    assert names == set(COMMANDS)


def test_help_is_there_and_a_wrong_command_is_named(tmp_path: Path):
    helped = bot("--help", home=tmp_path)
    wrong = bot("trian", home=tmp_path)

    assert helped.returncode == 0
    assert all(command in helped.stdout for command in COMMANDS)
    assert wrong.returncode == 2
    assert "trian" in wrong.stderr


def test_run_without_tokens_says_what_to_set(tmp_path: Path):
    result = bot("run", home=tmp_path)

    assert result.returncode == 1
    assert "SLACK_BOT_TOKEN is not set" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_snapshot_needs_an_attestation_and_is_listed_and_shown(home_with_examples: Path):
    home = home_with_examples
    refused = bot("dataset", "snapshot", home=home)
    attested = bot("attest", "--by", "U0ALICE", "--sources", "import", home=home)
    taken = bot("dataset", "snapshot", home=home)
    listed = bot("dataset", "list", "--json", home=home)
    shown = bot("dataset", "show", "1", "--json", home=home)

    assert refused.returncode == 1
    assert "confirmed" in refused.stderr
    assert attested.returncode == 0
    assert "U0ALICE" in attested.stdout
    assert taken.returncode == 0
    assert json.loads(listed.stdout)[0]["audience"] == WORKSPACE
    assert len(json.loads(shown.stdout)) == 12


def test_an_unknown_source_is_refused_with_the_known_ones(tmp_path: Path):
    result = bot("attest", "--by", "U0ALICE", "--sources", "gossip", home=tmp_path)

    assert result.returncode == 1
    assert "gossip" in result.stderr
    assert "slack_message" in result.stderr


@pytest.mark.parametrize("command", ["train", "advise"])
def test_an_audience_without_examples_is_refused_with_those_that_have_some(
    home_with_examples: Path, command: str
):
    result = bot(command, "--audience", "C0NOPE", home=home_with_examples)

    assert result.returncode == 1
    assert result.stderr == (
        "There is no example of C0NOPE. Audiences with examples: workspace, C0OPS.\n"
    )


def test_train_queues_a_run_once(home_with_examples: Path):
    bot("attest", "--by", "U0ALICE", "--sources", "import", home=home_with_examples)
    first = bot("train", home=home_with_examples)
    second = bot("train", home=home_with_examples)

    assert "Run 1 is queued" in first.stdout
    assert second.returncode == 1
    assert "still open" in second.stderr


def test_models_says_that_there_are_none_and_refuses_what_is_not_there(tmp_path: Path):
    listed = bot("models", "list", home=tmp_path)
    promoted = bot("models", "promote", "workspace-v9", home=tmp_path)
    rolled_back = bot("models", "rollback", home=tmp_path)

    assert "No version yet" in listed.stdout
    assert promoted.returncode == 1
    assert "There is no model version yet" in promoted.stderr
    assert rolled_back.returncode == 1


def test_the_manifest_is_printed_as_json(tmp_path: Path):
    manifest = json.loads(bot("manifest", home=tmp_path).stdout)

    assert manifest["features"]["agent_view"]
    assert manifest["settings"]["socket_mode_enabled"] is True


def test_doctor_names_what_is_missing_and_how_to_mend_it(tmp_path: Path):
    result = bot("doctor", home=tmp_path)

    assert result.returncode == 1
    assert "FIX  bot token: SLACK_BOT_TOKEN is not set" in result.stdout
    assert "ok   engine" in result.stdout


def test_doctor_finds_nothing_wrong_with_the_sandbox_and_a_wrong_token(tmp_path: Path):
    with running_sandbox() as sandbox:
        tokens = {"SLACK_API_URL": sandbox.api_url, "SLACK_APP_TOKEN": sandbox.app_token}
        well = bot("doctor", "--json", home=tmp_path, SLACK_BOT_TOKEN=sandbox.bot_token, **tokens)
        ill = bot("doctor", home=tmp_path, SLACK_BOT_TOKEN="xoxb-wrong-token", **tokens)

    wrong = [finding["subject"] for finding in json.loads(well.stdout) if not finding["ok"]]
    # The tests' own data folder is a temporary one, which doctor is right to point out.
    assert wrong in ([], ["persistence"])
    assert "FIX  bot token" in ill.stdout
    assert "xoxb-wrong-token" not in ill.stdout


def test_doctor_explains_a_base_model_that_is_no_model(tmp_path: Path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF but not really")

    result = bot("doctor", home=tmp_path, BASE_MODEL=str(broken))

    assert "FIX  base model" in result.stdout
    assert "Traceback" not in result.stderr


def test_a_refused_token_stops_the_start_with_a_sentence(tmp_path: Path):
    with running_sandbox() as sandbox:
        result = bot(
            "run", home=tmp_path, SLACK_API_URL=sandbox.api_url,
            SLACK_BOT_TOKEN="xoxb-wrong", SLACK_APP_TOKEN=sandbox.app_token,
        )  # fmt: skip

    assert result.returncode == 1
    assert "invalid_auth" in result.stderr
    assert "doctor" in result.stderr


def test_slack_that_does_not_answer_is_said(tmp_path: Path):
    result = bot(
        "run", home=tmp_path, SLACK_API_URL=f"http://127.0.0.1:{free_port()}/api/",
        SLACK_BOT_TOKEN="xoxb-sandbox", SLACK_APP_TOKEN="xapp-sandbox",
    )  # fmt: skip

    assert result.returncode == 1
    assert "does not answer" in result.stderr


def test_a_second_bot_on_one_database_is_refused(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path / 'apprentice.db'}")
    lock = database.hold()
    with running_sandbox() as sandbox:
        result = bot(
            "run", home=tmp_path, SLACK_API_URL=sandbox.api_url,
            SLACK_BOT_TOKEN=sandbox.bot_token, SLACK_APP_TOKEN=sandbox.app_token,
        )  # fmt: skip
    lock.release()
    database.close()

    assert result.returncode == 1
    assert "Another Apprentice is already running" in result.stderr


def test_the_demo_says_when_its_port_is_taken(tmp_path: Path):
    with running_sandbox() as sandbox:
        result = bot("demo", "--port", str(sandbox.port), home=tmp_path)

    assert result.returncode == 1
    assert f"Port {sandbox.port} is in use" in result.stderr


def test_a_table_cuts_nothing_off(capsys: pytest.CaptureFixture[str], monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    row = {"version": "c0ops-v12", "held_out": 30, "gain": 0.62493, "base": "SmolLM2-135M" * 9}

    print_rows([row], as_json=False, empty="")

    shown = capsys.readouterr().out
    assert "c0ops-v12" in shown
    assert " held_out " in shown
    assert " 0.62 " in shown
    assert "…" not in shown
