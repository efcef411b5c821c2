"""
What can go wrong where tuned models are deployed; each says what an admin can do.

TrainingError
└── DeploymentError           an admin has to do something first
    ├── ByHandError           nobody but a person may make or remove one here
    ├── CredentialRefusedError  the control plane does not know us
    ├── RoleMissingError      it knows us, and we may not
    ├── NoSuchAccountError    the address of the account is wrong
    ├── DeployQuotaError      no quota left
    ├── DeployRefusedError    it does not take this deployment
    ├── NameTakenError        another model's deployment has the name
    ├── DeploymentStuckError  it is being made for hours
    └── ModelGoneError        there is nothing left to deploy
"""

from bot.errors import TrainingError
from bot.training.remote_errors import quote


class DeploymentError(TrainingError):
    """Raised when a deployment waits for an admin; the next look tries again."""


class ByHandError(DeploymentError):
    """Raised where the bot has no access to the control plane."""

    @classmethod
    def to_make(cls, name: str, model: str) -> "ByHandError":
        return cls(
            f"I may not deploy here, so please do it: in Azure's portal, deploy the model "
            f"`{model}` under the name `{name}`, or let me do it with AZURE_SUBSCRIPTION_ID, "
            "AZURE_RESOURCE_GROUP and AZURE_ACCOUNT. I go on by myself as soon as it answers."
        )

    @classmethod
    def to_remove(cls, name: str) -> "ByHandError":
        return cls(f"I may not remove deployments here: delete `{name}` in Azure's portal.")


class CredentialRefusedError(DeploymentError):
    """Raised for no identity at all, and for one that is wrong, expired or unknown there."""

    def __init__(self) -> None:
        super().__init__(
            "Azure finds no identity of this bot, or does not accept it: its secret may have "
            "expired. Put a valid one into AZURE_TENANT_ID, AZURE_CLIENT_ID and "
            "AZURE_CLIENT_SECRET, or sign in with `az login` where the bot runs; then restart it."
        )


class RoleMissingError(DeploymentError):
    """Raised when the identity may not do it."""

    def __init__(self, account: str, verb: str) -> None:
        super().__init__(
            f"The identity of this bot may not {_VERBS[verb]} deployments of the account "
            f"`{account}`. Give it a role that has "
            f"`Microsoft.CognitiveServices/accounts/deployments/{verb}` there, such as Foundry "
            "Owner; a new role takes some minutes."
        )


_VERBS = {"read": "see", "write": "make", "delete": "remove"}


class NoSuchAccountError(DeploymentError):
    """Raised when subscription, resource group or account do not exist."""

    def __init__(self, account: str, said: str) -> None:
        super().__init__(
            f"Azure finds no account `{account}` there{quote(said)} Correct "
            "AZURE_SUBSCRIPTION_ID, AZURE_RESOURCE_GROUP or AZURE_ACCOUNT and restart the bot."
        )


class DeployQuotaError(DeploymentError):
    """Raised when the subscription has no quota for another deployment."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"Azure has no quota left for this deployment{quote(said)} Remove one that is not "
            "needed in Azure's portal, lower AZURE_DEPLOYMENT_CAPACITY, or ask Azure for more."
        )


class DeployRefusedError(DeploymentError):
    """Raised when the deployment is not taken: the region, the tier or the model does not fit."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"Azure does not take this deployment{quote(said)} It may be that the account's region "
            "does not have this model or tier: AZURE_DEPLOYMENT_TIER is the tier."
        )


class NameTakenError(DeploymentError):
    """Raised when a deployment of that name serves something else; it is never overwritten."""

    def __init__(self, name: str, model: str) -> None:
        super().__init__(
            f"The deployment `{name}` serves another model, `{model}`. Delete it in Azure's portal "
            "if nobody needs it; then I make ours."
        )


class DeploymentStuckError(DeploymentError):
    """Raised when a deployment is neither ready nor failed after hours."""

    def __init__(self, name: str, hours: float) -> None:
        super().__init__(
            f"Azure has been making the deployment `{name}` for more than {hours:.0f} hours. I go "
            "on looking; if it stays so, delete it in Azure's portal and I make it anew."
        )


class ModelGoneError(DeploymentError):
    """Raised when the tuned model itself was deleted or retired."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"Azure has no model `{model}` any more, so it cannot be deployed. An admin can train "
            "anew with `/apprentice train`; the examples are here."
        )
        self.model = model
