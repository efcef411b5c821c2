"""Faults a test orders: the next calls of a method fail in a chosen way."""

from dataclasses import dataclass
from typing import Any

from bot.sandbox.errors import ControlError

KINDS = {"error", "http_status", "retry_after", "delay_seconds", "drop"}
STAGES = ("before", "after")


@dataclass(slots=True)
class Fault:
    """
    How calls of `method` ("*" for all) go wrong, `times` more often. With `stage` "after" the
    call does its work and only its answer is lost or replaced.
    """

    method: str
    times: int = 1
    error: str | None = None
    http_status: int | None = None
    retry_after: int | None = None
    delay_seconds: float = 0.0
    drop: bool = False
    stage: str = "before"
    channel: str | None = None


class Faults:
    """The faults ordered and not yet used up."""

    def __init__(self) -> None:
        self.all: list[Fault] = []

    def order(self, body: dict[str, Any]) -> Fault:
        """Raises: ControlError with what is wrong about the order."""
        unknown = set(body) - {"method", "times", "stage", "channel"} - KINDS
        if unknown or "method" not in body or not set(body) & KINDS:
            raise ControlError(
                f"A fault needs a method and one of {', '.join(sorted(KINDS))}"
                + (f"; unknown: {', '.join(sorted(unknown))}." if unknown else ".")
            )
        fault = Fault(**body)
        if fault.stage not in STAGES or not isinstance(fault.times, int) or fault.times < 1:
            raise ControlError("A fault's stage is before or after, its times a number above 0.")
        self.all.append(fault)
        return fault

    def take(self, method: str, channel: str | None) -> Fault | None:
        """Return the fault that befalls this call, if any, and count it."""
        for fault in self.all:
            if fault.method in (method, "*") and fault.channel in (None, channel):
                fault.times -= 1
                if fault.times == 0:
                    self.all.remove(fault)
                return fault
        return None
