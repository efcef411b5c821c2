"""
What ``python -m bot doctor`` looks at outside of this machine: trainers, deployments, a vLLM.

Only asks: nothing is uploaded, begun, deployed or loaded. ``Found`` is subject, whether it is well,
and a sentence.
"""

from collections.abc import Iterator

from bot.engines.chat_client import ChatClient
from bot.engines.errors import EngineRefusedError, EngineUnavailableError, ServerRefusedError
from bot.errors import BotError
from bot.settings import Settings, plain
from bot.trainers import make_deployers, providers
from bot.training.by_hand import ByHand
from bot.training.openai_api import OpenAITrainer
from bot.training.remote_errors import TrainerUnavailableError
from bot.training.together import TogetherTrainer
from bot.training.together_client import NAME as TOGETHER
from bot.training.together_client import URL, TogetherClient

Found = tuple[str, bool, str]

#: What is asked here is small, and somebody waits for it.
SECONDS = 15.0
#: A name no adapter and no deployment has.
NOBODYS = "apprentice-doctor"
_ADDRESSES = {"openai": "OPENAI_BASE_URL", "azure": "AZURE_ENDPOINT"}


def trainers(settings: Settings) -> Iterator[Found]:
    """Ask each provider whose key is set what a run would ask it first."""
    for name, provider in providers(settings).items():
        trainer = OpenAITrainer(
            provider, NOBODYS, others=settings.trainers, max_retries=0, timeout_seconds=SECONDS
        )
        yield _asked(name, provider.base_url, trainer)
    if settings.together_api_key:
        key = plain(settings.together_api_key)
        client = TogetherClient(
            settings.together_python.absolute(), key,
            others=settings.trainers, timeout_seconds=SECONDS, retries=0,
        )  # fmt: skip
        together = TogetherTrainer(
            client, NOBODYS, model=settings.together_model, others=settings.trainers
        )
        yield _asked(TOGETHER, URL, together)


def _asked(name: str, address: str, trainer: OpenAITrainer | TogetherTrainer) -> Found:
    subject = f"trainer {name}"
    try:
        base = trainer.check()
    except TrainerUnavailableError:
        variable = _ADDRESSES.get(name)
        where = f" and {variable}" if variable else ""
        return subject, False, f"{address} does not answer. Check the network{where}."
    except BotError as error:
        return subject, False, str(error)
    finally:
        trainer.stop()
    return subject, True, f"Takes the key, and tunes {base}."


def deployments(settings: Settings) -> Iterator[Found]:
    """Ask the control plane for a deployment that is not there."""
    subject = "deployments at azure"
    for deployer in make_deployers(settings).values():
        if isinstance(deployer, ByHand):
            yield subject, True, "Made by you: without AZURE_ACCOUNT I may make none."
            continue
        try:
            deployer.look(NOBODYS)
        except TrainerUnavailableError:
            sentence = "Azure's control plane does not answer, or is busy. Check the network."
            yield subject, False, sentence
        except BotError as error:
            yield subject, False, str(error)
        else:
            yield subject, True, "The identity of this bot may see them."
        finally:
            deployer.stop()


def vllm(settings: Settings) -> Iterator[Found]:
    """See whether the server at ENGINE_BASE_URL would load our adapters."""
    if settings.engine != "openai_api" or settings.engine_adapters != "vllm":
        return
    subject, url = "adapters at the engine", settings.engine_base_url.rstrip("/")
    client = ChatClient(url, plain(settings.engine_api_key) or "none", max_retries=0)
    try:
        client.tell(f"{url}/unload_lora_adapter", {"lora_name": NOBODYS})
    except ServerRefusedError as error:
        # A server without this path says so as for every other; vLLM names the adapter it misses.
        is_there = NOBODYS in error.said
        yield subject, is_there, _ADAPTERS_TAKEN if is_there else _NO_ADAPTERS
    except EngineRefusedError as error:
        yield subject, False, str(error)
    except EngineUnavailableError:
        yield subject, False, f"{url} does not answer. Check the network and ENGINE_BASE_URL."
    else:
        yield subject, True, _ADAPTERS_TAKEN
    finally:
        client.close()


_ADAPTERS_TAKEN = (
    "Loads adapters at run time. It must see APPRENTICE_HOME under the same path, which only the "
    "first version shows."
)
_NO_ADAPTERS = (
    "The server takes no adapters at run time. Start vLLM with "
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True and --enable-lora, or take ENGINE_ADAPTERS away."
)
