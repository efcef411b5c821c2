"""
Together's own client, in a child process: its errors are sentences of ours here.

Refuses to import it: it needs older versions of what the bot has.
"""

import json
import os
import subprocess
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bot.training import together_child
from bot.training.answer_shape import FLAG, NUMBER, TEXT, WHOLE, Shape, misfit
from bot.training.remote_errors import (
    ClientMissingError,
    KeyRefusedError,
    NotAnApiError,
    QuotaExhaustedError,
    TrainerUnavailableError,
    TuningRefusedError,
)

NAME, KEY_VARIABLE = "together", "TOGETHER_API_KEY"
URL = "https://api.together.ai"
#: For one list of calls; a download of hundreds of megabytes is one too.
PATIENCE_SECONDS = 900.0
#: What the child may know of our environment: proxies and certificates, never a key.
_PASSED = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "NO_PROXY", "no_proxy",
           "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")  # fmt: skip
_TROUBLE = {408, 409, 425, 429}
#: What is read from the answer to each call; what else is in it is kept, or not looked at.
_SHAPES: dict[str, Shape] = {
    "files.list": {"data": [{"id": TEXT, "filename": TEXT, "bytes": WHOLE}]},
    "files.upload": {"id": TEXT},
    "fine_tuning.list": {"data": [{"id": TEXT}]},
    "fine_tuning.retrieve": {"id": TEXT, "status": TEXT},
    "fine_tuning.create": {"id": TEXT},
    "fine_tuning.cancel": {"id": TEXT},
    "fine_tuning.list_events": {"data": [{"message": TEXT}]},
    "fine_tuning.estimate_price": {"estimation_available": FLAG},
    "fine_tuning.model_limits": {
        "max_learning_rate": NUMBER,
        "lora_training": {"max_rank": WHOLE, "min_batch_size": WHOLE, "max_batch_size": WHOLE},
    },
}  # fmt: skip

Call = tuple[str, Mapping[str, Any]]


class GoneError(Exception):
    """There is no such job or file at Together."""


class TogetherClient:
    """One child at a time, started when something is asked and nothing was for a while."""

    def __init__(
        self,
        python: Path,
        api_key: str,
        base_url: str = URL,
        *,
        others: Iterable[str] = (),
        timeout_seconds: float = 60.0,
        retries: int = 2,
    ) -> None:
        self._python = python
        self._key = api_key
        self._base_url = base_url
        self._others = frozenset(others) - {NAME}
        self._timeout_seconds = timeout_seconds
        self._retries = retries
        self._child: subprocess.Popen[str] | None = None
        self._asking = threading.Lock()

    def ask(self, do: str, **arguments: Any) -> Any:
        """
        Make one call.

        Raises:
            GoneError: there is no such thing.
            TrainingError: what an admin can do.
        """
        return self.ask_all([(do, arguments)])[0]

    def ask_all(self, calls: list[Call]) -> list[Any]:
        """Make several calls in one process, the later only where the earlier were answered."""
        asked = {
            "key": self._key,
            "base_url": self._base_url,
            "timeout": self._timeout_seconds,
            "retries": self._retries,
            "calls": [{"do": do, "with": arguments} for do, arguments in calls],
        }
        answer = self._run(asked)
        if problem := answer.get("problem"):
            failed = calls[answer["failed_at"]][0] if "failed_at" in answer else ""
            self._raise(problem, failed)
        done: list[Any] = answer["done"]
        for (do, _), each in zip(calls, done, strict=True):
            if do in _SHAPES and (what := misfit(each, _SHAPES[do])):
                raise NotAnApiError(NAME, self._base_url, f"in the answer to {do} {what}")
        return done

    def close(self) -> None:
        """End the child; the next call starts another."""
        child, self._child = self._child, None
        if child:
            child.kill()
            child.communicate()

    def _run(self, asked: dict[str, Any]) -> dict[str, Any]:
        with self._asking:
            child = self._started()
            assert child.stdin is not None
            assert child.stdout is not None
            end = threading.Timer(PATIENCE_SECONDS, child.kill)
            end.start()
            try:
                child.stdin.write(json.dumps(asked) + "\n")
                child.stdin.flush()
                answer = json.loads(child.stdout.readline())
            except (OSError, ValueError) as error:
                # A child that was killed has said nothing; asking again may help.
                self.close()
                raise TrainerUnavailableError(NAME) from error
            finally:
                end.cancel()
        assert isinstance(answer, dict)
        return answer

    def _started(self) -> "subprocess.Popen[str]":
        if self._child and self._child.poll() is None:
            return self._child
        self.close()
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        try:
            self._child = subprocess.Popen(
                [self._python, "-I", together_child.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment,
            )
        except OSError as error:
            raise ClientMissingError(NAME, "make together") from error
        return self._child

    def _raise(self, problem: dict[str, Any], do: str) -> None:
        kind, said = problem["kind"], problem.get("said") or ""
        if kind == "missing":
            raise ClientMissingError(NAME, "make together")
        if kind == "no api":
            raise NotAnApiError(NAME, self._base_url)
        if kind == "refused":
            raise TuningRefusedError(NAME, said, self._others)
        if kind != "status":
            raise TrainerUnavailableError(NAME)
        status = problem["status"]
        if status == 402 or (status == 401 and do == "files.upload"):
            # Who may list files and may not upload one has no credit left.
            raise QuotaExhaustedError(NAME, said)
        if status in (401, 403):
            raise KeyRefusedError(NAME, KEY_VARIABLE)
        if status in _TROUBLE or status >= 500:
            raise TrainerUnavailableError(NAME, _seconds(problem.get("retry_after")))
        if not problem["is_api"]:
            raise NotAnApiError(NAME, self._base_url)
        if status == 404 and do != "fine_tuning.model_limits":
            raise GoneError
        raise TuningRefusedError(NAME, said, self._others)


def _seconds(said: Any) -> float | None:
    try:
        return float(said)
    except (TypeError, ValueError):
        return None
