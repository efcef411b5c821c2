"""
Finds keys, tokens and passwords in a text: what ``detect-secrets`` knows, and what it lacks.

Its detectors are asked for their patterns rather than for what they found, because several report
only the beginning of a token. Its entropy detectors are not asked at all: a commit's hash is as
random as a key. Addresses are no secret here, ``detect-secrets``' public IPs neither.
"""

import re
from collections.abc import Iterator

from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.cloudant import CloudantDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString
from detect_secrets.plugins.ibm_cloud_iam import IbmCloudIamDetector
from detect_secrets.plugins.ibm_cos_hmac import IbmCosHmacDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.softlayer import SoftlayerDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

from bot.curation.hints import Hints
from bot.curation.spans import Kind, Span

#: Those whose whole match is the secret, and those who say in a group where it is.
_WHOLE: tuple[RegexBasedDetector, ...] = (
    ArtifactoryDetector(), AzureStorageKeyDetector(), DiscordBotTokenDetector(),
    GitHubTokenDetector(), GitLabTokenDetector(), JwtTokenDetector(), MailchimpDetector(),
    OpenAIDetector(), PypiTokenDetector(), SendGridDetector(), SlackDetector(),
    SquareOAuthDetector(), StripeDetector(), TelegramBotTokenDetector(), TwilioKeyDetector(),
)  # fmt: skip
_GROUPED: tuple[RegexBasedDetector, ...] = (
    AWSKeyDetector(), BasicAuthDetector(), CloudantDetector(), IbmCloudIamDetector(),
    IbmCosHmacDetector(), NpmDetector(), SoftlayerDetector(),
)  # fmt: skip

#: Tokens known by how they begin, as their makers write them; the list follows gitleaks' rules.
_PREFIXED = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"github_pat_\w{40,}|gh[pousr]_\w{30,}|gl[a-z]{2,8}-[\w-]{20,}(?:\.\w\w\.\w{7,})?"
    r"|xox[a-z](?:\.xox[a-z])?-[\w-]{10,}|xapp-\d-[\w-]{20,}"
    r"|sk-(?:ant-|proj-|svcacct-|admin-|or-)?[\w-]{32,}|AIza[\w-]{30,}|GOCSPX-[\w-]{20,}"
    r"|ya29\.[\w.-]{20,}|hf_[A-Za-z0-9]{30,}|[sr]k_(?:live|test)_\w{16,}|whsec_[\w+/=]{24,}"
    r"|key-[0-9a-f]{32}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{50,}|do[opr]_v1_[0-9a-f]{40,}"
    r"|shp[a-z]{2}_[0-9a-fA-F]{32}|dapi[0-9a-f]{32}(?:-\d)?|ATATT3[\w=-]{50,}|ATCTT3[\w=-]{50,}"
    r"|lin_(?:api|oauth)_\w{32,}|ntn_\w{40,}|secret_\w{40,}|fig[dou]_[\w-]{30,}"
    r"|hv[sbr]\.[\w-]{24,}|glsa_\w{32,}|glc_[\w+/=]{32,}|NR(?:AK|JS|II|RA)-[\w-]{20,}"
    r"|[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,}|AGE-SECRET-KEY-1[A-Z0-9]{50,}|dckr_[a-z]{3}_[\w-]{20,}"
    r"|pul-[0-9a-f]{40}|pscale_(?:tkn|pw|oauth)_[\w.=-]{30,}|sb[ps]_[\w-]{36,}|gsk_\w{40,}"
    r"|r8_\w{30,}|pplx-\w{40,}|xai-\w{60,}|EZ[AT]K\w{50,}|CFPAT-[\w-]{40,}|rubygems_[0-9a-f]{40,}"
    r"|tskey-[a-z]+-[\w-]{20,}|sntry[su]_[\w+/=-]{40,}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}"
    r"|dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{40,}|phc_\w{40,}|phx_\w{40,}|sq0[a-z]{3}-[\w-]{22,}"
    r"|EAAA[\w-]{56,}|v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}"
    r"|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}|A3-[A-Z0-9]{6}-(?:[A-Z0-9]{5,6}-){3,5}[A-Z0-9]{5}"
    r"|sk_[0-9a-f]{40,}|ABSK[\w+/=]{100,}|sl\.(?:u\.)?[\w-]{100,}|sq[apu]_[0-9a-f]{40}"
    r"|pat[A-Za-z0-9]{14}\.[0-9a-f]{64}|pat-[a-z]{2}\d-[0-9a-f-]{36}|bkua_[0-9a-f]{40}"
    r"|nsec1[a-z0-9]{50,}|[12]/\d{10,}(?:/\d{10,})?:[0-9a-f]{32}"
    r"|access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}"
    # What a system keeps in a password's place; short passwords are found from it.
    r"|\$(?:[156]|2[abxy]|y|argon2(?:id?|d))\$[\w./$=,+-]{20,}"
    r"|https://hooks\.slack\.com/(?:services|triggers|workflows)/[\w/]{20,}"
    r"|https://discord(?:app)?\.com/api/webhooks/\d+/[\w-]{40,}"
    r"|https://[\w.-]+\.webhook\.office\.com/\S{40,}"
    r")"
)
#: The pattern of ``detect-secrets`` stops before the signature.
_JWT = re.compile(r"eyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w+/=-]*)?")
#: What goes on behind the end of a token belongs to it: makers lengthen theirs now and then.
_REST = re.compile(r"[\w+/=-]*")
_BEGIN_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_END_KEY = re.compile(r"-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")

