"""
Slack's rate limits: calls per method and minute by tier, messages per channel and second.

They bind the app. A person's token stands for somebody at Slack's own client, which has none.
"""

import math
from collections import deque
from enum import Enum

from bot.sandbox.clock import Clock
from bot.sandbox.errors import RateLimitedError

WINDOW_SECONDS = 60.0
POSTS_PER_SECOND = 1.0
POST_BURST = 5.0


class Tier(Enum):
    """Calls per minute that Slack promises for a method."""

    ONE = 1
    TWO = 20
    THREE = 50
    FOUR = 100
    SPECIAL = 600


class Limits:
    """Counts calls. With `strict` False everything passes."""

    def __init__(self, clock: Clock, *, strict: bool = True) -> None:
        self._clock = clock
        self.strict = strict
        self._calls: dict[str, deque[float]] = {}
        self._posts: dict[str, tuple[float, float]] = {}

    def check_method(self, name: str, tier: Tier) -> None:
        """Count one call. Raises: RateLimitedError."""
        if not self.strict:
            return
        now = self._clock.now()
        calls = self._calls.setdefault(name, deque())
        while calls and calls[0] <= now - WINDOW_SECONDS:
            calls.popleft()
        if len(calls) >= tier.value:
            raise RateLimitedError(math.ceil(calls[0] + WINDOW_SECONDS - now))
        calls.append(now)

    def check_post(self, channel: str) -> None:
        """Count one message: a second each, with short bursts. Raises: RateLimitedError."""
        if not self.strict:
            return
        now = self._clock.now()
        left, at = self._posts.get(channel, (POST_BURST, now))
        left = min(POST_BURST, left + (now - at) * POSTS_PER_SECOND)
        if left < 1.0:
            self._posts[channel] = (left, now)
            raise RateLimitedError(max(1, math.ceil((1.0 - left) / POSTS_PER_SECOND)))
        self._posts[channel] = (left - 1.0, now)
