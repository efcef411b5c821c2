"""What a model writes, in Markdown: drawn without anything that could load or run."""

import pytest
from htpy import div

from bot.sandbox.page import markdown
from bot.sandbox.page.directory import Directory, Person
from tests.sandbox.page.parsed import assert_harmless

DIRECTORY = Directory({"U0BOB": Person("U0BOB", "Bob")})


def drawn(text: str) -> str:
    return str(div[markdown.render(text, DIRECTORY)])


def test_the_usual_markdown_is_drawn():
    shown = drawn("**bold** and `code`\n\n1. one\n2. two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")

    assert "<strong>bold</strong>" in shown
    assert "<code>code</code>" in shown
    assert "<li>two</li>" in shown
    assert "<td>2</td>" in shown


def test_mentions_links_and_emoji_of_slack_are_drawn_too():
    shown = drawn("<@U0BOB> :tada: <https://example.com/x|there> [here](https://example.com)")

    assert '<span class="mention">@Bob</span>' in shown
    assert "🎉" in shown
    assert ">there</a>" in shown
    assert 'rel="noopener noreferrer nofollow">here</a>' in shown


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,hi)",
        "![x](javascript:alert(1))",
        "<javascript:alert(1)>",
        "[x](  JAVASCRIPT:alert(1))",
        '[x](https://a.example "\\" onclick=alert(1)")',
        "[a]: javascript:alert(1)\n\n[a]",
    ],
)
def test_nothing_runs_and_nothing_loads(text):
    assert_harmless(drawn(text))


def test_a_picture_is_offered_as_a_link_and_never_loaded():
    shown = drawn("![chart](https://example.com/a.png)")

    assert "<img" not in shown
    assert '<a href="https://example.com/a.png"' in shown


@pytest.mark.parametrize(
    "text", ["[" * 12_000, "*" * 12_000, "> " * 6_000, "`" * 11_999, "- " * 6_000]
)
def test_hostile_nesting_ends(text):
    assert drawn(text).startswith("<div>")


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_half_written_markdown_is_drawn_at_every_step(cut):
    text = "See **this** [page](https://example.com) and:\n\n```py\nx = 1\n```\n"

    assert drawn(text[:cut]).count("<div") == 1
