"""Reads drawn HTML as a browser would, so that tests judge elements and not strings."""

from html.parser import HTMLParser

QUIET = ("http://", "https://", "mailto:", "/archives/", "/sandbox/file/")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    """Every element with its attributes, in order."""
    reader = _Reader()
    reader.feed(html)
    return reader.elements


def tags(html: str) -> set[str]:
    return {tag for tag, _ in elements(html)}


def assert_harmless(html: str) -> None:
    """Nothing runs, nothing loads from elsewhere, no link leads to a script."""
    for tag, attributes in elements(html):
        assert tag not in {"script", "iframe", "object", "embed", "style", "link", "base", "svg"}
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, attributes)
            if name in ("href", "src"):
                assert (value or "").startswith(QUIET), (tag, attributes)
        if tag == "img":
            assert (attributes["src"] or "").startswith("/sandbox/file/")
