"""Azure's control plane through Azure's own client: made once, read by name, refused in words."""

import pytest

from bot.errors import TrainingError
from bot.training.deployment import DeployedState, deployment_name
from bot.training.deployment_errors import (
    CredentialRefusedError,
    DeployQuotaError,
    DeployRefusedError,
    ModelGoneError,
    NameTakenError,
    NoSuchAccountError,
    RoleMissingError,
)
from bot.training.remote_errors import NotAnApiError, TrainerUnavailableError
from tests.azure_account import ACCOUNT, azure_account

MODEL = "gpt-4.1-mini-2025-04-14.ft-0123456789abcdef"


@pytest.fixture
def account():
    with azure_account("http://127.0.0.1:9") as running:
        yield running


@pytest.fixture
def deployer(account):
    deployer = account.deployer()
    yield deployer
    deployer.stop()


def test_a_deployment_is_made_followed_and_removed(account, deployer):
    assert deployer.look("one") is None

    deployer.create("one", MODEL)
    states = [deployer.look("one").state, deployer.look("one").state]
    deployer.remove("one")

    assert states[-1] is DeployedState.READY
    assert account.created == account.removed == ["one"]
    assert deployer.look("one") is None


def test_what_is_asked_twice_is_made_once(account, deployer):
    deployer.create("one", MODEL)
    deployer.create("one", MODEL)
    deployer.remove("one")
    deployer.remove("one")

    assert account.created == ["one"]


def test_a_name_that_serves_another_model_is_left_alone(account, deployer):
    deployer.create("one", MODEL)

    with pytest.raises(NameTakenError):
        deployer.create("one", f"{MODEL}0")

    assert account.created == ["one"]


def test_a_failed_one_is_asked_for_again(account, deployer):
    deployer.create("one", MODEL)
    account.deployments["one"] |= {"state": "Failed", "looks": 0}

    assert deployer.look("one").state is DeployedState.FAILED
    deployer.create("one", MODEL)

    assert account.created == ["one", "one"]


def test_a_state_nobody_knows_is_not_ready(account, deployer):
    deployer.create("one", MODEL)
    account.deployments["one"] |= {"state": "Pondering", "looks": 0}

    assert deployer.look("one").state is DeployedState.COMING


@pytest.mark.parametrize(
    ("status", "code", "error", "word"),
    [
        (400, "InsufficientQuota", DeployQuotaError, "quota"),
        (403, "AuthorizationFailed", RoleMissingError, "deployments/write"),
        (401, "InvalidAuthenticationToken", CredentialRefusedError, "AZURE_"),
        (404, "ResourceGroupNotFound", NoSuchAccountError, "account-1"),
        (400, "DeploymentModelNotFound", ModelGoneError, MODEL),
        (400, "InvalidResourceProperties", DeployRefusedError, "region"),
        (409, "RequestConflict", TrainerUnavailableError, ""),
        (429, "TooManyRequests", TrainerUnavailableError, ""),
        (500, "InternalServerError", TrainerUnavailableError, ""),
    ],
)
def test_what_azure_refuses_is_said_in_words(account, deployer, status, code, error, word):
    account.faults.append((404, {"error": {"code": "ResourceNotFound", "message": "no"}}, {}))
    account.refuse(status, code, "Azure's own words")

    with pytest.raises(error) as caught:
        deployer.create("one", MODEL)

    assert word in str(caught.value)
    assert account.created == []


def test_how_long_to_wait_is_heeded(account, deployer):
    account.refuse(429, "TooManyRequests", Retry_After="17")

    with pytest.raises(TrainerUnavailableError) as caught:
        deployer.look("one")

    assert caught.value.retry_after == 17


def test_a_page_instead_of_an_answer_is_no_api(account, deployer):
    account.faults.append((200, "<html>Sign in</html>", {}))

    with pytest.raises(NotAnApiError):
        deployer.look("one")


def test_a_place_that_does_not_answer_is_asked_again_later():
    with azure_account("http://127.0.0.1:9") as gone:
        deployer = gone.deployer()

    with pytest.raises(TrainerUnavailableError):
        deployer.look("one")
    deployer.stop()


def test_every_refusal_is_for_people(account, deployer):
    account.refuse(403, "AuthorizationFailed")

    with pytest.raises(TrainingError, match=ACCOUNT.name):
        deployer.look("one")


@pytest.mark.parametrize(
    "model", [MODEL, "ft:tiny-base:team:run-1:abc", "x" * 200, ".a.", "-", "ä" * 70]
)
def test_names_are_what_azure_takes_and_each_models_own(model):
    name = deployment_name(model)

    assert 2 <= len(name) <= 64
    assert name == name.strip("._-")
    assert name != deployment_name(f"{model}2")
    assert name == deployment_name(model)
