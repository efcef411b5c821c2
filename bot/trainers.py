"""The trainers of this installation, and the engines that serve what they leave elsewhere."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bot.engines.base_model import BaseModel
from bot.engines.openai_api import OpenAIApiEngine
from bot.settings import Settings, plain
from bot.training.by_hand import ByHand
from bot.training.deployment import Deployer
from bot.training.downloaded import Downloads
from bot.training.local import AUTOTRAIN_JOB, TRL_JOB, LocalTrainer
from bot.training.openai_api import OpenAITrainer
from bot.training.prices import HOSTING, TERMS, Price, Terms, at_openai
from bot.training.provider import (
    OPENAI_URL,
    Provider,
    azure_provider,
    nebius_provider,
    openai_provider,
)
from bot.training.together import TogetherTrainer
from bot.training.together_client import URL as TOGETHER_URL
from bot.training.together_client import TogetherClient
from bot.training.trainer import Trainer


def make_trainers(settings: Settings, local: LocalTrainer, base: BaseModel) -> dict[str, Trainer]:
    """Every trainer that has its settings, by the name people use."""
    trainers: dict[str, Trainer] = {"local": local}
    if "trl" in settings.trainers:
        home = settings.apprentice_home
        trainers["trl"] = LocalTrainer(
            home / "trl-jobs",
            home / "models",
            child=TRL_JOB,
            accelerate_config=settings.accelerate_config,
        )
    if "autotrain" in settings.trainers:
        home = settings.apprentice_home
        trainers["autotrain"] = LocalTrainer(
            home / "autotrain-jobs",
            home / "models",
            child=AUTOTRAIN_JOB,
            arguments=[str(settings.autotrain_command.absolute())],
        )
    downloads = Downloads(settings.apprentice_home / "jobs", base, settings.base_model)
    return trainers | trainers_elsewhere(settings, downloads)


def trainers_elsewhere(
    settings: Settings, downloads: Downloads | None = None
) -> dict[str, OpenAITrainer | TogetherTrainer]:
    """Those that keep what they are given with a provider."""
    installation = installation_id(settings.apprentice_home)
    deployers = make_deployers(settings)
    made: dict[str, OpenAITrainer | TogetherTrainer] = {
        name: OpenAITrainer(
            provider,
            installation,
            others=settings.trainers,
            downloads=downloads,
            deployer=deployers.get(name),
        )
        for name, provider in providers(settings).items()
    }
    if settings.together_api_key:
        python = settings.together_python.absolute()
        others = settings.trainers
        made["together"] = TogetherTrainer(
            TogetherClient(python, plain(settings.together_api_key), others=others),
            installation,
            model=settings.together_model,
            others=others,
            downloads=downloads,
        )
    return made


def make_deployers(settings: Settings) -> dict[str, Deployer]:
    """For trainers whose models answer only once they are deployed: who does that."""
    azure = providers(settings).get("azure")
    if azure is None:
        return {}
    price = settings.azure_hosting_price
    if not settings.azure_account:
        return {"azure": ByHand(azure, price)}
    # Only here: a bot without these settings needs none of Azure's libraries.
    from bot.training.azure_deployments import (
        AzureAccount,
        AzureDeployments,
        Principal,
        control_plane,
    )

    account = AzureAccount(
        settings.azure_subscription_id,
        settings.azure_resource_group,
        settings.azure_account,
        settings.azure_deployment_tier,
        settings.azure_deployment_capacity,
    )
    secret = settings.azure_client_secret
    principal = Principal(settings.azure_tenant_id, settings.azure_client_id, plain(secret))
    return {"azure": AzureDeployments(account, control_plane(account, principal), price)}


def terms_of(settings: Settings) -> dict[str, Terms]:
    """What each trainer takes and charges here: the table, with what the settings know better."""
    found = {terms.trainer: terms for terms in TERMS}
    found["azure"] = replace(found["azure"], price=_with_hosting(settings, found["azure"].price))
    for name, provider in providers(settings).items():
        if name != "openai":
            continue
        if provider.base_url == OPENAI_URL:
            found[name] = replace(found[name], price=at_openai(provider.model))
        else:
            price = Price(provider.model or provider.base_url, None, "2026-11", "no price seen")
            found[name] = Terms(name, 1, price, has_our_epochs=True)
    for name, dollars in settings.training_prices.items():
        if name in found:
            known = replace(found[name].price, per_million=dollars, source="TRAINING_PRICES")
            found[name] = replace(found[name], price=replace(known, seen_on="as set"))
    return found


def _with_hosting(settings: Settings, price: Price) -> Price:
    """By hand the tier is not known: the one that costs counts."""
    tier = settings.azure_deployment_tier if settings.azure_account else "standard"
    if settings.azure_hosting_price is not None:
        return replace(price, hosting_per_hour=settings.azure_hosting_price)
    return replace(price, hosting_per_hour=HOSTING[tier].per_hour)


def providers(settings: Settings) -> dict[str, Provider]:
    """The OpenAI-shaped providers that have their keys."""
    made: dict[str, Provider] = {}
    if settings.openai_api_key:
        made["openai"] = openai_provider(
            plain(settings.openai_api_key), settings.openai_base_url, settings.openai_model
        )
    if settings.azure_api_key and settings.azure_endpoint:
        made["azure"] = azure_provider(
            plain(settings.azure_api_key),
            settings.azure_endpoint,
            settings.azure_model,
            settings.azure_training_type,
        )
    if settings.nebius_api_key:
        made["nebius"] = nebius_provider(plain(settings.nebius_api_key), settings.nebius_model)
    return made


def remote_engines(settings: Settings) -> Mapping[str, OpenAIApiEngine]:
    """Clients for the tuned models that stay with their providers, by the trainer's name."""
    made = {
        name: OpenAIApiEngine(provider.base_url, provider.api_key)
        for name, provider in providers(settings).items()
    }
    if settings.together_api_key:
        key = plain(settings.together_api_key)
        made["together"] = OpenAIApiEngine(f"{TOGETHER_URL}/v1", key)
    return made


def installation_id(home: Path) -> str:
    """A random name, made once: what tells our jobs from another bot's on the same account."""
    path = home / "installation"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(secrets.token_hex(4))
        new.rename(path)
    return path.read_text().strip()
