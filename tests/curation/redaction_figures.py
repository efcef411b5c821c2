"""Recall and false positives of redaction over the written cases."""

from dataclasses import dataclass, field

from bot.curation.redaction import Redactor
from tests.curation.redaction_cases import Case, cases
from tests.curation.redaction_cases_ordinary import ordinary

#: So many characters of a secret together are a leak.
_PIECE = 8


@dataclass
class Figures:
    recall: float
    false_positives: float
    cases: int
    ordinary: int
    missed: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)


def figures(redactor: Redactor, half: str = "") -> Figures:
    """Of all cases, or of one half: those ``tuned on`` or those ``held out``."""
    secret, plain = _half(cases(), half), _half(ordinary(), half)
    missed = [case.text for case in secret if leaks(redactor, case)]
    alarms = [case.text for case in plain if false_alarm(redactor, case)]
    return Figures(
        recall=1 - len(missed) / len(secret),
        false_positives=len(alarms) / len(plain),
        cases=len(secret),
        ordinary=len(plain),
        missed=missed,
        alarms=alarms,
    )


def leaks(redactor: Redactor, case: Case) -> bool:
    """Say whether a secret, or a piece of it, is still there."""
    text = redactor.redact(case.text).text
    around = case.text
    for secret in case.secrets:
        around = around.replace(secret, " ")
    pieces = (
        secret[at : at + _PIECE]
        for secret in case.secrets
        for at in range(max(1, len(secret) - _PIECE + 1))
    )
    return any(piece in text and piece not in around for piece in pieces)


def false_alarm(redactor: Redactor, case: Case) -> bool:
    return bool(redactor.redact(case.text).findings)


def _half(found: list[Case], half: str) -> list[Case]:
    if not half:
        return found
    return found[0::2] if half == "tuned on" else found[1::2]
