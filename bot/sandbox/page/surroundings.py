"""Draws what surrounds the conversation of a tab: sidebar, banner, guide, home, modal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.sandbox.page import conversation, guide, home, modals, place, sidebar, standing
from bot.sandbox.page.address import HOME
from bot.sandbox.page.avatars import avatar
from bot.sandbox.page.drawing import html
from bot.sandbox.people import BOT_USER_ID, TEAM_NAME

if TYPE_CHECKING:
    from bot.sandbox.page.session import Session


def draw(session: Session) -> None:
    """Everything of these that differs from what the browser shows."""
    _sidebar(session)
    _guide(session)
    _home(session)
    _modal(session)


def _sidebar(session: Session) -> None:
    workspace, viewer = session.workspace, session.directory.person(session.viewer)
    if session.here != HOME:
        session.memory.unread.read(session.viewer, session.here)
    channels, directs = standing.entries(workspace, session.memory.unread, session.viewer)
    connected = workspace.deliveries.is_connected
    app = session.directory.person(BOT_USER_ID)
    side = sidebar.Sidebar(TEAM_NAME, session.here, channels, directs, viewer, app, connected)
    session.region("side-scroll", sidebar.render(side))
    session.region("side-switch", sidebar.acting_as(viewer))
    session.region("people-menu", sidebar.people_menu(standing.people(workspace), session.viewer))
    session.region("shortcuts-menu", place.shortcuts(workspace.manifest))
    session.setting("title", _title(session, sum(entry.unread for entry in (*channels, *directs))))
    _banner(session, connected)
    session.setting("offer", _offered(session))


def _banner(session: Session, connected: bool) -> None:
    away = "Apprentice is away for a moment. Messages are delivered when it is back."
    words = away if session.memory.was_connected else "Apprentice is starting…"
    session.region("banner", None if connected else words)
    session.setting("state", "connected", str(connected).lower())


def _title(session: Session, unread: int) -> str:
    place_now = session.directory.places.get(session.here)
    name = place_now.name if place_now else "Apprentice"
    mark = "#" if place_now and place_now.kind != "im" else ""
    return f"{f'({unread}) ' if unread else ''}{mark}{name} · {TEAM_NAME}"


def _offered(session: Session) -> dict[str, list[dict[str, str]]]:
    people = [
        {"insert": f"@{person.name.split()[0]}", "label": person.name,
         "hint": person.title, "face": html(avatar(person, "xs"))}
        for person in session.directory.people.values()
        if person.id not in (session.viewer, "USLACKBOT")
    ]  # fmt: skip
    people.sort(key=lambda each: not each["label"].startswith("Apprentice"))
    return {"people": people, "commands": list(conversation.commands(session.workspace.manifest))}


def _guide(session: Session) -> None:
    now = session.memory.progress
    session.region("guide", guide.render(now) if session.is_guide_open else None)
    session.region("next-step", guide.next_step(now) if session.is_guide_open else None)
    put_away = None if session.is_guide_open else guide.count(now)
    session.region("bar-tools", place.tools(put_away, session.directory.person(session.viewer)))
    session.setting("hidden", "guide", not session.is_guide_open)
    session.setting("state", "guide", "open" if session.is_guide_open else "closed")


def _home(session: Session) -> None:
    is_home = session.here == HOME
    session.setting("hidden", "home", not is_home)
    session.setting("state", "place", "home" if is_home else "channel")
    if is_home:
        view = session.workspace.homes.get(session.viewer)
        frame = session.frame("home")
        if view is not None:
            frame = replace(frame, key=view.id, values=view.values, errors=view.errors)
        shown = home.render(view, frame, session.workspace.deliveries.is_connected)
        session.region("home", shown)
        session.region("tabs", home.tabs("home", BOT_USER_ID))
        session.region("place", place.home_title(session.directory.person(BOT_USER_ID)))


def _modal(session: Session) -> None:
    if session.is_modal_drawn:
        return
    session.is_modal_drawn = True
    stack = session.workspace.modals.stack(session.viewer)
    content = None
    if stack:
        view = stack[-1]
        frame = replace(session.frame(view.id), key=view.id, values=view.values, errors=view.errors)
        content = html(modals.render(view, frame, len(stack)))
    session.add(("modal", content))
