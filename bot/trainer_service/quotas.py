"""How much one key may use. Counts what is in the store, so a restart forgives nothing."""

import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass

from bot.trainer_service.errors import ApiError
from bot.trainer_service.store import Store, now

DAY = 86_400


@dataclass(frozen=True)
class Quotas:
    """Per owner; 0 is no limit. Sizes in bytes."""

    file_bytes: int = 512 * 1024**2
    stored_bytes: int = 0
    jobs_a_day: int = 0
    models: int = 32
    requests_a_minute: int = 3000
    fewest_rows: int = 1


class Rates:
    """Requests of the last minute, by owner; in memory, since a minute is short."""

    def __init__(self, a_minute: int) -> None:
        self._a_minute = a_minute
        self._times: dict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def count(self, owner: str) -> None:
        """
        Raises:
            ApiError: 429, with the seconds to wait.
        """
        if not self._a_minute:
            return
        with self._lock:
            times, moment = self._times[owner], time.monotonic()
            while times and times[0] < moment - 60:
                times.popleft()
            if len(times) >= self._a_minute:
                wait = int(times[0] + 60 - moment) + 1
                raise ApiError(
                    429,
                    f"Rate limit of {self._a_minute} requests a minute reached. "
                    f"Try again in {wait} s.",
                    code="rate_limit_exceeded",
                    retry_after=wait,
                )
            times.append(moment)


def check_storage(store: Store, quotas: Quotas, owner: str, size: int) -> None:
    """
    Raises:
        ApiError: the file, or all files together, are too large.
    """
    if size > quotas.file_bytes:
        raise ApiError(
            413,
            f"A file may have {quotas.file_bytes:,} bytes.",
            code="file_too_large",
            param="file",
        )
    used = sum(file["bytes"] for file in store.find("file", owner))
    if quotas.stored_bytes and used + size > quotas.stored_bytes:
        raise _exhausted(f"Your files would exceed {quotas.stored_bytes:,} bytes. Delete some.")


def check_jobs(store: Store, quotas: Quotas, owner: str) -> None:
    """
    Raises:
        ApiError: too many jobs today, or too many models kept.
    """
    today = store.find("job", owner, "created_at > ?", (now() - DAY,))
    if quotas.jobs_a_day and len(today) >= quotas.jobs_a_day:
        raise _exhausted(f"{quotas.jobs_a_day} jobs a day are allowed. Try again tomorrow.")
    if quotas.models and len(store.find("model", owner)) >= quotas.models:
        raise _exhausted(f"{quotas.models} tuned models are kept here. Delete one first.")


def _exhausted(sentence: str) -> ApiError:
    return ApiError(429, f"You exceeded your current quota. {sentence}", code="insufficient_quota")
