"""
Finds mail addresses, phone numbers, cards and bank accounts in a text. Pure.

Numbers count only if they are possible: a phone number by the numbering plan of its country
(``phonenumbers``), a card by its issuer's length and check digit, an account by the check digits
of its IBAN (``python-stdnum``). So order numbers, timestamps and hashes stay what they are.
"""

import re
from collections.abc import Iterator, Sequence

import phonenumbers
from stdnum import iban, luhn
from stdnum.exceptions import ValidationError

from bot.curation.hints import Hints
from bot.curation.spans import Kind, Span

_MAIL = re.compile(
    r"(?:(?<![\w.+%-])\w[\w.+%'’-]{0,63}|\"[^\"@\n]{1,64}\")(?:@|%40)(?:\w(?:[\w-]{0,61}\w)?\.){1,8}([^\W\d_]{2,24})(?![\w@-])"
)
_SPELLED_MAIL = re.compile(
    r"(?<![\w.+-])\w[\w.+-]{0,63} ?[(\[](?:at|ät)[)\]] ?[\w-]{1,63}"
    r"(?: ?(?:\.|[(\[](?:dot|punkt)[)\]]) ?[\w-]{1,63}){1,5}",
    re.IGNORECASE,
)
#: In words, where somebody says that it is an address.
_SPOKEN_MAIL = re.compile(
    r"\b(?:to|e-?mail(?: is| me)?|address(?: is)?|reach|contact|cc)[: ]{1,2}"
    r"([\w.+-]{1,64} at [\w-]{1,63}(?: dot [\w-]{2,63}){1,4})\b",
    re.IGNORECASE,
)
#: Ends of what looks like an address: files, units of systemd, names only one network knows.
_NO_DOMAIN = re.compile(
    r"png|jpe?g|gif|webp|svg|css|[jt]sx?|json|py|rb|go|t?gz|zip|tar|jar|md|txt|ya?ml|xml"
    r"|service|socket|timer|target|mount|slice|scope|path|device"
    r"|local|lan|internal|localdomain|intern|corp|home|test|invalid",
    re.IGNORECASE,
)
#: ``git@host:`` names no person; nor does whom a shell logs in as.
_LOGIN = re.compile(r"\b(?:ssh|scp|rsync|sftp|mosh|ssh-copy-id)\b[^\n|;&]{0,200}$")
_REMOTE_PATH = re.compile(r":[~/]|:[\w.-]+/")

_CARD = re.compile(r"(?<![\w.:/+-])\d(?:[ .-]?\d){12,18}(?![\w-]|\.\d)")
#: First digits and lengths of the card networks.
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}"
    r"|62\d{14,17}|(?:50(?:18|20|38)|5893|6304|6759|676[1-3])\d{8,15}|220[0-4]\d{12}"
)
_CARD_GROUPS = re.compile(r"\d{13,19}|\d{4}([ .-])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ .-])\d{6}\2\d{4,5}")

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_SHORTEST_IBAN, _LONGEST_IBAN = 15, 34

#: A number without its country's code is one only where somebody speaks of phones, or where it
#: is written as phone numbers are.
_PHONE_WORD = re.compile(
    r"(?:\b(?:tel|phone|mobile?|mobil|cell|call|ring|text|fax|pager|hotline|handy|reach|dial|desk"
    r"|whatsapp|signal|number|nummer|ruf|rufen|anrufen|reception|contact|company|line|doctor"
    r"|portable|m[oó]vil|cellulare|gsm)"
    r"|\btél|\bappelez)",
    re.IGNORECASE,
)
_NEAR = 60
#: Links that open a chat with a number.
_CHAT_LINK = re.compile(
    r"\b(?:wa\.me/|api\.whatsapp\.com/send/?\?phone=|signal\.me/#p/)\+?(\d{8,15})(?!\d)"
)
_TYPICAL = re.compile(r"(?:1[-. ])?\(\d{3}\) ?\d{3}[-. ]\d{4}")


def find_personal_data(text: str, regions: Sequence[str]) -> Iterator[Span]:
    """``regions`` are the countries (``DE``) in whose form a phone number may be written."""
    yield from _mails(text)
    yield from _cards(text)
    yield from _accounts(text)
    yield from _phones(text, regions)


def _mails(text: str) -> Iterator[Span]:
    hints = Hints(text)
    for found in _MAIL.finditer(text) if hints.has("@", "%40") else ():
        if _NO_DOMAIN.fullmatch(found[1]) or _is_login(text, found):
            continue
        yield Span(found.start(), found.end(), Kind.MAIL)
    for found in _SPELLED_MAIL.finditer(text) if hints.has("t)", "t]") else ():
        yield Span(found.start(), found.end(), Kind.MAIL)
    for found in _SPOKEN_MAIL.finditer(text) if hints.has(" dot ") else ():
        yield Span(found.start(1), found.end(1), Kind.MAIL)


def _is_login(text: str, found: re.Match[str]) -> bool:
    is_in_link = text.endswith("://", 0, found.start())
    if is_in_link or found[0].startswith("git@") or _REMOTE_PATH.match(text, found.end()):
        return True
    return _LOGIN.search(text[max(0, found.start() - 220) : found.start()]) is not None


def _cards(text: str) -> Iterator[Span]:
    for found in _CARD.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if (
            _CARD_GROUPS.fullmatch(found[0])
            and _ISSUERS.fullmatch(digits)
            and luhn.is_valid(digits)
        ):
            yield Span(found.start(), found.end(), Kind.CARD)


def _accounts(text: str) -> Iterator[Span]:
    for found in _IBAN.finditer(text):
        if end := _end_of_account(text, found.start(), found.end()):
            yield Span(found.start(), end, Kind.IBAN)


def _end_of_account(text: str, start: int, limit: int) -> int | None:
    """Words may follow without a mark in between, so every length is tried, the longest last."""
    compact = ""
    for end in range(start, limit):
        if text[end] in " -":
            continue
        compact += text[end].upper()
        is_whole = end + 1 == len(text) or not text[end + 1].isalnum()
        if is_whole and _SHORTEST_IBAN <= len(compact) <= _LONGEST_IBAN and _is_account(compact):
            return end + 1
    return None


def _is_account(compact: str) -> bool:
    try:
        iban.validate(compact, check_country=False)
    except ValidationError:
        return False
    return True


def _phones(text: str, regions: Sequence[str]) -> Iterator[Span]:
    if sum(map(str.isdigit, text)) < 7:
        return
    for link in _CHAT_LINK.finditer(text):
        yield Span(link.start(1), link.end(1), Kind.PHONE)
    # The matcher is slow, so it is asked only where it could find something that counts.
    if "+" in text or "\N{FULLWIDTH PLUS SIGN}" in text:
        for found in phonenumbers.PhoneNumberMatcher(text, None):
            yield Span(found.start, found.end, Kind.PHONE)
    if _PHONE_WORD.search(text) is None and _TYPICAL.search(text) is None:
        return
    for region in regions:
        for found in phonenumbers.PhoneNumberMatcher(text, region):
            if _is_meant_as_phone(text, found):
                yield Span(found.start, found.end, Kind.PHONE)


def _is_meant_as_phone(text: str, found: phonenumbers.PhoneNumberMatch) -> bool:
    if _TYPICAL.fullmatch(found.raw_string):
        return True
    before = text[max(0, found.start - _NEAR) : found.start]
    return _PHONE_WORD.search(before.rsplit("\n", 1)[-1]) is not None
