"""What ``doctor`` says of trainers, deployments and a vLLM: what is wrong and what to do."""

import json
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from bot import doctor_elsewhere
from bot.settings import Settings, load_settings
from bot.training.deployment_errors import CredentialRefusedError
from bot.training.remote_errors import KeyRefusedError, TuningRefusedError
from tests.azure_account import ACCOUNT, azure_account
from tests.models import models_dir, tiny_base, tiny_folder
from tests.running_sandbox import free_port
from tests.running_trainer import KEY, running_trainer
from tests.scripted_engine import scripted_engine
from tests.scripted_trainer import ScriptedTrainer
from tests.together_wire import PYTHON, together_wire

__all__ = ["models_dir", "tiny_base", "tiny_folder"]

NOWHERE = f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def service(tmp_path):
    with running_trainer(tmp_path / "service") as running:
        yield running


@pytest.fixture
def account(service):
    with azure_account(service.base_url) as running:
        yield running


def azure(account, **changes: Any) -> Settings:
    given = {"azure_api_key": KEY, "azure_endpoint": account.url, "azure_model": "tiny-base"}
    return load_settings(**given | changes)


def said(settings: Settings, look=doctor_elsewhere.trainers) -> tuple[bool, str]:
    ((_, is_well, sentence),) = look(settings)
    return is_well, sentence


def test_well_set_up_trainers_are_said_to_be_well_and_nothing_is_begun(service, account):
    openai = load_settings(openai_api_key=KEY, openai_base_url=service.base_url)

    assert said(openai) == (True, "Takes the key, and tunes tiny-base.")
    assert said(azure(account)) == (True, "Takes the key, and tunes tiny-base.")
    assert service.client().files.list().data == []
    assert service.client().fine_tuning.jobs.list().data == []


def test_a_wrong_key_names_its_variable_and_is_not_shown(account):
    is_well, sentence = said(azure(account, azure_api_key="sk-wrong-key"))

    assert not is_well
    assert "AZURE_API_KEY" in sentence
    assert "sk-wrong-key" not in sentence


def test_a_place_that_does_not_answer_names_its_variable(account):
    is_well, sentence = said(azure(account, azure_endpoint=NOWHERE))

    assert not is_well
    assert sentence.startswith(f"{NOWHERE}/openai/v1/ does not answer.")
    assert "AZURE_ENDPOINT" in sentence


def test_a_web_page_is_no_api(service):
    service.fault(kind="html", status=200, times=9)
    is_well, sentence = said(load_settings(openai_api_key=KEY, openai_base_url=service.base_url))

    assert not is_well
    assert "it may be a web page" in sentence


def test_a_region_without_the_model_says_which_it_has(account):
    account.tunable = ("gpt-oss-20b", "ministral-3b")
    is_well, sentence = said(azure(account, azure_model="gpt-4.1-mini-2025-04-14"))
    account.tunable = ("gpt-4.1-mini-2025-04-14",)

    assert not is_well
    assert "there it tunes gpt-oss-20b, ministral-3b. Set AZURE_MODEL" in sentence
    assert said(azure(account, azure_model="gpt-4.1-mini-2025-04-14"))[0]


@pytest.mark.skipif(not PYTHON.exists(), reason="make together")
def test_together_refuses_a_wrong_key_and_a_model_it_does_not_tune(tmp_path, tiny_base):
    from tests.training.test_together import together_at

    with together_wire(ScriptedTrainer(tmp_path), tiny_base) as wire:
        name = together_at(wire).check()
        with pytest.raises(KeyRefusedError, match="TOGETHER_API_KEY"):
            together_at(wire, "wrong").check()
        with pytest.raises(TuningRefusedError, match="cannot be fine-tuned"):
            together_at(wire, model="nobody/knows").check()
        begun = list(wire.jobs), list(wire.files)

    assert name == "together/tiny-base"
    assert begun == ([], [])


def test_together_without_its_client_says_how_to_get_it(tmp_path):
    settings = load_settings(together_api_key="k", together_python=tmp_path / "none")

    assert said(settings) == (
        False,
        "The client of `together` is not installed here. Run `make together` beside the bot, then "
        "train again.",
    )


def test_deployments_by_hand_are_no_fault(account):
    assert said(azure(account), doctor_elsewhere.deployments) == (
        True,
        "Made by you: without AZURE_ACCOUNT I may make none.",
    )


class TokenEndpoint(BaseAdapter):
    """Microsoft's sign-in, which says that a secret has expired."""

    def send(self, request: Any, **_: Any) -> requests.Response:
        answer = requests.Response()
        answer.request, answer.url = request, request.url
        tenant = request.url.split("/oauth2/")[0].split("/v2.0/")[0]
        if request.method == "GET":
            answer.status_code = 200
            body = {
                "token_endpoint": f"{tenant}/oauth2/v2.0/token",
                "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
                "issuer": f"{tenant}/v2.0",
            }
        else:
            answer.status_code = 401
            body = {
                "error": "invalid_client",
                "error_description": "AADSTS7000222: The provided client secret keys are expired.",
            }
        answer._content = json.dumps(body).encode()
        answer.headers["Content-Type"] = "application/json"
        return answer

    def close(self) -> None:
        """Nothing is open."""


def expired() -> Any:
    from azure.core.pipeline.transport import RequestsTransport
    from azure.identity import ClientSecretCredential

    session = requests.Session()
    session.mount("https://", TokenEndpoint())
    return ClientSecretCredential(
        "11111111-2222-3333-4444-555555555555", "client", "very-secret",
        transport=RequestsTransport(session=session, session_owner=False),
    )  # fmt: skip


def missing() -> Any:
    from azure.identity import DefaultAzureCredential

    # A machine's identity is asked for at an address that is not there: it would take long.
    return DefaultAzureCredential(exclude_managed_identity_credential=True)


@pytest.mark.parametrize("credential", [expired, missing])
def test_no_identity_and_an_expired_one_are_said_in_words(credential, monkeypatch):
    from bot.training.azure_deployments import AzureDeployments, Principal, control_plane

    for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"):
        monkeypatch.delenv(name, raising=False)
    deployer = AzureDeployments(
        ACCOUNT, control_plane(ACCOUNT, Principal(), credential=credential())
    )

    with pytest.raises(CredentialRefusedError, match=r"AZURE_CLIENT_SECRET, or sign in") as refusal:
        deployer.look("one")
    deployer.stop()

    assert "very-secret" not in str(refusal.value)
    assert "AADSTS" not in str(refusal.value)


def vllm(url: str) -> Settings:
    return load_settings(engine="openai_api", engine_base_url=url, engine_adapters="vllm")


def test_a_vllm_that_takes_adapters_is_told_from_one_that_does_not():
    with scripted_engine() as script:
        script.loaded = {}
        takes = said(vllm(script.url), doctor_elsewhere.vllm)
        loaded = dict(script.loaded)
        script.loaded = None
        takes_none = said(vllm(script.url), doctor_elsewhere.vllm)

    assert takes[0]
    assert loaded == {}
    assert not takes_none[0]
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True" in takes_none[1]


def test_a_vllm_that_is_away_names_the_variable():
    is_well, sentence = said(vllm(f"{NOWHERE}/v1"), doctor_elsewhere.vllm)

    assert not is_well
    assert "ENGINE_BASE_URL" in sentence
