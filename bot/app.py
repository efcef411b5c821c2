"""
The composition root: every real thing is chosen, built and started here, once.

Knows Slack, threads and files; decides nothing about questions, examples or runs.
"""

import logging
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from slack_sdk.errors import SlackClientNotConnectedError

from bot.answering.answer import Limits
from bot.assembly import (
    CONTEXT_TOKENS,
    make_engine,
    make_meaning,
    make_workshop,
    rollback_limits,
)
from bot.curation.near_duplicates import note_near_duplicates
from bot.curation.redaction import Redactor
from bot.embedding.filling import Filling
from bot.engines.base_model import resolve_base_model
from bot.engines.errors import AdapterFileError
from bot.errors import NoSuchTrainerError
from bot.evaluation import blind
from bot.evaluation.advice_page import Spelling
from bot.listening import listen, slack_client
from bot.loop import Loop
from bot.persistence import why_volatile
from bot.pipeline import adapters_to_serve, advising, calibrating
from bot.pipeline import forgetting as forgetting_steps
from bot.pipeline.refusals import Refusals
from bot.pipeline.reporting import write_report
from bot.pipeline.watching import Watch
from bot.restore import finish_restore
from bot.restored import forget_unknown
from bot.scheduler import knock_of_refusals, knocks_for, start_scheduler
from bot.settings import Settings
from bot.trainers import (
    trainers_elsewhere,
)
from handlers import (
    admin_notices,
    answers,
    blocks,
    capture,
    files,
    forgetting,
    inbox_worker,
    mentions,
    notices,
)
from handlers.delivery import Delivery
from handlers.deps import Deps
from handlers.people import People
from handlers.recovery import recover
from handlers.run_cards import RunCards
from handlers.status import WaitingLine
from storage import ledger
from storage.database import Database
from storage.ledger import Ledger
from storage.schema import upgrade
from storage.tables import InboxKind

if TYPE_CHECKING:
    pass

log = logging.getLogger(__name__)

#: How a page of advice is written in Slack.
SPELLING = Spelling(words=blocks.escape, channel="<#{}>".format)


def run_bot(settings: Settings) -> int:
    """
    Run until SIGINT or SIGTERM; returns the exit code.

    Raises:
        SettingsError: a token is missing or refused.
        DatabaseInUseError: another bot works on the same database.
        BaseModelError, EngineError: the model cannot be served.
    """
    start_logging(settings.log_level)
    if settings.effective_database_url.startswith("sqlite") and (
        warning := why_volatile(settings.apprentice_home)
    ):
        log.warning("%s", warning)
    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopping.set())
    with ExitStack() as stack:
        Apprentice(settings, stack, stopping.set).start()
        stopping.wait()
        log.info("Stopping: finishing what is under way")
    return 0


