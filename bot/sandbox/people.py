"""Users and channels, and whom the demo workspace starts with."""

from dataclasses import dataclass, field
from enum import StrEnum

TEAM_ID = "T0DEMO"
TEAM_NAME = "Brackenferry"
TEAM_DOMAIN = "brackenferry"
OTHER_TEAM_ID = "T0PARTNER"
APP_ID = "A0APPRENTICE"
BOT_ID = "B0APPRENTICE"
BOT_USER_ID = "U0APPRENTICE"
SLACKBOT_ID = "USLACKBOT"


class ChannelKind(StrEnum):
    """Slack's `channel_type` of events."""

    PUBLIC = "channel"
    PRIVATE = "group"
    DIRECT = "im"


@dataclass(slots=True)
class User:
    """One account. `initials` and `color` (hex, no #) are all its avatar needs."""

    id: str
    name: str
    real_name: str
    title: str = ""
    tz: str = "Europe/Amsterdam"
    tz_label: str = "Central European Time"
    tz_offset: int = 3600
    color: str = "4a5568"
    initials: str = ""
    team_id: str = TEAM_ID
    is_owner: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_bot: bool = False
    deleted: bool = False
    updated: int = 1_760_000_000


@dataclass(slots=True)
class Channel:
    """A channel or a direct message; `members` in order of joining."""

    id: str
    name: str
    kind: ChannelKind = ChannelKind.PUBLIC
    members: list[str] = field(default_factory=list)
    topic: str = ""
    purpose: str = ""
    creator: str = "U0ALICE"
    created: int = 1_760_000_000
    is_general: bool = False
    is_ext_shared: bool = False
    is_archived: bool = False
    connected_team_ids: list[str] = field(default_factory=list)

    @property
    def is_private(self) -> bool:
        return self.kind is not ChannelKind.PUBLIC

    @property
    def is_direct(self) -> bool:
        return self.kind is ChannelKind.DIRECT


def first_users() -> list[User]:
    """Return the people of the contract, the bot and Slackbot."""
    return [
        User("U0ALICE", "alice", "Alice Moreau", "Head of Platform", color="9b5de5", initials="AM",
             is_owner=True, is_admin=True),
        User("U0BOB", "bob", "Bob Okafor", "Staff Engineer, Curator", "Europe/London",
             "Greenwich Mean Time", 0, color="2a9d8f", initials="BO"),
        User("U0CAROL", "carol", "Carol Jensen", "Product Designer", "America/New_York",
             "Eastern Standard Time", -18_000, color="e76f51", initials="CJ"),
        User("U0DAVE", "dave", "Dave Lindqvist", "Contractor (guest)", "Europe/Stockholm",
             color="577590", initials="DL", is_restricted=True),
        User("U0ERIN", "erin", "Erin Castillo", "Solutions Lead, Fabrikam", "America/Los_Angeles",
             "Pacific Standard Time", -28_800, color="bc4749", initials="EC",
             team_id=OTHER_TEAM_ID, is_stranger=True),
        User(BOT_USER_ID, "apprentice", "Apprentice", "Learns from your team", "Etc/UTC", "UTC", 0,
             color="1d3557", initials="AP", is_bot=True),
        User(SLACKBOT_ID, "slackbot", "Slackbot", "", "Etc/UTC", "UTC", 0,
             color="757575", initials="SB"),
    ]  # fmt: skip


def first_channels() -> list[Channel]:
    """Return the four channels of the contract; the bot is in all of them."""
    staff = ["U0ALICE", "U0BOB", "U0CAROL"]
    return [
        Channel("C0GENERAL", "general", members=[*staff, BOT_USER_ID], is_general=True,
                topic="Company-wide announcements", purpose="Everybody, everything"),
        Channel("C0HELP", "help", members=[*staff, "U0DAVE", BOT_USER_ID],
                topic="Ask anything, somebody knows", purpose="Questions and answers"),
        Channel("C0OPS", "ops", ChannelKind.PRIVATE, members=["U0ALICE", "U0BOB", BOT_USER_ID],
                topic="On call, incidents, production", purpose="Operations only"),
        Channel("C0PARTNER", "partner", members=[*staff, "U0ERIN", BOT_USER_ID],
                topic="Shared with Fabrikam", purpose="Working with our partner",
                is_ext_shared=True, connected_team_ids=[OTHER_TEAM_ID]),
    ]  # fmt: skip
