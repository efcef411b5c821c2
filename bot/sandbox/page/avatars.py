"""Pictures of people: initials on a colour of their own; the app shows its sprout."""

from zlib import crc32

from htpy import Node, span

from bot.sandbox.page.directory import Person
from bot.sandbox.page.icons import SPROUT

TONES = 8  # the colours are in styles.css, chosen for contrast with white letters
_CHOSEN = {"U0ALICE": 0, "U0BOB": 1, "U0CAROL": 2, "U0DAVE": 3, "U0ERIN": 4}


def tone(user_id: str) -> int:
    """The number of a person's colour; the same on every machine."""
    return _CHOSEN.get(user_id, crc32(user_id.encode()) % TONES)


def initials(name: str) -> str:
    """Up to two letters of a name."""
    parts = [part for part in name.split() if part[:1].isalnum()]
    return "".join(
        part[0] for part in (parts[:1] + parts[-1:] if len(parts) > 1 else parts)
    ).upper()


def avatar(person: Person, size: str = "") -> Node:
    """The picture; decorative, because the name always stands beside it. `size`: "", s or xs."""
    shape = f".avatar-{size}" if size else ""
    if person.is_bot:
        return span(f".avatar.avatar-app{shape}", aria_hidden="true")[SPROUT]
    return span(f".avatar.tone-{tone(person.id)}{shape}", aria_hidden="true")[initials(person.name)]
