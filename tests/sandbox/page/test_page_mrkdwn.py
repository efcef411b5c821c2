"""Slack's markup as the page draws it; hostile text comes out as text."""

import time

import pytest
from htpy import Node, div

from bot.sandbox.page import mrkdwn
from bot.sandbox.page.directory import Directory, Person, Place
from tests.sandbox.page.parsed import assert_harmless, tags

DIRECTORY = Directory(
    {"U0CAROL": Person("U0CAROL", "Carol Jensen"), "U0BOB": Person("U0BOB", "Bob <b>")},
    {"C0HELP": Place("C0HELP", "help")},
    viewer="U0CAROL",
)


def drawn(text: str) -> str:
    return html(mrkdwn.render(text, DIRECTORY))


def html(node: Node) -> str:
    return str(div[node]).removeprefix("<div>").removesuffix("</div>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*bold* _it_ ~no~", "<strong>bold</strong> <em>it</em> <del>no</del>"),
        ("*bold _and it_*", "<strong>bold <em>and it</em></strong>"),
        ("`a *b* &lt;c&gt;`", "<code>a *b* &lt;c&gt;</code>"),
        ("snake_case_name and 2*3*4", "snake_case_name and 2*3*4"),
        ("* not bold * and *open", "* not bold * and *open"),
        ("fish &amp; chips", "fish &amp; chips"),
        ("one\ntwo", "one<br>two"),
    ],
)
def test_emphasis_follows_slacks_rules(text, expected):
    assert expected in drawn(text)


def test_a_link_keeps_its_label_and_opens_outside():
    shown = drawn("see <https://example.com/a_b?x=1&amp;y=2|the *page*>")

    assert 'href="https://example.com/a_b?x=1&amp;y=2"' in shown
    assert 'target="_blank" rel="noopener noreferrer nofollow"' in shown
    assert ">the *page*</a>" in shown


def test_a_bare_address_becomes_a_link_without_the_full_stop():
    assert '<a href="https://example.com/x" ' in drawn("at https://example.com/x.")


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<b>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example",
        "https:evil",
        "http://[broken",
    ],
)
def test_only_http_and_mail_addresses_become_links(address):
    assert "<a" not in drawn(f"<{address}|click>")
    assert not mrkdwn.is_safe_link(address)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<https://a.example/"onmouseover="alert(1)|x>',
        "<https://a.example|<img src=x>>",
        "```<script>alert(1)</script>```",
        "`<script>`",
        "*<b onclick=x>*",
        '<!date^1^{date}^https://x|"><script>>',
        "<!subteam^S1|<script>>",
        '<@U0BOB|"><script>>',
        ':"><script>:',
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ],
)
def test_hostile_text_makes_no_elements_of_its_own(text):
    shown = drawn(text)

    assert tags(shown) <= {"p", "a", "pre", "code", "span", "strong"}
    assert_harmless(shown)


def test_people_and_channels_are_shown_by_name():
    shown = drawn("<@U0CAROL> and <@U0BOB> in <#C0HELP>")

    assert '<span class="mention mention-me">@Carol Jensen</span>' in shown
    assert "@Bob &lt;b&gt;" in shown
    assert 'data-channel="C0HELP">#help</a>' in shown


def test_a_channel_the_viewer_may_not_know_stays_nameless():
    assert "C0OPS" not in drawn("<#C0OPS|ops>")
    assert ">a private channel<" in drawn("<#C0OPS|ops>")
    assert "ops" not in drawn("<#C0OPS|ops>")


def test_blocks_of_lines_become_quotes_lists_and_code():
    shown = drawn("&gt; said\n> again\n• one\n• two\n3. three\n```let x\n  = 1```\nend")

    assert "<blockquote>said<br>again</blockquote>" in shown
    assert "<ul><li>one</li><li>two</li></ul>" in shown
    assert '<ol><li value="3">three</li></ol>' in shown
    assert "<pre><code>let x\n  = 1</code></pre>" in shown
    assert shown.endswith('<p dir="auto">end</p>')


def test_emoji_are_shown_and_unknown_shortcodes_stay():
    shown = drawn(":white_check_mark: :+1::skin-tone-3: :nope: 10:30:15")

    assert "✅" in shown
    assert "👍" in shown
    assert ":nope:" in shown
    assert "10:30:15" in shown


def test_text_from_right_to_left_keeps_its_direction():
    assert drawn("مرحبا *بالعالم*") == '<p dir="auto">مرحبا <strong>بالعالم</strong></p>'


@pytest.mark.parametrize("mark", ["\ue0000\ue001", "\ue000", "\x00", "\ue0009999999\ue001"])
def test_the_renderers_own_marks_in_a_text_mean_nothing(mark):
    assert drawn(f"a {mark} `code`").count("<code>") == 1


@pytest.mark.parametrize(
    "text",
    ["*" * 40_000, "<" * 40_000, "`" * 39_999, "```" * 13_333, "_a" * 20_000, ":" * 40_000,
     "> " * 20_000, "*_~" * 13_333, "https://" * 5_000, "<@" * 20_000, "```a" * 10_000],
)  # fmt: skip
def test_forty_thousand_hostile_characters_are_read_in_linear_time(text):
    began = time.process_time()
    half = drawn(text[: len(text) // 2])
    first = time.process_time()
    whole = drawn(text)
    second = time.process_time()

    assert len(whole) >= len(half)
    assert second - first < 8 * (first - began) + 0.5


def test_plain_text_means_nothing_but_emoji():
    shown = html(mrkdwn.render_plain("*no* <b> &lt;i&gt; :tada:"))

    assert "*no* &lt;b&gt; &lt;i&gt; " in shown
    assert "🎉" in shown
