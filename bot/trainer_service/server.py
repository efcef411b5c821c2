"""The service put together: routes, refusals, the thread that works, and the server."""

import logging
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bot.trainer_service import chat, endpoints, files, jobs, models
from bot.trainer_service.admission import Admission
from bot.trainer_service.desk import Desk, adapters_of, sweep
from bot.trainer_service.errors import ApiError, invalid
from bot.trainer_service.faults import Faults
from bot.trainer_service.quotas import Quotas, Rates
from bot.trainer_service.steps import work
from bot.trainer_service.webhooks import deliver_due

log = logging.getLogger(__name__)

WORK_SECONDS = 0.25
#: More than any chat that fits a model.
MOST_JSON = 16 * 1024**2
#: What a form adds to the file in it.
AROUND_A_FILE = 64 * 1024


def make_app(
    desk: Desk, keys: Mapping[str, str], quotas: Quotas | None = None, *, faults: bool = False
) -> FastAPI:
    """Return the application; its engine starts and its jobs move while it is served."""
    app = FastAPI(
        title="Apprentice trainer",
        version="1",
        description="Fine-tuning and chat on OpenAI's wire.",
        lifespan=_life,
        docs_url=None,
        redoc_url=None,
    )
    app.state.desk, app.state.keys = desk, dict(keys)
    app.state.quotas = quotas or Quotas()
    app.state.rates = Rates(app.state.quotas.requests_a_minute)
    # Here and not of the whole application: `Admission` reads on where these stop.
    most = app.state.quotas.file_bytes + AROUND_A_FILE
    app.include_router(files.router, prefix="/v1", max_body_size=most)
    for module in (jobs, models, chat, endpoints):
        app.include_router(module.router, prefix="/v1", max_body_size=MOST_JSON)
    app.add_api_route("/health", _health, include_in_schema=False)
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(UnicodeEncodeError, _on_half_a_character)
    app.add_exception_handler(Exception, _on_unexpected)
    app.add_middleware(Admission, keys=app.state.keys)
    if faults:
        app.add_middleware(Faults)
    return app


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    desk: Desk = app.state.desk
    sweep(desk)
    desk.engine.switch(adapters_of(desk))
    stopping = threading.Event()
    threads = [
        threading.Thread(target=_keep_working, args=(desk, stopping), name="jobs"),
        threading.Thread(target=_keep_telling, args=(desk, stopping), name="webhooks"),
    ]
    for thread in threads:
        thread.start()
    yield
    stopping.set()
    for thread in threads:
        thread.join()
    # Jobs go on when the service is started again.
    for trainer in list(desk.trainers.values()):
        trainer.stop()
    desk.engine.stop()
    desk.store.close()


def _keep_working(desk: Desk, stopping: threading.Event) -> None:
    while not stopping.is_set():
        try:
            while work(desk) and not stopping.is_set():
                pass
        except Exception:  # the thread's last line of defence, for a store that cannot be read
            log.exception("The jobs could not be moved; it is tried again")
        stopping.wait(WORK_SECONDS)


def _keep_telling(desk: Desk, stopping: threading.Event) -> None:
    while not stopping.is_set():
        try:
            deliver_due(desk.store)
        except Exception:  # the thread's last line of defence, for a store that cannot be read
            log.exception("No webhook could be sent; it is tried again")
        stopping.wait(WORK_SECONDS)


def _health() -> dict[str, str]:
    return {"status": "ok"}


def _answer(error: ApiError) -> JSONResponse:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
    return JSONResponse(error.body, error.status, headers)


async def _on_api_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return _answer(error)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problem: dict[str, Any] = error.errors()[0]
    # Where a value may be "auto" or a number, the last part is only which of them was tried.
    tried = ("body", "query", "int", "float", "literal['auto']")
    place = [str(part) for part in problem["loc"] if str(part) not in tried]
    return _answer(invalid(str(problem["msg"]), param=".".join(place) or None))


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _answer(
        ApiError(error.status_code, f"{request.method} {request.url.path}: {error.detail}")
    )


async def _on_half_a_character(request: Request, error: Exception) -> JSONResponse:
    """JSON can write the first half of an emoji; nothing that we write or ask can hold it."""
    return _answer(invalid("The request holds half a character, as it stands in no text."))


async def _on_unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("A request failed", exc_info=error)
    return _answer(ApiError(500, "The server had an error while processing your request."))


def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=5)
