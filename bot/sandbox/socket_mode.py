"""
Socket Mode: the app's connections, sending envelopes, taking acknowledgements, sending again.

Each envelope goes to one connection chosen at random. Events that are not acknowledged in time
are sent again; commands and interactions are not, as in Slack. What no connection is there for
waits.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from bot.sandbox.changes import ChangeKind
from bot.sandbox.deliveries import Delivery, DeliveryState, EnvelopeType
from bot.sandbox.messages import Payload
from bot.sandbox.people import APP_ID
from bot.sandbox.workspace import Workspace

MAX_CONNECTIONS = 10
TICKET_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Timing:
    """
    Seconds. `retries` are the waits before each further attempt, counted from the moment an
    acknowledgement is overdue; `warning` is how long before a refresh the app is warned.
    """

    acknowledge: float = 3.0
    retries: tuple[float, ...] = (0.0, 60.0, 300.0)
    refresh: float = 3600.0
    warning: float = 10.0


@dataclass(eq=False)
class Connection:
    """One connection of the app. `is_leaving` once it was told to reconnect."""

    socket: WebSocket
    number: int
    outgoing: asyncio.Queue[Delivery | Payload] = field(default_factory=asyncio.Queue)
    is_leaving: bool = False

    async def write(self, socket_mode: SocketMode) -> None:
        """Send what is queued, until the connection ends."""
        while True:
            item = await self.outgoing.get()
            if isinstance(item, Delivery):
                socket_mode.mark_sent(item)
                await self.socket.send_text(json.dumps(item.envelope()))
            else:
                await self.socket.send_text(json.dumps(item))


class SocketMode:
    """All connections of the app, and the timers of what they have not acknowledged."""

    def __init__(self, workspace: Workspace, timing: Timing | None = None) -> None:
        self._workspace = workspace
        self._deliveries = workspace.deliveries
        self._deliveries.on_waiting = self.send_waiting
        self.timing = timing or Timing()
        self.connections: list[Connection] = []
        self._tickets: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._opened = 0

    def new_ticket(self) -> str:
        """Return a ticket that opens one connection within a minute."""
        now = self._workspace.clock.now()
        self._tickets = {t: at for t, at in self._tickets.items() if now - at < TICKET_SECONDS}
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = now
        return ticket

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection from its handshake to its end."""
        ticket = socket.query_params.get("ticket", "")
        if self._tickets.pop(ticket, None) is None:
            await socket.close(1008, "The ticket is not valid.")
            return
        await socket.accept()
        if len(self.connections) >= MAX_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return
        self._opened += 1
        connection = Connection(socket, self._opened)
        connection.outgoing.put_nowait(self._hello())
        self.connections.append(connection)
        self._connections_changed()
        await self._until_one_ends(
            connection.write(self), self._read(connection), self._refresh(connection)
        )
        self._end(connection)
        if socket.application_state is WebSocketState.CONNECTED:
            await _quietly(socket.close())

    def send_waiting(self) -> None:
        """Hand what waits to connections, if there are any."""
        ready = [c for c in self.connections if not c.is_leaving]
        while ready and self._deliveries.waiting:
            random.choice(ready).outgoing.put_nowait(self._deliveries.waiting.popleft())

    def mark_sent(self, delivery: Delivery) -> None:
        """Note an attempt and start waiting for its acknowledgement."""
        self._deliveries.sent(delivery)
        self._timers[delivery.envelope_id] = asyncio.get_running_loop().call_later(
            self.timing.acknowledge, self._overdue, delivery
        )

    def disconnect_all(self, reason: str = "refresh_requested") -> None:
        """Tell every connection to go and connect anew."""
        for connection in self.connections:
            connection.is_leaving = True
            connection.outgoing.put_nowait(_goodbye(reason))

    async def cut_all(self) -> None:
        """End every connection without a word, as a network failure does."""
        for connection in list(self.connections):
            self._end(connection)
            await _quietly(connection.socket.close(1001))

    def _overdue(self, delivery: Delivery) -> None:
        self._timers.pop(delivery.envelope_id, None)
        if delivery.state is not DeliveryState.SENT:
            return
        done = delivery.attempts - 1
        if delivery.type is not EnvelopeType.EVENTS or done >= len(self.timing.retries):
            self._deliveries.give_up(delivery)
            return
        self._timers[delivery.envelope_id] = asyncio.get_running_loop().call_later(
            self.timing.retries[done], self._again, delivery
        )

    def _again(self, delivery: Delivery) -> None:
        self._timers.pop(delivery.envelope_id, None)
        if delivery.state is DeliveryState.SENT:
            self._deliveries.requeue(delivery, "timeout")

    async def _read(self, connection: Connection) -> None:
        while True:
            text = await connection.socket.receive_text()
            try:
                answer = json.loads(text)
            except ValueError:
                continue
            if isinstance(answer, dict) and isinstance(answer.get("envelope_id"), str):
                self._acknowledged(answer["envelope_id"], _response(answer.get("payload")))

    def _acknowledged(self, envelope_id: str, response: Payload | None) -> None:
        if (timer := self._timers.pop(envelope_id, None)) is not None:
            timer.cancel()
        self._deliveries.acknowledge(envelope_id, response)

    async def _refresh(self, connection: Connection) -> None:
        """Ask for a new connection in time; one that does not go is closed."""
        await asyncio.sleep(max(0.0, self.timing.refresh - self.timing.warning))
        connection.outgoing.put_nowait(_goodbye("warning"))
        await asyncio.sleep(self.timing.warning)
        connection.is_leaving = True
        connection.outgoing.put_nowait(_goodbye("refresh_requested"))
        await asyncio.sleep(self.timing.warning)

    async def _until_one_ends(self, *work: Awaitable[None]) -> None:
        tasks = [asyncio.ensure_future(w) for w in work]
        _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, ENDINGS):
                raise outcome

    def _end(self, connection: Connection) -> None:
        if connection not in self.connections:
            return
        self.connections.remove(connection)
        while not connection.outgoing.empty():
            item = connection.outgoing.get_nowait()
            if isinstance(item, Delivery):
                self._deliveries.waiting.append(item)
        self._connections_changed()

    def _connections_changed(self) -> None:
        self._deliveries.is_connected = bool(self.connections)
        self._workspace.changed(ChangeKind.CONNECTION, str(len(self.connections)))
        self.send_waiting()

    def _hello(self) -> Payload:
        return {
            "type": "hello",
            "num_connections": len(self.connections) + 1,
            "connection_info": {"app_id": APP_ID},
            "debug_info": {
                "host": "sandbox",
                "approximate_connection_time": int(self.timing.refresh),
            },
        }


# How a connection may end: the app closes it, the network does, or we cancel its other half.
ENDINGS = (WebSocketDisconnect, RuntimeError, asyncio.CancelledError, OSError)


def _response(payload: object) -> Payload | None:
    """Return what an acknowledgement carries; a bare text is a message."""
    if isinstance(payload, str) and payload:
        return {"text": payload}
    return payload if isinstance(payload, dict) and payload else None


def _goodbye(reason: str) -> Payload:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}}


async def _quietly(closing: Awaitable[Any]) -> None:
    """Close what the other side may have closed already."""
    try:
        await closing
    except (RuntimeError, OSError, WebSocketDisconnect):
        return
