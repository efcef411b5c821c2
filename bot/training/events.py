"""What is kept of a job's events, whoever tells them: once each, oldest first, short. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime

#: The newest so many; steps are kept elsewhere.
MOST = 100
CHARACTERS = 240


def kept(events: Iterable[tuple[float, str]]) -> list[dict[str, str]]:
    """``events`` are seconds since 1970 and words, in any order, some of them twice."""
    once = sorted({(at, " ".join(said.split())[:CHARACTERS]) for at, said in events})
    return [{"at": _moment(at), "said": words} for at, words in once[-MOST:]]


def _moment(at: float) -> str:
    """In words of ISO 8601; what no calendar reaches is not known."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC).isoformat()


def seconds_of(moment: str) -> float:
    """A moment as providers write it; 0 is one nobody can read."""
    try:
        return datetime.fromisoformat(moment).timestamp()
    except (TypeError, ValueError):
        return 0.0
