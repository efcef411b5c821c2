"""What the form for an example remembers while it is open, besides what is typed."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.curation.lesson import Coordinates, Turn
from storage.audience import WORKSPACE
from storage.tables import Example, Source

#: What Slack lets a view carry, in characters.
MAX_METADATA = 3000


@dataclass(frozen=True)
class Draft:
    """
    Travels in the form's metadata.

    ``form_id`` and ``opened_at`` (Slack's kind of ts) name the vote it will cast, so that a form
    sent twice counts once. ``audience`` is the only one allowed, or None where there is a choice.
    ``question_source`` and ``answer_source`` say where the prefilled texts came from. ``context``
    holds the turns before the question. ``example_id`` and ``based_on`` (its revision) are those
    of the example the form changes; ``is_correction``: what stands in the field takes the place
    of a wrong answer. ``answers`` is the unanswered question that the form was opened for.
    """

    form_id: str
    opened_at: str
    channel_id: str | None = None  # where the confirmation goes; None: into the form
    audience: str | None = WORKSPACE
    question_source: Source = Source.AUTHORED
    answer_source: Source = Source.AUTHORED
    at: Coordinates | None = None
    context: tuple[Turn, ...] = ()
    example_id: int | None = None
    based_on: int | None = None
    is_correction: bool = False
    answers: int | None = None

    def of(
        self, example: Example, *, channel_id: str | None = None, is_correction: bool = False
    ) -> "Draft":
        """The draft for changing an example as it is now."""
        return replace(
            self,
            channel_id=channel_id or self.channel_id,
            audience=example.audience,
            example_id=example.id,
            based_on=example.revision,
            is_correction=is_correction,
        )

    def dump(self) -> str:
        """As JSON that Slack takes: the oldest turns are left out where all would be too long."""
        dumped = json.dumps(asdict(self), ensure_ascii=False)
        if len(dumped) <= MAX_METADATA or not self.context:
            return dumped
        # Turns alternate, from a user's to an assistant's; two are left out at a time.
        return replace(self, context=self.context[2:]).dump()

    @classmethod
    def load(cls, metadata: str) -> "Draft":
        known: dict[str, Any] = json.loads(metadata)
        at, context = known.pop("at"), known.pop("context", ())
        for name in ("question_source", "answer_source"):
            known[name] = Source(known[name])
        known["at"] = Coordinates(**at) if at else None
        return cls(**known, context=tuple(context))
