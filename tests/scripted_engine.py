"""
An OpenAI-shaped server with a script, for tests that must not wait for a model.

Speaks real HTTP and real server-sent events, so the bot's own client talks to it. It answers
with the last example of the prompt, unless a test says otherwise, and can be slow, die in
mid-answer, or refuse. Held to the same tests as the real engine in tests/test_scripted_engine.py.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bot.engines.openai_api import OpenAIApiEngine

Messages = list[dict[str, str]]
I_DO_NOT_KNOW = "I don't know."


def last_example(messages: Messages) -> str:
    """Answer what the best example of the prompt answers."""
    answers = [m["content"] for m in messages if m["role"] == "assistant"]
    return answers[-1] if answers else I_DO_NOT_KNOW


class ScriptedEngine:
    """What the server does next; a test changes the fields at any time."""

    def __init__(self) -> None:
        self.reply: Callable[[Messages], str] = last_example
        self.says: dict[str, str] = {}  # by model, instead of ``reply``
        self.piece_seconds = 0.0
        self.die_after_pieces: int | None = None  # for the next answer only
        self.deaths = 1  # how many answers die, once ``die_after_pieces`` is set
        self.status: int | None = None
        self.says_instead: tuple[str, str] | None = None  # a content type and a body, to whatever
        self.asked: list[dict[str, Any]] = []
        self.url = ""
        #: As vLLM with adapters at run time: what is loaded, by name; None where it is not allowed.
        self.loaded: dict[str, str] | None = None
        self.max_rank = 16
        #: What it tells of a prompt's tokens, and of the first one after it, by id.
        self.tokens: Callable[[Messages], list[int]] | None = None
        self.first: dict[int, float] | None = None

    def prompts(self) -> list[str]:
        """The last user turn of each request, in order."""
        return [body["messages"][-1]["content"] for body in self.asked]

    def engine(self, adapters: tuple[str, ...] = ()) -> OpenAIApiEngine:
        engine = OpenAIApiEngine(self.url, "key", adapters={name: name for name in adapters})
        engine.start()
        return engine


class _Handler(BaseHTTPRequestHandler):
    script: ScriptedEngine
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self.script.says_instead:
            self._text(*self.script.says_instead[::-1])
            return
        self._json(200, {"object": "list", "data": [{"id": "base", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.script.says_instead:
            self._text(*self.script.says_instead[::-1])
            return
        if self.path == "/tokenize" and self.script.loaded is not None:
            self._tokens(body)
            return
        if self.path.endswith("_lora_adapter"):
            self._adapter(body)
            return
        if self.script.loaded is not None and body["model"] not in ("base", *self.script.loaded):
            said = f"The model `{body['model']}` does not exist."
            self._json(404, _refusal(said, "NotFoundError", 404))
            return
        self.script.asked.append(body)
        if self.script.status:
            self._json(self.script.status, {"error": {"message": "no", "type": "refused"}})
            return
        text = self.script.says.get(body["model"]) or self.script.reply(body["messages"])
        if body.get("stream"):
            self._stream(body["model"], text)
        else:
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            if body.get("logprobs"):
                choice["logprobs"] = self._log_probs(body)
            answer = _envelope(body["model"], "chat.completion", choice)
            if tokens := self.script.tokens:
                count = len(tokens(body["messages"]))
                answer["usage"] = {
                    "prompt_tokens": count, "completion_tokens": 1, "total_tokens": count + 1
                }  # fmt: skip
            self._json(200, answer)

    def _tokens(self, body: dict[str, Any]) -> None:
        """As vLLM's ``/tokenize`` does for chats."""
        if self.script.tokens is None or not body["add_generation_prompt"]:
            self._json(404, {"detail": "Not Found"})
            return
        tokens = self.script.tokens(body["messages"])
        self._json(200, {"count": len(tokens), "max_model_len": 2048, "tokens": tokens})

    def _log_probs(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """As vLLM tells them with ids asked for, else as llama.cpp does."""
        if self.script.first is None:
            return None
        as_ids = body.get("return_tokens_as_token_ids")
        top = [
            {"token": f"token_id:{number}" if as_ids else "It", "logprob": value, "bytes": None}
            | ({} if as_ids else {"id": number})
            for number, value in self.script.first.items()
        ]
        return {"content": [{**top[0], "top_logprobs": top[: body["top_logprobs"]]}]}

    def _adapter(self, body: dict[str, Any]) -> None:
        """Load or unload one, with the words of vLLM's handlers."""
        loaded, name = self.script.loaded, body["lora_name"]
        if loaded is None:
            self._json(404, {"detail": "Not Found"})
        elif self.path == "/v1/unload_lora_adapter":
            if loaded.pop(name, None) is None:
                said = f"The lora adapter '{name}' cannot be found."
                self._json(404, _refusal(said, "NotFoundError", 404))
            else:
                self._text(f"Success: LoRA adapter '{name}' removed successfully.")
        elif name in loaded:
            said = f"The lora adapter '{name}' has already been loaded."
            self._json(400, _refusal(said, "InvalidUserInput", 400))
        elif not (config := Path(body["lora_path"]) / "adapter_config.json").is_file():
            said = f"Loading lora {name} failed: No adapter found for {body['lora_path']}"
            self._json(404, _refusal(said, "NotFoundError", 404))
        elif (rank := json.loads(config.read_text())["r"]) > self.script.max_rank:
            said = f"LoRA rank {rank} is greater than max_lora_rank {self.script.max_rank}."
            self._json(400, _refusal(said, "BadRequestError", 400))
        else:
            loaded[name] = body["lora_path"]
            self._text(f"Success: LoRA adapter '{name}' added successfully.")

    def _text(self, words: str, content_type: str = "text/plain; charset=utf-8") -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words.encode())

    def _stream(self, model: str, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        dies_at = self._death()
        with contextlib.suppress(OSError):
            for number, piece in enumerate(_pieces(text)):
                if number == dies_at:
                    return
                time.sleep(self.script.piece_seconds)
                self._event(model, {"index": 0, "delta": {"content": piece}})
            self._event(model, {"index": 0, "delta": {}, "finish_reason": "stop"})
            self.wfile.write(b"data: [DONE]\n\n")

    def _death(self) -> int | None:
        if self.script.die_after_pieces is None or self.script.deaths == 0:
            return None
        self.script.deaths -= 1
        return self.script.die_after_pieces

    def _event(self, model: str, choice: dict[str, Any]) -> None:
        body = json.dumps(_envelope(model, "chat.completion.chunk", choice))
        self.wfile.write(f"data: {body}\n\n".encode())
        self.wfile.flush()

    def _json(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _refusal(said: str, kind: str, code: int) -> dict[str, Any]:
    return {"error": {"message": said, "type": kind, "param": None, "code": code}}


def _envelope(model: str, kind: str, choice: dict[str, Any]) -> dict[str, Any]:
    return {"id": "1", "object": kind, "created": 0, "model": model, "choices": [choice]}


def _pieces(text: str) -> list[str]:
    words = text.split(" ")
    return [word if number == 0 else " " + word for number, word in enumerate(words)]


@contextlib.contextmanager
def scripted_engine() -> Iterator[ScriptedEngine]:
    script = ScriptedEngine()
    handler = type("Handler", (_Handler,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
