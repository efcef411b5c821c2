"""One running sandbox for a module's tests, and a connected Bolt app that answers."""

import contextlib
import logging
from collections.abc import Callable, Iterator

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk.errors import SlackApiError

from tests.running_sandbox import RunningSandbox, running_sandbox

logging.getLogger("slack_bolt.App").setLevel(logging.ERROR)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    """A sandbox without rate limits, shared by a module; tests post messages of their own."""
    with running_sandbox(no_limits=True) as running:
        yield running


@contextlib.contextmanager
def connected(sandbox: RunningSandbox, *register: Callable[[App], None]) -> Iterator[App]:
    """Connect a real Bolt app that has the given listeners."""
    app = App(client=sandbox.client(), logger=logging.getLogger("slack_bolt.App"))
    for listeners in register:
        listeners(app)
    app.event("message")(lambda: None)
    handler = SocketModeHandler(app, sandbox.app_token, web_client=sandbox.client())
    handler.connect()
    try:
        sandbox.wait_until_connected()
        yield app
    finally:
        handler.close()


def refusal(call: Callable[[], object]) -> str:
    """Return the error code a call is refused with."""
    with pytest.raises(SlackApiError) as refused:
        call()
    return str(refused.value.response["error"])
