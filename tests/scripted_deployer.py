"""A place where models are deployed at once, for tests that need no provider."""

from bot.training.deployment import Deployed, DeployedState
from bot.training.deployment_errors import ModelGoneError


class ScriptedDeployer:
    """``models`` are those that there are to deploy, ``there`` the names that answer."""

    is_automatic = True
    hosting_per_hour = 1.5
    lifetime_words = "It ends when it likes."

    def __init__(self, *models: str) -> None:
        self.models = set(models)
        self.there: set[str] = set()

    def look(self, name: str) -> Deployed | None:
        return Deployed(DeployedState.READY) if name in self.there else None

    def create(self, name: str, model: str) -> None:
        if model not in self.models:
            raise ModelGoneError(model)
        self.there.add(name)

    def remove(self, name: str) -> None:
        self.there.discard(name)

    def stop(self) -> None:
        """Nothing is open."""
