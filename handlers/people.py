"""
Who somebody is and what kind of place a channel is, as Slack says at this moment.

Answers are kept for half a minute. What Slack does not know counts as external; when Slack cannot
be asked (rate limit, network), the error passes through, so that work is tried again later
instead of turning a colleague away.
"""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from storage.audience import WORKSPACE, Viewer

#: How long an answer of Slack is believed, in seconds.
REMEMBER_SECONDS = 30.0

#: Slack's definite "no such person or place for you"; everything else may pass.
_UNKNOWN = frozenset(
    {
        "user_not_found",
        "user_not_visible",
        "users_not_found",
        "invalid_user_id",
        "channel_not_found",
        "invalid_channel",
        "not_in_channel",
        "missing_scope",
        "access_denied",
    }
)
_OUTSIDER_FLAGS = ("is_restricted", "is_ultra_restricted", "is_stranger", "deleted")
_ADMIN_FLAGS = ("is_admin", "is_owner", "is_primary_owner")

T = TypeVar("T")


@dataclass(frozen=True)
class Person:
    user_id: str
    name: str
    is_bot: bool
    is_external: bool
    is_admin: bool
    is_curator: bool
    zone: str = ""  # the time zone of their profile


@dataclass(frozen=True)
class Place:
    """``audience`` is what is learned and answered there: a private channel's id, or workspace."""

    channel_id: str
    name: str
    is_private: bool
    is_dm: bool
    is_external: bool
    audience: str


@dataclass(frozen=True)
class _Us:
    """The bot itself, as ``auth.test`` describes it."""

    team_id: str
    user_id: str
    enterprise_id: str | None
    url: str


