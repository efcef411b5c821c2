"""
Seed data: one made-up organisation with what its people know and do not know.

The demo starts from it and the benchmarks measure with it. ``docs/seed-data.md`` says how it
was written, how hard it is and what is frozen.
"""

from bot.seed.organisation import (
    Fact,
    SeedDataError,
    Thread,
    Unanswered,
    curated_facts,
    load_facts,
    load_unanswered,
)

__all__ = [
    "Fact",
    "SeedDataError",
    "Thread",
    "Unanswered",
    "curated_facts",
    "load_facts",
    "load_unanswered",
]
