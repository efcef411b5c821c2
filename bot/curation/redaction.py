"""
Takes secrets and personal data out of a text before anything is kept of it. Pure.

What is found is replaced by a word in brackets, ``[mail address]``, and its value is given to
nobody: neither a finding nor an error nor a log line holds it. Redacting twice changes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import phonenumbers
import re2

from bot.curation.named_secrets import find_named
from bot.curation.personal_data import find_personal_data
from bot.curation.secrets_found import (
    find_credentials_in_addresses,
    find_private_keys,
    find_tokens,
)
from bot.curation.spans import Kind, Span, merged
from bot.errors import SettingsError

#: Countries in whose own form phone numbers are found as well; elsewhere with ``+`` and a code.
DEFAULT_REGIONS = ("US", "GB", "DE", "FR")
#: Characters looked at at once; whatever an example holds fits.
PIECE = 4000
#: So many texts are remembered to be clean, by their digests.
_REMEMBERED = 4096
#: What programs and phones put in the place of what one types, sign for sign: spaces that do not
#: break, dashes, wide digits, a wide @.
_TYPED = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u2007\u2008\u2009\u200a\u202f\u3000", " "),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-"),
        **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
        "\uff20": "@",
        "\uff0b": "+",
    }
)


@dataclass(frozen=True)
class Finding:
    """What was replaced, and where its placeholder begins in the redacted text."""

    kind: Kind
    start: int


@dataclass(frozen=True)
class Redacted:
    text: str
    findings: tuple[Finding, ...] = ()


class Redactor:
    """
    Redaction with what an installation adds: ``patterns`` of its own and phone ``regions``.

    The patterns are RE2's, whose time grows with the text alone, so none can hold up the bot.

    Raises:
        SettingsError: a pattern or a region is wrong.
    """

    def __init__(
        self, patterns: Iterable[str] = (), regions: Sequence[str] = DEFAULT_REGIONS
    ) -> None:
        self._patterns = [_compiled(pattern) for pattern in patterns]
        self._regions = tuple(_known(region) for region in regions)
        self._clean: dict[bytes, None] = {}

    def redact(self, text: str) -> Redacted:
        """Replace every secret by its placeholder."""
        if _digest(text) in self._clean:
            return Redacted(text)
        redacted = self._redact(text)
        # Redacting twice changes nothing, and one text is written to several tables.
        if len(self._clean) >= _REMEMBERED:
            self._clean.clear()
        self._clean[_digest(redacted.text)] = None
        return redacted

    def _redact(self, text: str) -> Redacted:
        parts: list[str] = []
        findings: list[Finding] = []
        at = length = 0
        for span in merged(self._find(text)):
            parts.append(text[at : span.start])
            length += span.start - at
            findings.append(Finding(span.kind, length))
            parts.append(placeholder(span.kind))
            length += len(parts[-1])
            at = span.end
        return Redacted("".join([*parts, text[at:]]), tuple(findings))

    def text(self, text: str) -> str:
        """The redacted text alone."""
        return self.redact(text).text

    def with_kinds(self, text: str) -> tuple[str, list[str]]:
        """The redacted text, and the words for what was replaced."""
        found = self.redact(text)
        return found.text, [finding.kind.value for finding in found.findings]

    def _find(self, text: str) -> list[Span]:
        """Everything, piece by piece: some detectors' time grows with the square of the text."""
        plain = text.translate(_TYPED)
        spans = [*find_private_keys(plain), *self._find_own(text)]
        start = 0
        while start < len(text):
            end = _end_of_piece(text, start)
            spans += (
                Span(span.start + start, span.end + start, span.kind)
                for span in self._find_in_piece(plain[start:end])
            )
            start = end
        return spans

    def _find_in_piece(self, text: str) -> list[Span]:
        return [
            *find_tokens(text),
            *find_credentials_in_addresses(text),
            *find_named(text),
            *find_personal_data(text, self._regions),
        ]

    def _find_own(self, text: str) -> list[Span]:
        return [
            Span(found.start(), found.end(), Kind.CUSTOM)
            for pattern in self._patterns
            for found in pattern.finditer(text)
            if found.end() > found.start()
        ]


def redact(text: str, patterns: Iterable[str] = ()) -> Redacted:
    """
    Redact one text; ``Redactor`` is for many.

    Raises:
        SettingsError: a pattern is wrong.
    """
    return Redactor(patterns).redact(text)


def placeholder(kind: Kind) -> str:
    return f"[{kind.value}]"


def in_words(kinds: Iterable[Kind]) -> str:
    """``1 mail address and 2 access keys``; empty for none."""
    counts = Counter(kinds)
    words = [f"{counts[kind]} {_plural(kind, counts[kind])}" for kind in Kind if counts[kind]]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _plural(kind: Kind, number: int) -> str:
    if number == 1:
        return kind.value
    return kind.value + ("es" if kind.value.endswith("s") else "s")


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _end_of_piece(text: str, start: int) -> int:
    """Cut between lines or words, so that nothing is cut in two."""
    limit = start + PIECE
    if limit >= len(text):
        return len(text)
    for mark in ("\n", " "):
        cut = text.rfind(mark, start + PIECE // 2, limit)
        if cut > start:
            return cut + 1
    return limit


def _known(region: str) -> str:
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise SettingsError(
            f"PHONE_REGIONS holds {region!r}, which is no country. Write ISO codes, as US,DE."
        )
    return region


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise SettingsError(
            f"REDACTION_PATTERNS holds {pattern!r}, which is no regular expression of RE2 "
            "(https://github.com/google/re2/wiki/Syntax). Correct it or take it out."
        ) from None
