"""Slack's mrkdwn to safe elements. Pure: text and a directory in, htpy nodes out.

Nothing here writes HTML by hand: every piece of text goes through htpy, which escapes it, and a
link is made only for http, https and mailto. Each pattern stops at the next delimiter, so hostile
text of any length is read in linear time. No maintained Python package renders mrkdwn to HTML.
"""

import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from htpy import (
    Node,
    a,
    blockquote,
    br,
    code,
    del_,
    em,
    fragment,
    li,
    ol,
    p,
    pre,
    span,
    strong,
    ul,
)  # fmt: skip

from bot.sandbox.page.directory import Directory
from bot.sandbox.page.shortcodes import character

_OPEN, _CLOSE = "\ue000", "\ue001"  # private-use marks around the number of a parked node
_MARKS = str.maketrans("", "", _OPEN + _CLOSE + "\x00")
_FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_ATOM = re.compile(r"`([^`\n]+)`|<([^<>\n]+)>")
_INLINE = re.compile(
    rf"{_OPEN}(?P<parked>\d+){_CLOSE}"
    r"|\*(?P<strong>[^*\n]+)\*|_(?P<em>[^_\n]+)_|~(?P<strike>[^~\n]+)~"
    r"|:(?P<emoji>[a-z0-9_+'\-]{1,64}(?:::skin-tone-[2-6])?):"
    rf"|(?P<url>https?://[^\s<>{_OPEN}{_CLOSE}]+)"
)
_EMPHASIS = {"strong": strong, "em": em, "strike": del_}
_QUOTE = re.compile(r"^(?:>|&gt;) ?(.*)$")
_BULLET = re.compile(r"^\s*[•◦▪] *(.+)$")
_NUMBER = re.compile(r"^\s*(\d{1,6})\. +(.+)$")
_TRAILING = ".,;:!?)]}'\""
_BROADCASTS = {"here": "@here", "channel": "@channel", "everyone": "@everyone"}


def is_safe_link(url: str) -> bool:
    """Whether a link may be followed: http(s) with a host, or mailto."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return False
    if parts.scheme in ("http", "https"):
        return bool(parts.netloc)
    return parts.scheme == "mailto" and bool(parts.path)


def plain(text: str) -> str:
    """Undo the three escapes Slack uses in message text."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def as_written_by_hand(text: str, directory: Directory) -> str:
    """Stored text as its author would type it again: `@Bob`, `#help`, bare addresses."""

    def typed(match: re.Match[str]) -> str:
        if match[2] is None:
            return match[0]
        head, _, label = match[2].partition("|")
        if head[0] == "@":
            return "@" + directory.person(head[1:]).name.split()[0]
        if head[0] == "#":
            return f"#{directory.place_name(head[1:]) or label}"
        return f"@{head[1:]}" if head[0] == "!" else head

    return plain(_ATOM.sub(typed, text))


def link(url: str, label: str) -> Node:
    """A link that opens outside, or only its label where the address is not safe."""
    if not is_safe_link(url):
        return label
    return a(href=url, target="_blank", rel="noopener noreferrer nofollow")[label]


def emoji(name: str) -> Node:
    """The character of a shortcode, or the shortcode itself."""
    found = character(name)
    if found is None:
        return f":{name}:"
    return span(".emoji", role="img", aria_label=name.replace("_", " "), title=f":{name}:")[found]


def user_mention(user_id: str, directory: Directory) -> Node:
    """A person as a chip."""
    name = directory.person(user_id).name
    tone = ".mention-me" if user_id == directory.viewer else ""
    return span(f".mention{tone}")[f"@{name}"]


def channel_mention(channel_id: str, directory: Directory) -> Node:
    """A channel as a chip that opens it; a channel unknown to the viewer stays nameless."""
    name = directory.place_name(channel_id)
    if name is None:
        return span(".mention.mention-hidden")["a private channel"]
    return a(
        ".mention", href=f"/archives/{channel_id}", data_act="open_channel", data_channel=channel_id
    )[f"#{name}"]


def render(text: str, directory: Directory) -> Node:
    """Whole mrkdwn text: paragraphs, quotes, lists and fenced code."""
    pieces: list[Node] = []
    position = 0
    text = text.translate(_MARKS)
    for fence in _fences(text):
        pieces.append(_lines(text[position : fence.start()], directory))
        pieces.append(pre[code[_as_written(fence[1])]])
        position = fence.end()
    pieces.append(_lines(text[position:], directory))
    return fragment[pieces]


def render_inline(text: str, directory: Directory) -> Node:
    """One run of mrkdwn without quotes, lists and fences; newlines become breaks."""
    lines = text.translate(_MARKS).split("\n")
    return _broken([_inline(line, directory) for line in lines])


def render_plain(text: str, *, with_emoji: bool = True) -> Node:
    """A `plain_text` object: escapes undone, emoji shown, nothing else means anything."""
    if not with_emoji:
        return plain(text)
    return fragment[[_emoji_or(part) for part in re.split(r"(:[a-z0-9_+'\-]{1,64}:)", plain(text))]]


def _emoji_or(part: str) -> Node:
    return emoji(part[1:-1]) if len(part) > 2 and part[0] == part[-1] == ":" else part


