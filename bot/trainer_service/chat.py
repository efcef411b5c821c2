"""``/v1/chat/completions``: the base and the owner's tuned models, whole or streamed."""

import json
import logging
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from bot.engines.client import Message
from bot.engines.errors import AdapterUnknownError, PromptTooLongError
from bot.errors import EngineError
from bot.trainer_service.access import DeskOf, Owner
from bot.trainer_service.desk import Desk
from bot.trainer_service.errors import ApiError, invalid
from bot.trainer_service.store import new_id, now
from bot.trainer_service.wire import ChatRequest

router = APIRouter(tags=["chat"])
log = logging.getLogger(__name__)


@router.post("/chat/completions", response_model=None)
def complete(desk: DeskOf, owner: Owner, asked: ChatRequest) -> dict[str, Any] | StreamingResponse:
    """Answer greedily; see ``ChatRequest`` for what is taken and what is refused."""
    adapter = _adapter(desk, owner, asked.model)
    messages = [_message(turn.role, turn.text) for turn in asked.messages]
    try:
        if asked.stream:
            pieces = desk.engine.stream(messages, adapter=adapter, max_tokens=asked.limit)
            # The first piece now: what goes wrong before it still has a status of its own.
            first = next(pieces, "")
            return StreamingResponse(
                _events(desk, asked, messages, first, pieces), media_type="text/event-stream"
            )
        answer = desk.engine.complete(messages, adapter=adapter, max_tokens=asked.limit)
        told = _log_probs(desk, asked, messages, adapter) if asked.logprobs else {}
    except EngineError as error:
        raise _refusal(error, asked.model) from error
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason, **told}
    usage = _usage(answer.prompt_tokens, answer.completion_tokens)
    return _envelope(asked.model, "chat.completion", [choice]) | {"usage": usage}


def _log_probs(
    desk: Desk, asked: ChatRequest, messages: list[Message], adapter: str | None
) -> dict[str, Any]:
    """Of the first token and of its likeliest rivals, each with its id beside OpenAI's fields."""
    begun = desk.engine.beginning(messages, adapter=adapter, top=max(1, asked.top_logprobs))
    top = [
        {
            "id": token.id,
            "token": token.text,
            "bytes": list(token.text.encode(errors="replace")),
            "logprob": token.log_prob,
        }
        for token in begun.top or ()
    ]
    content = [{**top[0], "top_logprobs": top[: asked.top_logprobs]}] if top else []
    return {"logprobs": {"content": content, "refusal": None}}


def _events(
    desk: Desk, asked: ChatRequest, messages: list[Message], first: str, pieces: Iterator[str]
) -> Iterator[str]:
    """Server-sent events; an answer that breaks off ends without a finish reason."""
    envelope = _envelope(asked.model, "chat.completion.chunk", [])

    def event(delta: dict[str, str], finish_reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return f"data: {json.dumps(envelope | {'choices': [choice]})}\n\n"

    count = 1 if first else 0
    yield event({"role": "assistant", "content": first})
    try:
        for piece in pieces:
            count += 1
            yield event({"content": piece})
    except EngineError as error:
        log.warning("An answer broke off: %s", error)
        yield f"data: {json.dumps(ApiError(500, 'The answer broke off.').body)}\n\n"
        return
    yield event({}, "length" if count >= asked.limit else "stop")
    if asked.stream_options and asked.stream_options.include_usage:
        usage = _usage(desk.engine.count_tokens(messages), count)
        yield f"data: {json.dumps(envelope | {'usage': usage})}\n\n"
    yield "data: [DONE]\n\n"


def _adapter(desk: Desk, owner: str, model: str) -> str | None:
    """
    Raises:
        ApiError: this owner has no such model.
    """
    if model == desk.base.name:
        return None
    if desk.store.get("model", owner, model) is None:
        raise ApiError(
            404, f"The model '{model}' does not exist.", code="model_not_found", param="model"
        )
    return model


def _refusal(error: EngineError, model: str) -> ApiError:
    if isinstance(error, PromptTooLongError):
        return invalid(str(error), param="messages", code="context_length_exceeded")
    if isinstance(error, AdapterUnknownError):
        return ApiError(503, f"The model '{model}' is being loaded. Try again.", retry_after=5)
    return ApiError(503, str(error), retry_after=5)


def _message(role: str, content: str) -> Message:
    if role in ("system", "developer"):
        return Message(role="system", content=content)
    return Message(role="user" if role == "user" else "assistant", content=content)


def _envelope(model: str, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    facts = {"id": new_id("chatcmpl-"), "object": kind, "created": now(), "model": model}
    return facts | {"choices": choices}


def _usage(prompt: int, completion: int) -> dict[str, int]:
    total = {"total_tokens": prompt + completion}
    return {"prompt_tokens": prompt, "completion_tokens": completion} | total
