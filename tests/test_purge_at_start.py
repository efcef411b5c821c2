"""Whoever uninstalls the app takes its token away: what is due is purged before Slack is asked."""

from bot.curation import forgetting
from storage.columns import utc_now
from storage.database import Database
from tests.cli_home import SAID, bot, teach
from tests.running_sandbox import free_port
from tests.teaching import TEAM


def test_a_bot_that_slack_does_not_know_any_more_still_purges_what_is_due(tmp_path):
    home = teach(tmp_path / "home")
    database = Database(f"sqlite:///{home / 'apprentice.db'}")
    with database.write() as session:
        forgetting.leave(session, TEAM, utc_now())
    database.close()
    assert SAID.encode() in (home / "apprentice.db").read_bytes()

    run = bot(
        "run", home=home, SLACK_BOT_TOKEN="xoxb-revoked", SLACK_APP_TOKEN="xapp-revoked",
        SLACK_API_URL=f"http://127.0.0.1:{free_port()}/api/",
    )  # fmt: skip

    assert run.returncode != 0
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path.name for path in files if SAID.encode() in path.read_bytes()] == []
    assert [path.name for path in files if TEAM.encode() in path.read_bytes()] == []
    assert "rows are deleted" in run.stdout + run.stderr
