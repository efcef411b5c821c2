"""
Slack's markup made plain: what a person would have read, with nobody's name in it. Pure.

The grammar is small (tokens in angle brackets, three entities, two kinds of code), and the
packages that read it turn it into Markdown or HTML, which would change code and asterisks that
people meant. So it is read here.
"""

import re
import string
import unicodedata
from collections.abc import Callable, Collection
from functools import partial

_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_TOKEN = re.compile(r"<([^<>\n]+)>")
_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:\S+\Z")
_ENTITY = re.compile(r"&(amp|lt|gt);")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">"}
_SHORTCODE = re.compile(r":[\w+'-]+(?:::skin-tone-\d)?:")
#: Who a message begins by speaking to is not part of what it says.
_ADDRESSED = re.compile(r"\A\s*(?:<@([^<>|\n]+)(?:\|[^<>\n]*)?>[\s,:;!–—-]*)")
_KEPT_CONTROLS = "\n\t"
#: Joins letters and emoji; all other invisible characters can only mislead a reader.
_KEPT_INVISIBLE = "\u200c\u200d"


class Names:
    """
    Neutral names for the people of one thread: the same person has the same name throughout.

    A name is given at the first mention: "colleague A", "colleague B". The bot has none, its
    mention is only how it was called.
    """

    def __init__(self, bot_user_id: str = "") -> None:
        self._bot_user_id = bot_user_id
        self._names: dict[str, str] = {}

    def of(self, user_id: str) -> str:
        if user_id == self._bot_user_id:
            return ""
        return self._names.setdefault(user_id, f"colleague {_letters(len(self._names))}")

    def is_bot(self, user_id: str) -> bool:
        return user_id == self._bot_user_id


def clean(text: str, names: Names, addressed: Collection[str] = ()) -> str:
    """
    Return what the message says, without Slack's markup.

    ``addressed`` are user ids that are dropped where the message begins by speaking to them.
    Code keeps every character; only what Slack put into it is undone: escaping, brackets around
    addresses, mentions.
    """
    text = _drop_address(visible(text), names, addressed)
    parts = _CODE.split(text)
    # Every second part is code: that is how `split` returns what its group has caught.
    plain = [_code(part, names) if i % 2 else _prose(part, names) for i, part in enumerate(parts)]
    return "".join(plain).strip()


def has_words(text: str) -> bool:
    """Say whether anything but mentions, emoji and punctuation is in a message's raw text."""
    said = _SHORTCODE.sub("", _TOKEN.sub(_keep_links, text))
    return any(character.isalnum() for character in said)


def visible(text: str) -> str:
    """Remove control characters and invisible ones that turn or hide text; unify line ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Python calls nothing printable that is of the categories below, and says it at once.
    is_plain = text.replace("\n", "").isprintable()
    return text if is_plain else "".join(filter(_is_visible, text))


def _is_visible(character: str) -> bool:
    if character in _KEPT_CONTROLS or character in _KEPT_INVISIBLE:
        return True
    # Cs are halves of a character: they cannot be stored as UTF-8.
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs")


def _drop_address(text: str, names: Names, addressed: Collection[str]) -> str:
    while match := _ADDRESSED.match(text):
        if not (names.is_bot(match[1]) or match[1] in addressed):
            break
        text = text[match.end() :]
    return text


def _code(text: str, names: Names) -> str:
    # Slack wraps addresses in brackets even in code; what was typed is the label, or the address.
    return _unescape(_TOKEN.sub(partial(_typed, names), text))


def _prose(text: str, names: Names) -> str:
    pieces = []
    end = 0
    for match in _TOKEN.finditer(text):
        said = _say(match[1], names)
        before = text[end : match.start()]
        # Without its mention the bot leaves no hole between two spaces.
        pieces.append(before.rstrip(" ,") if said == "" else before)
        pieces.append(match[0] if said is None else said)
        end = match.end()
    return _unescape("".join([*pieces, text[end:]]))


def _say(token: str, names: Names) -> str | None:
    """What a token reads as; None where it is no markup at all."""
    what, _, label = token.partition("|")
    kinds: dict[str, Callable[[], str]] = {
        "@": lambda: names.of(what[1:]),
        "#": lambda: f"#{label}" if label else "a channel",
        "!": lambda: _special(what[1:], label),
    }
    if what[:1] in kinds:
        return kinds[what[0]]()
    return _link(what, label) if _ADDRESS.match(what) else None


def _special(what: str, label: str) -> str:
    if what.startswith("date^"):
        return label
    return "a team" if what.startswith("subteam^") else "everyone"


def _link(address: str, label: str) -> str:
    bare = address.removeprefix("mailto:").removeprefix("tel:")
    if not label or label in (address, bare) or address.endswith(f"://{label}"):
        return bare
    return f"{label} ({bare})"


def _typed(names: Names, match: re.Match[str]) -> str:
    what, _, label = match[1].partition("|")
    if what.startswith("@"):
        return names.of(what[1:])
    return (label or what) if _ADDRESS.match(what) else match[0]


def _keep_links(match: re.Match[str]) -> str:
    return match[1] if _ADDRESS.match(match[1]) else ""


def _unescape(text: str) -> str:
    # In one pass: "&amp;lt;" is how somebody's "&lt;" arrives, not their "<".
    return _ENTITY.sub(lambda match: _ENTITIES[match[1]], text)


def _letters(number: int) -> str:
    """0 → A, 25 → Z, 26 → AA, as in spreadsheets."""
    letters = ""
    number += 1
    while number:
        number, place = divmod(number - 1, 26)
        letters = string.ascii_uppercase[place] + letters
    return letters
