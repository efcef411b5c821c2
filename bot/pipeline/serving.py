"""Keeping the engine's adapters equal to the versions that may be asked. Refuses to know Slack."""

import logging
from pathlib import Path

from sqlmodel import Session

from bot.answering import promotion
from bot.answering.strategy import live_strategy
from bot.engines.errors import AdapterFileError
from bot.engines.intact import is_intact
from bot.engines.model_place import ModelPlace, RemoteModel
from bot.pipeline.telling import place_of, tell
from bot.pipeline.workshop import Workshop
from storage import audit, deployments, versions
from storage.tables import ModelVersion, VersionState

log = logging.getLogger(__name__)

#: Candidates kept loaded besides what is or was live, so that promoting takes effect at once.
WAITING_VERSIONS = 3
#: Who rolled back when a live version could not be loaded.
ENGINE = "the engine"


def reconcile(workshop: Workshop) -> bool:
    """
    Exchange the engine's adapters if the tables want others; return whether it did.

    Raises:
        EngineError: the engine did not start anew; the old one keeps answering.
    """
    with workshop.switching:
        wanted = _wanted(workshop)
        if wanted.keys() == workshop.engine.adapters:
            return False
        try:
            workshop.engine.switch(wanted)
        except AdapterFileError as error:
            # One broken file must not keep the others from being served.
            _retire(workshop, error.adapter)
        return True


def adapters_to_serve(workshop: Workshop) -> dict[str, ModelPlace]:
    """What an engine that starts now should load; versions without their file are retired."""
    with workshop.switching:
        return _wanted(workshop)


def _wanted(workshop: Workshop) -> dict[str, ModelPlace]:
    with workshop.database.read() as session:
        listed = versions.wanted_in_engine(session, WAITING_VERSIONS)
        deployed = {row.version_id: row.name for row in deployments.ready(session)}
    wanted: dict[str, ModelPlace] = {}
    for version in listed:
        if version.remote_id and version.served_by:
            # Without that trainer's key, or not deployed, it waits; the base answers meanwhile.
            name = deployed.get(version.id or 0)
            if version.served_by not in workshop.deployers:
                name = version.remote_id
            if version.served_by in workshop.trainers and name:
                wanted[version.name] = RemoteModel(version.served_by, name)
            continue
        path = workshop.home / version.gguf_path
        if is_intact(path, version.checksum):
            wanted[version.name] = path
        else:
            _retire(workshop, version.name)
    return wanted


def _retire(workshop: Workshop, name: str) -> None:
    """Take a version whose file does not load out of service; what was live before answers."""
    log.error("The adapter of %s is missing or broken: it is retired", name)
    with workshop.database.write() as session:
        for version in versions.wanted_in_engine(session, WAITING_VERSIONS):
            if version.name == name:
                live = versions.live(session, version.team_id, version.audience)
                take_out_of_service(session, version, ENGINE, workshop.home)
                if live and live.version_id == version.id:
                    _tell_that_it_is_gone(session, version, live.promoted_by)


def _tell_that_it_is_gone(session: Session, version: ModelVersion, by: str) -> None:
    name = live_strategy(session, version.team_id, version.audience).version_name
    text = (
        f"The files of *{version.name}* are missing or broken, so it answers no more. "
        f"{f'*{name}*' if name else 'The base model with your examples'} answers instead; an admin "
        "can train anew with `/apprentice train`."
    )
    place = place_of(session, version, by)
    tell(session, version.team_id, f"retired:{version.id}", place, text)


def take_out_of_service(
    session: Session, version: ModelVersion, by: str, home: Path | None = None
) -> None:
    """Retire a version; where it was live, what was live before it answers again."""
    live = versions.live(session, version.team_id, version.audience)
    if live and live.version_id == version.id:
        promotion.rollback(session, version.team_id, version.audience, by, home=home)
    version.state = VersionState.RETIRED
    session.add(version)
    audit.record(
        session,
        version.team_id,
        actor=by,
        action="version.retired",
        subject=f"version:{version.name}",
        audience=version.audience,
    )
