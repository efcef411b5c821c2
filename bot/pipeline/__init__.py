"""
What moves a run through its states: ``advance`` takes one step of one run and commits.

Collection, training and serving meet in tables: nobody calls into here but the scheduler.
"""

from bot.pipeline.advance import advance
from bot.pipeline.hosting import keep_deployments
from bot.pipeline.radar import Radar
from bot.pipeline.scheduling import keep_schedules
from bot.pipeline.serving import adapters_to_serve, reconcile
from bot.pipeline.workshop import IdleRule, Workshop

__all__ = [
    "IdleRule",
    "Radar",
    "Workshop",
    "adapters_to_serve",
    "advance",
    "keep_deployments",
    "keep_schedules",
    "reconcile",
]
