"""
Who may see what was learned from whom.

An *audience* is where knowledge may go: ``workspace`` or one private channel's id.
A *viewer* is for whom something is read. Every query that returns what people wrote
takes both, so that no caller can forget to ask.
"""

from collections.abc import Iterable
from dataclasses import dataclass

WORKSPACE = "workspace"


@dataclass(frozen=True)
class Viewer:
    """
    The person or place for whom something is read, as Slack describes them at this moment.

    ``audiences`` lists what may be shown. It is empty for guests, strangers, Slack Connect
    channels, and whenever Slack could not tell: unknown counts as external.
    """

    audiences: frozenset[str]

    @classmethod
    def nobody(cls) -> "Viewer":
        return cls(frozenset())

    @classmethod
    def channel(cls, channel_id: str, *, is_private: bool) -> "Viewer":
        """A channel of our own: everyone who can read it sees what is shown there."""
        return cls(frozenset({WORKSPACE, channel_id} if is_private else {WORKSPACE}))

    @classmethod
    def person(cls, private_channel_ids: Iterable[str]) -> "Viewer":
        """A full member of the workspace, with the private channels they are in right now."""
        return cls(frozenset({WORKSPACE, *private_channel_ids}))

    @classmethod
    def model(cls, audience: str) -> "Viewer":
        """A model of this audience: it may know what everybody who can ask it may know."""
        return cls(frozenset({WORKSPACE, audience}))

    def meets(self, other: "Viewer") -> "Viewer":
        """What both may see: a person who asks in a channel hears only what both may hear."""
        return Viewer(self.audiences & other.audiences)


def readable(audience: str, viewer: Viewer) -> frozenset[str]:
    """
    The audiences whose examples may be used for ``audience`` and shown to ``viewer``.

    A private channel draws on the workspace and on itself; the workspace on itself alone.
    """
    return frozenset({WORKSPACE, audience}) & viewer.audiences