def _fences(text: str) -> list[re.Match[str]]:
    # Two fences are needed for any match: without the count an odd one scans to the end each time.
    return list(_FENCE.finditer(text)) if text.count("```") > 1 else []


def _as_written(text: str) -> str:
    # Inside code a control sequence shows what a person typed: the address, the label.
    return plain(_ATOM.sub(lambda m: m[0] if m[2] is None else m[2].rpartition("|")[2], text))


def _broken(lines: list[Node]) -> Node:
    joined: list[Node] = []
    for number, line in enumerate(lines):
        joined += [br, line] if number else [line]
    return fragment[joined]


def _lines(text: str, directory: Directory) -> Node:
    if not text.strip("\n"):
        return None
    blocks: list[Node] = []
    kind, run = "", list[str]()
    for line in [*text.strip("\n").split("\n"), None]:
        now, content = _classified(line) if line is not None else ("end", "")
        if now != kind and run:
            blocks.append(_block(kind, run, directory))
            run = []
        kind = now
        run.append(content)
    return fragment[blocks]


def _classified(line: str) -> tuple[str, str]:
    if quote := _QUOTE.match(line):
        return "quote", quote[1]
    if bullet := _BULLET.match(line):
        return "bullet", bullet[1]
    if number := _NUMBER.match(line):
        return "number", f"{number[1]} {number[2]}"
    return "text", line


def _block(kind: str, run: list[str], directory: Directory) -> Node:
    if kind == "quote":
        return blockquote[_broken([_inline(line, directory) for line in run])]
    if kind == "bullet":
        return ul[(li[_inline(line, directory)] for line in run)]
    if kind == "number":
        rows = (line.partition(" ") for line in run)
        return ol[(li(value=number)[_inline(rest, directory)] for number, _, rest in rows)]
    return _paragraphs(run, directory)


def _paragraphs(run: list[str], directory: Directory) -> Node:
    paragraphs: list[list[str]] = [[]]
    for line in run:
        if line.strip():
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    kept = [lines for lines in paragraphs if lines]
    return fragment[
        [p(dir="auto")[_broken([_inline(line, directory) for line in lines])] for lines in kept]
    ]


def _inline(text: str, directory: Directory) -> Node:
    parked: list[Node] = []

    def park(match: re.Match[str]) -> str:
        node = code[_as_written(match[1])] if match[1] else _control(match[2], directory)
        parked.append(node)
        return f"{_OPEN}{len(parked) - 1}{_CLOSE}"

    return _emphasised(_ATOM.sub(park, text), parked, depth=0)


def _emphasised(text: str, parked: list[Node], depth: int) -> Node:
    nodes: list[Node] = []
    position = 0
    while match := _INLINE.search(text, position):
        kind = match.lastgroup or ""
        if kind in _EMPHASIS and not _stands_alone(text, match, kind, depth):
            nodes.append(plain(text[position : match.start() + 1]))
            position = match.start() + 1
            continue
        nodes.append(plain(text[position : match.start()]))
        node, position = _leaf(match, kind, parked, depth)
        nodes.append(node)
    nodes.append(plain(text[position:]))
    return fragment[nodes]


def _stands_alone(text: str, match: re.Match[str], kind: str, depth: int) -> bool:
    before = text[match.start() - 1] if match.start() else " "
    after = text[match.end()] if match.end() < len(text) else " "
    inner = match[kind]
    whole_word = not before.isalnum() and not after.isalnum()
    return depth < 3 and whole_word and inner == inner.strip()


def _leaf(match: re.Match[str], kind: str, parked: list[Node], depth: int) -> tuple[Node, int]:
    if kind == "parked":
        return parked[int(match["parked"])], match.end()
    if kind == "emoji":
        return emoji(match["emoji"]), match.end()
    if kind == "url":
        url = match["url"].rstrip(_TRAILING)
        return link(plain(url), plain(url)), match.start() + len(url)
    return _EMPHASIS[kind][_emphasised(match[kind], parked, depth + 1)], match.end()


def _control(sequence: str, directory: Directory) -> Node:
    head, _, label = sequence.partition("|")
    render_kind: dict[str, Callable[[], Node]] = {
        "@": lambda: user_mention(head[1:], directory),
        "#": lambda: channel_mention(head[1:], directory),
        "!": lambda: _special(head[1:], label),
    }
    if head[0] in render_kind:
        return render_kind[head[0]]()
    if not is_safe_link(plain(head)):
        return plain(f"<{sequence}>")
    return link(plain(head), plain(label or head.removeprefix("mailto:")))


def _special(command: str, label: str) -> Node:
    name, *rest = command.split("^")
    if name in _BROADCASTS:
        return span(".mention.mention-broadcast")[_BROADCASTS[name]]
    if name == "date" and len(rest) > 1:
        return _date(rest[0], rest[1]) or plain(label)
    return span(".mention")[plain(label or command)]


def _date(seconds: str, pattern: str) -> str | None:
    try:
        moment = datetime.fromtimestamp(int(seconds)).astimezone()
    except (ValueError, OverflowError, OSError):
        return None
    day, clock = f"{moment:%d %B %Y}".lstrip("0"), f"{moment:%H:%M}"
    filled = re.sub(r"\{date[a-z_]*\}", day, pattern)
    return re.sub(r"\{time[a-z_]*\}", clock, filled)
