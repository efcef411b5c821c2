"""An OpenAI-shaped server of somebody else, played by the llama.cpp child and by broken ones."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bot.engines.chat_client import ChatClient
from bot.engines.client import Message
from bot.engines.errors import (
    AdapterUnknownError,
    EngineDiedError,
    EngineRefusedError,
    EngineUnavailableError,
    NotAnEngineError,
    PromptTooLongError,
)
from bot.engines.llama_cpp import LlamaCppEngine
from bot.engines.openai_api import OpenAIApiEngine
from bot.errors import EngineError

QUESTION: list[Message] = [{"role": "user", "content": "Who gives me the keys?"}]
Reply = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Reply], str]]:
    """Start a server on loopback that answers every request in one way; return its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(reply: Reply) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                reply(self)

            def do_GET(self) -> None:
                reply(self)

            def log_message(self, *args: Any) -> None:
                """Tests are quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/v1"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def refusing(status: int, error: dict[str, Any]) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        body = json.dumps({"error": error}).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def streaming(words: list[str], *, complete: bool) -> Reply:
    """A stream of words that ends as it should, or just ends."""

    def chunk(delta: dict[str, str], reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return f"data: {json.dumps(body | {'choices': [choice]})}\n\n".encode()

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        for word in words:
            handler.wfile.write(chunk({"content": word}, None))
        if complete:
            handler.wfile.write(chunk({}, "stop") + b"data: [DONE]\n\n")
        handler.close_connection = True

    return reply


def client_of(address: str) -> ChatClient:
    return ChatClient(address, "key")


def test_a_stream_yields_words_until_it_ends(serve: Callable[[Reply], str]) -> None:
    client = client_of(serve(streaming(["Ask ", "Dora."], complete=True)))

    assert list(client.stream(QUESTION, model="m", max_tokens=9)) == ["Ask ", "Dora."]


def test_a_stream_that_breaks_after_words_has_died(serve: Callable[[Reply], str]) -> None:
    client = client_of(serve(streaming(["Ask "], complete=False)))
    stream = client.stream(QUESTION, model="m", max_tokens=9)

    assert next(stream) == "Ask "
    with pytest.raises(EngineDiedError):
        next(stream)


def test_a_stream_that_breaks_before_words_can_be_asked_again(
    serve: Callable[[Reply], str],
) -> None:
    client = client_of(serve(streaming([], complete=False)))

    with pytest.raises(EngineUnavailableError):
        list(client.stream(QUESTION, model="m", max_tokens=9))


@pytest.mark.parametrize(
    ("words", "expected"), [([], EngineUnavailableError), (["Ask "], EngineDiedError)]
)
def test_a_server_that_falls_silent_is_waited_for_only_so_long(
    serve: Callable[[Reply], str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    expected: type[EngineError],
) -> None:
    monkeypatch.setattr("bot.engines.chat_client.SILENCE_SECONDS", 0.3)
    is_over = threading.Event()

    def reply(handler: BaseHTTPRequestHandler) -> None:
        streaming(words, complete=False)(handler)
        handler.wfile.flush()
        is_over.wait(20)

    client = client_of(serve(reply))
    with pytest.raises(expected):
        list(client.stream(QUESTION, model="m", max_tokens=9))
    is_over.set()


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (401, {"message": "Invalid API Key"}, EngineRefusedError),
        (404, {"message": "no such model"}, EngineRefusedError),
        (400, {"message": "what?"}, EngineRefusedError),
        (400, {"message": "at most 4096", "code": "context_length_exceeded"}, PromptTooLongError),
        (429, {"message": "slow down"}, EngineUnavailableError),
        (503, {"message": "loading"}, EngineUnavailableError),
    ],
)
def test_what_a_server_refuses_becomes_a_sentence(
    serve: Callable[[Reply], str],
    status: int,
    error: dict[str, Any],
    expected: type[EngineError],
) -> None:
    client = client_of(serve(refusing(status, error)))

    with pytest.raises(expected) as refusal:
        client.complete(QUESTION, model="m", max_tokens=9)

    assert error["message"] not in str(refusal.value)


@pytest.mark.parametrize(
    "body",
    [b"<!doctype html><p>Sign in", b'{"status": "under maintenance"}', b'["maintenance"]',
     b'{"choices": [], "data": []}', b'{"data": 3}', b'{"data": [1, null, "x"]}', b"null",
     b'{"choices": [{"message": null, "finish_reason": null}]}'],
)  # fmt: skip
def test_what_is_no_models_server_is_said_to_be_none(
    serve: Callable[[Reply], str], body: bytes
) -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        kind = "text/html" if body.startswith(b"<") else "application/json"
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    address = serve(reply)

    with pytest.raises(NotAnEngineError, match="it usually ends in /v1"):
        client_of(address).complete(QUESTION, model="m", max_tokens=9)
    with pytest.raises(NotAnEngineError):
        OpenAIApiEngine(address, "key").start()
    with pytest.raises(EngineUnavailableError):
        list(client_of(address).stream(QUESTION, model="m", max_tokens=9))


ODD_PIECES = [
    b'data: {"id": "1", "choices": [{"index": 0, "delta": {"cont',
    b'data: {"choices": [{"delta": {"content": "Do\xc3',
    b"data: null\n\n",
    b"data: [1]\n\n",
    b'data: {"choices": null}\n\n',
    b'data: {"choices": [null, 3, {"delta": null}, {"delta": {"content": ["x"]}}]}\n\n',
    b'data: {"error": {"message": "sk-secret overloaded", "code": 529}}\n\n',
    b"<html>502 Bad Gateway</html>",
]


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("words", [[], ["Ask "]], ids=["at once", "after words"])
@pytest.mark.parametrize("odd", ODD_PIECES, ids=range(len(ODD_PIECES)))
def test_half_a_piece_and_what_is_none_end_as_a_stream_that_broke(
    serve: Callable[[Reply], str], odd: bytes, words: list[str], is_chunked: bool
) -> None:
    """Nothing of it is shown; it is asked again only where nothing was shown before."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        if is_chunked:
            # Says that more comes, and is gone.
            handler.send_response(200)
            handler.send_header("Content-Type", "text/event-stream")
            handler.send_header("Content-Length", "99999")
            handler.end_headers()
            for word in words:
                delta = {"choices": [{"index": 0, "delta": {"content": word}}]}
                handler.wfile.write(f"data: {json.dumps(delta)}\n\n".encode())
        else:
            streaming(words, complete=False)(handler)
        handler.wfile.write(odd)
        handler.close_connection = True

    heard: list[str] = []
    with pytest.raises(EngineError) as broken:
        heard.extend(client_of(serve(reply)).stream(QUESTION, model="m", max_tokens=9))

    assert heard == words
    assert type(broken.value) is (EngineDiedError if words else EngineUnavailableError)
    assert "sk-secret" not in str(broken.value)


