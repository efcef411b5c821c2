"""
The clock that knocks: APScheduler in memory calls short functions at their times.

What is to be done stands in tables; a knock that is missed loses nothing. Schedules of runs are
rows too, which say when the next one is due.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from bot.errors import BotError
from bot.pipeline import (
    Radar,
    Workshop,
    advance,
    keep_deployments,
    keep_schedules,
    reconcile,
)
from bot.pipeline.refusals import Refusals

log = logging.getLogger(__name__)

#: How often the pipeline looks for a run to move, and asks a training job how far it is.
PIPELINE_SECONDS = 1
#: How often the engine's adapters are compared with the tables.
ENGINE_SECONDS = 2
#: How often schedules are looked at: a run begins so much late at most.
SCHEDULE_SECONDS = 15
#: How often deployments at providers are looked after; each has a pause of its own besides.
DEPLOYMENT_SECONDS = 5
#: How often the radar is asked whether it looked today.
RADAR_SECONDS = 600
#: How long a refused webhook may wait until the admins hear of it, and what a kill may forget.
REFUSALS_SECONDS = 15


@dataclass(frozen=True)
class Knock:
    """One thing to call every so many seconds; the next call waits for the one before."""

    name: str
    every_seconds: int
    call: Callable[[], object]


def knocks_for(workshop: Workshop) -> list[Knock]:
    """What every bot needs knocked at."""
    return [
        Knock("pipeline", PIPELINE_SECONDS, partial(work_on_runs, workshop)),
        Knock("engine", ENGINE_SECONDS, partial(keep_adapters, workshop)),
        Knock("deployments", DEPLOYMENT_SECONDS, partial(keep_deployments, workshop)),
        Knock("radar", RADAR_SECONDS, Radar(workshop).look),
        Knock("schedules", SCHEDULE_SECONDS, partial(keep_schedules, workshop)),
    ]


def knock_of_refusals(refusals: Refusals) -> Knock:
    """What a bot needs knocked at that others may post to."""
    return Knock("refusals", REFUSALS_SECONDS, refusals.tell)


def work_on_runs(workshop: Workshop) -> None:
    """Move runs until there is nothing to do before the next tick."""
    while advance(workshop):
        pass


def keep_adapters(workshop: Workshop) -> None:
    """Let the engine serve what the tables want; try again at the next knock if it cannot."""
    try:
        reconcile(workshop)
    except BotError as error:
        log.warning("The engine keeps its adapters: %s", error)


def start_scheduler(knocks: Sequence[Knock]) -> BackgroundScheduler:
    """
    Start knocking; ``shutdown()`` of what is returned lets the calls under way finish.

    One thread a knock: a long step of one must not keep the others waiting.
    """
    # A tick that comes while the one before still works is skipped by design, not by accident.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(max(1, len(knocks)))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone="UTC",
    )
    for knock in knocks:
        scheduler.add_job(
            knock.call, "interval", seconds=knock.every_seconds, id=knock.name, name=knock.name
        )
    scheduler.start()
    return scheduler
