"""
What the workspace has to tell the app: every envelope, its attempts and its acknowledgement.

It decides when an envelope is due again and when it is given up; sending is `socket_mode`'s.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.sandbox.changes import ChangeKind
from bot.sandbox.clock import new_id
from bot.sandbox.messages import Payload
from bot.sandbox.people import APP_ID, BOT_USER_ID

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace

KEPT = 5_000


class EnvelopeType(StrEnum):
    """Socket Mode's kinds of envelopes."""

    EVENTS = "events_api"
    COMMAND = "slash_commands"
    INTERACTIVE = "interactive"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"


@dataclass(slots=True)
class Delivery:
    """
    One envelope. `sent_at` lists the time of each attempt, `acknowledged_at` the first
    acknowledgement (seconds since 1970), `response` what came with it.
    """

    envelope_id: str
    type: EnvelopeType
    event_type: str
    payload: Payload
    created_at: float
    accepts_response: bool = False
    event_id: str | None = None
    state: DeliveryState = DeliveryState.QUEUED
    sent_at: list[float] = field(default_factory=list)
    acknowledged_at: float | None = None
    response: Payload | None = None
    retry_reason: str | None = None
    finished: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    on_finish: Callable[[Delivery], None] | None = field(default=None, repr=False)

    @property
    def attempts(self) -> int:
        return len(self.sent_at)

    @property
    def latency_seconds(self) -> float | None:
        """Seconds from the first attempt to the acknowledgement."""
        return None if self.acknowledged_at is None else self.acknowledged_at - self.sent_at[0]

    def envelope(self) -> Payload:
        """Return the JSON to send now; call after adding to `sent_at`."""
        body: Payload = {
            "envelope_id": self.envelope_id,
            "payload": self.payload,
            "type": self.type,
            "accepts_response_payload": self.accepts_response,
        }
        if self.type is EnvelopeType.EVENTS:
            body["retry_attempt"] = self.attempts - 1
            body["retry_reason"] = self.retry_reason or ""
        return body

    def to_state(self) -> Payload:
        """Return it as `GET /sandbox/state` lists it."""
        return {
            "envelope_id": self.envelope_id,
            "type": self.type,
            "event_type": self.event_type,
            "event_id": self.event_id,
            "state": self.state,
            "attempts": self.attempts,
            "created_at": self.created_at,
            "sent_at": self.sent_at,
            "acknowledged_at": self.acknowledged_at,
            "latency_seconds": self.latency_seconds,
            "response": self.response,
            "payload": self.payload,
        }


@dataclass(slots=True)
class StoredDelivery:
    """What the journal keeps of an event that was not acknowledged yet."""

    envelope_id: str
    event_type: str
    payload: Payload
    created_at: float
    event_id: str | None
    sent_at: list[float]


class Deliveries:
    """All envelopes of late, oldest first, and those that wait to be sent."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.all: dict[str, Delivery] = {}
        self.waiting: deque[Delivery] = deque()
        self.is_connected = False
        self.on_waiting: Callable[[], None] = lambda: None

    def add_event(
        self, event: Payload, event_id: str | None = None, **envelope: object
    ) -> Delivery:
        """Queue an event of the Events API; a repeated `event_id` is sent as it is."""
        now = self._workspace.clock.now()
        event_id = event_id or new_id("Ev")
        payload = {
            "token": "sandbox",
            "team_id": self._workspace.team_id,
            "context_team_id": self._workspace.team_id,
            "context_enterprise_id": None,
            "api_app_id": APP_ID,
            "event": event,
            "type": "event_callback",
            "event_id": event_id,
            "event_time": int(now),
            "authorizations": [
                {"enterprise_id": None, "team_id": self._workspace.team_id,
                 "user_id": BOT_USER_ID, "is_bot": True, "is_enterprise_install": False},
            ],
            "is_ext_shared_channel": False,
            "event_context": "4-" + secrets.token_hex(12),
        } | envelope  # fmt: skip
        delivery = Delivery(str(uuid.uuid4()), EnvelopeType.EVENTS, str(event.get("type", "")),
                            payload, now, event_id=event_id)  # fmt: skip
        return self._queue(delivery)

    def add(
        self, type_: EnvelopeType, event_type: str, payload: Payload,
        on_finish: Callable[[Delivery], None] | None = None,
    ) -> Delivery:  # fmt: skip
        """Queue a command or an interaction, whose acknowledgement may carry an answer."""
        delivery = Delivery(str(uuid.uuid4()), type_, event_type, payload,
                            self._workspace.clock.now(), accepts_response=True,
                            on_finish=on_finish)  # fmt: skip
        return self._queue(delivery)

    def sent(self, delivery: Delivery) -> None:
        delivery.sent_at.append(self._workspace.clock.now())
        delivery.state = DeliveryState.SENT
        self._tell(delivery)

    def requeue(self, delivery: Delivery, reason: str) -> None:
        """Put a delivery that was not acknowledged back among the waiting."""
        delivery.state, delivery.retry_reason = DeliveryState.QUEUED, reason
        self.waiting.append(delivery)
        self._tell(delivery)
        self.on_waiting()

    def acknowledge(self, envelope_id: str, response: Payload | None) -> None:
        """Take an acknowledgement; unknown and repeated ones change nothing."""
        delivery = self.all.get(envelope_id)
        if delivery is None or delivery.acknowledged_at is not None:
            return
        delivery.acknowledged_at = self._workspace.clock.now()
        if delivery.state is DeliveryState.FAILED:
            return
        delivery.response = response
        self._finish(delivery, DeliveryState.ACKNOWLEDGED)

    def give_up(self, delivery: Delivery) -> None:
        self._finish(delivery, DeliveryState.FAILED)

    def restore(self, stored: StoredDelivery) -> None:
        """Queue an event that an earlier process could not deliver."""
        delivery = Delivery(
            stored.envelope_id, EnvelopeType.EVENTS, stored.event_type, stored.payload,
            stored.created_at, event_id=stored.event_id, sent_at=stored.sent_at,
            retry_reason="timeout" if stored.sent_at else None,
        )  # fmt: skip
        self.all[delivery.envelope_id] = delivery
        self.waiting.append(delivery)

    def sort_waiting(self) -> None:
        """Put what was restored in the order it came about."""
        self.waiting = deque(sorted(self.waiting, key=lambda d: d.created_at))

    def _finish(self, delivery: Delivery, state: DeliveryState) -> None:
        delivery.state = state
        self._tell(delivery)
        if delivery.on_finish is not None:
            delivery.on_finish(delivery)
        delivery.finished.set()

    def _queue(self, delivery: Delivery) -> Delivery:
        self.all[delivery.envelope_id] = delivery
        self.waiting.append(delivery)
        if len(self.all) > KEPT:
            self._forget_oldest()
        self._tell(delivery)
        self.on_waiting()
        return delivery

    def _forget_oldest(self) -> None:
        for envelope_id, delivery in self.all.items():
            if delivery.finished.is_set():
                del self.all[envelope_id]
                return

    def _tell(self, delivery: Delivery) -> None:
        self._workspace.changed(ChangeKind.DELIVERY, delivery.envelope_id)
