"""Blocks, and views made of them."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bot.sandbox.block_kit.elements import Accessory, Actionable, Image, Input, OfContext
from bot.sandbox.block_kit.texts import (
    Id,
    Loose,
    Mrkdwn,
    Part,
    Plain,
    Plain24,
    Plain150,
    Plain2000,
    SlackFile,
    Text,
    Text2000,
    Url,
)  # fmt: skip


class Block(Part):
    block_id: Id | None = None


class Section(Block):
    type: Literal["section"]
    text: Text | None = None
    fields: Annotated[list[Text2000], Field(min_length=1, max_length=10)] | None = None
    accessory: Accessory | None = None
    expand: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def has_content(cls, block: Any) -> Any:
        if isinstance(block, dict) and not (block.get("text") or block.get("fields")):
            raise ValueError("either text or fields is required")
        return block


class Divider(Block):
    type: Literal["divider"]


class Header(Block):
    type: Literal["header"]
    text: Plain150
    level: Annotated[int, Field(ge=1, le=6)] | None = None


class ImageBlock(Block):
    type: Literal["image"]
    alt_text: Annotated[str, Field(max_length=2000)]
    image_url: Url | None = None
    slack_file: SlackFile | None = None
    title: Plain2000 | None = None

    @model_validator(mode="before")
    @classmethod
    def has_source(cls, block: Any) -> Any:
        if isinstance(block, dict) and not (block.get("image_url") or block.get("slack_file")):
            raise ValueError("either image_url or slack_file is required")
        return block


class Actions(Block):
    type: Literal["actions"]
    elements: Annotated[list[Actionable], Field(min_length=1, max_length=25)]


class Context(Block):
    type: Literal["context"]
    elements: Annotated[
        list[Annotated[Image | Plain | Mrkdwn, Field(discriminator="type")]],
        Field(min_length=1, max_length=10),
    ]


class ContextActions(Block):
    type: Literal["context_actions"]
    elements: Annotated[list[OfContext], Field(min_length=1, max_length=5)]


class InputBlock(Block):
    type: Literal["input"]
    label: Plain2000
    element: Input
    hint: Plain2000 | None = None
    optional: bool | None = None
    dispatch_action: bool | None = None


class MarkdownBlock(Block):
    type: Literal["markdown"]
    text: Annotated[str, Field(min_length=1, max_length=12_000)]


class FileBlock(Block):
    type: Literal["file"]
    external_id: str
    source: Literal["remote"]


class LooseBlock(Loose):
    """Blocks of the platform that the sandbox passes on unchecked."""

    type: Literal[
        "rich_text", "video", "table", "plan", "task_card", "alert", "card", "carousel",
        "container", "data_table", "data_visualization",
    ]  # fmt: skip


Anywhere = (
    Section | Divider | Header | ImageBlock | Actions | Context | InputBlock | LooseBlock
)  # fmt: skip
OfMessage = Annotated[
    Anywhere | ContextActions | MarkdownBlock | FileBlock, Field(discriminator="type")
]
OfView = Annotated[Anywhere, Field(discriminator="type")]


class MessageBlocks(Part):
    """The blocks of one message, the key named as in Slack's pointers."""

    blocks: Annotated[list[OfMessage], Field(max_length=50)]


class View(Part):
    blocks: Annotated[list[OfView], Field(max_length=100)]
    private_metadata: Annotated[str, Field(max_length=3000)] | None = None
    callback_id: Annotated[str, Field(max_length=255)] | None = None
    external_id: Annotated[str, Field(max_length=255)] | None = None


class Home(View):
    type: Literal["home"]


class Modal(View):
    type: Literal["modal"]
    title: Plain24
    submit: Plain24 | None = None
    close: Plain24 | None = None
    clear_on_close: bool | None = None
    notify_on_close: bool | None = None
    submit_disabled: bool | None = None

    @model_validator(mode="after")
    def inputs_need_submit(self) -> "Modal":
        if self.submit is None and any(isinstance(b, InputBlock) for b in self.blocks):
            raise ValueError("missing required field: submit")
        return self


class ViewOf(Part):
    """A view under the key of Slack's pointers."""

    view: Annotated[Modal | Home, Field(discriminator="type")]
