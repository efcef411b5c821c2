"""How the workspace looks to one person: names, roles, places, what is unread."""

from bot.sandbox.messages import Message
from bot.sandbox.page.directory import Directory, Person, Place
from bot.sandbox.page.sidebar import Entry
from bot.sandbox.people import BOT_USER_ID, SLACKBOT_ID, Channel, User
from bot.sandbox.workspace import Workspace

_START = ("C0HELP", "C0GENERAL", "C0PARTNER")


def person(user: User) -> Person:
    """A user with the word for what they are here."""
    title = user.title
    if "curator" in title.lower():
        title = ", ".join(part for part in title.split(", ") if part.lower() != "curator")
    return Person(user.id, user.real_name, title, _role(user), user.is_bot)


def _role(user: User) -> str:
    if user.is_stranger:
        return "External"
    if user.is_restricted or user.is_ultra_restricted:
        return "Guest"
    if user.is_owner:
        return "Owner"
    if user.is_admin:
        return "Admin"
    return "Curator" if "curator" in user.title.lower() else ""


def people(workspace: Workspace) -> list[Person]:
    """Everybody one can act as."""
    return [
        person(user)
        for user in workspace.users.values()
        if not user.is_bot and user.id != SLACKBOT_ID and not user.deleted
    ]


def place(workspace: Workspace, channel: Channel, viewer: str) -> Place:
    """A conversation as its reader sees it; a direct message bears the other's name."""
    if channel.is_direct:
        return Place(channel.id, person(other_in(workspace, channel, viewer)).name, "im")
    kind = "shared" if channel.is_ext_shared else "private" if channel.is_private else "public"
    return Place(channel.id, channel.name, kind, channel.topic)


def other_in(workspace: Workspace, channel: Channel, viewer: str) -> User:
    """The other one in a direct message."""
    other = next((member for member in channel.members if member != viewer), viewer)
    return workspace.users[other]


def directory(workspace: Workspace, viewer: str) -> Directory:
    """Names of everybody, and of the conversations this person may know of."""
    return Directory(
        {user.id: person(user) for user in workspace.users.values()},
        {
            channel.id: place(workspace, channel, viewer)
            for channel in workspace.channels.values()
            if workspace.can_see(viewer, channel)
        },
        viewer,
    )


def first_place(workspace: Workspace, viewer: str) -> str:
    """Where somebody starts: #help where they are in it."""
    mine = [channel.id for channel in workspace.channels_of(viewer)]
    return next((place for place in (*_START, *mine) if place in mine), "home")


class Unread:
    """How far each person has read each conversation; what is there at the start counts as read."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._start = workspace.clock.next_ts()
        self._read: dict[tuple[str, str], str] = {}

    def read(self, viewer: str, channel: str) -> None:
        """Everything in the conversation has now been seen."""
        newest = next(reversed(self._workspace.messages[channel]), self._start)
        self._read[viewer, channel] = max(newest, self._read.get((viewer, channel), ""))

    def since(self, viewer: str, channel: str) -> list[Message]:
        """Messages of the conversation that this person has not seen, newest first."""
        seen = self._read.get((viewer, channel), self._start)
        unseen = []
        for message in reversed(self._workspace.messages[channel].values()):
            if message.ts <= seen:
                break
            if message.user != viewer and (not message.is_reply or _names(message, viewer)):
                unseen.append(message)
        return unseen

    def entry(self, channel: Channel, viewer: str) -> Entry:
        """The conversation as a line of the sidebar."""
        unseen = self.since(viewer, channel.id)
        return Entry(
            place(self._workspace, channel, viewer),
            len(unseen),
            channel.is_direct or any(_names(message, viewer) for message in unseen),
            person(other_in(self._workspace, channel, viewer)) if channel.is_direct else None,
        )


def _names(message: Message, viewer: str) -> bool:
    return f"<@{viewer}" in message.text


def entries(workspace: Workspace, unread: Unread, viewer: str) -> tuple[list[Entry], list[Entry]]:
    """The sidebar's channels and direct messages; the one with the app is always offered."""
    mine = [unread.entry(channel, viewer) for channel in workspace.channels_of(viewer)]
    channels = [entry for entry in mine if entry.place.kind != "im"]
    directs = [entry for entry in mine if entry.place.kind == "im"]
    app = person(workspace.users[BOT_USER_ID])
    if not any(entry.other and entry.other.id == app.id for entry in directs):
        directs.insert(0, Entry(Place("", app.name, "im"), other=app))
    return channels, directs
