"""
The threads of a channel, put together from its days. On disk: a channel may be larger than memory.
"""

import json
import re
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from bot.dataset.formats.slack_archive import Archive, Channel

Message = dict[str, Any]
_TS = re.compile(r"\d{1,12}\.\d{1,9}\Z")


def threads(archive: Archive, channel: Channel) -> Iterator[list[Message]]:
    """
    The threads that have replies, each with its messages in order.

    A message that has no time, or no thread, is passed over: nothing hangs on it.
    """
    # SQLite's nameless database lies on disk and is gone with the process.
    rows = sqlite3.connect("", isolation_level=None)
    try:
        rows.execute("PRAGMA journal_mode = OFF")
        rows.execute("CREATE TABLE message (thread REAL, ts REAL, said TEXT, UNIQUE (thread, ts))")
        rows.execute("BEGIN")
        for _, day in archive.days(channel):
            rows.executemany(
                "INSERT OR REPLACE INTO message VALUES (?, ?, ?)",
                (
                    (float(message["thread_ts"]), float(message["ts"]), json.dumps(message))
                    for message in day
                    if _has_thread(message)
                ),
            )
        found = rows.execute("SELECT thread, said FROM message ORDER BY thread, ts")
        for _, thread in groupby(found, key=lambda row: row[0]):
            messages = [json.loads(said) for _, said in thread]
            if len(messages) > 1:
                yield messages
    finally:
        rows.close()


def _has_thread(message: object) -> bool:
    return isinstance(message, dict) and all(
        isinstance(message.get(key), str) and _TS.match(message[key]) for key in ("ts", "thread_ts")
    )
