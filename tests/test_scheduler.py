"""The scheduler only knocks, never twice at once, and a knock that fails is followed by others."""

import threading
import time

from bot.scheduler import Knock, start_scheduler


def test_a_knock_waits_for_the_one_before():
    at_once, most, calls = 0, 0, 0
    lock = threading.Lock()

    def slow() -> None:
        nonlocal at_once, most, calls
        with lock:
            at_once, calls = at_once + 1, calls + 1
            most = max(most, at_once)
        time.sleep(1.5)
        with lock:
            at_once -= 1

    scheduler = start_scheduler([Knock("slow", 1, slow)])
    time.sleep(3.2)
    scheduler.shutdown()

    assert most == 1
    assert calls >= 2
