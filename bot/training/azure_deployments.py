"""
Deployments of tuned models on Azure, through its control plane. Needs `requirements-azure.txt`.

Nothing here waits for Azure's long-running operations: a deployment carries its own state, which
any life of the process can read by the deployment's name.
"""

from dataclasses import dataclass, field
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.cognitiveservices.models import (
    Deployment,
    DeploymentModel,
    DeploymentProperties,
    Sku,
)

from bot.training.azure_errors import arm_sentences
from bot.training.deployment import Deployed, DeployedState
from bot.training.deployment_errors import NameTakenError
from bot.training.prices import HOSTING
from bot.training.remote_errors import NotAnApiError

CONNECT_SECONDS, READ_SECONDS = 10, 60
ADDRESS = "https://management.azure.com"
#: As Azure writes the tiers' names.
SKUS = {"standard": "standard", "developer": "developertier"}
_LIFETIMES = {
    "standard": "Azure deletes a deployment that nobody asked for 15 days.",
    "developer": "Azure removes deployments of the developer tier after 24 hours.",
}
_STATES = {
    "succeeded": DeployedState.READY,
    "failed": DeployedState.FAILED,
    "canceled": DeployedState.FAILED,
    "disabled": DeployedState.FAILED,
    "deleting": DeployedState.LEAVING,
}


@dataclass(frozen=True)
class AzureAccount:
    """Where deployments are made, and of which kind."""

    subscription: str
    group: str
    name: str
    tier: str = "standard"
    capacity: int = 50


@dataclass(frozen=True)
class Principal:
    """The identity that deploys; without it, that of the machine or of ``az login``."""

    tenant: str = ""
    client: str = ""
    secret: str = field(default="", repr=False)


def control_plane(account: AzureAccount, principal: Principal, **options: Any) -> Any:
    """Azure's own client; ``options`` are its, such as another ``credential`` or ``base_url``."""
    credential = options.pop("credential", None) or _credential(principal)
    # The pipeline asks again by itself: a thread that sleeps in the client would keep others.
    given = {"retry_total": 0, "connection_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
    return CognitiveServicesManagementClient(credential, account.subscription, **(given | options))


def _credential(principal: Principal) -> Any:
    if principal.secret:
        return ClientSecretCredential(principal.tenant, principal.client, principal.secret)
    return DefaultAzureCredential()


class AzureDeployments:
    """See ``bot.training.deployment.Deployer`` for what the methods promise and raise."""

    is_automatic = True

    def __init__(
        self, account: AzureAccount, client: Any, hosting_per_hour: float | None = None
    ) -> None:
        """``client`` is what ``control_plane`` returns."""
        self._account = account
        self._client = client
        known = HOSTING[account.tier].per_hour
        self.hosting_per_hour = known if hosting_per_hour is None else hosting_per_hour
        self.lifetime_words = _LIFETIMES[account.tier]

    def look(self, name: str) -> Deployed | None:
        """Return what is there under this name; None is nothing."""
        try:
            with self._sentences("read"):
                found = self._client.deployments.get(*self._place(name))
        except ResourceNotFoundError:
            return None
        if found is None or found.properties is None:
            raise NotAnApiError("azure", ADDRESS)
        state = str(getattr(found.properties.provisioning_state, "value", None) or "")
        state = state or str(found.properties.provisioning_state or "")
        model = found.properties.model.name if found.properties.model else ""
        return Deployed(
            _STATES.get(state.lower(), DeployedState.COMING), model or "", f"its state is {state}"
        )

    def create(self, name: str, model: str) -> None:
        """
        Ask for a deployment, unless one of this name is there.

        Raises:
            NameTakenError: it is another model's.
            ModelGoneError: there is no such model any more.
        """
        there = self.look(name)
        if there is not None and there.model not in ("", model):
            raise NameTakenError(name, there.model)
        if there is not None and there.state is not DeployedState.FAILED:
            return
        wanted = Deployment(
            sku=Sku(name=SKUS[self._account.tier], capacity=self._account.capacity),
            properties=DeploymentProperties(
                model=DeploymentModel(format="OpenAI", name=model, version="1")
            ),
        )
        with self._sentences("write", model):
            self._client.deployments.begin_create_or_update(
                *self._place(name), wanted, polling=False
            )

    def remove(self, name: str) -> None:
        """Ask for its end; nothing happens where there is none."""
        try:
            with self._sentences("delete"):
                self._client.deployments.begin_delete(*self._place(name), polling=False)
        except ResourceNotFoundError:
            return

    def stop(self) -> None:
        """Close the connections."""
        self._client.close()

    def _place(self, name: str) -> tuple[str, str, str]:
        return self._account.group, self._account.name, name

    def _sentences(self, verb: str, model: str = "") -> Any:
        return arm_sentences(self._account.name, ADDRESS, verb, model)
