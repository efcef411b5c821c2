"""
Keeping deployments: made for what is to answer, looked at every day, removed where nobody needs
them and that is allowed.

A row says what is wanted before a provider is asked for anything, and a deployment is found again
by its name, so a crash costs one look. One thread does all of it.
"""

import hashlib
import logging
from datetime import timedelta

from bot.errors import BotError
from bot.pipeline.idle import judge_use, note_use, tell_of_removal
from bot.pipeline.vanished import HOST, model_gone, vanished
from bot.pipeline.workshop import Workshop
from bot.training.deployment import Deployed, DeployedState, Deployer, deployment_name
from bot.training.deployment_errors import DeploymentStuckError, DeployRefusedError, ModelGoneError
from bot.training.remote_errors import TrainerUnavailableError
from storage import admin_notices, deployments
from storage.columns import has_come
from storage.tables import Deployment, DeploymentState, ModelVersion, VersionState

log = logging.getLogger(__name__)

#: How often a deployment that is on its way is looked at.
COMING = timedelta(seconds=15)
#: And one for which an admin has to do something first, or whose place does not answer.
AFTER_PROBLEM = timedelta(minutes=2)
EVERY = timedelta(days=1)
#: Azure takes minutes; longer than this is worth a word.
STUCK_HOURS = 2.0
BUSY = "`{}` does not answer, or is busy with another operation. I ask again."


def keep_deployments(workshop: Workshop) -> None:
    """One round: want what answers, take each deployment one step, report what is idle."""
    if not workshop.deployers:
        return
    with workshop.database.read() as session:
        of_use = deployments.of_use(session)
        missing = [
            version
            for version_id in sorted(of_use)
            if (version := session.get(ModelVersion, version_id)) is not None
            and version.served_by in workshop.deployers
            and version.state is not VersionState.RETIRED
            and deployments.open_of(session, version_id) is None
        ]
        rows = deployments.all_open(session)
    if missing:
        rows = _want(workshop, missing)
    for row in rows:
        if row.trainer not in workshop.deployers or workshop.is_stopping.is_set():
            continue
        try:
            _take_step(workshop, row, is_used=row.version_id in of_use)
        except Exception:  # one that cannot be kept must not keep the others from being looked at
            log.exception("The deployment %s was not looked at; it is tried again", row.name)


def _want(workshop: Workshop, missing: list[ModelVersion]) -> list[Deployment]:
    with workshop.database.write() as session:
        for version in missing:
            name = deployment_name(version.remote_id or "")
            price = workshop.deployers[version.served_by or ""].hosting_per_hour
            deployments.ask_for(session, version, name, price, HOST)
        return deployments.all_open(session)


def _take_step(workshop: Workshop, row: Deployment, *, is_used: bool) -> None:
    if is_used:
        row = note_use(workshop, row)
    if not has_come(row.not_before, workshop.now()):
        return
    deployer = workshop.deployers[row.trainer]
    try:
        _do(workshop, row, deployer, is_used=is_used)
    except ModelGoneError as error:
        model_gone(workshop, row, error)
    except TrainerUnavailableError as error:
        pause = max(AFTER_PROBLEM, timedelta(seconds=error.retry_after or 0.0))
        _note_problem(workshop, row, BUSY.format(row.trainer), pause, is_news=False)
    except BotError as error:
        _note_problem(workshop, row, str(error), AFTER_PROBLEM, is_news=True)
    else:
        if not is_used:
            judge_use(workshop, row, is_automatic=deployer.is_automatic)


def _do(workshop: Workshop, row: Deployment, deployer: Deployer, *, is_used: bool) -> None:
    if row.removal_by:
        _remove(workshop, row, deployer)
    elif row.state is DeploymentState.ASKED:
        _make(workshop, row, deployer)
    elif row.doubted_at or row.looked_at is None or workshop.now() - row.looked_at >= EVERY:
        _look_after(workshop, row, deployer, is_used=is_used)


