"""
Finds values that somebody calls a password, a token or a code: in prose, configuration, commands.

A value counts if it looks made up: with a digit or a sign in it. “The password must be long” and
``token: string`` stay.
"""

import re
from collections.abc import Iterator, Mapping

from detect_secrets.plugins.keyword import KeywordDetector

from bot.curation.hints import Hints
from bot.curation.secrets_found import is_stand_in
from bot.curation.spans import Kind, Span

_PASSWORD_NAMES = (
    r"(?:\w{0,40}(?:password|passwort|passwd|passphrase|kennwort|contrase[nñ]a|pwd)"
    r"|mot de passe|(?:[\w.-]{0,60}[_.-])?(?:pass|pw))"
)
_KEY_NAMES = (
    r"(?:\w{0,40}[ _-]?"
    r"(?:api|auth|access|client|encryption|signing|secret|private|account|master|licen[cs]e)"
    r"[ _-]?key(?:[ _-]?(?:id|data))?|\w{0,40}(?:apikey|token|secret(?:[ _-](?:access[ _-])?key)?))"
)
#: What each of these names has in it (``Hints``).
_IN_PASSWORD_NAMES = ("pass", "pw", "kennwort", "contrase")
_IN_KEY_NAMES = ("key", "token", "secret")
_IS = r"(?:[ \t]*(?::=|=>|[:=])|[ \t]+(?:is|was|are|lautet|ist|est|es)\b[ \t]*:?)[ \t]*"
_VALUE = r"(?:\"([^\"\n]{3,200})\"|'([^'\n]{3,200})'|`([^`\n]{3,200})`|([^\s\"'`<>,;]{4,4000}))"
_NAME_END = r"[\"'`\])]{0,2}"

_NAMED_PASSWORD = re.compile(rf"(?<![\w-]){_PASSWORD_NAMES}{_NAME_END}{_IS}{_VALUE}", re.IGNORECASE)
_NAMED_KEY = re.compile(rf"(?<![\w-])-{{0,2}}{_KEY_NAMES}{_NAME_END}{_IS}{_VALUE}", re.IGNORECASE)
#: ``--password x``, ``password x``: nothing in between but a space.
_FLAG = re.compile(
    rf"(?<!\w)-{{0,2}}(?:{_PASSWORD_NAMES}|token|api[-_ ]?key|secret)[ \t]+{_VALUE}", re.IGNORECASE
)
_ELEMENT = re.compile(
    r"<(\w{0,40}(?:password|passwd|secret|token|apikey)\w{0,40})>([^<\n]{3,300})</\1>",
    re.IGNORECASE,
)
#: Where commands take a password without naming it, and what each of them needs (``Hints``).
_COMMANDS = {
    re.compile(r"\b(?:mysql|mariadb)\w*\b[^\n]{0,120}?\s-p(?!\s)[\"']?([^\s\"']{4,100})"): ("-p",),
    re.compile(r"\bcurl\b[^\n]{0,200}?\s(?:-u|--user)\s*[\"']?"
               r"[^\s:\"']{1,100}:([^\s\"']{3,100})"): ("curl",),
    re.compile(r"\b(?:docker|podman|helm|oc|az|sshpass)\b[^\n]{0,120}?\s(?:login\b[^\n]{0,120}?\s)?"
               r"-p\s+(?!\d+:)[\"']?([^\s\"']{4,200})"): ("-p",),
    re.compile(r"\bnet use\b[^\n]{0,200}?/user:\S+\s+(\S{4,100})", re.IGNORECASE): ("/user:",),
}  # fmt: skip
_CODE_NAMES = (
    r"(?:pin|cvc|cvv|türcode|(?-i:TAN|OTP)|one-time (?:password|code)|2fa code"
    r"|(?:door|alarm|access|gate|safe|entry|security|building|garage|verification|confirmation)"
    r"[ -]code)"
)
_CODE = re.compile(
    rf"\b{_CODE_NAMES}\b(?:[ ](?:for|of|to)[ ][\w ]{{1,40}}?)?[ ]?(?:is|=|:|lautet|ist)?[ ]?"
    r"([*#]?\d{3,8}[*#]?)(?![\w-]|\.\w)",
    re.IGNORECASE,
)
_RECOVERY = re.compile(
    r"\b(?:recovery|backup) codes?\W{1,4}((?:[a-z0-9]{4,8}-[a-z0-9]{4,8}[\s,]*){1,20})",
    re.IGNORECASE,
)