@pytest.mark.parametrize("streams", [True, False])
def test_an_error_that_calls_itself_a_success_is_none(
    serve: Callable[[Reply], str], streams: bool
) -> None:
    client = client_of(serve(refusing(200, {"message": "sk-secret", "code": 500})))

    ask = client.stream if streams else client.complete
    with pytest.raises(EngineUnavailableError) as refusal:
        list(ask(QUESTION, model="m", max_tokens=9))

    assert "sk-secret" not in str(refusal.value)


def test_nobody_listening_is_not_reachable() -> None:
    with pytest.raises(EngineUnavailableError):
        client_of("http://127.0.0.1:9/v1").complete(QUESTION, model="m", max_tokens=9)


def test_a_server_of_somebody_else_answers_as_its_first_model(
    tiny_engine: LlamaCppEngine,
) -> None:
    child = tiny_engine._supervisor.child
    assert child is not None
    engine = OpenAIApiEngine(f"{child.address}/v1", child._api_key)
    engine.start()

    whole = engine.complete(QUESTION, max_tokens=12).text
    pieces = list(engine.stream(QUESTION, max_tokens=12))
    engine.stop()

    assert whole
    assert "".join(pieces) == whole


def test_a_version_is_asked_for_by_the_servers_own_name() -> None:
    engine = OpenAIApiEngine("http://127.0.0.1:9/v1", "key", model="base")
    engine.switch({"workspace-v1": "ft:base:org::1"})

    assert engine.adapters == {"workspace-v1"}
    with pytest.raises(AdapterUnknownError):
        engine.complete(QUESTION, adapter="workspace-v2")
    with pytest.raises(AdapterUnknownError):
        # It would answer at full scale, which is not what was proven.
        engine.complete(QUESTION, adapter="workspace-v1", scale=0.5)


def test_tokens_are_rather_overestimated(tiny_engine: LlamaCppEngine) -> None:
    engine = OpenAIApiEngine("http://127.0.0.1:9/v1", "key", model="base")

    assert engine.count_tokens([{"role": "user", "content": "x" * 300}]) == 105
