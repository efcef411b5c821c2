"""Block elements and which of them stand where."""

from typing import Annotated, Any, Literal

from pydantic import Field

from bot.sandbox.block_kit.texts import (
    Confirm,
    Id,
    Label,
    Option,
    OptionGroup,
    Part,
    Plain75,
    Plain150,
    SlackFile,
    Url,
    Value,
)  # fmt: skip


class Element(Part):
    action_id: Id | None = None


class Choosable(Element):
    confirm: Confirm | None = None
    focus_on_load: bool | None = None


class WithPlaceholder(Choosable):
    placeholder: Plain150 | None = None


class Button(Element):
    type: Literal["button"]
    text: Plain75
    url: Url | None = None
    value: Value | None = None
    style: Literal["primary", "danger"] | None = None
    confirm: Confirm | None = None
    accessibility_label: Label | None = None


class Image(Part):
    type: Literal["image"]
    alt_text: Annotated[str, Field(max_length=2000)]
    image_url: Url | None = None
    slack_file: SlackFile | None = None


class StaticSelect(WithPlaceholder):
    type: Literal["static_select"]
    options: Annotated[list[Option], Field(min_length=1, max_length=100)] | None = None
    option_groups: Annotated[list[OptionGroup], Field(min_length=1, max_length=100)] | None = None
    initial_option: Option | None = None


class MultiStaticSelect(WithPlaceholder):
    type: Literal["multi_static_select"]
    options: Annotated[list[Option], Field(min_length=1, max_length=100)] | None = None
    option_groups: Annotated[list[OptionGroup], Field(min_length=1, max_length=100)] | None = None
    initial_options: Annotated[list[Option], Field(min_length=1)] | None = None
    max_selected_items: Annotated[int, Field(ge=1)] | None = None


class ExternalSelect(WithPlaceholder):
    type: Literal["external_select", "multi_external_select"]
    initial_option: Option | None = None
    initial_options: list[Option] | None = None
    min_query_length: int | None = None
    max_selected_items: Annotated[int, Field(ge=1)] | None = None


class UsersSelect(WithPlaceholder):
    type: Literal["users_select"]
    initial_user: str | None = None


class ConversationsSelect(WithPlaceholder):
    type: Literal["conversations_select"]
    initial_conversation: str | None = None
    default_to_current_conversation: bool | None = None
    response_url_enabled: bool | None = None
    filter: dict[str, Any] | None = None


class ChannelsSelect(WithPlaceholder):
    type: Literal["channels_select"]
    initial_channel: str | None = None
    response_url_enabled: bool | None = None


class MultiSelectOfIds(WithPlaceholder):
    type: Literal["multi_users_select", "multi_conversations_select", "multi_channels_select"]
    initial_users: list[str] | None = None
    initial_conversations: list[str] | None = None
    initial_channels: list[str] | None = None
    default_to_current_conversation: bool | None = None
    filter: dict[str, Any] | None = None
    max_selected_items: Annotated[int, Field(ge=1)] | None = None


class Overflow(Element):
    type: Literal["overflow"]
    options: Annotated[list[Option], Field(min_length=1, max_length=5)]
    confirm: Confirm | None = None


class Checkboxes(Choosable):
    type: Literal["checkboxes"]
    options: Annotated[list[Option], Field(min_length=1, max_length=10)]
    initial_options: Annotated[list[Option], Field(min_length=1)] | None = None


class RadioButtons(Choosable):
    type: Literal["radio_buttons"]
    options: Annotated[list[Option], Field(min_length=1, max_length=10)]
    initial_option: Option | None = None


class DatePicker(WithPlaceholder):
    type: Literal["datepicker"]
    initial_date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None


class TimePicker(WithPlaceholder):
    type: Literal["timepicker"]
    initial_time: Annotated[str, Field(pattern=r"^\d{2}:\d{2}$")] | None = None
    timezone: str | None = None


class DateTimePicker(Choosable):
    type: Literal["datetimepicker"]
    initial_date_time: int | None = None


class TextInput(Element):
    placeholder: Plain150 | None = None
    focus_on_load: bool | None = None
    dispatch_action_config: dict[str, Any] | None = None


class PlainTextInput(TextInput):
    type: Literal["plain_text_input"]
    initial_value: Annotated[str, Field(max_length=3000)] | None = None
    multiline: bool | None = None
    min_length: Annotated[int, Field(ge=0, le=3000)] | None = None
    max_length: Annotated[int, Field(ge=1, le=3000)] | None = None


class AddressInput(TextInput):
    type: Literal["email_text_input", "url_text_input"]
    initial_value: str | None = None


class NumberInput(TextInput):
    type: Literal["number_input"]
    is_decimal_allowed: bool
    initial_value: str | None = None
    min_value: str | None = None
    max_value: str | None = None


class RichTextInput(TextInput):
    type: Literal["rich_text_input"]
    initial_value: dict[str, Any] | None = None


class FileInput(Element):
    type: Literal["file_input"]
    filetypes: list[str] | None = None
    max_files: Annotated[int, Field(ge=1, le=10)] | None = None


class FeedbackButton(Part):
    text: Plain75
    value: Value
    accessibility_label: Label | None = None


class FeedbackButtons(Element):
    type: Literal["feedback_buttons"]
    positive_button: FeedbackButton
    negative_button: FeedbackButton


class IconButton(Element):
    type: Literal["icon_button"]
    icon: str
    text: Plain75
    value: Value | None = None
    confirm: Confirm | None = None
    accessibility_label: Label | None = None
    visible_to_user_ids: list[str] | None = None


Chosen = (
    StaticSelect | MultiStaticSelect | ExternalSelect | UsersSelect | ConversationsSelect
    | ChannelsSelect | MultiSelectOfIds | Checkboxes | RadioButtons | DatePicker | TimePicker
    | DateTimePicker
)  # fmt: skip
Actionable = Annotated[Button | Overflow | Chosen | RichTextInput, Field(discriminator="type")]
Accessory = Annotated[Button | Overflow | Chosen | Image, Field(discriminator="type")]
Input = Annotated[
    Chosen | PlainTextInput | AddressInput | NumberInput | RichTextInput | FileInput,
    Field(discriminator="type"),
]
OfContext = Annotated[FeedbackButtons | IconButton, Field(discriminator="type")]
