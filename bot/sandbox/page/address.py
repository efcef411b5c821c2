"""The page's addresses: Slack's permalinks and our own, read and written."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

_ARCHIVE = re.compile(r"^/archives/([A-Z0-9]+)(?:/p(\d{7,}))?/?$")
_DIRECT = re.compile(r"^/dm/([A-Z0-9]+)/?$")
HOME = "home"


@dataclass(frozen=True)
class Address:
    """
    Where a tab stands. `place` is "home", a conversation's id, or "" for "wherever one starts";
    `person` instead of it asks for the direct message with somebody.
    """

    place: str = ""
    person: str = ""
    message: str = ""
    thread: str = ""
    viewer: str = ""


def read(path: str, search: str) -> Address:
    """Read a path and a query string; what makes no sense is the start."""
    query = {name: values[0] for name, values in parse_qs(search.lstrip("?")).items()}
    viewer, thread = query.get("as", ""), query.get("thread_ts", "")
    if path.rstrip("/") == "/home":
        return Address(HOME, viewer=viewer)
    if direct := _DIRECT.match(path):
        return Address(person=direct[1], viewer=viewer)
    if archive := _ARCHIVE.match(path):
        digits = archive[2] or ""
        message = f"{digits[:-6]}.{digits[-6:]}" if digits else ""
        return Address(archive[1], message=message, thread=thread, viewer=viewer)
    return Address(viewer=viewer)


def write(address: Address) -> str:
    """The path and query of an address; `thread` is kept so that a reload shows it again."""
    path = "/home" if address.place == HOME else f"/archives/{address.place}"
    if address.message:
        path += f"/p{address.message.replace('.', '')}"
    query = {"thread_ts": address.thread, "as": address.viewer}
    return f"{path}?{urlencode({name: value for name, value in query.items() if value})}"