_CODES = {
    _CODE: ("pin", "cvc", "cvv", "code", "tan", "otp", "one-time password"),
    _RECOVERY: ("code",),
}

#: No word is so long and has digits in it.
_LONG_RANDOM = re.compile(r"(?=\D*\d)(?=\d*[a-z])[0-9a-z]{20,}", re.IGNORECASE)
_SIGNS = re.compile(r"[!@#$%^&*+?~=]")
_CALL = re.compile(r"\w\(|\w\[[\"']|^(?:\w{1,60}\.)+[A-Za-z_]+$")
_LONGEST_LINE = 500
_TRAILING = ".,;:)]}»”’"


def find_named(text: str) -> Iterator[Span]:
    """Values under a telling name."""
    hints = Hints(text)
    if hints.has(*_IN_PASSWORD_NAMES):
        yield from _values(_NAMED_PASSWORD, text, Kind.PASSWORD, shortest=5)
    if hints.has(*_IN_KEY_NAMES):
        yield from _values(_NAMED_KEY, text, Kind.ACCESS_KEY, shortest=8)
    if hints.has(*_IN_PASSWORD_NAMES, *_IN_KEY_NAMES):
        yield from _flagged(text)
    yield from _quoted(text)
    for found in _ELEMENT.finditer(text):
        if not is_stand_in(found[2]):
            yield Span(found.start(2), found.end(2), Kind.PASSWORD)
    yield from (span for span in _first_groups(_COMMANDS, text, hints, Kind.PASSWORD)
                if not is_stand_in(text[span.start : span.end]))  # fmt: skip
    yield from _first_groups(_CODES, text, hints, Kind.CODE)


def _first_groups(
    patterns: Mapping[re.Pattern[str], tuple[str, ...]], text: str, hints: Hints, kind: Kind
) -> Iterator[Span]:
    for pattern, needed in patterns.items():
        for found in pattern.finditer(text) if hints.has(*needed) else ():
            yield Span(found.start(1), found.end(1), kind)


def _flagged(text: str) -> Iterator[Span]:
    for span in _values(_FLAG, text, Kind.PASSWORD, shortest=6):
        value = text[span.start : span.end]
        if _is_mixed(value) or _LONG_RANDOM.fullmatch(value):
            yield span


def _values(pattern: re.Pattern[str], text: str, kind: Kind, shortest: int) -> Iterator[Span]:
    for found in pattern.finditer(text):
        group = found.lastindex or 0
        start, end = found.span(group)
        while end > start and text[end - 1] in _TRAILING:
            end -= 1
        value = text[start:end]
        if len(value) >= shortest and _is_made_up(value):
            yield Span(start, end, kind)


def _quoted(text: str) -> Iterator[Span]:
    """What ``detect-secrets`` takes for a secret because of its name: quoted, in code."""
    detector = KeywordDetector()
    start = 0
    for line in text.splitlines(keepends=True):
        # Without a quote there is nothing to find, and its patterns are slow on long lines.
        has_quote = len(line) <= _LONGEST_LINE and ('"' in line or "'" in line)
        for value in detector.analyze_string(line) if has_quote else ():
            at = line.find(value)
            if at >= 0 and _is_made_up(value):
                yield Span(start + at, start + at + len(value), Kind.PASSWORD)
        start += len(line)


def _is_made_up(value: str) -> bool:
    """Say whether nobody would write this as a word, a name or an expression."""
    if is_stand_in(value) or "://" in value or _CALL.search(value) or " " in value.strip():
        return False
    has_letter = any(map(str.isalpha, value))
    has_digit = any(map(str.isdigit, value))
    return (has_digit and (has_letter or len(value) >= 5)) or bool(
        has_letter and _SIGNS.search(value)
    )


def _is_mixed(value: str) -> bool:
    kinds = (str.islower, str.isupper, str.isdigit)
    has_sign = _SIGNS.search(value) is not None
    return has_sign + sum(any(map(kind, value)) for kind in kinds) >= 3
