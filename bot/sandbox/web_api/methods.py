"""The table of methods: name, scopes, rate limit and the function that does it."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.limits import Tier
from bot.sandbox.messages import Payload
from bot.sandbox.socket_mode import SocketMode
from bot.sandbox.web_api.access import Caller
from bot.sandbox.web_api.arguments import Arguments
from bot.sandbox.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method. `address` is the `host:port` the caller reached us at."""

    workspace: Workspace
    socket_mode: SocketMode
    caller: Caller
    arguments: Arguments
    address: str

    @property
    def user(self) -> str:
        return self.caller.user


@dataclass(frozen=True, slots=True)
class Method:
    """A Web API method; any one of `scopes` suffices."""

    name: str
    run: Callable[[Call], Payload]
    tier: Tier
    scopes: tuple[str, ...] = ()
    is_app_level: bool = False


METHODS: dict[str, Method] = {}


def method(
    name: str, tier: Tier, *scopes: str, is_app_level: bool = False
) -> Callable[[Callable[[Call], Payload]], Callable[[Call], Payload]]:
    """Enter a function into the table of methods."""

    def enter(run: Callable[[Call], Payload]) -> Callable[[Call], Payload]:
        METHODS[name] = Method(name, run, tier, scopes, is_app_level)
        return run

    return enter
