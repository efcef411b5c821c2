"""The bar above a conversation, the lines below it, and the places without messages."""

from htpy import Node, button, div, fragment, h2, p, span, strong

from bot.sandbox.app_manifest import AppManifest
from bot.sandbox.page.avatars import avatar
from bot.sandbox.page.directory import Person, Place
from bot.sandbox.page.icons import icon

_DRAWINGS = {"public": "hash", "private": "lock", "shared": "shared"}


def title(place: Place, members: int, other: Person | None) -> Node:
    """Name, topic and size of the open conversation."""
    drawing = avatar(other, "xs") if other else icon(_DRAWINGS.get(place.kind, "hash"), 20)
    about = other.title if other else place.topic
    return div(".place-words")[
        h2(data_testid="place-title")[drawing, span[place.name]],
        span(".topic")[
            None if other else span[f"{members} {'member' if members == 1 else 'members'}"],
            span(".shared-mark")["shared with another company"] if place.kind == "shared" else None,
            span(".topic-words")[about] if about else None,
        ],
    ]


def home_title(app: Person) -> Node:
    """The bar above the app's home."""
    return div(".place-words")[
        h2(data_testid="place-title")[avatar(app, "xs"), span[app.name]],
        span(".topic")[span(".topic-words")[app.title]],
    ]


def tools(guide_words: str | None, viewer: Person) -> Node:
    """The right of the bar: the guide while it is put away, shortcuts, on phones who is acting."""
    return fragment[
        button(
            ".pill", type="button", data_act="guide_open", data_testid="guide-open",
            aria_label=f"First five minutes, {guide_words} done",
        )[icon("compass", 16), span(".pill-words")["First steps"], span(".pill-count")[guide_words]]
        if guide_words
        else None,
        button(
            ".tool", type="button", popovertarget="shortcuts-menu", data_testid="shortcuts",
            title="Shortcuts", aria_label="Shortcuts",
        )[icon("bolt", 19)],
        button(
            ".me", type="button", popovertarget="people-menu",
            aria_label=f"Acting as {viewer.name}. Switch person",
        )[avatar(viewer, "s")],
    ]  # fmt: skip


def shortcuts(manifest: AppManifest) -> Node:
    """The menu of global shortcuts."""
    offered = [each for each in manifest.shortcuts if each.type == "global"]
    return fragment[
        p(".menu-title")[manifest.name],
        [
            button(
                type="button", role="menuitem", data_act="global_shortcut",
                data_callback=each.callback_id, data_testid=f"shortcut-{each.callback_id}",
            )[
                icon("bolt", 16),
                span(".person-words")[
                    span[each.name], span(".person-title")[each.description or None]
                ],
            ]
            for each in offered
        ],
        None if offered else p(".menu-empty")["No shortcuts."],
    ]  # fmt: skip


def message_menu(*, is_own: bool, may_delete: bool, manifest: AppManifest, in_thread: bool) -> Node:
    """What can be done with one message."""

    def item(act: str, words: str, drawing: str, tone: str = "", **more: str) -> Node:
        return button(f"{tone}", type="button", role="menuitem", data_act=act, **more)[
            icon(drawing, 16), words
        ]

    app_items = [
        item("message_shortcut", each.name, "bolt", data_callback=each.callback_id,
             data_testid=f"shortcut-{each.callback_id}")
        for each in manifest.shortcuts
        if each.type == "message"
    ]  # fmt: skip
    return fragment[
        app_items,
        span(".menu-rule") if app_items else None,
        None if in_thread else item("open_thread", "Reply in thread", "reply"),
        item("pick_here", "Add reaction…", "smile"),
        item("copy_link", "Copy link", "link", data_testid="copy-link"),
        item("edit", "Edit message", "edit", data_testid="edit-message") if is_own else None,
        item("delete", "Delete message", "trash", ".danger", data_testid="delete-message")
        if may_delete
        else None,
    ]


def status(words: str, streaming_ts: str = "", channel: str = "") -> Node:
    """What the assistant is doing, with a way to stop an answer under way."""
    if not words and not streaming_ts:
        return None
    stop = button(".link", type="button", data_act="stop_stream", data_channel=channel,
                  data_ts=streaming_ts, data_testid="stop-stream")["Stop"]  # fmt: skip
    return fragment[
        span(".dots", aria_hidden="true")[span, span, span],
        span(data_testid="status")[words or "Apprentice is writing…"],
        stop if streaming_ts else None,
    ]


def empty(place: Place, other: Person | None) -> Node:
    """What stands above the first message of a conversation."""
    if other:
        about = f"This is the beginning of your messages with {other.name}."
        return div(".beginning")[avatar(other), strong[other.name], p[about]]
    return div(".beginning")[
        span(".beginning-mark")[icon(_DRAWINGS.get(place.kind, "hash"), 26)],
        strong[place.name],
        p[place.topic or "This is the very beginning of the channel."],
    ]


def prompts(title_words: str, offered: list[tuple[str, str]]) -> Node:
    """Suggested first messages to the app."""
    if not offered:
        return None
    return div(".prompts")[
        p[title_words or "Try asking"],
        (
            button(".button", type="button", data_act="prompt", data_text=message)[words]
            for words, message in offered
        ),
    ]


def join(place: Place) -> Node:
    """Instead of the composer, where one looks into a channel from outside."""
    return fragment[
        span["You are looking at ", strong[f"#{place.name}"], " without being in it."],
        button(".button.primary", type="button", data_act="join", data_channel=place.id,
               data_testid="join")["Join channel"],
    ]  # fmt: skip
