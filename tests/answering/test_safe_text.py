"""What a model wrote is harmless, however its stream is cut."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.answering.safe_text import (
    CUT_OFF,
    MAX_CHARACTERS,
    MAX_RUN,
    REMOVED,
    SafeText,
    addresses_in,
    make_safe,
)

DANGEROUS = [
    "<@U0ALICE>", "<!channel>", "<!here|here>", "<!subteam^S1|@ops>", "<#C0OPS|ops>", "@here",
    "@channel", "@everyone", "https://evil.example/x", "<https://evil.example|click>",
    "[click](https://evil.example)", "![p](http://evil.example/p.png?q=1)", "[a]: //evil.com/x",
    "www.evil.com", "evil.com/path", "mailto:a@evil.com", "javascript:alert(1)", "a@evil.com",
    "_evil.com_", "-evil.com", "*evil.com*", "slack://open", "HTTPS://EVIL.COM", "<", "@", "!",
    "](", "://", " ", "\n", "é", "中",
]  # fmt: skip
PIECES = st.lists(st.one_of(st.sampled_from(DANGEROUS), st.text(max_size=6)), max_size=25)
#: What Slack would act upon: control sequences, broadcasts, addresses, hidden link targets.
ACTS = re.compile(
    r"<[@!#]|<[a-z][a-z0-9+.-]*:|@(here|channel|everyone)\b|https?://|(?<![a-z0-9])www\.|mailto:|slack:"
    r"|javascript:|\]\(|evil\.(com|example)(?![._-]?[a-z0-9])",
    re.IGNORECASE | re.ASCII,
)


@settings(max_examples=200)
@given(PIECES)
def test_nothing_that_slack_acts_upon_gets_through(pieces):
    shown = make_safe("".join(pieces))

    assert not ACTS.search(shown)


@given(PIECES, st.data())
def test_the_result_does_not_depend_on_where_the_stream_is_cut(pieces, data):
    text = "".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=10)))
    ends = [*cuts, len(text)]
    parts = [text[start:end] for start, end in zip([0, *cuts], ends, strict=True)]

    safe = SafeText()

    assert "".join(safe.stream(parts)) == make_safe(text)


@given(st.text(alphabet="abcdefghij ,.\n!?äß中", max_size=200))
def test_ordinary_text_stays_as_it_is(text):
    assert make_safe(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "if a < b and b > c: print(x)",
        "Use `List<String>` and `std::vector<int>`.",
        "Set x = y @ z, then mail the team @ noon.",
        "See config.yaml, main.py and version 1.2.3.",
        "Call logging.info(x), java.io.File or asyncio.to_thread; node.js too.",
        "Run `apt-get install foo && bar | grep -v baz`.",
        "At 10:30, ratio 3:4, C:\\Temp",
        "- one\n- two\n\n**bold** and _it_ and [x] done",
    ],
)
def test_code_and_lists_stay_as_they_are(text):
    assert make_safe(text) == text


def test_mentions_lose_their_meaning_but_stay_readable():
    assert make_safe("Ask <@U0ALICE> or <!channel>!") == "Ask &lt;@U0ALICE> or &lt;!channel>!"


def test_a_mention_over_two_pieces_is_caught():
    safe = SafeText()

    shown = [safe.feed("Hello <!chan"), safe.feed("nel> you"), safe.finish()]

    assert shown == ["Hello ", "&lt;!channel> ", "you"]


def test_an_address_of_a_source_may_appear():
    source = "It is on <https://wiki.example/vpn/|the wiki>."

    shown = make_safe("See https://wiki.example/vpn. Not https://wiki.example/vpn@evil.", [source])

    assert shown == f"See https://wiki.example/vpn. Not {REMOVED}."


@pytest.mark.parametrize(
    "lookalike",
    [
        "https://wiki.example.evil.com/vpn",
        "https://wiki.example/vpn?leak=secret",
        "http://wiki.example/vpn",
        "https://wiki.example/vp",
        "xhttps://wiki.example/vpn",
    ],
)
def test_what_only_resembles_an_address_of_a_source_is_removed(lookalike):
    shown = make_safe(f"See {lookalike} now", ["https://wiki.example/vpn"])

    assert shown == f"See {REMOVED} now"


def test_a_link_never_hides_where_it_leads():
    shown = make_safe("[the wiki](https://wiki.example/vpn)", ["https://wiki.example/vpn"])

    assert shown == "[the wiki] (https://wiki.example/vpn)"


def test_an_endless_word_is_broken_and_an_endless_answer_cut_off():
    word = make_safe("x" * (MAX_RUN + 1))
    answer = make_safe("many words " * 2000)

    assert word == "x" * MAX_RUN + " x"
    assert answer == ("many words " * 2000)[:MAX_CHARACTERS] + CUT_OFF


def test_a_full_answer_stops_the_generation():
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield "words and words "

    shown = "".join(SafeText().stream(endless()))

    assert shown.endswith(CUT_OFF)
    assert len(taken) < 1000


def test_text_without_spaces_streams_all_the_same():
    safe = SafeText()

    assert safe.feed("会議室の鍵は") == "会議室の鍵は"


def test_addresses_are_compared_without_what_ends_the_sentence():
    assert list(addresses_in("(see https://a.example/x).")) == ["https://a.example/x"]
