import pytest

from bot.sandbox.markup import as_stored, as_typed, rich_text
from bot.sandbox.workspace import Workspace


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("already &lt;safe&gt; &amp; sound", "already &lt;safe&gt; &amp; sound"),
        ("<@U0BOB> and <#C0HELP|help>", "<@U0BOB> and <#C0HELP|help>"),
        ("<!channel> <!date^1^x|y>", "<!channel> <!date^1^x|y>"),
        ("see https://a.example/b?c=1&d=2.", "see <https://a.example/b?c=1&amp;d=2>."),
        ("<https://a.example|link>", "<https://a.example|link>"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ],
)
def test_text_is_stored_escaped_and_linked(given: str, stored: str) -> None:
    assert as_stored(given) == stored


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("@Apprentice how?", "<@U0APPRENTICE> how?"),
        ("ask @alice.", "ask <@U0ALICE>."),
        ("@nobody in #help", "@nobody in <#C0HELP|help>"),
        ("mail me@bob", "mail me@bob"),
        ("@channel look", "<!channel> look"),
        ("<@U0BOB> <b>", "<@U0BOB> &lt;b&gt;"),
    ],
)
def test_typed_names_become_mentions(typed: str, sent: str) -> None:
    assert as_typed(Workspace(), typed) == sent


def test_typed_text_has_a_rich_text_block() -> None:
    (block,) = rich_text("<@U0BOB> a &lt; b <https://a.example|here>")

    assert block["elements"][0]["elements"] == [
        {"type": "user", "user_id": "U0BOB"},
        {"type": "text", "text": " a < b "},
        {"type": "link", "url": "https://a.example", "text": "here"},
    ]