_PUTTY = re.compile(
    r"PuTTY-User-Key-File-\d.{0,4000}?(Private-Lines:.{1,40000}?(?:Private-MAC: ?\w+|\Z))",
    re.DOTALL,
)

#: An address with a password in it, ``scheme://name:password@host``.
_IN_ADDRESS = re.compile(r"://[^\s/:@]{0,100}:([^\s@/]{3,200})@")
_PARAMETER = re.compile(
    r"[?&](?:[\w-]*(?:token|key|secret|password|passwd|signature)|sig|pwd|auth)=([^\s&#>|\"']{8,})",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"\b(?:authorization|x-[\w-]*(?:key|token)|private-token)[\"']?\s*[:=]\s*[\"']?"
    r"(?:(?:bearer|basic|token|bot|apikey)\s+)?([\w.~+/=-]{16,})",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(?:bearer|basic)\s+([\w.~+/=-]{20,})", re.IGNORECASE)
_COOKIE = re.compile(r"\b\w*sess(?:ion|id)?[\w-]*=([\w.%+/=-]{20,})", re.IGNORECASE)

#: Where a link, a header or a cookie keeps a key, and what each of them needs (``Hints``).
_KEPT_IN = {
    _PARAMETER: ("=",),
    _HEADER: ("authorization", "x-", "private-token"),
    _BEARER: ("bearer", "basic"),
    _COOKIE: ("sess",),
}

_RANDOM = re.compile(r"(?<![\w+/=.@-])[A-Za-z0-9+/_-]{32,128}={0,2}(?![\w+/=@-]|\.\w)")
#: What may be as random as a key, and is published: digests, public keys, pictures.
_PUBLISHED = re.compile(
    r"(?:sha\d{1,3}[-:]|h1:|md5[-:]|base64,|ssh-\w+ |ecdsa-\S+ |fingerprint\W{1,3}|digest\W{1,3})$",
    re.IGNORECASE,
)
#: How package managers write a digest.
_INTEGRITY = ("sha256-", "sha384-", "sha512-")
_IN_LINK = re.compile(r"\b(?:https?|s3|gs|ftp)://\S+")
_ENTROPY = Base64HighEntropyString(limit=4.2)


def find_tokens(text: str) -> Iterator[Span]:
    """Keys and tokens that are known by their form."""
    yield from _detected(text)
    for found in _PREFIXED.finditer(text):
        yield _whole(text, found)
    for found in _JWT.finditer(text) if "eyJ" in text else ():
        if JwtTokenDetector.is_formally_valid(found[0].rpartition(".")[0] or found[0]):
            yield _whole(text, found)
    yield from _random_words(text)


def find_private_keys(text: str) -> Iterator[Span]:
    """A key that was cut off goes on to the end of the text."""
    for found in _PUTTY.finditer(text) if "PuTTY-User-Key-File-" in text else ():
        yield _span(found, 1, Kind.PRIVATE_KEY)
    if "-----BEGIN " not in text:
        return
    for begin in _BEGIN_KEY.finditer(text):
        end = _END_KEY.search(text, begin.end())
        yield Span(begin.start(), end.end() if end else len(text), Kind.PRIVATE_KEY)
        if end is None:
            return


def find_credentials_in_addresses(text: str) -> Iterator[Span]:
    """Passwords and keys in links, headers and cookies."""
    hints = Hints(text)
    for found in _IN_ADDRESS.finditer(text) if hints.has("://") else ():
        if not is_stand_in(found[1]):
            yield _span(found, 1, Kind.PASSWORD)
    for pattern, needed in _KEPT_IN.items():
        for found in pattern.finditer(text) if hints.has(*needed) else ():
            if not is_stand_in(found[1]) and re.search(r"\d|[=%]", found[1]):
                yield _span(found, 1, Kind.ACCESS_KEY)


def is_stand_in(value: str) -> bool:
    """Say whether a value only stands for one: ``<token>``, ``$TOKEN``, ``****``, ``sk-...``."""
    return (
        value.startswith(("$", "<", "{", "[", "%(", "@{", "&lt;"))
        or "..." in value
        or "…" in value
        or len(set(value.strip("\"'"))) <= 2
    )


def _detected(text: str) -> Iterator[Span]:
    """What ``detect-secrets`` finds."""
    for detector in _WHOLE:
        for pattern in detector.denylist:
            for found in pattern.finditer(text):
                if _is_real(detector, found[0]):
                    yield _whole(text, found)
    for detector in _GROUPED:
        for pattern in detector.denylist:
            for found in pattern.finditer(text):
                yield _span(found, found.lastindex or 0, Kind.ACCESS_KEY)


def _random_words(text: str) -> Iterator[Span]:
    words = list(_RANDOM.finditer(text))
    links = [found.span() for found in _IN_LINK.finditer(text)] if words else []
    for found in words:
        is_in_link = any(start <= found.start() < end for start, end in links)
        if not is_in_link and _is_random(found[0]) and not _is_published(text, found):
            yield Span(found.start(), found.end(), Kind.ACCESS_KEY)


def _is_random(word: str) -> bool:
    parts = [part for part in re.split(r"[/_+-]", word) if len(part) >= 8]
    mixed = [part for part in parts if _is_mixed(part)]
    return (
        bool(mixed)
        and len(re.findall(r"\d+", word)) >= 2
        and _ENTROPY.calculate_shannon_entropy(word) > _ENTROPY.entropy_limit
    )


def _is_mixed(part: str) -> bool:
    return bool(re.search("[A-Z]", part) and re.search("[a-z]", part) and re.search(r"\d", part))


def _is_published(text: str, found: re.Match[str]) -> bool:
    before = text[max(0, found.start() - 40) : found.start()]
    return found[0].startswith(("AAAA", *_INTEGRITY)) or _PUBLISHED.search(before) is not None


def _is_real(detector: RegexBasedDetector, match: str) -> bool:
    if isinstance(detector, JwtTokenDetector):
        return JwtTokenDetector.is_formally_valid(match)
    if isinstance(detector, ArtifactoryDetector):
        # APARTMENTS begins as their passwords do.
        return re.search(r"\d", match) is not None
    return True


def _whole(text: str, found: re.Match[str]) -> Span:
    rest = _REST.match(text, found.end())
    return Span(found.start(), rest.end() if rest else found.end(), Kind.ACCESS_KEY)


def _span(found: re.Match[str], group: int, kind: Kind) -> Span:
    return Span(found.start(group), found.end(group), kind)
