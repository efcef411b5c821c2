"""What follows where a deployment, or the model itself, is not there any more; people are told."""

import logging

from sqlmodel import Session

from bot.answering.strategy import live_strategy
from bot.pipeline.serving import take_out_of_service
from bot.pipeline.telling import place_of, tell
from bot.pipeline.workshop import Workshop
from bot.training.deployment import Deployer
from bot.training.deployment_errors import ModelGoneError
from storage import admin_notices, deployments, versions
from storage.tables import Deployment, ModelVersion, Promotion

log = logging.getLogger(__name__)

#: Who retired or removed, where it was nobody in person.
HOST = "the host"


def vanished(workshop: Workshop, found: Deployment, deployer: Deployer, *, is_used: bool) -> None:
    """End the row; a version of use gets another deployment, and the base answers until then."""
    log.warning("The deployment %s is gone", found.name)
    with workshop.database.write() as session:
        row = session.get_one(Deployment, found.id)
        deployments.end(session, row, workshop.now(), "deployment.gone", HOST)
        if not is_used:
            return
        version = session.get_one(ModelVersion, row.version_id)
        # What vanishes every day is told of once.
        key = f"undeployed:{row.id if row.hosting_per_hour else f'v{version.id}'}"
        how = "I deploy it again; until then" if deployer.is_automatic else "Until it is back,"
        text = (
            f"The deployment of *{version.name}* is gone. {deployer.lifetime_words} {how} the "
            "base model with your examples answers in its place."
        )
        admin_notices.put(session, row.team_id, row.audience, key, text)
        if promotion := _live_by(session, version):
            place = place_of(session, version, promotion.promoted_by)
            tell(session, row.team_id, key, place, text)


def model_gone(workshop: Workshop, found: Deployment, error: ModelGoneError) -> None:
    """There is nothing to deploy any more: what was live before answers."""
    log.warning("%s", error)
    with workshop.database.write() as session:
        row = session.get_one(Deployment, found.id)
        deployments.end(session, row, workshop.now(), "deployment.gone", HOST)
        version = session.get_one(ModelVersion, row.version_id)
        promotion = _live_by(session, version)
        take_out_of_service(session, version, HOST)
        text = f"*{version.name}* is retired. {error}"
        key = f"model-gone:{version.id}"
        if promotion:
            name = live_strategy(session, version.team_id, version.audience).version_name
            text += f" {f'*{name}*' if name else 'The base model'} answers instead."
            tell(
                session, row.team_id, key,
                place_of(session, version, promotion.promoted_by), text,
            )  # fmt: skip
        admin_notices.put(session, row.team_id, row.audience, key, text)


def _live_by(session: Session, version: ModelVersion) -> Promotion | None:
    """The promotion by which a version is live."""
    promotion = versions.live(session, version.team_id, version.audience)
    return promotion if promotion and promotion.version_id == version.id else None
