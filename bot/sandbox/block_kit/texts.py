"""Text, options and confirmations: what blocks are composed of. Limits are in characters."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """Base of all shapes: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Plain(Part):
    type: Literal["plain_text"]
    text: Annotated[str, Field(min_length=1, max_length=3000)]
    emoji: bool | None = None


class Plain24(Plain):
    text: Annotated[str, Field(min_length=1, max_length=24)]


class Plain30(Plain):
    text: Annotated[str, Field(min_length=1, max_length=30)]


class Plain75(Plain):
    text: Annotated[str, Field(min_length=1, max_length=75)]


class Plain100(Plain):
    text: Annotated[str, Field(min_length=1, max_length=100)]


class Plain150(Plain):
    text: Annotated[str, Field(min_length=1, max_length=150)]


class Plain300(Plain):
    text: Annotated[str, Field(min_length=1, max_length=300)]


class Plain2000(Plain):
    text: Annotated[str, Field(min_length=1, max_length=2000)]


class Mrkdwn(Part):
    type: Literal["mrkdwn"]
    text: Annotated[str, Field(min_length=1, max_length=3000)]
    verbatim: bool | None = None


class Mrkdwn75(Mrkdwn):
    text: Annotated[str, Field(min_length=1, max_length=75)]


class Mrkdwn300(Mrkdwn):
    text: Annotated[str, Field(min_length=1, max_length=300)]


class Mrkdwn2000(Mrkdwn):
    text: Annotated[str, Field(min_length=1, max_length=2000)]


Text = Annotated[Plain | Mrkdwn, Field(discriminator="type")]
Text75 = Annotated[Plain75 | Mrkdwn75, Field(discriminator="type")]
Text300 = Annotated[Plain300 | Mrkdwn300, Field(discriminator="type")]
Text2000 = Annotated[Plain2000 | Mrkdwn2000, Field(discriminator="type")]
Id = Annotated[str, Field(min_length=1, max_length=255)]
Url = Annotated[str, Field(min_length=1, max_length=3000)]
Label = Annotated[str, Field(max_length=75)]
Value = Annotated[str, Field(max_length=2000)]


class Option(Part):
    text: Text75
    value: Annotated[str, Field(min_length=1, max_length=150)]
    description: Text75 | None = None
    url: Url | None = None


class OptionGroup(Part):
    label: Plain75
    options: Annotated[list[Option], Field(min_length=1, max_length=100)]


class Confirm(Part):
    title: Plain100
    text: Text300
    confirm: Plain30
    deny: Plain30
    style: Literal["primary", "danger"] | None = None


class SlackFile(Part):
    id: str | None = None
    url: Url | None = None


class Loose(BaseModel):
    """A shape whose inside is not checked."""

    model_config = ConfigDict(extra="allow")
    block_id: Id | None = None
    elements: list[Any] | None = None
