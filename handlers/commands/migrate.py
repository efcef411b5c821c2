"""``/apprentice migrate <trainer>``: what is live, trained elsewhere on the same data set."""

from slack_sdk import WebClient

from bot.dataset.moving import queue_move
from bot.errors import BotError
from handlers.commands.train import already_open, place_of, trainer_named
from handlers.deps import Ask, Deps, Reply
from handlers.run_actions import admin
from handlers.run_cards import put_card
from storage import runs


def migrate(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """
    Raises:
        NotAllowedError, WrongPlaceError, NoSuchTrainerError, CannotMoveError: why not.
    """
    admin(ask.user_id, "move a version to another trainer", deps)
    place = place_of(ask, deps)
    if not ask.words:
        known = ", ".join(f"`{name}`" for name in sorted(deps.trainers))
        raise BotError(f"Name the trainer: `/apprentice migrate <trainer>`. There is {known}.")
    trainer = trainer_named(ask.words, deps)
    with deps.database.read() as session:
        open_run = runs.open_run_of(session, ask.team_id, place.audience)
    if open_run:
        return Reply(already_open(open_run, deps, client))
    with deps.database.write() as session:
        run, version = queue_move(
            session, ask.team_id, place.audience, trainer, ask.user_id, ask.channel_id
        )
        put_card(session, run)
    return Reply(
        f"Run {run.id} is queued: it trains on the data set of {version.name} at `{trainer}` and "
        f"is judged against it. {version.name} answers until you promote the new one; the card "
        "here follows it to the verdict."
    )