def start_logging(level: str) -> None:
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    # These log every request at INFO, addresses and all.
    for chatty in ("httpx2", "httpx", "apscheduler", "alembic", "sqlalchemy", "azure", "msal"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    # These log at DEBUG what people wrote, and tokens.
    for talkative in ("slack_sdk", "slack_bolt", "openai", "httpcore2", "httpcore"):
        logging.getLogger(talkative).setLevel(max(logging.INFO, logging.getLevelName(level)))
    logging.getLogger("slack_bolt").addFilter(_says_something)


def _says_something(record: logging.LogRecord) -> bool:
    """
    Bolt finds SLACK_BOT_TOKEN by itself, and warns at each start that our client has it already.
    What a closed connection could not acknowledge is warned of in one line, and comes again; the
    trace that follows says no more.
    """
    trouble = record.exc_info[1] if record.exc_info else None
    return "`token` will be unused" not in record.getMessage() and not isinstance(
        trouble, SlackClientNotConnectedError
    )


class Apprentice:
    """The running bot. What is started is stopped by ``stack``, in reverse order."""

    def __init__(
        self, settings: Settings, stack: ExitStack, stop: Callable[[], None] = lambda: None
    ) -> None:
        self._settings = settings
        self._stack = stack
        redactor = Redactor(settings.redaction_patterns, settings.phone_regions)
        home = settings.apprentice_home
        self.database = Database(
            settings.effective_database_url, redactor.text, Ledger(home / ledger.FILE)
        )
        stack.callback(self.database.close)
        stack.callback(self.database.hold().release)
        if self.database.path:
            finish_restore(home, self.database.path)
        upgrade(self.database)
        forget_unknown(self.database, home, settings.forget_within_days)
        self.broom = forgetting_steps.Broom(
            self.database,
            settings.apprentice_home,
            settings.forget_within_days,
            on_purged=stop,
            elsewhere=trainers_elsewhere(settings),
        )
        # Before Slack is asked: whoever uninstalled the app took its token away.
        forgetting_steps.step(replace(self.broom, on_purged=lambda: None))
        if settings.trainer not in settings.trainers:
            raise NoSuchTrainerError(settings.trainer, settings.trainers)
        self.client = slack_client(settings)
        self.people = People(self.client, settings.apprentice_admins, settings.apprentice_curators)
        self.base = resolve_base_model(settings.base_model, settings.apprentice_home / "models")
        self.engine = make_engine(settings, self.base)
        self.meaning = make_meaning(settings)
        self.workshop = make_workshop(settings, self.database, self.engine, self.base, self.meaning)
        self.delivery = Delivery(self.database, self.client, self.people)
        self.refusals = Refusals(self.database, lambda: self.people.team_id)
        self.deps = self._make_deps(redactor)

    def _make_deps(self, redactor: Redactor) -> Deps:
        settings = self._settings
        return Deps(
            database=self.database,
            people=self.people,
            home=settings.apprentice_home,
            trainer=settings.trainer,
            good_reaction=settings.good_reaction,
            bad_reaction=settings.bad_reaction,
            answer_queue=settings.answer_queue,
            outsiders_get_base_model=settings.outsiders == "base_model",
            redactor=redactor,
            trainers=frozenset(self.workshop.trainers if self.workshop else ()),
            engine_words=self._engine_words,
            advise=partial(advising.page, self.database, settings.trainer, SPELLING),
            write_report=write_report,
            next_pair=blind.next_pair,
            cast_blind=blind.cast,
            forget_within_days=settings.forget_within_days,
            purge_after_days=settings.purge_after_days,
            timezone=settings.apprentice_timezone,
            budget=settings.limits,
            canary_days=settings.canary_days,
        )

    def start(self) -> None:
        if self.meaning:
            self.meaning.model.start()
            self._stack.callback(self.meaning.model.stop)
        self._start_engine()
        recover(self.database)
        files.sweep(self.deps.home)
        loops = self._loops()
        for loop in loops:
            loop.start()
            self._stack.callback(loop.stop)
        for loop in loops:
            # These run first: all are told to stop before any is waited for.
            self._stack.callback(loop.stop, 0)
        self._start_pipeline()
        trainers = self.workshop.trainers if self.workshop else {}
        listen(self._settings, self.client, self.deps, trainers, self.refusals.note, self._stack)

    def _start_engine(self) -> None:
        self._stack.callback(self.engine.stop)
        if self.workshop is None:
            self.engine.start()
            return
        try:
            self.workshop.engine.switch(adapters_to_serve(self.workshop))
        except AdapterFileError as error:
            # The pipeline retires the version; until then the base model answers.
            log.error("%s", error)  # noqa: TRY400 - a sentence, not a trace
            self.engine.start()

    def _engine_words(self) -> str:
        loaded = len(self.engine.adapters)
        how = "words and meaning" if self.meaning else "words alone"
        return (
            f"{self.base.name}, with {loaded} version{'' if loaded == 1 else 's'} loaded; "
            f"examples are found by {how}"
        )

    def _start_pipeline(self) -> None:
        if self.workshop is None:
            return
        knocks = [*knocks_for(self.workshop), knock_of_refusals(self.refusals)]
        scheduler = start_scheduler(knocks)
        # First no new steps, then the training child: a step that saw it end would restart it.
        for trainer in self.workshop.trainers.values():
            self._stack.callback(trainer.stop)
        self._stack.callback(scheduler.shutdown)
        self._stack.callback(self.workshop.is_stopping.set)

    def _loops(self) -> list[Loop]:
        crew = self._crew()
        #: What each does, and the tables where it finds what is to be done.
        steps: dict[str, tuple[Callable[[], bool], list[str]]] = {
            "inbox": (crew.step, ["inbox"]),
            "delivery": (self.delivery.step, ["outbox"]),
            "waiting line": (WaitingLine(self.database, self.client).step, ["question"]),
            "files": (partial(files.step, self.deps, self.client), [files.WANTED]),
            "notices": (
                partial(notices.step, self.database, self.client, self.people),
                ["contributor_notice"],
            ),
            "admin notices": (
                partial(admin_notices.step, self.database, self.client, self.people),
                ["admin_notice"],
            ),
            "forgetting": (
                partial(forgetting_steps.step, self.broom),
                ["erasure", "model_version", "run"],
            ),
            "run cards": (
                RunCards(self.database).step,
                ["run", "run_metric", "evaluation", "model_version", "promotion", "erasure"],
            ),
            "lines": (self._calibration().step, [*calibrating.TABLES]),
            "watch": (
                Watch(self.database, rollback_limits(self._settings)).step,
                ["canary", "feedback", "promotion", "question"],
            ),
        }
        if self.meaning:
            filling = Filling(self.database, self.meaning, note_near_duplicates, crew.is_rushed)
            steps["vectors"] = filling.step, ["example", "example_vector"]
        answer = partial(answers.step, self._answering(), self.client)
        for number in range(self._settings.answers_at_once):
            steps[f"answer {number + 1}"] = answer, ["question"]
        return [Loop(name, step, self.database, *tables) for name, (step, tables) in steps.items()]

    def _calibration(self) -> calibrating.Calibration:
        share = self._settings.doubted_share
        calibration = calibrating.Calibration(self.database, self.meaning, share)
        self._stack.callback(calibration.is_stopping.set)
        return calibration

    def _answering(self) -> answers.AnswerDeps:
        return answers.AnswerDeps(
            self.database,
            self.people,
            self.engine,
            Limits(context_tokens=CONTEXT_TOKENS),
            redactor=self.deps.redactor,
            meaning=self.meaning,
        )

    def _crew(self) -> inbox_worker.Crew:
        workers: dict[InboxKind, inbox_worker.Worker] = {
            InboxKind.MENTION: partial(
                mentions.work_on_mention, deps=self.deps, client=self.client
            ),
            InboxKind.REACTION: partial(
                capture.work_on_reaction, deps=self.deps, client=self.client
            ),
            **forgetting.workers(self.deps, self.client),
        }
        pool = ThreadPoolExecutor(inbox_worker.AT_ONCE, "inbox")
        crew = inbox_worker.Crew(self.database, workers, pool.submit)
        # Run in reverse, after the loops have stopped: what is under way ends and is closed.
        self._stack.callback(crew.close)
        self._stack.callback(pool.shutdown, cancel_futures=True)
        return crew
