"""Slack's markup made plain."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.curation.markup import Names, clean, has_words, visible
from bot.curation.message_text import text_of

BOT = "U0APPRENTICE"


def plain(text: str, addressed=()) -> str:
    return clean(text, Names(BOT), addressed)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("ask <@U1>", "ask colleague A"),
        ("ask <@W1|dana>", "ask colleague A"),
        ("<@U1>, <@U2> and <@U1>", "colleague A, colleague B and colleague A"),
        ("<@U0APPRENTICE> how?", "how?"),
        ("how, <@U0APPRENTICE>?", "how?"),
        ("see <#C1|general> and <#C2>", "see #general and a channel"),
        ("<!here> <!channel|@channel> look", "everyone everyone look"),
        ("ask <!subteam^S1|@ops>", "ask a team"),
        ("on <!date^1700000000^{date}|Nov 14>", "on Nov 14"),
        ("<https://a.example/b?c=1&amp;d=2|the docs>", "the docs (https://a.example/b?c=1&d=2)"),
        ("<https://a.example>", "https://a.example"),
        ("<https://a.example|a.example>", "https://a.example"),
        ("<mailto:it@a.example|it@a.example>", "it@a.example"),
        ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
        ("&amp;lt;", "&lt;"),
        ("a < b > c", "a < b > c"),
        (":wave: hello *bold* snake_case", ":wave: hello *bold* snake_case"),
        ("line\r\nline\x00\x07\u202e\u200b", "line\nline"),
        ("half \ud83d a character", "half  a character"),
    ],
)
def test_markup_reads_as_people_saw_it(markup, text):
    assert plain(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("`a  *b*  :c: &lt;pod&gt; &amp;`", "`a  *b*  :c: <pod> &`"),
        ("```\n  if a &lt; b:\n\tx = '_*~'\n```", "```\n  if a < b:\n\tx = '_*~'\n```"),
        ("`curl <https://a.example/x>`", "`curl https://a.example/x`"),
        ("`ping <http://a.example|a.example>`", "`ping a.example`"),
        ("`an <odd> token`", "`an <odd> token`"),
    ],
)
def test_code_stays_as_it_was_typed(markup, text):
    assert plain(markup) == text


def test_who_an_answer_begins_by_speaking_to_is_dropped():
    assert plain("<@U1>: <@U0APPRENTICE> run it as <@U1>", {"U1"}) == "run it as colleague A"
    assert plain("<@U2>: run it", {"U1"}) == "colleague A: run it"


def test_the_same_person_has_the_same_name_in_all_messages_of_a_thread():
    names = Names(BOT)

    first, second = clean("ask <@U9> or <@U8>", names), clean("<@U8> is away", names)

    assert (first, second) == ("ask colleague A or colleague B", "colleague B is away")


def test_many_people_still_have_different_names():
    text = plain(" ".join(f"<@U{n}>" for n in range(800)))

    names = re.findall(r"colleague ([A-Z]+)", text)
    assert len(set(names)) == 800
    assert names[:2] + names[26:28] + names[702:703] == ["A", "B", "AA", "AB", "AAA"]


@pytest.mark.parametrize("text", ["", "  ", ":tada: :+1::skin-tone-3:", "<@U1>", "!?", "<!here>"])
def test_no_words_are_in(text):
    assert not has_words(text)


@pytest.mark.parametrize("text", ["no", "42", "日本", ":tada: yes", "<https://a.example>", "`x`"])
def test_words_are_in(text):
    assert has_words(text)


@given(
    st.lists(
        st.sampled_from(
            ["<", ">", "|", "@", "U1ABC", "`", "```", "&lt;", "!", "#", "a", "\n", ":"]
        ),
        max_size=40,
    )
)
def test_no_mention_survives_whatever_surrounds_it(pieces):
    hostile = "".join(pieces) + " <@U0SECRET|Zoe Quartz> " + "".join(reversed(pieces))

    text = plain(hostile)

    assert "U0SECRET" not in text
    assert "Zoe Quartz" not in text


@given(st.text())
def test_cleaned_text_can_be_stored_and_hides_nothing(text):
    cleaned = plain(text)

    cleaned.encode("utf-8")
    assert visible(cleaned) == cleaned


@pytest.mark.parametrize("evil", ["<", "`", "```a", "<@", "<@U1> ", "<a:b|", ":a", "&lt;<"])
def test_forty_thousand_hostile_characters_take_no_time(evil):
    text = evil * (40_000 // len(evil))
    began = time.process_time()

    plain(text, {"U1"})
    has_words(text)

    assert time.process_time() - began < 1.0


def test_a_message_without_text_says_what_its_blocks_say():
    message = {
        "text": "",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Step <1>"}},
            {"type": "section", "text": {"type": "mrkdwn", "text": "Ask <@U1>"}},
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_section",
                        "elements": [
                            {"type": "text", "text": "Run "},
                            {"type": "text", "text": "a <b>", "style": {"code": True}},
                            {"type": "user", "user_id": "U2"},
                            {"type": "link", "url": "https://a.example", "text": "docs"},
                        ],
                    },
                    {
                        "type": "rich_text_list",
                        "elements": [
                            {
                                "type": "rich_text_section",
                                "elements": [{"type": "text", "text": "one"}],
                            }
                        ],
                    },
                ],
            },
            {"type": "divider"},
        ],
    }

    assert plain(text_of(message)) == (
        "Step <1>\nAsk colleague A\nRun `a <b>`colleague Bdocs (https://a.example)\n• one"
    )


@pytest.mark.parametrize(
    "message",
    [
        {"attachments": [{"text": "it is down", "fallback": "no"}]},
        {"attachments": [{"fallback": "it is down"}]},
        {"text": None, "attachments": [
            {"blocks": [{"type": "markdown", "text": "it is down"}]}]},
    ],
)  # fmt: skip
def test_a_message_without_text_and_blocks_says_what_its_attachments_say(message):
    assert text_of(message) == "it is down"


def test_a_message_with_nothing_says_nothing():
    assert text_of({"files": [{"id": "F1"}], "text": ""}) == ""
