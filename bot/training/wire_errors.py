"""What the OpenAI SDK raises, as sentences of ours. Never shows a foreign exception's text."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx2
import openai

from bot.errors import TrainingError
from bot.training.provider import Provider
from bot.training.remote_errors import (
    KeyRefusedError,
    NotAnApiError,
    QuotaExhaustedError,
    TrainerUnavailableError,
    TuningRefusedError,
)

T = TypeVar("T")
#: Codes and types with which providers say that money or quota is used up.
_NO_QUOTA = {"insufficient_quota", "billing_hard_limit_reached", "exceeded_quota"}


@contextmanager
def sentences(provider: Provider, others: frozenset[str] = frozenset()) -> Iterator[None]:
    """
    Raises:
        TrainerUnavailableError: asking again may help.
        TrainingError: it will not; ``openai.NotFoundError`` of an API goes through.
    """
    try:
        yield
    except openai.NotFoundError as error:
        if not isinstance(error.body, dict):
            raise NotAnApiError(provider.name, provider.base_url) from error
        raise
    except openai.APIStatusError as error:
        raise _of_status(provider, error, others) from error
    except AttributeError as error:
        # The SDK hands a web page on as text, and then trips over it where it expects a list.
        if "'str' object" not in str(error):
            raise
        raise NotAnApiError(provider.name, provider.base_url) from error
    except (openai.APIResponseValidationError, ValueError) as error:
        raise NotAnApiError(provider.name, provider.base_url) from error
    except (openai.APIError, httpx2.HTTPError) as error:
        raise TrainerUnavailableError(provider.name) from error


def checked(provider: Provider, answer: T) -> T:
    """
    Return the answer if it is an object of the API's: the SDK hands web pages through as text.

    Raises:
        NotAnApiError: it is none.
    """
    if isinstance(answer, str) or answer is None:
        raise NotAnApiError(provider.name, provider.base_url)
    return answer


def words_of(error: openai.APIStatusError) -> str:
    """The provider's own sentence, where it sent one."""
    body: Any = error.body
    return str(body.get("message") or "") if isinstance(body, dict) else ""


def _of_status(
    provider: Provider, error: openai.APIStatusError, others: frozenset[str]
) -> TrainingError:
    if error.status_code == 401:
        return KeyRefusedError(provider.name, provider.key_variable)
    if error.status_code == 402 or _NO_QUOTA & {error.code, error.type}:
        return QuotaExhaustedError(provider.name, words_of(error))
    if error.status_code in (408, 409, 425, 429) or error.status_code >= 500:
        return TrainerUnavailableError(provider.name, _retry_after(error))
    if not isinstance(error.body, dict):
        return NotAnApiError(provider.name, provider.base_url)
    return TuningRefusedError(provider.name, words_of(error), others)


def _retry_after(error: openai.APIStatusError) -> float | None:
    try:
        return float(error.response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
