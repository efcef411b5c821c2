"""Time and identifiers of the workspace: Slack's `ts` are unique and never go back."""

import secrets
import time
from collections.abc import Callable

Now = Callable[[], float]

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


class Clock:
    """Gives the time in seconds since 1970 and message timestamps that only rise."""

    def __init__(self, now: Now = time.time) -> None:
        self.now = now
        self._last_microsecond = 0

    def next_ts(self) -> str:
        """Return a new `ts` such as `1763800000.123456`, above every one given or seen before."""
        self._last_microsecond = max(int(self.now() * 1_000_000), self._last_microsecond + 1)
        seconds, microseconds = divmod(self._last_microsecond, 1_000_000)
        return f"{seconds}.{microseconds:06d}"

    def has_seen(self, ts: str) -> None:
        """Keep later timestamps above one that was loaded from disk."""
        seconds, _, microseconds = ts.partition(".")
        seen = int(seconds) * 1_000_000 + int(microseconds or 0)
        self._last_microsecond = max(self._last_microsecond, seen)


def new_id(prefix: str) -> str:
    """Return a fresh id in Slack's manner, such as `F0K3V9QX2M7`."""
    return f"{prefix}0" + "".join(secrets.choice(_ALPHABET) for _ in range(9))
