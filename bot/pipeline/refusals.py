"""
Tells admins of webhooks that were refused: the first at once, then at most once a day how many.

Strangers decide how many come, so a request only counts in memory; ``tell`` writes it down.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta

from bot.training.webhook import PATH, TOLERANCE_SECONDS, Refusal, Why
from storage import admin_notices, refusals
from storage.audience import WORKSPACE
from storage.columns import utc_now
from storage.database import Database
from storage.refusals import Untold

PAUSE = timedelta(days=1)
_GOES_ON = "Nothing is lost: jobs are asked for every 15 seconds as well."


class Refusals:
    """``note`` is called by the threads that serve HTTP, ``tell`` by the scheduler."""

    def __init__(
        self, database: Database, team_id: Callable[[], str], now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._team_id = team_id
        self._now = now
        self._lock = threading.Lock()
        self._new: Counter[Why] = Counter()
        self._newest: dict[Why, Refusal] = {}

    def note(self, refusal: Refusal) -> None:
        with self._lock:
            self._new[refusal.why] += 1
            self._newest[refusal.why] = refusal

    def tell(self) -> None:
        """Write down what came, and leave the admins a notice of what they should hear of now."""
        team_id, now = self._team_id(), self._now()
        with self._lock:
            new = +self._new
        if new:
            self._count(team_id, new)
        with self._database.read() as session:
            is_due = any(refusals.due(session, team_id, why, now, PAUSE) for why in Why)
        if is_due:
            self._leave_notices(team_id, now)

    def _count(self, team_id: str, new: Counter[Why]) -> None:
        with self._database.write() as session:
            for why, number in new.items():
                refusals.count(session, team_id, why, number, asdict(self._newest[why]))
        with self._lock:
            self._new -= new

    def _leave_notices(self, team_id: str, now: datetime) -> None:
        with self._database.write() as session:
            for why in Why:
                if untold := refusals.due(session, team_id, why, now, PAUSE):
                    key = f"refused:{why}:{now.isoformat()}"
                    admin_notices.put(session, team_id, WORKSPACE, key, in_words(untold))
                    refusals.told(session, team_id, why, now)


def in_words(untold: Untold) -> str:
    """What was refused, how often since the admins heard last, and what to do about it."""
    newest = Refusal(**untold.newest)
    last = untold.last_told
    since = f" since {last.day} {last:%B, %H:%M} UTC" if last else ""
    said = _of_the_clock if newest.why == Why.CLOCK else _forged
    return f"{said(newest, untold.number, since)} {_GOES_ON}"


def _forged(newest: Refusal, number: int, since: str) -> str:
    refused = (
        f"A webhook to `{PATH}` was refused{since}, for no provider signed it: {newest.reason}."
        if number == 1
        else f"{number:,} webhooks to `{PATH}` were refused{since}, for no provider signed them. "
        f"The newest: {newest.reason}."
    )
    return (
        f"{refused} Nothing of it was believed. If none of your provider's webhooks gets through, "
        "copy the signing secret of the endpoint that posts here into OPENAI_WEBHOOK_SECRET and "
        "restart the bot. Else somebody is guessing: let your proxy pass requests to that path "
        "from the provider alone."
    )


def _of_the_clock(newest: Refusal, number: int, since: str) -> str:
    minutes = max(1, round(abs(newest.seconds_old) / 60))
    apart = f"{minutes:,} minutes" if minutes > 1 else "a minute"
    is_old = newest.seconds_old > 0
    many = f"{number:,} webhooks were" if number > 1 else "A webhook was"
    text = (
        f"{many} refused{since}: signed as the provider signs, but by this machine's clock "
        f"{f'{apart} old' if is_old else f'{apart} in the future'}, and "
        f"{TOLERANCE_SECONDS // 60} minutes are allowed. So this clock is probably {apart} "
        f"{'fast' if is_old else 'slow'}: turn its time synchronisation on (on Linux "
        "`timedatectl set-ntp true`) and compare `date -u` with the real time."
    )
    if is_old:
        text += " If the clock is right, somebody repeats an old webhook, which does no harm."
    return text
