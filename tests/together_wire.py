"""
Together's wire over HTTP, as its client 3.1.1 speaks it: files, fine-tunes, limits, prices.

Strict: a field its API does not have is a 400. Its jobs are those of a trainer of ours, so a real
one really trains; what it hands out is a real adapter in a tar packed with zstd. Can go wrong in
every way a test asks for.
"""

import contextlib
import io
import json
import re
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from bot.engines.base_model import BaseModel
from bot.training.trainer import JobState, Trainer

KEY = "tgp-test-key"
PYTHON = Path(".venv-together/bin/python")
MODEL = "together/tiny-base"
PACK = "import sys, zstandard; sys.stdout.buffer.write(zstandard.compress(sys.stdin.buffer.read()))"
CREATED = "2026-11-26T10:00:00Z"
JOB_FIELDS = {
    "training_file", "validation_file", "packing", "model", "n_epochs", "learning_rate",
    "lr_scheduler", "warmup_ratio", "max_grad_norm", "weight_decay", "n_checkpoints", "n_evals",
    "max_seq_length", "batch_size", "gradient_accumulation_steps", "suffix", "random_seed",
    "early_stopping_enabled", "training_type", "training_method", "multimodal_params",
}  # fmt: skip
LIMITS = {
    "model_name": MODEL, "default_gradient_accumulation_steps": 1, "max_learning_rate": 1e-3,
    "min_learning_rate": 1e-6, "max_seq_length_dpo": 1024, "max_seq_length_sft": 1024,
    "merge_output_lora": True, "min_max_seq_length": 32, "supports_full_training": False,
    "supports_reasoning": False, "supports_tools": False, "supports_vision": False,
    "lora_training": {"default_rank": 8, "max_rank": 64, "max_batch_size": 32,
                      "max_batch_size_dpo": 16, "min_batch_size": 8, "target_modules": ["q_proj"]},
}  # fmt: skip


class TogetherWire:
    """What the server has and does next; a test changes the fields at any time."""

    def __init__(self, trainer: Trainer, base: BaseModel) -> None:
        self.trainer, self.base = trainer, base
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.deleted_models: list[str] = []
        self.asked: list[str] = []
        #: (part of "METHOD /path ", status, a page of text or an answer in JSON); the first that
        #: fits is used up.
        self.faults: list[tuple[str, int, Any]] = []
        self.drop = False  # the answer to the next job that is created
        self.price: dict[str, Any] = {
            "estimation_available": True, "allowed_to_proceed": True, "estimated_total_price": 0.42,
            "estimated_train_token_count": 900, "estimated_eval_token_count": 0, "user_limit": 5,
        }  # fmt: skip
        self.archive: Callable[[Path], bytes] = packed
        self.error = ""
        self.status: str | None = None
        self.url = ""
        self.close_at_end: list[Callable[[], None]] = [trainer.stop]

    def close(self) -> None:
        for close in self.close_at_end:
            close()

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        job_id = f"ft-{len(self.jobs) + 1:04d}"
        content = self.contents[body["training_file"]].decode()
        rows = [json.loads(line)["messages"] for line in content.splitlines()]
        plain = [[{k: t[k] for k in ("role", "content")} for t in row] for row in rows]
        self.trainer.start(job_id, plain, self.base)
        name = f"team/tiny-base-{body.get('suffix', '')}-{job_id}"
        self.jobs[job_id] = body | {
            "id": job_id, "created_at": CREATED, "updated_at": CREATED, "user_id": "u",
            "status": "pending", "model_output_name": name,
            "adapter_object_id": f"ml_{job_id}", "adapter_object_name": f"team/{job_id}-adapter",
        }  # fmt: skip
        return self.look(job_id)

    def look(self, job_id: str) -> dict[str, Any]:
        job = self.jobs[job_id]
        if job["status"] == "cancel_requested":
            job["status"] = "cancelled"
        elif job["status"] in ("pending", "queued", "running"):
            states = {JobState.SUCCEEDED: "completed", JobState.FAILED: "error"}
            seen = self.trainer.status(job_id)
            job["status"] = states.get(seen.state, "running")
            job["metrics"] = [
                {"train/global_step": m.step, "train/loss": m.loss} for m in seen.metrics
            ]
            job["total_steps"] = seen.total_steps
            if job["status"] == "completed":
                job |= {"token_count": 900, "total_price": 380_000_000}
        shown = {k: v for k, v in job.items() if k not in ("metrics", "total_steps")}
        return shown | ({"status": self.status} if self.status else {})


