"""Where something that must not be kept stands in a text, and what it is. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What was found, in words for people; the placeholder is the same word in brackets."""

    MAIL = "mail address"
    PHONE = "phone number"
    CARD = "card number"
    IBAN = "IBAN"
    PRIVATE_KEY = "private key"
    ACCESS_KEY = "access key"
    PASSWORD = "password"
    CODE = "secret code"
    CUSTOM = "private detail"


@dataclass(frozen=True)
class Span:
    """``text[start:end]`` is a secret of this kind."""

    start: int
    end: int
    kind: Kind


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that overlap as one; the longest of them says what kind it is."""
    result: list[Span] = []
    longest = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if not result or span.start >= result[-1].end:
            result.append(span)
            longest = span.end - span.start
            continue
        last = result[-1]
        kind = span.kind if span.end - span.start > longest else last.kind
        longest = max(longest, span.end - span.start)
        result[-1] = Span(last.start, max(last.end, span.end), kind)
    return result
