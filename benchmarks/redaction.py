"""How much of what must not be kept is found, and how much is taken for it that is ordinary."""

import time
from typing import Any

from bot.curation.redaction import Redactor
from tests.curation.redaction_cases_everyday import everyday, everyday_ordinary
from tests.curation.redaction_figures import false_alarm, figures, leaks

_PROSE = "You open the portal, choose the profile and download it; the port is 443 on 10.0.0.1. "


def measure() -> dict[str, Any]:
    redactor = Redactor()
    result: dict[str, Any] = {}
    for half in ("tuned on", "held out", ""):
        found = figures(redactor, half)
        name = half or "all"
        result[f"recall, {name}"] = f"{found.recall:.4f} of {found.cases}"
        result[f"false positives, {name}"] = f"{found.false_positives:.4f} of {found.ordinary}"
    second, plain = everyday(), everyday_ordinary()
    missed = sum(leaks(redactor, case) for case in second)
    alarms = sum(false_alarm(redactor, case) for case in plain)
    result["missed, second look"] = f"{missed} of {len(second)}"
    result["false positives, second look"] = f"{alarms} of {len(plain)}"
    text = (_PROSE * 40)[:3000]
    started = time.perf_counter()
    for _ in range(20):
        redactor.redact(text)
    milliseconds = (time.perf_counter() - started) / 20 * 1000
    result["milliseconds for 3,000 characters"] = round(milliseconds, 1)
    return result
