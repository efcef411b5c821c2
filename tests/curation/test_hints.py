"""Patterns that are not tried find nothing: redaction with hints is redaction without."""

import re
import string
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.curation import hints, named_secrets, personal_data, secrets_found
from bot.curation.hints import Hints
from bot.curation.redaction import Redactor
from tests.curation.redaction_cases import cases
from tests.curation.redaction_cases_everyday import everyday, everyday_ordinary
from tests.curation.redaction_cases_ordinary import ordinary

ALL_CASES = [
    case.text for some in (cases, everyday, everyday_ordinary, ordinary) for case in some()
]
#: What is near to a secret, cut where a hint would be cut, in letters that ignore case otherwise.
PIECES = st.one_of(
    st.sampled_from(ALL_CASES),
    st.sampled_from(ALL_CASES).flatmap(
        lambda text: st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(
            lambda cut: text[min(cut) : max(cut)]
        )
    ),
    st.sampled_from(ALL_CASES).map(str.upper),
    st.sampled_from(ALL_CASES).map(lambda text: text.replace("s", "ſ").replace("k", "\u212a")),
    st.sampled_from(ALL_CASES).map(lambda text: text.replace("i", "ı").replace("I", "İ")),
    st.text(max_size=30),
)


class Anything(Hints):
    """Every hint is there, so that every pattern is tried."""

    def has(self, *_needed: str) -> bool:
        return True


def slowly(text: str) -> object:
    with pytest.MonkeyPatch.context() as patched:
        for module in (named_secrets, personal_data, secrets_found):
            patched.setattr(module, "Hints", Anything)
        return Redactor().redact(text)


@given(st.lists(PIECES, min_size=1, max_size=3).map(" ".join))
@settings(max_examples=400, deadline=None)
def test_what_is_found_is_what_is_found_without_hints(text: str):
    assert Redactor().redact(text) == slowly(text)


@pytest.mark.parametrize("text", ALL_CASES)
def test_of_every_written_case_too(text: str):
    assert Redactor().redact(text) == slowly(text)


def test_every_letter_that_a_pattern_takes_for_another_is_a_hint_of_that():
    letters = re.compile(f"([{string.ascii_letters}])", re.IGNORECASE)
    for point in range(sys.maxunicode + 1):
        character = chr(point)
        if letters.fullmatch(character):
            for letter in string.ascii_lowercase:
                if re.fullmatch(letter, character, re.IGNORECASE):
                    assert Hints(f"x{character}x").has(f"x{letter}x"), f"U+{point:04X}, {letter}"


@pytest.mark.parametrize(
    ("text", "needed", "is_there"),
    [("The PassWord", "password", True), ("paſſword", "pass", True), ("a word", "pass", False)],
)
def test_case_makes_no_difference(text: str, needed: str, is_there: bool):
    assert hints.Hints(text).has(needed) is is_there
