"""Standard Markdown (the `markdown` block and streamed text) to safe HTML, by markdown-it.

HTML in the text is shown as text, links are http(s) and mailto alone, pictures become links:
nothing a model writes may load something from elsewhere.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from htpy import Node
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup, escape

from bot.sandbox.page.directory import Directory
from bot.sandbox.page.drawing import html
from bot.sandbox.page.mrkdwn import channel_mention, is_safe_link, link, plain, user_mention
from bot.sandbox.page.shortcodes import character

_CONTROL = re.compile(
    r"<([@#])([A-Z0-9]{2,20})(?:\|[^<>\n]*)?>|<(https?://[^|<>\n\s]+)\|([^<>\n]+)>"
)
_SHORTCODE = re.compile(r":([a-z0-9_+'\-]{1,64}):")


def render(text: str, directory: Directory) -> Node:
    """The whole text as block elements."""
    shown = _parser().render(text, {"directory": directory})
    return Markup(shown)


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(
        ["table", "strikethrough"]
    )
    parser.validateLink = is_safe_link  # type: ignore[method-assign]
    parser.inline.ruler.before("autolink", "slack_control", _control)
    parser.add_render_rule("slack_control", _render_control)
    parser.add_render_rule("text", _render_text)
    parser.add_render_rule("link_open", _render_link_open)
    parser.add_render_rule("image", _render_image)
    return parser


def _control(state: StateInline, silent: bool) -> bool:
    match = _CONTROL.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        token = state.push("slack_control", "", 0)
        token.meta = {"match": match}
    state.pos = match.end()
    return True


def _render_control(
    _self: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, env: Any
) -> str:
    match, directory = tokens[index].meta["match"], env["directory"]
    if match[3]:
        return html(link(plain(match[3]), plain(match[4])))
    render_mention = user_mention if match[1] == "@" else channel_mention
    return html(render_mention(match[2], directory))


def _render_text(
    _self: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, _env: Any
) -> str:
    return _SHORTCODE.sub(
        lambda m: character(m[1]) or m[0], str(escape(plain(tokens[index].content)))
    )


def _render_link_open(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    tokens[index].attrSet("target", "_blank")
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return self.renderToken(tokens, index, options, env)


def _render_image(
    _self: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, _env: Any
) -> str:
    address = str(tokens[index].attrGet("src") or "")
    return html(link(address, tokens[index].content or "image"))
