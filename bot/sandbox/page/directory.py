"""Who and what an id stands for: names for people and channels, as one viewer sees them.

Plain values; the workspace fills them in, the renderers only look up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Person:
    """Somebody in the workspace; `role` is the word shown beside the name, "" for members."""

    id: str
    name: str
    title: str = ""
    role: str = ""
    is_bot: bool = False


@dataclass(frozen=True)
class Place:
    """A conversation; `kind` is `public`, `private`, `shared` or `im`."""

    id: str
    name: str
    kind: str = "public"
    topic: str = ""


@dataclass(frozen=True)
class Directory:
    """Everybody and every conversation the viewer may know of, by id."""

    people: Mapping[str, Person] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    viewer: str = ""

    def person(self, user_id: str) -> Person:
        """The person with that id, or a stand-in that shows the bare id."""
        return self.people.get(user_id) or Person(user_id, user_id or "Somebody")

    def place_name(self, channel_id: str) -> str | None:
        """The channel's name, None where the viewer may not know of it."""
        place = self.places.get(channel_id)
        return place.name if place else None
