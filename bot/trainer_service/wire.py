"""What clients send, as OpenAI names it. Unknown fields are refused: they would be ignored."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Auto = Literal["auto"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class HyperparametersRequest(_Strict):
    """``learning_rate_multiplier`` 1 is our own default rate."""

    n_epochs: Auto | Annotated[int, Field(ge=1, le=50)] = "auto"
    batch_size: Auto | Annotated[int, Field(ge=1, le=256)] = "auto"
    learning_rate_multiplier: Auto | Annotated[float, Field(gt=0, le=100)] = "auto"


class MethodHyperparameters(_Strict):
    hyperparameters: HyperparametersRequest = HyperparametersRequest()


class MethodRequest(_Strict):
    type: Literal["supervised"]
    supervised: MethodHyperparameters = MethodHyperparameters()


class JobRequest(BaseModel):
    """Body of ``POST /v1/fine_tuning/jobs``; fields of other providers are taken and ignored."""

    model_config = ConfigDict(extra="ignore")

    model: str
    training_file: str
    validation_file: str | None = None
    suffix: str | None = Field(None, min_length=1, max_length=64)
    seed: int | None = Field(None, ge=0, lt=2**31)
    metadata: dict[str, str] | None = None
    method: MethodRequest | None = None
    hyperparameters: HyperparametersRequest | None = None
    integrations: list[Any] | None = Field(None, max_length=0)

    @field_validator("suffix")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z0-9._ -]+", value):
            raise ValueError("use letters, digits, dots, hyphens and spaces")
        return value

    @field_validator("metadata")
    @classmethod
    def _small(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        if value and (
            len(value) > 16 or any(len(k) > 64 or len(v) > 512 for k, v in value.items())
        ):
            raise ValueError("at most 16 pairs, keys of 64 and values of 512 characters")
        return value

    @property
    def wanted(self) -> HyperparametersRequest:
        if self.method:
            return self.method.supervised.hyperparameters
        return self.hyperparameters or HyperparametersRequest()


class TextPart(_Strict):
    type: Literal["text"]
    text: str


class ChatMessage(_Strict):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(BaseModel):
    """
    Body of ``POST /v1/chat/completions``. Answers are greedy: ``temperature``, ``top_p``,
    ``seed`` and penalties are taken and change nothing; what would change the shape of the
    answer is refused. ``logprobs`` are of the first token, with each token's ``id``.
    """

    model_config = ConfigDict(extra="ignore")

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    n: Literal[1] = 1
    stop: None = None
    tools: None = None
    logprobs: bool | None = None
    top_logprobs: int = Field(0, ge=0, le=20)
    response_format: None = None

    @model_validator(mode="after")
    def _one_token_has_log_probabilities(self) -> Self:
        if self.logprobs and (self.stream or self.limit != 1):
            raise ValueError("logprobs are given of the first token: ask for one, not streamed")
        return self

    @property
    def limit(self) -> int:
        return self.max_completion_tokens or self.max_tokens or 512


class WebhookRequest(_Strict):
    """Body of ``POST /v1/webhook_endpoints``."""

    name: str = Field(max_length=200)
    url: str = Field(pattern=r"^https?://", max_length=2000)
    event_types: list[
        Literal["fine_tuning.job.succeeded", "fine_tuning.job.failed", "fine_tuning.job.cancelled"]
    ] = Field(min_length=1)
