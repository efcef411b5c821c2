"""Who may review, and where what they look at is shown again after a decision."""

import json
from dataclasses import asdict, dataclass, field
from functools import partial

from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from bot.curation.review import Reviewer
from bot.errors import NotAllowedError
from handlers import home
from handlers.curators import may_review
from handlers.deps import Deps, Payload
from handlers.review_blocks import Done, Look, queue_blocks, summary
from handlers.review_sight import look_at
from handlers.rules import is_curator


@dataclass(frozen=True)
class Place:
    """
    Where somebody looks at the queue: a message that only they see, which Slack lets us replace
    by its ``response_url`` for half an hour; without one it is their App Home.
    """

    team_id: str
    user_id: str
    response_url: str | None = None
    look: Look = field(default_factory=Look)

    @classmethod
    def of(cls, body: Payload, look: Look) -> "Place":
        return cls(body["team"]["id"], body["user"]["id"], body.get("response_url"), look)

    def dump(self, **more: object) -> str:
        """For a modal's metadata, with whatever else it has to remember."""
        known = {**asdict(self), "look": self.look.dump()}
        return json.dumps({"place": known, **more})

    @classmethod
    def load(cls, metadata: str) -> tuple["Place", Payload]:
        more = json.loads(metadata)
        known = more.pop("place")
        return cls(**{**known, "look": Look.load(known["look"])}), more


def reviewer(team_id: str, user_id: str, deps: Deps) -> Reviewer:
    """
    Raises:
        NotAllowedError: the person curates nothing.
    """
    person = deps.people.person(user_id)
    if not may_review(team_id, person, deps):
        raise NotAllowedError("curator", "review examples")
    return Reviewer(
        user_id,
        deps.people.personal_viewer(person),
        partial(is_curator, person),
        deps.forget_within_days,
    )


def show(place: Place, done: Done | None, client: WebClient, deps: Deps) -> None:
    """Bring the place up to date, with what was just done above it."""
    if place.response_url is None:
        home.publish(place.team_id, place.user_id, client, deps, place.look, done)
        return
    by = reviewer(place.team_id, place.user_id, deps)
    with deps.database.read() as session:
        sight = look_at(session, place.team_id, place.user_id, by.viewer, place.look)
    WebhookClient(place.response_url).send(
        text=done.text if done else summary(sight.counts),
        blocks=queue_blocks(sight, done),
        replace_original=True,
        response_type="ephemeral",
    )
