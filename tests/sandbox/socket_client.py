"""An app at the other end of Socket Mode that acknowledges as a test wants, and closes at once."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.running_sandbox import RunningSandbox

Envelope = dict[str, Any]
Answer = Callable[[Envelope], "dict[str, Any] | bool | None"]


class Listener:
    """Keeps the envelopes that arrive. `answer` returns what to acknowledge with, False: not."""

    def __init__(self, socket: ClientConnection, answer: Answer) -> None:
        self.envelopes: list[Envelope] = []
        self.response: dict[str, Any] | None = None
        self._socket = socket
        self._answer = answer
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def last(self) -> dict[str, Any]:
        """The payload of the newest envelope."""
        return dict(self.envelopes[-1]["payload"])

    def events(self, event_type: str) -> list[Envelope]:
        return [
            e
            for e in tuple(self.envelopes)
            if e["type"] == "events_api" and e["payload"]["event"]["type"] == event_type
        ]

    def wait_for(self, event_type: str, count: int = 1, timeout: float = 10.0) -> list[Envelope]:
        """Return the events of a type once there are `count`. Raises: AssertionError."""
        end = time.monotonic() + timeout
        while len(found := self.events(event_type)) < count:
            assert time.monotonic() < end, f"{len(found)} of {count} {event_type} events came"
            time.sleep(0.01)
        return found

    def bodies(self, event_type: str) -> list[dict[str, Any]]:
        return [e["payload"]["event"] for e in self.events(event_type)]

    def _listen(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for text in self._socket:
                envelope = json.loads(text)
                if "envelope_id" in envelope:
                    self.envelopes.append(envelope)
                    self._acknowledge(envelope)

    def _acknowledge(self, envelope: Envelope) -> None:
        answer = self._answer(envelope)
        if answer is False:
            return
        body = {"envelope_id": envelope["envelope_id"]}
        response = answer or self.response
        self._socket.send(json.dumps(body | ({"payload": response} if response else {})))


def open_socket(sandbox: RunningSandbox) -> ClientConnection:
    url = sandbox.client().apps_connections_open(app_token=sandbox.app_token)["url"]
    return connect(url, open_timeout=5)


@contextlib.contextmanager
def listening(sandbox: RunningSandbox, answer: Answer = lambda _: None) -> Iterator[Listener]:
    """Connect one app until the block ends."""
    with open_socket(sandbox) as socket:
        yield Listener(socket, answer)
