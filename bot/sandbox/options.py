"""How a sandbox is started, as one value."""

from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.socket_mode import Timing


@dataclass(frozen=True, slots=True)
class Options:
    """`home` None keeps nothing; `hosts` are names besides loopback that browsers may use."""

    port: int = 3000
    host: str = "127.0.0.1"
    home: Path | None = None
    manifest: Path | None = None
    history: Path | None = None
    has_page: bool = True
    strict_limits: bool = True
    stream_seconds: float = 300.0
    timing: Timing = field(default_factory=Timing)
    hosts: tuple[str, ...] = ()
