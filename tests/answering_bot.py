"""
The half of the bot that answers, on a real sandbox: inbox, queue, answers, delivery.

In the process of a test (``answering_bot``), or as a child that a test can kill
(``python -m tests.answering_bot``): it then ends itself with SIGKILL at a named step.
"""

import argparse
import contextlib
import logging
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

import handlers
from bot.answering.answer import Limits
from bot.app import SPELLING
from bot.engines.openai_api import OpenAIApiEngine
from bot.evaluation import blind
from bot.loop import Loop
from bot.pipeline import advising
from bot.pipeline.reporting import write_report
from handlers import answers, forgetting
from handlers.answers import AnswerDeps
from handlers.capture import work_on_reaction
from handlers.delivery import Delivery
from handlers.deps import Deps
from handlers.inbox_worker import AT_ONCE, Crew
from handlers.mentions import work_on_mention
from handlers.people import People
from handlers.recovery import recover
from storage.database import Database
from storage.schema import upgrade
from storage.tables import InboxKind

ANSWERS_AT_ONCE = 4


@dataclass(frozen=True)
class AnsweringBot:
    deps: Deps
    app: App
    loops: list[Loop]
    socket: SocketModeHandler
    pool: ThreadPoolExecutor

    def stop(self) -> None:
        client = self.socket.client
        client.auto_reconnect_enabled = False
        # The SDK's reader holds the socket for up to three seconds; hanging up frees it at once.
        with contextlib.suppress(OSError):
            client.current_session.sock.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for loop in self.loops:
            loop.stop(0)  # tell all of them first, then wait for each
        for loop in self.loops:
            loop.stop()
        self.pool.shutdown(cancel_futures=True)


def start(
    api_url: str, database: Database, engine: Any,
    checkpoint: Callable[[str], None] = lambda step: None,
    limits: Limits | None = None, answers_at_once: int = ANSWERS_AT_ONCE, **changes: Any,
) -> AnsweringBot:  # fmt: skip
    client = WebClient("xoxb-sandbox", base_url=api_url, timeout=10, retry_handlers=[])
    people = People(client, curators=frozenset({"U0BOB"}))
    deps = replace(
        Deps(
            database=database, people=people, home=Path(), trainer="local",
            good_reaction="white_check_mark", bad_reaction="x", answer_queue=50,
            outsiders_get_base_model=False,
            write_report=write_report, next_pair=blind.next_pair, cast_blind=blind.cast,
            advise=partial(advising.page, database, "local", SPELLING),
        ),
        **changes,
    )  # fmt: skip
    app = App(client=client, process_before_response=True, logger=logging.getLogger("slack_bolt"))
    handlers.register(app, deps)
    delivery = Delivery(database, client, people, checkpoint)
    recover(database)
    answering = AnswerDeps(database, people, engine, limits or Limits(), checkpoint)
    workers = {
        InboxKind.MENTION: partial(work_on_mention, deps=deps, client=client),
        InboxKind.REACTION: partial(work_on_reaction, deps=deps, client=client),
        **forgetting.workers(deps, client),
    }
    pool = ThreadPoolExecutor(AT_ONCE)
    crew = Crew(database, workers, pool.submit, checkpoint=checkpoint)
    loops = [
        Loop("inbox", crew.step, database, "inbox"),
        Loop("delivery", delivery.step, database, "outbox"),
        *(
            Loop(f"answer-{number}", partial(answers.step, answering, client), database)
            for number in range(answers_at_once)
        ),
    ]
    for loop in loops:
        loop.start()
    socket = SocketModeHandler(app, "xapp-sandbox")
    socket.connect()
    return AnsweringBot(deps, app, loops, socket, pool)


@contextlib.contextmanager
def answering_bot(
    api_url: str, database: Database, engine: Any, **options: Any
) -> Iterator[AnsweringBot]:
    bot = start(api_url, database, engine, **options)
    try:
        yield bot
    finally:
        bot.stop()
        wait_until_gone(api_url)


def wait_until_gone(api_url: str, seconds: float = 10.0) -> None:
    """Until the sandbox knows that nobody is connected: the next test's first act needs an app."""
    state_url = api_url.replace("/api/", "/sandbox/state?only=connected")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(state_url, timeout=seconds):
                time.sleep(0.02)  # 200: connected still
        except OSError:  # 503, or no sandbox any more
            return


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--api-url", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--engine-url", required=True)
    parser.add_argument("--die-at", default="")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    database = Database(f"sqlite:///{given.database}")
    upgrade(database)
    engine = OpenAIApiEngine(given.engine_url, "key")
    engine.start()

    def die(step: str) -> None:
        if step == given.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    start(given.api_url, database, engine, checkpoint=die)
    signal.pause()


if __name__ == "__main__":
    main()
