"""What the OpenAI SDK raises, as sentences of ours. Never shows a foreign exception's text."""

import re
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
_PAGES = (b"<!doctype", b"<html")
_TRIPPED = re.compile(
    r"'(str|list|dict|int|float|bool|NoneType)' object (has no attribute|is not iterable)"
)
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
    except (AttributeError, TypeError) as error:
        # The SDK hands on what is no object or no list, and somebody trips over it.
        if not _TRIPPED.match(str(error)):
            raise
        raise NotAnApiError(provider.name, provider.base_url) from error
    except (openai.APIResponseValidationError, ValueError) as error:
        raise NotAnApiError(provider.name, provider.base_url) from error
    except (openai.APIError, httpx2.HTTPError) as error:
        raise TrainerUnavailableError(provider.name) from error


def checked(provider: Provider, answer: T) -> T:
    """
    Return the answer if it is an object of the API's: the SDK hands web pages through as text, and
    makes an object without anything of other JSON. An empty list must be one that was sent.

    Raises:
        NotAnApiError: it is none.
    """
    parts = getattr(type(answer), "model_fields", {})
    is_named = "id" not in parts or isinstance(getattr(answer, "id", None), str)
    is_list = "data" not in parts or isinstance(getattr(answer, "data", None), list)
    if not parts or not is_named or not is_list:
        raise NotAnApiError(provider.name, provider.base_url)
    return answer


def deleted(provider: Provider, answer: Any) -> None:
    """
    Some answer nothing at all to this.

    Raises:
        NotAnApiError: something else than the API answered, so it is still there.
    """
    if answer:
        checked(provider, answer)


def no_page(provider: Provider, content: bytes) -> bytes:
    """
    Return a file's content: a page in its place says nothing about the file, and may pass.

    Raises:
        NotAnApiError: it is a web page.
    """
    if content[:100].lstrip().lower().startswith(_PAGES):
        raise NotAnApiError(provider.name, provider.base_url)
    return content


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
