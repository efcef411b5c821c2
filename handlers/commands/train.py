"""``/apprentice train [trainer]``: queues a run, or asks for the right to train first."""

from slack_sdk import WebClient
from sqlmodel import Session

from bot.dataset.checks import FEWEST_EXAMPLES
from bot.dataset.errors import NotEnoughExamplesError
from bot.dataset.snapshot import count_material
from bot.errors import NoSuchTrainerError, WrongPlaceError
from handlers.attestation import attestation_form
from handlers.deps import Ask, Deps, Reply
from handlers.people import Place
from handlers.run_actions import admin
from handlers.run_blocks import audience_words
from handlers.run_cards import put_card
from handlers.run_links import link_to
from storage import attestations, runs, snapshots
from storage.audience import Viewer
from storage.tables import Attestation, Run


def train(ask: Ask, deps: Deps, client: WebClient) -> Reply | None:
    """
    Raises:
        NotAllowedError, WrongPlaceError, NotFoundError, NotEnoughExamplesError: why not.
    """
    admin(ask.user_id, "train a model", deps)
    place = place_of(ask, deps)
    trainer = trainer_named(ask.words, deps)
    with deps.database.read() as session:
        open_run = runs.open_run_of(session, ask.team_id, place.audience)
        attestation = attestations.newest(session, ask.team_id)
    if open_run:
        return Reply(already_open(open_run, deps, client))
    if attestation is None:
        client.views_open(trigger_id=ask.trigger_id, view=_form(ask, place, trainer, deps))
        return None
    with deps.database.write() as session:
        run = _enqueue(session, ask, place, trainer, attestation)
    return Reply(f"Run {run.id} is queued. Its card here follows it to the verdict.")


def place_of(ask: Ask, deps: Deps) -> Place:
    """
    Raises:
        WrongPlaceError: the card could not be shown there, or outsiders would see it.
    """
    place = deps.people.place(ask.channel_id)
    if place.is_external or deps.people.bot_user_id not in deps.people.members(ask.channel_id):
        raise WrongPlaceError
    return place


def trainer_named(words: str, deps: Deps) -> str:
    """
    Raises:
        NotFoundError: this installation has no such trainer.
    """
    name = words.strip().lower() or deps.trainer
    if name not in deps.trainers:
        raise NoSuchTrainerError(name, deps.trainers)
    return name


def _form(ask: Ask, place: Place, trainer: str, deps: Deps) -> dict[str, object]:
    viewer = Viewer.model(place.audience)
    with deps.database.read() as session:
        found = snapshots.sources_of(session, ask.team_id, place.audience, viewer)
    if (count := sum(found.values())) < FEWEST_EXAMPLES:
        raise NotEnoughExamplesError(count, FEWEST_EXAMPLES)
    return attestation_form(
        found, trainer=trainer, audience=place.audience, channel_id=ask.channel_id
    )


def _enqueue(
    session: Session, ask: Ask, place: Place, trainer: str, attestation: Attestation
) -> Run:
    covered, left_out = count_material(session, ask.team_id, place.audience, attestation)
    if covered < FEWEST_EXAMPLES:
        raise NotEnoughExamplesError(covered, FEWEST_EXAMPLES, left_out)
    run = runs.open_run_of(session, ask.team_id, place.audience) or runs.enqueue(
        session,
        ask.team_id,
        place.audience,
        trainer=trainer,
        requested_by=ask.user_id,
        channel_id=ask.channel_id,
    )
    put_card(session, run)
    return run


def already_open(run: Run, deps: Deps, client: WebClient) -> str:
    return (
        f"{link_to(run, deps.database, client)} is {run.state} already, for "
        f"{audience_words(run.audience)}. One run at a time: wait for its verdict, or cancel it."
    )
