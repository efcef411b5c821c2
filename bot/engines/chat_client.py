"""
Chat with one OpenAI-shaped server.

Refuses to retry once a word has been yielded: who reads along must never see an answer twice.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionMessage,
    ChatCompletionMessageParam,
)

from bot.engines.client import Beginning, Completion, FirstToken, Message
from bot.engines.errors import (
    EngineDiedError,
    EngineRefusedError,
    EngineUnavailableError,
    NotAnEngineError,
    PromptTooLongError,
    ServerRefusedError,
)

#: How long a server may stay silent, in seconds: one waits for a free slot behind other answers.
SILENCE_SECONDS = 120.0
CONNECT_SECONDS = 5.0

#: How a vLLM writes a token's id in the place of its text.
_ID = "token_id:"
#: llama.cpp and OpenAI each have a word for a prompt that does not fit.
_TOO_LONG = {"exceed_context_size_error", "context_length_exceeded"}


class ChatClient:
    """One server's chat completions; knows neither adapters nor processes."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        max_retries: int = 0,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """``base_url`` ends in ``/v1``."""
        self._openai = openai.OpenAI(
            base_url=base_url,
            api_key=api_key,
            max_retries=max_retries,
            timeout=openai.Timeout(silence_seconds, connect=CONNECT_SECONDS),
        )

    def stream(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        extra_body: Mapping[str, Any] | None = None,
    ) -> Iterator[str]:
        """Yield the answer's pieces; see ``Engine`` for what is raised."""
        yielded = False
        with _sentences() as problem:
            pieces = self._openai.chat.completions.create(
                messages=_params(messages),
                model=model,
                max_tokens=max_tokens,
                temperature=0.0,
                stream=True,
                extra_body=dict(extra_body or {}),
            )
            # Closing the response is what makes the server stop generating.
            with pieces:
                finished = False
                for piece in pieces:
                    words, is_last = _said_in(piece)
                    finished = finished or is_last
                    if words:
                        yielded = True
                        problem.after_words = True
                        yield words
        if not finished:
            raise EngineDiedError if yielded else EngineUnavailableError

    def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        extra_body: Mapping[str, Any] | None = None,
    ) -> Completion:
        """Return the whole answer; see ``Engine`` for what is raised."""
        started = time.monotonic()
        with _sentences():
            answer = self._openai.chat.completions.create(
                messages=_params(messages),
                model=model,
                max_tokens=max_tokens,
                temperature=0.0,
                extra_body=dict(extra_body or {}),
            )
        if not _is_completion(answer):
            raise NotAnEngineError
        choice, usage = answer.choices[0], answer.usage
        details = usage.prompt_tokens_details if usage else None
        return Completion(
            text=choice.message.content or "",
            prompt_tokens=usage.prompt_tokens if usage else 0,
            completion_tokens=usage.completion_tokens if usage else 0,
            seconds=time.monotonic() - started,
            finish_reason=choice.finish_reason,
            cached_tokens=(details.cached_tokens or 0) if details else 0,
        )

    def beginning(
        self, messages: Sequence[Message], *, model: str, top: int, as_ids: bool = False
    ) -> Beginning:
        """
        Ask for one token, its likeliest rivals, and how many tokens the prompt has; of a server
        that takes no such request nothing is known.

        ``as_ids``: the server is a vLLM, which names a token by its id when asked to.
        """
        try:
            with _sentences():
                answer = self._openai.chat.completions.create(
                    messages=_params(messages),
                    model=model,
                    max_tokens=1,
                    temperature=0.0,
                    logprobs=True,
                    top_logprobs=top,
                    extra_body={"return_tokens_as_token_ids": True} if as_ids else {},
                )
        except EngineRefusedError as error:
            if error.status == 404:  # it is the model that it does not know
                raise
            return Beginning()
        if not _is_completion(answer):
            raise NotAnEngineError
        count = answer.usage.prompt_tokens if answer.usage else None
        return Beginning(None, count or None, _first_tokens(answer, as_ids))

    def models(self) -> list[str]:
        """Name the models the server offers, at least one."""
        with _sentences():
            # The SDK's own list stumbles over whatever is none.
            listed: Any = self._openai.get("/models", cast_to=object)
        models = listed.get("data") if isinstance(listed, dict) else None
        found = models if isinstance(models, list) else []
        names = [str(model["id"]) for model in found if isinstance(model, dict) and "id" in model]
        if not names:
            raise NotAnEngineError
        return names

    def post(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call one of the server's own endpoints by its absolute address."""
        with _sentences():
            # The SDK returns parsed JSON for `object`, its documented way to other endpoints.
            answer = self._openai.post(url, cast_to=object, body=dict(body))
        assert isinstance(answer, dict)
        return answer

    def tell(self, url: str, body: Mapping[str, Any]) -> None:
        """
        Call one of the server's own endpoints that answers in plain words.

        Raises:
            ServerRefusedError: with what the server said.
        """
        with _sentences():
            try:
                self._openai.post(url, cast_to=str, body=dict(body))
            except (openai.BadRequestError, openai.NotFoundError) as error:
                facts = error.body if isinstance(error.body, dict) else {}
                said = str(facts.get("message") or facts.get("detail") or "")
                raise ServerRefusedError(error.status_code, said) from error

    def get(self, url: str) -> Any:
        """Read one of the server's own endpoints by its absolute address."""
        with _sentences():
            return self._openai.get(url, cast_to=object)

    def close(self) -> None:
        self._openai.close()


@dataclass
class _Problem:
    """What was already shown when something went wrong."""

    after_words: bool = False


@contextmanager
def _sentences() -> Iterator[_Problem]:
    """Turn the SDK's errors into ours."""
    problem = _Problem()
    try:
        yield problem
    except openai.BadRequestError as error:
        facts = error.body if isinstance(error.body, dict) else {}
        if {facts.get("type"), facts.get("code")} & _TOO_LONG:
            tokens, limit = facts.get("n_prompt_tokens", 0), facts.get("n_ctx", 0)
            raise PromptTooLongError(tokens, limit) from None
        raise EngineRefusedError(error.status_code) from error
    except (openai.RateLimitError, openai.InternalServerError) as error:
        raise EngineUnavailableError from error
    except openai.APIStatusError as error:
        raise EngineRefusedError(error.status_code) from error
    # The SDK wraps what fails before the first byte; what fails later comes as the transport's own,
    # and a body that is no JSON, or cut off inside a letter, as the parser's.
    except (
        openai.APIError, httpx2.TransportError, httpx2.StreamError, json.JSONDecodeError,
        UnicodeDecodeError,
    ) as error:  # fmt: skip
        raise EngineDiedError if problem.after_words else EngineUnavailableError from error


def _said_in(piece: Any) -> tuple[str, bool]:
    """
    The words of one piece of a stream, and whether it says that it is the last; of what is no piece
    nothing, so that a stream of such ends like one that broke.
    """
    words, is_last = "", False
    choices = getattr(piece, "choices", None)
    for choice in choices if isinstance(choices, list) else ():
        is_last = is_last or getattr(choice, "finish_reason", None) is not None
        content = getattr(getattr(choice, "delta", None), "content", None)
        words += content if isinstance(content, str) else ""
    return words, is_last


def _is_completion(answer: object) -> bool:
    """The SDK passes on whatever a server says: a page of a proxy, or half an answer."""
    if not isinstance(answer, ChatCompletion) or not answer.choices:
        return False
    message = answer.choices[0].message
    return isinstance(message, ChatCompletionMessage) and isinstance(message.content, str | None)


def _first_tokens(answer: ChatCompletion, as_ids: bool) -> list[FirstToken] | None:
    """None where the server gives no log-probabilities, or does not say of which tokens."""
    told = answer.choices[0].logprobs
    if told is None or not isinstance(told.content, list):
        return None
    found = []
    for entry in told.content[0].top_logprobs if told.content else ():
        number = getattr(entry, "id", None)  # llama.cpp's own
        if as_ids:
            number = int(digits) if (digits := entry.token.removeprefix(_ID)).isdigit() else None
        if not isinstance(number, int):
            return None
        found.append(FirstToken(number, entry.token, float(entry.logprob)))
    return found


def _params(messages: Sequence[Message]) -> list[ChatCompletionMessageParam]:
    params: list[Any] = [dict(message) for message in messages]
    return params
