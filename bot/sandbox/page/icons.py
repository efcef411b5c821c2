"""The page's own line icons as inline SVG, so that no icon font is needed."""

from htpy import Node
from markupsafe import Markup

_PATHS = {
    "hash": "M4 9h16M4 15h16M10 3 8 21M16 3l-2 18",
    "lock": "M6 11h12v9H6zM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11",
    "shared": "M8 7a4 4 0 1 0 0 8M16 17a4 4 0 1 0 0-8M9 12h6",
    "home": "M4 11.5 12 5l8 6.5M6 10v9h4.5v-5h3v5H18v-9",
    "message": "M4 5h16v11H10l-4.5 4V16H4z",
    "reply": "M4 5h16v11H10l-4.5 4V16H4z",
    "smile": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8.5 14.5a4.5 4.5 0 0 0 7 0M9 9.5v.5M15 9.5v.5",
    "more": "M5.5 12a.5.5 0 1 0 1 0 .5.5 0 0 0-1 0M11.5 12a.5.5 0 1 0 1 0 .5.5 0 0 0-1 0"
    "M17.5 12a.5.5 0 1 0 1 0 .5.5 0 0 0-1 0",
    "send": "M4 12 20 4l-5 16-3.5-6.5z",
    "close": "M6 6l12 12M18 6 6 18",
    "menu": "M4 7h16M4 12h16M4 17h16",
    "bolt": "M13 3 5 13.5h6L10.5 21 19 10h-6.500z",
    "check": "M5 12.5 10 17.5 19 7",
    "chevron": "M7 10l5 5 5-5",
    "back": "M15 5l-7 7 7 7",
    "link": "M10 14a4 4 0 0 0 6 0l3-3a4.2 4.2 0 0 0-6-6l-1 1"
    "M14 10a4 4 0 0 0-6 0l-3 3a4.2 4.2 0 0 0 6 6l1-1",
    "edit": "M4 20h4L19 9l-4-4L4 16z",
    "trash": "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
    "eye": "M2.5 12S6 6 12 6s9.5 6 9.5 6-3.5 6-9.5 6-9.5-6-9.5-6M12 9.500a2.5 2.5 0 1 0"
    " 0 5 2.5 2.5 0 0 0 0-5",
    "thumb_up": "M7 20V10l4-7c1.5 0 2.5 1 2.5 2.500V9H18a2 2 0 0 1 2 2.300l-1.2 7A2 2 0 0 1 "
    "16.8 20zM7 10H4v10h3",
    "thumb_down": "M17 4v10l-4 7c-1.5 0-2.5-1-2.5-2.500V15H6a2 2 0 0 1-2-2.300l1.2-7A2 2 0 0 1 "
    "7.2 4zM17 14h3V4h-3",
    "file": "M6 3h8l5 5v13H6zM14 3v5h5",
    "compass": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M15.5 8.5 13.5 13.5 8.5 15.500l2-5z",
    "people": "M9 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M2.5 20a6.5 6.5 0 0 1 13 0M16 "
    "5.500a3.5 3.5 0 0 1 0 6.500M18 14.500a6.5 6.5 0 0 1 3.5 5.5",
    "warning": "M12 4 2.5 20h19zM12 10v4.500M12 17.500v.01",
}


def icon(name: str, size: int = 18) -> Node:
    """An icon of that name; decorative, so hidden from screen readers."""
    return Markup(
        f'<svg class="icon" width="{size}" height="{size}" viewBox="0 0 24 24" fill="none" '
        'stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" '
        f'aria-hidden="true"><path d="{_PATHS[name]}"/></svg>'
    )


SPROUT = Markup(
    '<svg class="sprout" viewBox="0 0 32 32" aria-hidden="true">'
    '<path d="M16 27V15" stroke="currentColor" stroke-width="2.6" stroke-linecap="round"/>'
    '<path d="M16 16c0-5-3.5-8-9.5-8 0 5.5 3.5 8.5 9.5 8z" fill="currentColor"/>'
    '<path d="M16 13c0-4.5 3-7.5 9-7.5 0 5-3 8-9 7.500z" fill="currentColor" opacity=".65"/>'
    "</svg>"
)

FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="8" fill="#1f6b57"/><g color="#f7f2e8">'
    '<path d="M16 27V15" stroke="#f7f2e8" stroke-width="2.6" stroke-linecap="round"/>'
    '<path d="M16 16c0-5-3.5-8-9.5-8 0 5.5 3.5 8.5 9.5 8z" fill="#f7f2e8"/>'
    '<path d="M16 13c0-4.5 3-7.5 9-7.5 0 5-3 8-9 7.500z" fill="#cfe3c0"/></g></svg>'
)
