"""
What a model wrote, made harmless before anybody sees it. Pure.

A prompt carries text of many people, so what comes out may try to ping everybody or to lead
somewhere. Mentions and broadcasts lose their meaning; addresses appear only if a shown source or
the question has them. Everything dangerous is a run of printable ASCII without spaces, so text is
judged run by run, and a stream holds back only the run that may still go on.
"""

import re
from collections.abc import Iterable, Iterator

REMOVED = "(link removed)"
CUT_OFF = " … (cut off: too long)"
#: Slack takes at most 12,000 characters in one piece of a stream and in one markdown block.
MAX_CHARACTERS = 11_000
#: A run longer than this is broken by a space; no honest address or word is so long.
MAX_RUN = 1_500

_RUN = re.compile(r"[!-~]+")
_ENDING = ".,;:!?)]}*_~'\""
#: Bare domains are removed under these only: `logging.info` and `node.js` are no addresses.
_TOP_LEVEL = "com|net|org|io|ai|dev|xyz|biz|ru|cn"
# The four ways a run can hold an address: any scheme, a scheme without slashes that clients
# follow all the same, a mail address, and a bare domain that Slack would link. An address goes on
# to the next bracket, quote or space: what is glued to it would be part of the link.
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.\-]*:/+"
    r"|(?:mailto|tel|sms|javascript|vbscript|data|slack):(?=[^\s<>|`\"\\])"
    r"|[\w.%+\-]+@[\w\-]+(?:\.[\w\-]+)+"
    r"|(?<![a-z0-9])(?:www\.[\w\-]+|[a-z0-9](?:[\w\-]*\.)+"
    rf"(?:[a-z]{{2,}}/|(?:{_TOP_LEVEL})(?![._\-]?[a-z0-9]))))"
    r"[^\s<>|`\"\\]*",
    re.IGNORECASE | re.ASCII,
)
_CONTROL = re.compile(r"<(?=[@!#/]|[a-z][a-z0-9+.\-]*:|\(link)", re.IGNORECASE)
_BROADCAST = re.compile(r"@(?=(?:here|channel|everyone|group)(?![a-z0-9]))", re.IGNORECASE)
_MARKDOWN_LINK = re.compile(r"\](?=[(:\[])")
_WORD_JOINER = "\u2060"


class SafeText:
    """
    Turns pieces of generated text into harmless ones; what may still change is held back.

    ``sources`` are the texts whose addresses may appear: the shown examples and the question.
    """

    def __init__(self, sources: Iterable[str] = ()) -> None:
        self._allowed = frozenset(address for source in sources for address in addresses_in(source))
        self._held = ""
        self._length = 0
        self.is_full = False

    def feed(self, piece: str) -> str:
        """Return what is certain by now; empty while an unfinished word is held back."""
        text = self._held + piece
        settled = _settled_length(text)
        self._held = text[settled:]
        return self._bounded(self._harmless(text[:settled]))

    def finish(self) -> str:
        """Return what was held back."""
        text, self._held = self._held, ""
        return self._bounded(self._harmless(text))

    def stream(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield harmless pieces, none of them empty; stops reading when the limit is reached."""
        for piece in pieces:
            if safe := self.feed(piece):
                yield safe
            if self.is_full:
                return
        if safe := self.finish():
            yield safe

    def _harmless(self, text: str) -> str:
        return _RUN.sub(lambda run: self._harmless_run(run.group()), text)

    def _harmless_run(self, run: str) -> str:
        parts = (run[start : start + MAX_RUN] for start in range(0, len(run), MAX_RUN))
        return " ".join(self._harmless_part(part) for part in parts)

    def _harmless_part(self, run: str) -> str:
        # Taking one address away can uncover another; each round leaves fewer.
        while (judged := _ADDRESS.sub(self._judge, run)) != run:
            run = judged
        run = _CONTROL.sub("&lt;", run)
        run = _BROADCAST.sub("@" + _WORD_JOINER, run)
        # "[text](address)" would hide where a link leads; apart, both are shown.
        return _MARKDOWN_LINK.sub("] ", run)

    def _judge(self, found: re.Match[str]) -> str:
        address = found.group().rstrip(_ENDING)
        ending = found.group()[len(address) :]
        return (address if _normal(address) in self._allowed else REMOVED) + ending

    def _bounded(self, text: str) -> str:
        if self.is_full:
            return ""
        if self._length + len(text) > MAX_CHARACTERS:
            self.is_full = True
            text = text[: MAX_CHARACTERS - self._length] + CUT_OFF
        self._length += len(text)
        return text


def make_safe(text: str, sources: Iterable[str] = ()) -> str:
    """Make a whole text harmless."""
    safe = SafeText(sources)
    return safe.feed(text) + safe.finish()


def addresses_in(text: str) -> Iterator[str]:
    """The addresses of a text, in the form in which they are compared."""
    for found in _ADDRESS.finditer(text):
        yield _normal(found.group().rstrip(_ENDING))


def _normal(address: str) -> str:
    return address.rstrip("/")


def _settled_length(text: str) -> int:
    """How much of the text no further piece can change: all but the run it ends in."""
    end = len(text)
    while end and "!" <= text[end - 1] <= "~":
        end -= 1
    return end
