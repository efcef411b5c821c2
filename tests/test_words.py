"""Words as the searches see them."""

from hypothesis import given
from hypothesis import strategies as st

from bot.words import STOP_WORDS, stems_of, stems_of_pair

#: Words with and without fillers, endings and accents.
texts = st.lists(
    st.sampled_from(["the", "where", "keys", "key", "hooks", "Schlüssel", "café", "42", "¿", ""]),
    max_size=6,
).map(" ".join)


@given(one=texts, other=texts)
def test_a_pair_s_stems_are_those_of_both_texts_together_and_of_the_second(one, other):
    assert stems_of_pair(one, other) == (stems_of(f"{one} {other}"), stems_of(other))


def test_fillers_count_where_a_text_has_nothing_else():
    assert stems_of_pair("Where is it?", "on the hook") == ({"hook"}, {"hook"})
    both, second = stems_of_pair("hooks", "on the")
    assert both == {"hook"}
    assert second <= STOP_WORDS
    assert second
