"""
Lives of a bot's pipeline in processes of their own, each killed where a test says.

Everything a life needs is plain data: the next one finds the rest in tables, folders and at the
provider, as after a real ``kill -9``.
"""

import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.engines.base_model import BaseModel
from bot.engines.openai_api import OpenAIApiEngine
from bot.engines.routed import RoutedEngine
from bot.pipeline import Workshop, advance, keep_deployments
from bot.training.downloaded import Downloads
from bot.training.hyperparameters import Hyperparameters
from bot.training.local import AUTOTRAIN_JOB, LORA_JOB, TRL_JOB, LocalTrainer
from bot.training.openai_api import OpenAITrainer
from bot.training.provider import azure_provider, nebius_provider, openai_provider
from bot.training.together import TogetherTrainer
from bot.training.together_client import TogetherClient
from bot.training.trainer import Trainer
from storage.database import Database
from storage.tables import OPEN_RUN_STATES, Run
from tests import warm_children
from tests.forked import SERVER
from tests.knowing_engine import KnowingEngine, tuning_pays
from tests.pipeline_parts import FACTS

INSTALLATION = "bot-1"
PATIENCE_SECONDS = 180.0
#: How far apart two looks are where a child or a provider works meanwhile.
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Life:
    """``url`` is the provider's; ``options`` what one kind of trainer needs besides."""

    trainer: str
    home: Path
    models_dir: Path
    base: BaseModel
    url: str = ""
    key: str = ""
    options: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return Database(f"sqlite:///{self.home / 'apprentice.db'}")

    def run(self) -> Run:
        with self.database.read() as session:
            return session.get_one(Run, 1)


def live(life: Life, *, spares: list[str], seen: Path | None = None) -> int:
    """
    Work until the run has ended, or die at the first checkpoint that is not spared.

    Each checkpoint's name is written to ``seen`` before that. Returns how the life ended.
    """
    # Started here: what a life starts would be killed with it.
    process = SERVER.Process(target=_work, args=(life, spares, seen, warm_children.address()))
    process.start()
    process.join(PATIENCE_SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
    assert process.exitcode is not None
    return process.exitcode


def _work(life: Life, spares: list[str], seen: Path | None, warm: str) -> None:
    warm_children.use(warm)

    def checkpoint(name: str) -> None:
        if seen is not None:
            with seen.open("a") as log:
                log.write(f"{name}\n")
        if name not in spares:
            os.kill(os.getpid(), signal.SIGKILL)

    workshop = workshop_of(life, checkpoint)
    while life.run().state in OPEN_RUN_STATES:
        while advance(workshop):
            """It comes round more often than deployments are looked after."""
        keep_deployments(workshop)
        time.sleep(LOOK_SECONDS)
    # Not by the usual way out: what a trainer's connections do at the end is no matter here.
    sys.stdout.flush()
    os._exit(0)


def workshop_of(life: Life, checkpoint: Any) -> Workshop:
    here = KnowingEngine(FACTS, tuning_pays)
    deployers = {}
    if life.trainer == "azure":
        # Imported here: it needs requirements-azure.txt.
        from tests.azure_account import FakeAccount

        account = FakeAccount(life.options["service"], url=life.url)
        deployers = {"azure": account.deployer()}
    elsewhere = {
        "openai": life.url,
        "nebius": life.url,
        "azure": f"{life.url}/openai/v1",
    }
    engines = (
        {life.trainer: OpenAIApiEngine(elsewhere[life.trainer], life.key)}
        if life.trainer in elsewhere
        else {}
    )
    return Workshop(
        database=life.database,
        home=life.home,
        trainers={life.trainer: _trainer_of(life, deployers.get("azure"))},
        engine=RoutedEngine(here, engines),
        base=life.base,
        deployers=deployers,
        checkpoint=checkpoint,
        draw=lambda *_: [],
    )


def _trainer_of(life: Life, deployer: Any) -> Trainer:
    called = life.options.get("model", life.base.name)
    downloads = Downloads(life.home / "jobs", life.base, called)
    children = {"local": LORA_JOB, "trl": TRL_JOB, "autotrain": AUTOTRAIN_JOB}
    if life.trainer in children:
        return LocalTrainer(
            life.home / ("jobs" if life.trainer == "local" else f"{life.trainer}-jobs"),
            life.models_dir,
            Hyperparameters(num_train_epochs=2, threads=1),
            child=children[life.trainer],
            arguments=json.loads(life.options.get("arguments", "[]")),
        )
    if life.trainer == "together":
        client = TogetherClient(Path(life.options["python"]), life.key, life.url, retries=0)
        return TogetherTrainer(
            client, INSTALLATION, model=life.options["model"], downloads=downloads, poll_seconds=0
        )
    provider = {
        "openai": lambda: openai_provider(life.key, life.url),
        "azure": lambda: azure_provider(life.key, life.url, life.base.name),
        "nebius": lambda: nebius_provider(life.key, life.base.name, life.url),
    }[life.trainer]()
    if life.trainer == "nebius":
        # Our service has hyperparameters of its own.
        quirks = replace(provider.quirks, hyperparameters={"n_epochs": 3})
        provider = replace(provider, quirks=quirks)
    return OpenAITrainer(
        provider,
        INSTALLATION,
        downloads=downloads if life.trainer == "nebius" else None,
        deployer=deployer,
        poll_seconds=0,
    )