def _make(workshop: Workshop, row: Deployment, deployer: Deployer) -> None:
    found = deployer.look(row.name)
    workshop.checkpoint("deployment looked for")
    if found is not None and found.state is DeployedState.READY:
        _ready(workshop, row)
        return
    if found is not None and found.state is not DeployedState.FAILED:
        if workshop.now() - row.created_at > timedelta(hours=STUCK_HOURS):
            raise DeploymentStuckError(row.name, STUCK_HOURS)
        _wait(workshop, row)
        return
    deployer.create(row.name, _model_of(workshop, row))
    workshop.checkpoint("deployment made")
    if found is None:
        _wait(workshop, row)
    else:
        _note_problem(workshop, row, _why_failed(found), AFTER_PROBLEM, is_news=True)


def _why_failed(found: Deployed) -> str:
    return f"{DeployRefusedError(found.said)} I have asked for it once more."


def _model_of(workshop: Workshop, row: Deployment) -> str:
    with workshop.database.read() as session:
        return session.get_one(ModelVersion, row.version_id).remote_id or ""


def _wait(workshop: Workshop, found: Deployment) -> None:
    with workshop.database.write() as session:
        row = session.get_one(Deployment, found.id)
        row.not_before, row.problem = workshop.now() + COMING, ""
        session.add(row)


def _ready(workshop: Workshop, found: Deployment) -> None:
    now = workshop.now()
    with workshop.database.write() as session:
        row = session.get_one(Deployment, found.id)
        row.state, row.problem, row.not_before = DeploymentState.READY, "", None
        row.ready_at, row.looked_at, row.used_at = now, now, now
        session.add(row)
        deployments.record(session, row, "deployment.ready", HOST)
    workshop.checkpoint("deployment ready")


def _look_after(workshop: Workshop, row: Deployment, deployer: Deployer, *, is_used: bool) -> None:
    """See whether it is still there; Azure deletes what nobody asked for a while."""
    found = deployer.look(row.name)
    if found is None or found.state in (DeployedState.LEAVING, DeployedState.FAILED):
        vanished(workshop, row, deployer, is_used=is_used)
        return
    with workshop.database.write() as session:
        kept = session.get_one(Deployment, row.id)
        kept.looked_at, kept.doubted_at, kept.not_before = workshop.now(), None, None
        kept.problem = ""
        session.add(kept)


def _remove(workshop: Workshop, row: Deployment, deployer: Deployer) -> None:
    there = deployer.look(row.name)
    if there is None:
        with workshop.database.write() as session:
            kept = session.get_one(Deployment, row.id)
            by = kept.removal_by or HOST
            deployments.end(session, kept, workshop.now(), "deployment.removed", by)
            if by == HOST:
                tell_of_removal(session, kept, workshop.idle.days)
        return
    if there.state is not DeployedState.LEAVING:
        deployer.remove(row.name)
        workshop.checkpoint("deployment removed")
    _wait(workshop, row)


def _note_problem(
    workshop: Workshop, found: Deployment, problem: str, pause: timedelta, *, is_news: bool
) -> None:
    with workshop.database.write() as session:
        row = session.get_one(Deployment, found.id)
        row.not_before = workshop.now() + pause
        # What answers is not said to have a problem because its place could not be asked just now.
        if row.state is DeploymentState.ASKED or row.removal_by or is_news:
            row.problem = problem
        session.add(row)
        if not is_news:
            return
        log.warning("The deployment %s: %s", row.name, problem)
        name = session.get_one(ModelVersion, row.version_id).name
        is_there = row.state is DeploymentState.READY
        what = "removed" if row.removal_by else "looked at" if is_there else "deployed"
        text = f"*{name}* cannot be {what} at `{row.trainer}` yet. {problem}"
        digest = hashlib.sha256(problem.encode()).hexdigest()[:12]
        key = f"deployment:{row.id}:{digest}"
        admin_notices.put(session, row.team_id, row.audience, key, text)
