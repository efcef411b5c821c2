from typing import Any

import pytest

from bot.sandbox.blocks import check_message_blocks, check_view
from bot.sandbox.errors import SlackError

Payload = dict[str, Any]


def plain(text: str) -> Payload:
    return {"type": "plain_text", "text": text}


def button(text: str = "Press", action_id: str = "press") -> Payload:
    return {"type": "button", "text": plain(text), "action_id": action_id}


def actions(*elements: Payload) -> Payload:
    return {"type": "actions", "elements": list(elements)}


def field(action_id: str = "text") -> Payload:
    element = {"type": "plain_text_input", "action_id": action_id}
    return {"type": "input", "block_id": "q", "label": plain("Question"), "element": element}


OPTION = {"text": plain("One"), "value": "1"}
GOOD_BLOCKS: list[Payload] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*hi*"}, "accessory": button()},
    {"type": "section", "fields": [plain("a"), plain("b")]},
    {"type": "header", "text": plain("Run 3")},
    {"type": "divider"},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "small"}]},
    {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "loss"},
    {"type": "image", "slack_file": {"id": "F0A"}, "alt_text": "loss"},
    {"type": "markdown", "text": "**bold**"},
    {"type": "context_actions", "elements": [
        {"type": "feedback_buttons", "action_id": "f",
         "positive_button": {"text": plain("Good"), "value": "good"},
         "negative_button": {"text": plain("Bad"), "value": "bad"}}]},
    actions(button(), {"type": "static_select", "action_id": "s", "options": [OPTION]},
            {"type": "overflow", "action_id": "o", "options": [OPTION]}),
    field(),
    {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]},
]  # fmt: skip


def test_blocks_as_slack_documents_them_pass_and_get_ids() -> None:
    checked = check_message_blocks(GOOD_BLOCKS)

    assert all(block["block_id"] for block in checked)
    assert len({block["block_id"] for block in checked}) == len(checked)
    assert "block_id" not in GOOD_BLOCKS[0]


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ({"type": "section", "text": plain("x" * 3001)},
         "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        ({"type": "section"}, "either text or fields is required [json-pointer:/blocks/0]"),
        ({"type": "section", "fields": [plain("x")] * 11},
         "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
        ({"type": "header", "text": plain("x" * 151)},
         "must be less than 151 characters [json-pointer:/blocks/0/text/text]"),
        (actions(button("x" * 76)),
         "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]"),
        (actions(button(action_id="x" * 256)),
         "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]"),
        (actions(button(), button()),
         "`action_id` `press` already exists [json-pointer:/blocks/0]"),
        (actions(*[button(action_id=str(n)) for n in range(26)]),
         "no more than 25 items allowed [json-pointer:/blocks/0/elements]"),
        (actions(button() | {"colour": "red"}),
         "invalid additional property: colour [json-pointer:/blocks/0/elements/0]"),
        ({"type": "actions"}, "missing required field: elements [json-pointer:/blocks/0]"),
        ({"type": "poem"}, "unsupported type: poem [json-pointer:/blocks/0]"),
        ({"text": plain("x")}, "missing required field: type [json-pointer:/blocks/0]"),
        ({"type": "image", "alt_text": "x"},
         "either image_url or slack_file is required [json-pointer:/blocks/0]"),
    ],
)  # fmt: skip
def test_a_wrong_block_is_refused_with_a_pointer(block: Payload, complaint: str) -> None:
    with pytest.raises(SlackError) as refused:
        check_message_blocks([block])

    body = refused.value.body()
    assert (body["error"], body["errors"]) == ("invalid_blocks", [complaint])
    assert body["response_metadata"]["messages"] == [f"[ERROR] {complaint}"]


def test_a_message_has_50_blocks_at_most() -> None:
    check_message_blocks([{"type": "divider"}] * 50)

    with pytest.raises(SlackError, match="no more than 50 items"):
        check_message_blocks([{"type": "divider"}] * 51)


def test_a_block_id_is_used_once() -> None:
    with pytest.raises(SlackError, match="duplicate block_id same"):
        check_message_blocks([{"type": "divider", "block_id": "same"}] * 2)


def modal(**changes: Any) -> Payload:
    return {"type": "modal", "title": plain("Teach"), "submit": plain("Keep"),
            "blocks": [field()]} | changes  # fmt: skip


def test_a_view_as_slack_documents_it_passes() -> None:
    assert check_view(modal(), "modal")["blocks"][0]["block_id"] == "q"
    assert check_view({"type": "home", "blocks": []}, "home")["blocks"] == []


@pytest.mark.parametrize(
    ("view", "complaint"),
    [
        (modal(title=plain("x" * 25)),
         "must be less than 25 characters [json-pointer:/view/title/text]"),
        (modal(submit=None), "missing required field: submit [json-pointer:/view]"),
        (modal(blocks=[{"type": "divider"}] * 101),
         "no more than 100 items allowed [json-pointer:/view/blocks]"),
        (modal(blocks=[{"type": "markdown", "text": "x"}]),
         "unsupported type: markdown [json-pointer:/view/blocks/0]"),
        (modal(private_metadata="x" * 3001),
         "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
        ({"type": "home", "blocks": []}, "must be a view of type modal [json-pointer:/view/type]"),
        ({}, "missing required field: type [json-pointer:/view]"),
    ],
)  # fmt: skip
def test_a_wrong_view_is_refused_with_a_pointer(view: Payload, complaint: str) -> None:
    with pytest.raises(SlackError) as refused:
        check_view(view, "modal")

    assert refused.value.code == "invalid_arguments"
    assert refused.value.messages == [f"[ERROR] {complaint}"]


def test_a_view_is_250_kb_at_most() -> None:
    with pytest.raises(SlackError, match="view_too_large"):
        check_view(modal(private_metadata="x" * 260_000), "modal")
