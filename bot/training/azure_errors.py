"""What Azure's control plane answers, as sentences of ours. Needs `requirements-azure.txt`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from azure.core import exceptions as azure

from bot.errors import TrainingError
from bot.training.deployment_errors import (
    CredentialRefusedError,
    DeployQuotaError,
    DeployRefusedError,
    ModelGoneError,
    NoSuchAccountError,
    RoleMissingError,
)
from bot.training.remote_errors import NotAnApiError, TrainerUnavailableError

_NO_ACCOUNT = {
    "ParentResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound",
    "InvalidSubscriptionId", "AccountNotFound",
}  # fmt: skip
_NO_MODEL = {"DeploymentModelNotFound", "FineTunedModelNotFound", "ModelNotFound"}
_NO_QUOTA = {"InsufficientQuota", "QuotaExceeded", "QuotaLimitExceeded"}


@contextmanager
def arm_sentences(account: str, address: str, verb: str, model: str = "") -> Iterator[None]:
    """
    ``verb`` is the last word of the permission that the calls inside need.

    Raises:
        TrainerUnavailableError: asking again may help.
        TrainingError: it will not; a deployment that is not there goes through as Azure's own
            ``ResourceNotFoundError``.
    """
    try:
        yield
    except azure.DecodeError as error:
        raise NotAnApiError("azure", address) from error
    except azure.ClientAuthenticationError as error:
        # Also what azure-identity raises, before anything is asked.
        raise CredentialRefusedError from error
    except azure.HttpResponseError as error:
        if (found := _of_status(error, account, address, verb, model)) is None:
            raise
        raise found from error
    except (azure.SerializationError, azure.DeserializationError) as error:
        raise NotAnApiError("azure", address) from error
    except azure.AzureError as error:
        raise TrainerUnavailableError("azure") from error


def _of_status(
    error: azure.HttpResponseError, account: str, address: str, verb: str, model: str
) -> TrainingError | None:
    status, code, said = error.status_code or 0, _code(error), _words(error)
    if code in _NO_QUOTA:
        return DeployQuotaError(said)
    if code in _NO_MODEL:
        return ModelGoneError(model)
    if code in _NO_ACCOUNT:
        return NoSuchAccountError(account, said)
    # 409: another operation on the account is under way.
    if status in (408, 409, 425, 429) or status >= 500:
        return TrainerUnavailableError("azure", _retry_after(error))
    if not code:
        return NotAnApiError("azure", address)
    if status == 403:
        return RoleMissingError(account, verb)
    if status == 404:
        return NoSuchAccountError(account, said) if verb == "write" else None
    return DeployRefusedError(said)


def _code(error: azure.HttpResponseError) -> str:
    return str(getattr(error.error, "code", None) or "")


def _words(error: azure.HttpResponseError) -> str:
    return str(getattr(error.error, "message", None) or "")


def _retry_after(error: azure.HttpResponseError) -> float | None:
    headers: Any = getattr(error.response, "headers", {})
    try:
        return float(headers["Retry-After"])
    except (KeyError, ValueError):
        return None
