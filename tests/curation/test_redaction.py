"""Redaction: what must go goes, what is ordinary stays, and nothing of a value is left behind."""

import time

import pytest

from bot.curation.redaction import Redactor, in_words, redact
from bot.curation.spans import Kind
from bot.errors import SettingsError
from tests.curation.redaction_cases import Case, cases
from tests.curation.redaction_cases_everyday import everyday, everyday_ordinary
from tests.curation.redaction_cases_ordinary import ordinary
from tests.curation.redaction_figures import false_alarm, figures, leaks

REDACTOR = Redactor()
PLACEHOLDERS = "".join(f"[{kind.value}]" for kind in Kind)


def test_there_are_two_hundred_written_cases_of_each_sort():
    assert len({case.text for case in cases()}) >= 200
    assert len({case.text for case in ordinary()}) >= 200


@pytest.mark.parametrize("half", ["tuned on", "held out"])
def test_recall_and_false_positives_reach_what_is_promised(half: str):
    found = figures(REDACTOR, half)

    assert found.recall >= 0.98, found.missed
    assert found.false_positives <= 0.02, found.alarms


def test_what_ordinary_life_has_besides_is_found_and_what_looks_like_it_stays():
    assert [case.text for case in everyday() if leaks(REDACTOR, case)] == []
    assert [case.text for case in everyday_ordinary() if false_alarm(REDACTOR, case)] == []


@pytest.mark.parametrize(
    "case", [*cases()[::7], *ordinary()[::7], *everyday()[::3]], ids=lambda case: case.text[:20]
)
def test_redacting_twice_changes_nothing(case: Case):
    once = REDACTOR.redact(case.text).text

    assert REDACTOR.redact(once).text == once


def test_a_finding_says_what_and_where_and_never_the_value():
    found = redact("Ask anna@firma.de or bob@firma.de.")

    assert found.text == "Ask [mail address] or [mail address]."
    assert [finding.kind for finding in found.findings] == [Kind.MAIL, Kind.MAIL]
    assert [found.text[f.start :].startswith("[mail address]") for f in found.findings] == [
        True,
        True,
    ]
    assert "anna" not in repr(found)


def test_placeholders_are_no_secrets():
    assert REDACTOR.redact(PLACEHOLDERS).findings == ()


def test_patterns_of_one_s_own_are_replaced_too():
    assert redact("Badge EMP-482915 please", [r"EMP-\d{6}"]).text == "Badge [private detail] please"


def test_a_pattern_that_matches_nothing_at_all_does_no_harm():
    assert redact("abc", ["x*"]).text == "abc"


@pytest.mark.parametrize("pattern", ["(a", "(?<=x)y", "[z-a]"])
def test_a_wrong_pattern_stops_the_start_with_its_setting(pattern: str):
    with pytest.raises(SettingsError, match="REDACTION_PATTERNS"):
        Redactor([pattern])


def test_an_unknown_country_stops_the_start_with_its_setting():
    with pytest.raises(SettingsError, match="PHONE_REGIONS"):
        Redactor(regions=["XX"])


def test_numbers_of_a_country_are_found_where_it_is_set():
    text = "Ring us: 0171 2345678"

    assert Redactor(regions=["DE"]).redact(text).text == "Ring us: [phone number]"
    assert Redactor(regions=[]).redact(text).text == text


@pytest.mark.parametrize(
    "text",
    ["secret_token_" * 2000, "a@" * 12_000, "sk-" * 8000, "a." * 12_000, "1 " * 12_000,
     "password: " * 2400, "-----BEGIN " * 2000, "eyJ" * 8000],
    ids=lambda text: text[:10],
)  # fmt: skip
def test_no_text_holds_the_bot_up(text: str):
    started = time.process_time()

    Redactor([r"(a+)+$", r"(\w+\s?)*x"]).redact(text)

    assert time.process_time() - started < 8


def test_what_was_replaced_in_words():
    assert in_words([]) == ""
    assert in_words([Kind.MAIL]) == "1 mail address"
    assert in_words([Kind.MAIL, Kind.IBAN, Kind.MAIL]) == "2 mail addresses and 1 IBAN"


def test_a_leak_and_a_false_alarm_would_be_noticed():
    nothing = Redactor(regions=[])
    nothing._find = lambda text: []  # type: ignore[method-assign]

    assert leaks(nothing, cases()[0])
    assert false_alarm(REDACTOR, Case("mail anna@firma.de", ()))
