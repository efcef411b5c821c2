"""
The leg of a run between training and evaluation, where a model answers only once it is deployed.

Only asks and waits: ``bot.pipeline.hosting`` makes, follows and removes all deployments there are.
"""

from bot.errors import TrainingError
from bot.pipeline.workshop import Workshop
from bot.training.deployment import deployment_name
from storage import deployments, versions
from storage.tables import DeploymentState, ModelVersion, Run, RunState, VersionState


def await_deployment(workshop: Workshop, run: Run) -> bool:
    """
    Ask for the deployment, show what it waits for, and go on when it is ready.

    Raises:
        TrainingError: it cannot be deployed any more; says why.
    """
    with workshop.database.read() as session:
        version = versions.of_run(session, run.team_id, run.id or 0)
        assert version is not None, "a run is deploying only after its version was kept"
        found = deployments.open_of(session, version.id)
    if version.state is VersionState.RETIRED:
        raise TrainingError(
            f"{version.name} was taken out of service before it was judged: its model is gone, or "
            "something it learned from was erased. Train again with `/apprentice train`."
        )
    if found is not None and found.state is DeploymentState.READY and not found.removal_by:
        _go_on(workshop, run)
        return True
    waits = found.problem if found else ""
    if found is None or run.progress.get("waits", "") != waits:
        _ask(workshop, run, version, waits)
    return False


def doubt_deployment(workshop: Workshop, run: Run, version_name: str) -> bool:
    """Have it looked at why a version does not answer; False where it is not deployed anywhere."""
    with workshop.database.write() as session:
        return deployments.doubt(session, run.team_id, version_name, workshop.now())


def unwanted(workshop: Workshop, run: Run) -> None:
    """Have the deployment of a cancelled run removed."""
    with workshop.database.write() as session:
        version = versions.of_run(session, run.team_id, run.id or 0)
        found = deployments.open_of(session, version.id) if version else None
        if found is not None and run.cancel_requested_by:
            deployments.ask_to_remove(session, found, run.cancel_requested_by)


def _ask(workshop: Workshop, run: Run, version: ModelVersion, waits: str) -> None:
    deployer = workshop.deployers.get(version.served_by or "")
    if deployer is None:
        waits = f"The settings of `{version.served_by}` are missing. Put them back and restart."
    with workshop.database.write() as session:
        if deployer is not None and version.remote_id:
            name, price = deployment_name(version.remote_id), deployer.hosting_per_hour
            deployments.ask_for(session, version, name, price, run.requested_by)
        row = session.get_one(Run, run.id)
        row.progress = {"waits": waits} if waits else {}
        session.add(row)
    workshop.checkpoint("deployment asked")


def _go_on(workshop: Workshop, run: Run) -> None:
    with workshop.database.write() as session:
        row = session.get_one(Run, run.id)
        row.state, row.progress = RunState.EVALUATING, {}
        session.add(row)
    workshop.checkpoint("deployment used")
