"""What changed in the workspace, told to whoever shows or stores it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """What kind of thing `Change.key` names."""

    USER = "user"
    CHANNEL = "channel"
    MESSAGE = "message"
    MESSAGE_GONE = "message_gone"
    EPHEMERAL = "ephemeral"
    FILE = "file"
    VIEW = "view"
    HOME = "home"
    STATUS = "status"
    DELIVERY = "delivery"
    CONNECTION = "connection"


@dataclass(frozen=True, slots=True)
class Change:
    """
    One change. `key` is the thing's own id (a message's ts, a view's id, a user's id, ...);
    `channel` and `thread_ts` say where, `user` whose it is (a modal, a home, an ephemeral).
    """

    kind: ChangeKind
    key: str
    channel: str | None = None
    thread_ts: str | None = None
    user: str | None = None


Subscriber = Callable[[Change], None]


class Changes:
    """Tells subscribers of each change, at once and in order, on the event loop."""

    def __init__(self) -> None:
        self.version = 0
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` for each change from now on; the function returned ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def tell(self, change: Change) -> None:
        self.version += 1
        for subscriber in tuple(self._subscribers):
            subscriber(change)
