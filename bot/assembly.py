"""
The parts of the bot as the settings want them: engine, sentence model, workshop, judge.

Starts nothing: ``bot.app`` and the command line do.
"""

from bot.answering.prompt import build_messages
from bot.embedding.meaning import Meaning
from bot.embedding.sentence_model import SentenceModel, packaged_folder
from bot.engines.base_model import BaseModel
from bot.engines.llama_cpp import LlamaCppEngine
from bot.engines.openai_api import OpenAIApiEngine
from bot.engines.routed import RoutedEngine
from bot.engines.runtime_adapters import RuntimeAdapterEngine
from bot.errors import SettingsError
from bot.evaluation.gate import Thresholds
from bot.evaluation.health import Limits as RollbackLimits
from bot.evaluation.measures import prices_of
from bot.pipeline import IdleRule, Workshop
from bot.settings import Settings, plain
from bot.trainers import (
    make_deployers,
    make_trainers,
    remote_engines,
    terms_of,
)
from bot.training.local import LocalTrainer
from storage.database import Database

CONTEXT_TOKENS = 2048
#: How long a judge model may stay silent: it says one letter, and a verdict waits for it.
JUDGE_SECONDS = 30.0
Engine = RoutedEngine | OpenAIApiEngine


def make_engine(settings: Settings, base: BaseModel) -> Engine:
    """
    Raises:
        SettingsError: the address of the server is missing.
    """
    if settings.engine == "openai_api":
        if not settings.engine_base_url:
            raise SettingsError("ENGINE=openai_api needs ENGINE_BASE_URL, the server's address.")
        key = plain(settings.engine_api_key) or "none"
        if settings.engine_adapters == "vllm":
            there = RuntimeAdapterEngine(settings.engine_base_url, key)
            return RoutedEngine(there, remote_engines(settings))
        return OpenAIApiEngine(settings.engine_base_url, key)
    return RoutedEngine(
        LlamaCppEngine(
            base.gguf_path,
            slots=settings.answers_at_once,
            context_per_slot=CONTEXT_TOKENS,
            threads=settings.engine_threads,
            warm_up=build_messages("Hello", []),
        ),
        remote_engines(settings),
    )


def make_meaning(settings: Settings) -> Meaning | None:
    """The sentence model, not started yet; None where it is off or not installed."""
    folder = packaged_folder() if settings.sentence_model != "off" else None
    return Meaning.by(SentenceModel(folder)) if folder else None


def make_workshop(
    settings: Settings,
    database: Database,
    engine: Engine,
    base: BaseModel,
    meaning: Meaning | None = None,
    *,
    trains: bool = True,
) -> Workshop | None:
    """
    What runs are worked on with; None where the engine is another's and loads no adapters.

    ``trains`` False prepares nothing for training.
    """
    if isinstance(engine, OpenAIApiEngine):
        return None
    home = settings.apprentice_home
    trainer = LocalTrainer(
        home / "jobs", home / "models", accelerate_config=settings.accelerate_config
    )
    if trains:
        trainer.prepare(base)
    return Workshop(
        database=database,
        home=home,
        trainers=make_trainers(settings, trainer, base),
        engine=engine,
        base=base,
        context_tokens=CONTEXT_TOKENS,
        meaning=meaning,
        provider_prices=prices_of(settings.provider_token_prices),
        examples=settings.prompt_examples,
        scales=settings.adapter_scales,
        thresholds=gate_thresholds(settings),
        judge=make_judge(settings),
        limits=settings.limits,
        terms=terms_of(settings),
        deployers=make_deployers(settings),
        idle=IdleRule(settings.azure_idle_days, settings.azure_remove_idle),
        learns_preferences=settings.training_method == "dpo",
    )


def gate_thresholds(settings: Settings) -> Thresholds:
    """What the gate asks of a version before it may answer."""
    return Thresholds(
        settings.gate_fewest_facts,
        settings.gate_margin,
        settings.gate_ability_margin,
        settings.gate_stray_margin,
        settings.gate_dirty_share,
    )


def rollback_limits(settings: Settings) -> RollbackLimits:
    """When a promoted version is rolled back without anybody's doing."""
    return RollbackLimits(
        error_share=settings.rollback_error_share,
        latency_factor=settings.rollback_latency_factor,
        feedback_drop=settings.rollback_feedback_drop,
    )


def make_judge(settings: Settings) -> OpenAIApiEngine | None:
    """The model that compares answers; None where none is set."""
    if not settings.judge_base_url:
        return None
    key = plain(settings.judge_api_key) or "none"
    return OpenAIApiEngine(
        settings.judge_base_url,
        key,
        model=settings.judge_model,
        max_retries=1,
        silence_seconds=JUDGE_SECONDS,
    )