class _Handler(BaseHTTPRequestHandler):
    wire: TogetherWire
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _serve(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlparse(self.path)
        asked = f"{self.command} {address.path}"
        self.wire.asked.append(asked)
        for fault in self.wire.faults:
            if fault[0] in f"{asked} ":
                self.wire.faults.remove(fault)
                return self._send(fault[1], fault[2])
        if self.command != "PUT" and self.headers.get("Authorization") != f"Bearer {KEY}":
            return self._no(401, "Invalid API key provided")
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        try:
            self._answer(asked, content, query)
        except KeyError as error:
            self._no(404, f"{error.args[0]} was not found")
        return None

    def _answer(self, asked: str, content: bytes, query: dict[str, str]) -> None:  # noqa: C901 - one wire
        wire = self.wire
        last = asked.rpartition("/")[2]
        if asked == "POST /v1/files":
            self._begin_upload(content)
        elif asked.startswith("PUT /upload/"):
            wire.contents[last] = content
            wire.files[last]["bytes"] = len(content)
            self._send(200, {})
        elif asked == "GET /v1/files":
            self._send(200, {"data": list(wire.files.values())})
        elif asked.startswith("DELETE /v1/files/"):
            del wire.files[last]
            self._send(200, {"id": last, "deleted": True})
        elif asked.startswith("GET /v1/files/") and last == "content":
            self._send(200, wire.contents[asked.split("/")[3]])
        elif "/v1/files/" in asked:
            self._send(200, wire.files[asked.split("/")[3]])
        elif asked.startswith("DELETE /v2/projects/team/models/"):
            wire.deleted_models.append(last)
            self._send(200, {"id": last, "object": "model", "deleted": True})
        elif asked == "GET /v1/fine-tunes/models/limits":
            if query["model_name"] != MODEL:
                return self._no(404, f"model {query['model_name']} cannot be fine-tuned")
            self._send(200, LIMITS)
        elif asked == "POST /v1/fine-tunes/estimate-price":
            self._send(200, wire.price)
        elif asked == "GET /v1/finetune/download":
            job = wire.jobs[query["ft_id"]]
            if job["status"] != "completed" or query.get("checkpoint") != "adapter":
                return self._no(400, "There is no adapter")
            self._send(200, wire.archive(wire.trainer.result(job["id"]).folder))  # type: ignore[union-attr]
        else:
            self._jobs(asked, content)
        return None

    def _jobs(self, asked: str, content: bytes) -> None:  # noqa: C901 - one wire
        wire, parts = self.wire, asked.split("/")
        if asked == "POST /v1/fine-tunes":
            body = json.loads(content)
            if unknown := body.keys() - JOB_FIELDS:
                return self._no(400, f"unknown field {sorted(unknown)[0]}")
            if body["training_file"] not in wire.files or len(body["suffix"]) > 40:
                return self._no(400, "training_file or suffix is invalid")
            job = wire.create(body)
            if wire.drop:
                wire.drop = False
                return self._hang_up()
            self._send(200, job)
        elif asked == "GET /v1/fine-tunes":
            self._send(200, {"data": [wire.look(job_id) for job_id in wire.jobs]})
        elif parts[-1] == "events":
            job = wire.jobs[parts[3]]
            event = {"object": "fine-tune-event", "created_at": CREATED, "type": "training_start",
                     "message": "Training", "total_steps": job.get("total_steps")}  # fmt: skip
            bad = {**event, "type": "job_error", "level": "error", "message": wire.error}
            self._send(200, {"data": [event, *([bad] if wire.error else [])]})
        elif parts[-1] == "metrics":
            self._send(200, {"metrics": wire.jobs[parts[3]].get("metrics", [])})
        elif parts[-1] == "cancel":
            job = wire.jobs[parts[3]]
            if job["status"] in ("completed", "error", "cancelled"):
                return self._no(400, "The job has ended")
            wire.trainer.cancel(parts[3])
            job["status"] = "cancel_requested"
            self._send(200, {k: v for k, v in job.items() if k not in ("metrics", "total_steps")})
        elif asked.startswith("DELETE"):
            del wire.jobs[parts[3]]
            self._send(200, {"message": "deleted"})
        else:
            wire.jobs[parts[3]]
            self._send(200, wire.look(parts[3]))
        return None

    def _begin_upload(self, content: bytes) -> None:
        found = re.search(rb'name="file_name"\r\n\r\n(.*?)\r\n', content)
        name = found[1].decode() if found else parse_qs(content.decode())["file_name"][0]
        file_id = f"file-{len(self.wire.files) + len(self.wire.contents) + 1}"
        self.wire.files[file_id] = {
            "id": file_id, "filename": name, "bytes": 0, "created_at": int(time.time()),
            "object": "file", "purpose": "fine-tune", "FileType": "jsonl", "Processed": True,
        }  # fmt: skip
        place = f"{self.wire.url}/upload/{file_id}"
        self._send(302, {}, {"Location": place, "X-Together-File-Id": file_id})

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _no(self, status: int, said: str) -> None:
        self._send(status, {"error": {"message": said, "type": "invalid_request_error"}})

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        if isinstance(body, bytes):
            data, kind = body, "application/octet-stream"
        elif isinstance(body, str):
            # An answer that says it is JSON and is cut off is one of nothing.
            data, kind = body.encode(), "text/html" if body else "application/json"
        else:
            data, kind = json.dumps(body).encode(), "application/json"
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def tar_of(files: dict[str, bytes]) -> bytes:
    """A tar with these members, whatever they are called."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def packed(folder: Path) -> bytes:
    """What Together hands out: a tar packed with zstd."""
    names = ("adapter_config.json", "adapter_model.safetensors")
    tar = tar_of({f"./{name}": (folder / name).read_bytes() for name in names})
    return subprocess.run([PYTHON, "-c", PACK], input=tar, capture_output=True, check=True).stdout


@contextlib.contextmanager
def together_wire(trainer: Trainer, base: BaseModel) -> Iterator[TogetherWire]:
    wire = TogetherWire(trainer, base)
    handler = type("Handler", (_Handler,), {"wire": wire})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    wire.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield wire
    finally:
        wire.close()
        server.shutdown()
        server.server_close()
        thread.join()
