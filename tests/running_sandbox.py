"""A really running sandbox for tests: `with running_sandbox() as sandbox: ...`."""

import contextlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slack_sdk import WebClient

from tests.forked import Forked

Payload = dict[str, Any]
State = Payload
START_SECONDS = 30.0
HELP = "C0HELP"


class RefusedError(Exception):
    """Raised when a control path answers 400; its text is the sandbox's sentence."""


@dataclass
class RunningSandbox:
    """A sandbox in a process of its own, and what people and tests do to it."""

    port: int
    process: Forked | subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        """The value for SLACK_API_URL."""
        return f"{self.url}/api/"

    bot_token = "xoxb-sandbox"
    app_token = "xapp-sandbox"

    def client(self, user: str | None = None) -> WebClient:
        """Return Slack's client for a person, or for the bot where no user is given."""
        token = self.bot_token if user is None else f"xoxp-{user}"
        return WebClient(token, base_url=self.api_url, timeout=10, retry_handlers=[])

    def post(self, user: str, text: str, channel: str = HELP, thread_ts: str | None = None) -> str:
        """Post as a person and return the message's ts."""
        return str(
            self.client(user).chat_postMessage(channel=channel, text=text, thread_ts=thread_ts)[
                "ts"
            ]
        )

    def react(self, user: str, channel: str, ts: str, name: str = "white_check_mark") -> None:
        self.client(user).reactions_add(channel=channel, timestamp=ts, name=name)

    def unreact(self, user: str, channel: str, ts: str, name: str = "white_check_mark") -> None:
        self.client(user).reactions_remove(channel=channel, timestamp=ts, name=name)

    def command(
        self, user: str, text: str = "", channel: str = HELP, command: str = "/apprentice"
    ) -> Payload:
        """Type a slash command and wait for its acknowledgement."""
        return self.control("command", user=user, channel=channel, command=command, text=text)

    def shortcut(
        self, user: str, callback_id: str, channel: str | None = None, message_ts: str | None = None
    ) -> Payload:
        return self.control(
            "shortcut", user=user, callback_id=callback_id, channel=channel, message_ts=message_ts
        )

    def action(self, user: str, action_id: str, value: Any = None, **where: Any) -> Payload:
        """Press a button; `where` is channel and message_ts, or view_id, and perhaps block_id."""
        return self.control("action", user=user, action_id=action_id, value=value, **where)

    def submit(self, user: str, view_id: str, values: Payload) -> Payload:
        return self.control("view_submission", user=user, view_id=view_id, values=values)

    def open_home(self, user: str) -> None:
        self.control("home_opened", user=user)

    def event(self, event: Payload, event_id: str | None = None) -> Payload:
        return self.control("event", event=event, event_id=event_id)

    def fault(self, method: str, **fault: Any) -> None:
        """Make the next calls of a method go wrong: error=, http_status=, drop=True, ..."""
        self.control("fault", method=method, **fault)

    def control(self, act: str, **body: Any) -> Payload:
        """Post to a control path. Raises: RefusedError."""
        given = {k: v for k, v in body.items() if v is not None}
        request = urllib.request.Request(
            f"{self.url}/sandbox/{act}",
            json.dumps(given).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return json.load(response)
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise RefusedError(json.load(refusal)["error"]) from None

    def state(self, *only: str) -> State:
        """Return `GET /sandbox/state`, or some of its keys, whether the bot is connected or not."""
        address = f"{self.url}/sandbox/state" + (f"?only={','.join(only)}" if only else "")
        try:
            with urllib.request.urlopen(address, timeout=20) as response:
                return json.load(response)
        except urllib.error.HTTPError as not_connected:
            with not_connected:
                return json.load(not_connected)

    def messages(self, channel: str | None = None, thread_ts: str | None = None) -> list[Payload]:
        """Return the messages of a channel or thread, oldest first, ephemeral ones too."""
        return [
            m
            for m in self.state("messages")["messages"]
            if channel in (None, m["channel"]) and thread_ts in (None, m["thread_ts"])
        ]

    def ephemerals(self, user: str) -> list[Payload]:
        """Return what only this person sees, oldest first."""
        return [m for m in self.state("messages")["messages"] if m["ephemeral_to"] == user]

    def views(self, user: str) -> list[Payload]:
        """Return the modals a person has open, the topmost last."""
        return [v for v in self.state("views")["views"] if v["user"] == user]

    def deliveries(self, event_type: str | None = None) -> list[Payload]:
        return [
            d
            for d in self.state("deliveries")["deliveries"]
            if event_type in (None, d["event_type"])
        ]

    def wait_for(
        self, predicate: Callable[[State], Any], timeout: float = 10.0, only: tuple[str, ...] = (),
        rest: float = 0.05,
    ) -> Any:  # fmt: skip
        """
        Return the first true answer of the predicate, which is given the state, or with `only`
        some keys of it (cheaper where much has happened); `rest` are seconds between two looks.

        Raises: AssertionError after `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while True:
            state = self.state(*only)
            if found := predicate(state):
                return found
            if time.monotonic() > end:
                texts = [(m["user"], m["text"]) for m in self.messages()][-20:]
                raise AssertionError(f"Nothing came within {timeout} s. Last said: {texts}")
            time.sleep(rest)

    def wait_for_message(self, matches: Callable[[Payload], Any], timeout: float = 10.0) -> Payload:
        """Return the first message that matches, ephemeral ones too."""
        return self.wait_for(
            lambda state: next((m for m in state["messages"] if matches(m)), None),
            timeout,
            ("messages",),
        )

    def wait_until_connected(self, timeout: float = 15.0) -> None:
        self.wait_for(lambda state: state["connected"], timeout, ("connected",))

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def running_sandbox(home: Path | None = None, **options: Any) -> Iterator[RunningSandbox]:
    """
    Run `python -m bot.sandbox` without the page until the block ends.

    Options are its command line's, in Python's spelling: `no_limits=True`, `ack_seconds=0.3`,
    `retry_seconds=(0, 0.5)`, `refresh_seconds=2`, `stream_seconds=1`, `manifest=path`, `port=n`,
    `no_page=False`.
    """
    port = options.pop("port", None) or free_port()
    given = {"port": port, "home": home, "no_page": True} | options
    process = Forked("bot.sandbox.__main__", *flags(given))
    sandbox = RunningSandbox(port, process)
    try:
        wait_until_serving(sandbox)
        yield sandbox
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            sandbox.kill()


def flags(options: Payload) -> list[str]:
    """Return options as arguments of the command line."""
    arguments: list[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            arguments.append(flag)
        elif isinstance(value, list | tuple):
            arguments += [flag, *map(str, value)]
        elif value not in (None, False):
            arguments += [flag, str(value)]
    return arguments


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_serving(sandbox: RunningSandbox) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if sandbox.process.poll() is not None:
            raise AssertionError(f"The sandbox ended with code {sandbox.process.returncode}.")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{sandbox.url}/sandbox/health", timeout=5).close()
            return
        time.sleep(0.02)
    raise AssertionError("The sandbox did not start.")
