"""The left side: workspace, channels and direct messages, and the switch "acting as"."""

from collections.abc import Sequence
from dataclasses import dataclass

from htpy import Node, a, button, div, fragment, h2, header, li, nav, p, section, span, strong, ul

from bot.sandbox.page.avatars import avatar
from bot.sandbox.page.directory import Person, Place
from bot.sandbox.page.icons import SPROUT, icon

_DRAWINGS = {"public": "hash", "private": "lock", "shared": "shared"}
_KIND_WORDS = {"private": "private", "shared": "shared with another company"}


@dataclass(frozen=True)
class Entry:
    """One conversation in the list; `mentions` of its `unread` messages name the viewer."""

    place: Place
    unread: int = 0
    mentions: bool = False
    other: Person | None = None


@dataclass(frozen=True)
class Sidebar:
    """All it shows: `here` is the open place ("home" or a channel's id)."""

    team: str
    here: str
    channels: Sequence[Entry]
    directs: Sequence[Entry]
    viewer: Person
    app: Person
    is_connected: bool


def render(side: Sidebar) -> Node:
    """Everything but the switch, which stays in place while this is drawn anew."""
    return fragment[
        header(".workspace")[
            span(".mark", aria_hidden="true")[SPROUT],
            div[strong(data_testid="workspace-name")[side.team], span["Local sandbox"]],
        ],
        nav(aria_label="Workspace")[
            section[ul[_home(side)]],
            section[
                h2["Channels"],
                ul[(_channel(entry, side.here) for entry in side.channels)],
            ],
            section[
                h2["Direct messages"],
                ul[(_direct(entry, side) for entry in side.directs)],
            ],
        ],
    ]


def _home(side: Sidebar) -> Node:
    return li[
        a(
            ".entry", href="/home", data_act="open_home", data_testid="home-link",
            aria_current="page" if side.here == "home" else None,
        )[icon("home"), span(".entry-name")["Apprentice home"]]
    ]  # fmt: skip


def _channel(entry: Entry, here: str) -> Node:
    place = entry.place
    kind = _KIND_WORDS.get(place.kind)
    words = ", ".join(
        [place.name, *([kind] if kind else []), *([f"{entry.unread} unread"] * bool(entry.unread))]
    )
    return li[
        a(
            f".entry{'.unread' if entry.unread else ''}", href=f"/archives/{place.id}",
            data_act="open_channel", data_channel=place.id, aria_label=words, title=kind,
            data_testid=f"channel-{place.id}",
            aria_current="page" if here == place.id else None,
        )[icon(_DRAWINGS.get(place.kind, "hash")), span(".entry-name")[place.name], _badge(entry)]
    ]  # fmt: skip


def _direct(entry: Entry, side: Sidebar) -> Node:
    other = entry.other or side.app
    is_here = bool(entry.place.id) and side.here == entry.place.id
    state = "online" if side.is_connected or not other.is_bot else "starting"
    return li[
        a(
            f".entry{'.unread' if entry.unread else ''}", href=f"/dm/{other.id}",
            data_act="open_direct", data_user=other.id, data_testid=f"dm-{other.id}",
            aria_current="page" if is_here else None,
        )[
            avatar(other, "xs"),
            span(".entry-name")[other.name],
            span(f".presence.{state}", title=state) if other.is_bot else None,
            _badge(entry),
        ]
    ]  # fmt: skip


def _badge(entry: Entry) -> Node:
    if not entry.unread:
        return None
    return span(f".badge{'.badge-mention' if entry.mentions else ''}", aria_hidden="true")[
        str(min(entry.unread, 99))
    ]


def acting_as(viewer: Person) -> Node:
    """The button that shows who is acting; it opens the list of people."""
    return button(
        ".acting", type="button", popovertarget="people-menu", data_testid="acting-as",
        aria_label=f"Acting as {viewer.name}. Switch person",
    )[
        avatar(viewer, "s"),
        span(".acting-words")[
            span(".acting-label")["Acting as", role_chip(viewer)],
            span(".acting-name")[viewer.name],
        ],
        icon("chevron", 16),
    ]  # fmt: skip


def people_menu(people: Sequence[Person], viewer: str) -> Node:
    """The list behind the switch."""
    return fragment[
        p(".menu-title")["Act as"],
        [
            button(
                ".person", type="button", data_act="act_as", data_user=each.id,
                data_testid=f"act-as-{each.id}", aria_current="true" if each.id == viewer else None,
            )[
                avatar(each, "s"),
                span(".person-words")[
                    span(".person-name")[each.name, role_chip(each)],
                    span(".person-title")[each.title] if each.title else None,
                ],
                icon("check", 16) if each.id == viewer else None,
            ]
            for each in people
        ],
    ]  # fmt: skip


def role_chip(person: Person) -> Node:
    """The person's role as a small word, nothing for plain members."""
    return span(f".role.role-{person.role.lower()}")[person.role] if person.role else None