class People:
    """Thread-safe. ``admins`` and ``curators`` are user ids from the settings."""

    def __init__(
        self,
        client: WebClient,
        admins: Collection[str] = frozenset(),
        curators: Collection[str] = frozenset(),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._admins = frozenset(admins)
        self._curators = frozenset(curators)
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[float, Any]] = {}
        self._changes = 0  # that Slack reported
        self._us: _Us | None = None

    @property
    def bot_user_id(self) -> str:
        """The bot's own user id."""
        return self._ourselves().user_id

    @property
    def team_id(self) -> str:
        """The workspace the bot's token belongs to."""
        return self._ourselves().team_id

    def permalink(self, channel_id: str, message_ts: str, thread_ts: str) -> str:
        """
        Where a message is shown; ``thread_ts`` is its own, or that of the thread it is a reply in.

        The same address as ``chat.getPermalink`` gives, without a call for each message.
        """
        url = self._ourselves().url.rstrip("/")
        link = f"{url}/archives/{channel_id}/p{message_ts.replace('.', '')}"
        is_reply = thread_ts != message_ts
        return f"{link}?thread_ts={thread_ts}&cid={channel_id}" if is_reply else link

    @property
    def curators(self) -> frozenset[str]:
        """Who the environment names as curators; a workspace's settings may name others."""
        return self._curators

    def person(self, user_id: str) -> Person:
        """
        Raises:
            SlackApiError, URLError: Slack cannot be asked right now.
        """
        return self._remember(("person", user_id), lambda: self._ask_person(user_id))

    def place(self, channel_id: str) -> Place:
        """
        Raises:
            SlackApiError, URLError: Slack cannot be asked right now.
        """
        return self._remember(("place", channel_id), lambda: self._ask_place(channel_id))

    def members(self, channel_id: str) -> frozenset[str]:
        """Who is in a channel now; empty where Slack does not know it."""
        return self._remember(("members", channel_id), lambda: self._ask_members(channel_id))

    def viewer(self, person: Person, place: Place) -> Viewer:
        """What both the person and everybody in the place may hear."""
        if person.is_external or place.is_external:
            return Viewer.nobody()
        is_own_private = place.is_private and not place.is_dm
        here = Viewer.channel(place.channel_id, is_private=is_own_private)
        if not is_own_private or person.user_id in self.members(place.channel_id):
            return here
        return here.meets(Viewer.person(()))

    def personal_viewer(self, person: Person) -> Viewer:
        """The workspace and the private channels the person is in now, of those the bot is in."""
        if person.is_external:
            return Viewer.nobody()
        private = self._remember(("private", ""), self._ask_private_channels)
        return Viewer.person(c for c in private if person.user_id in self.members(c))

    def admins(self) -> frozenset[str]:
        """Everybody who is an admin now."""
        return self._remember(("admins", ""), self._ask_admins)

    def forget(self, *, user_id: str | None = None, channel_id: str | None = None) -> None:
        """Ask again about a person or a channel, as when Slack reports a change."""
        with self._lock:
            self._known.pop(("person", user_id or ""), None)
            self._known.pop(("place", channel_id or ""), None)
            self._known.pop(("members", channel_id or ""), None)
            self._known.pop(("private", ""), None)
            self._known.pop(("admins", ""), None)
            self._changes += 1

    def _ourselves(self) -> _Us:
        if self._us is None:
            us = self._client.auth_test()
            self._us = _Us(us["team_id"], us["user_id"], us.get("enterprise_id"), us["url"])
        return self._us

    def _remember(self, key: tuple[str, str], ask: Callable[[], T]) -> T:
        now = self._clock()
        with self._lock:
            until, known = self._known.get(key, (0.0, None))
            changes = self._changes
        if known is not None and now < until:
            return known  # type: ignore[no-any-return]  # the key says which type it is
        answer = ask()
        with self._lock:
            self._known = {k: v for k, v in self._known.items() if v[0] > now}
            # What Slack said before a change that it reported meanwhile may be true no more.
            if changes == self._changes:
                self._known[key] = (now + REMEMBER_SECONDS, answer)
        return answer

    def _ask_person(self, user_id: str) -> Person:
        try:
            user = self._client.users_info(user=user_id)["user"]
        except SlackApiError as error:
            _pass_on_unless_unknown(error)
            return Person(user_id, "somebody", False, True, False, False)
        is_bot = bool(user.get("is_bot")) or user_id == "USLACKBOT"
        is_external = any(user.get(flag) for flag in _OUTSIDER_FLAGS) or not self._is_ours(user)
        trusted = not is_bot and not is_external
        is_admin = trusted and (
            user_id in self._admins or any(user.get(flag) for flag in _ADMIN_FLAGS)
        )
        return Person(
            user_id=user_id,
            name=_name(user),
            is_bot=is_bot,
            is_external=is_external,
            is_admin=is_admin,
            is_curator=trusted and (is_admin or user_id in self._curators),
            zone=str(user.get("tz") or ""),
        )

    def _is_ours(self, user: dict[str, Any]) -> bool:
        """``is_stranger`` is false for people of other companies we share a channel with."""
        us = self._ourselves()
        if user.get("team_id", us.team_id) == us.team_id:
            return True
        enterprise = (user.get("enterprise_user") or {}).get("enterprise_id")
        return bool(us.enterprise_id) and enterprise == us.enterprise_id

    def _ask_place(self, channel_id: str) -> Place:
        try:
            channel = self._client.conversations_info(channel=channel_id)["channel"]
        except SlackApiError as error:
            _pass_on_unless_unknown(error)
            return Place(channel_id, "", True, False, True, WORKSPACE)
        is_dm = bool(channel.get("is_im") or channel.get("is_mpim"))
        is_private = is_dm or bool(channel.get("is_private"))
        is_external = bool(channel.get("is_ext_shared") or channel.get("is_pending_ext_shared"))
        has_own = is_private and not is_dm and not is_external
        return Place(
            channel_id=channel_id,
            name=channel.get("name") or "",
            is_private=is_private,
            is_dm=is_dm,
            is_external=is_external,
            audience=channel_id if has_own else WORKSPACE,
        )

    def _ask_members(self, channel_id: str) -> frozenset[str]:
        try:
            pages = list(self._client.conversations_members(channel=channel_id, limit=1000))
        except SlackApiError as error:
            _pass_on_unless_unknown(error)
            return frozenset()
        return frozenset(member for page in pages for member in page["members"])

    def _ask_admins(self) -> frozenset[str]:
        pages = self._client.users_list(limit=200)
        flagged = {
            member["id"]
            for page in pages
            for member in page["members"]
            if any(member.get(flag) for flag in _ADMIN_FLAGS)
        }
        return frozenset(id_ for id_ in flagged | self._admins if self.person(id_).is_admin)

    def _ask_private_channels(self) -> tuple[str, ...]:
        """The private channels of our own that the bot is in."""
        pages = self._client.conversations_list(
            types="private_channel", exclude_archived=True, limit=1000
        )
        return tuple(
            channel["id"]
            for page in pages
            for channel in page["channels"]
            if not (channel.get("is_ext_shared") or channel.get("is_pending_ext_shared"))
        )


def _pass_on_unless_unknown(error: SlackApiError) -> None:
    if error.response.get("error") not in _UNKNOWN:
        raise error


def _name(user: dict[str, Any]) -> str:
    profile = user.get("profile") or {}
    name = profile.get("display_name") or user.get("real_name") or user.get("name")
    return str(name or "somebody")
