"""`python -m bot.sandbox`: serves the sandbox until it is stopped."""

import argparse
import asyncio
import sys
from pathlib import Path

from bot.sandbox.journal import HomeInUseError
from bot.sandbox.options import Options
from bot.sandbox.server import PortInUseError, Sandbox, listen, server_of
from bot.sandbox.socket_mode import Timing


def options_from(arguments: list[str] | None = None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser("python -m bot.sandbox", description=__doc__)
    add = parser.add_argument
    default, timing = Options(), Timing()
    add("--port", type=int, default=default.port)
    add("--host", default=default.host, help="the address to listen on; loopback if not given")
    add("--home", type=Path, help="folder that keeps the workspace; none: nothing is kept")
    add("--manifest", type=Path, help="the app's manifest (JSON); none: a built-in one")
    add("--history", type=Path, help="what was said before the first start (JSON)")
    add("--no-page", action="store_true", help="serve the API without the page")
    add("--no-limits", action="store_true", help="lift Slack's rate limits")
    add("--allow-host", action="append", default=[], metavar="NAME",
        help="a further host name browsers may use; may be repeated")  # fmt: skip
    add("--stream-seconds", type=float, default=default.stream_seconds,
        help="how long a stream takes text")  # fmt: skip
    add("--ack-seconds", type=float, default=timing.acknowledge,
        help="how long an acknowledgement may take")  # fmt: skip
    add("--retry-seconds", type=float, nargs="*", default=list(timing.retries), metavar="S",
        help="waits before an event is sent again")  # fmt: skip
    add("--refresh-seconds", type=float, default=timing.refresh,
        help="how long a connection lives")  # fmt: skip
    given = parser.parse_args(arguments)
    return Options(
        port=given.port,
        host=given.host,
        home=given.home,
        manifest=given.manifest,
        history=given.history,
        has_page=not given.no_page,
        strict_limits=not given.no_limits,
        stream_seconds=given.stream_seconds,
        timing=Timing(
            acknowledge=given.ack_seconds,
            retries=tuple(given.retry_seconds),
            refresh=given.refresh_seconds,
            warning=min(timing.warning, given.refresh_seconds / 4),
        ),
        hosts=tuple(given.allow_host),
    )


def main() -> int:
    """Return the exit code: 2 where the port is in use or the manifest cannot be read."""
    options = options_from()
    try:
        listener = listen(options.host, options.port)
        sandbox = Sandbox(options)
    except (PortInUseError, HomeInUseError) as refusal:
        print(refusal, file=sys.stderr)  # noqa: T201 - a command line tells its user
        return 2
    except (OSError, ValueError, KeyError) as broken:
        sentence = f"The sandbox cannot start: {type(broken).__name__}: {broken}."
        print(sentence, file=sys.stderr)  # noqa: T201 - a command line tells its user
        return 2
    asyncio.run(server_of(sandbox).serve(sockets=[listener]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
