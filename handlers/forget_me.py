"""What happens when somebody confirms that they want to be forgotten."""

from functools import partial

from slack_bolt import Ack, App

from bot.curation import forgetting
from handlers import blocks
from handlers.commands.forget_me import CONFIRM, TITLE
from handlers.deps import Deps, Payload


def register(app: App, deps: Deps) -> None:
    app.view(CONFIRM)(partial(on_confirm, deps=deps))


def on_confirm(ack: Ack, body: Payload, deps: Deps) -> None:
    """The wish is a row at once; carrying it out may take longer than Slack waits."""
    with deps.database.write(urgent=True) as session:
        row = forgetting.opt_out(session, body["team"]["id"], body["user"]["id"])
    said = blocks.section(
        f"From this moment I keep nothing of yours. Your receipt is `{row.receipt}`. I am erasing "
        "what there is and write to you when it is done."
    )
    view = blocks.modal("message", TITLE, [said], submit=None, close="Close")
    ack(response_action="update", view=view)
