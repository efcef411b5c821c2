"""Block Kit as the page draws it."""

import pytest
from htpy import div

from bot.sandbox.page import blocks
from bot.sandbox.page.directory import Directory, Person, Place
from bot.sandbox.page.frame import Frame, local_path
from tests.sandbox.page.parsed import elements

DIRECTORY = Directory(
    {"U0BOB": Person("U0BOB", "Bob"), "U0CAROL": Person("U0CAROL", "Carol")},
    {"C0HELP": Place("C0HELP", "help")},
)
OPTIONS = [
    {"text": {"type": "plain_text", "text": words}, "value": value}
    for words, value in (("Everybody", "all"), ("Only <us>", "us"))
]


def plain(words: str) -> dict[str, str]:
    return {"type": "plain_text", "text": words}


def mrkdwn(words: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": words}


def drawn(*given, **frame) -> str:
    shown = Frame(
        DIRECTORY, "U0CAROL", key="k",
        file_path=lambda file_id: f"/sandbox/file/{file_id}" if file_id == "F1" else None, **frame,
    )  # fmt: skip
    return str(div[blocks.render(given, shown)])


def button(**more):
    return {"type": "button", "action_id": "go", "text": plain("Go"), **more}


def test_a_section_shows_text_fields_and_accessory():
    shown = drawn(
        {"type": "section", "block_id": "s", "text": mrkdwn("*Hi* <@U0BOB>"),
         "fields": [mrkdwn("*Gain*\n0.3"), plain("*raw*")], "accessory": button(value="7")}
    )  # fmt: skip

    assert "<strong>Hi</strong>" in shown
    assert "@Bob" in shown
    assert "<strong>Gain</strong><br>0.3" in shown
    assert "*raw*" in shown
    assert 'data-action="go" data-block="s"' in shown
    assert 'data-value="7"' in shown


def test_buttons_carry_their_style_confirmation_and_address():
    confirm = {"title": plain("Sure?"), "text": mrkdwn("Gone"), "confirm": plain("Yes"),
               "deny": plain("No"), "style": "danger"}  # fmt: skip
    shown = drawn({"type": "actions", "elements": [
        button(style="danger", confirm=confirm), button(url="https://example.com"),
        button(url="javascript:alert(1)"),
    ]})  # fmt: skip

    assert 'class="button danger"' in shown
    assert "&#34;title&#34;: &#34;Sure?&#34;" in shown
    assert 'href="https://example.com" target="_blank"' in shown
    assert "javascript" not in shown


def test_a_button_without_a_value_reports_none():
    assert "data-value" not in drawn({"type": "actions", "elements": [button()]})


def test_choices_show_what_was_chosen_before_or_at_first():
    radio = {"type": "radio_buttons", "action_id": "r", "options": OPTIONS,
             "initial_option": OPTIONS[0]}  # fmt: skip
    block = {"type": "input", "block_id": "b", "label": plain("Who"), "element": radio}
    filled = {"b": {"r": {"type": "radio_buttons", "selected_option": OPTIONS[1]}}}

    assert 'value="all" checked' in drawn(block)
    assert 'value="us" checked' in drawn(block, values=filled)
    assert "Only &lt;us&gt;" in drawn(block)


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({"type": "plain_text_input", "initial_value": "<x>"}, 'value="&lt;x&gt;"'),
        ({"type": "plain_text_input", "multiline": True, "initial_value": "</textarea><b>"},
         "&lt;/textarea&gt;&lt;b&gt;</textarea>"),
        ({"type": "static_select", "options": OPTIONS, "initial_option": OPTIONS[1]},
         'value="us" selected'),
        ({"type": "checkboxes", "options": OPTIONS, "initial_options": OPTIONS},
         'type="checkbox"'),
        ({"type": "users_select", "initial_user": "U0BOB"}, 'value="U0BOB" selected'),
        ({"type": "multi_users_select", "initial_users": ["U0BOB"]}, 'value="U0BOB" selected'),
        ({"type": "multi_static_select", "options": OPTIONS, "initial_options": OPTIONS[1:]},
         'value="us" selected'),
        ({"type": "conversations_select", "initial_conversation": "C0HELP"},
         'value="C0HELP" selected'),
        ({"type": "datepicker", "initial_date": "2026-11-22"}, 'value="2026-11-22"'),
        ({"type": "number_input", "is_decimal_allowed": False, "initial_value": "3"},
         'type="number"'),
        ({"type": "email_text_input"}, 'type="email"'),
    ],
)  # fmt: skip
def test_every_input_is_drawn_with_its_value(element, expected):
    shown = drawn({"type": "input", "block_id": "b", "label": plain("Label"),
                   "element": {"action_id": "v", **element}})  # fmt: skip

    assert expected in shown
    assert 'data-action="v"' in shown
    assert "data-input" in shown


def test_a_refused_input_shows_the_sentence_beside_it():
    block = {"type": "input", "block_id": "b", "label": plain("Answer"), "hint": plain("Whole"),
             "element": {"type": "plain_text_input", "action_id": "v"}}  # fmt: skip

    shown = drawn(block, errors={"b": "Too <short>"})

    assert "Too &lt;short&gt;" in shown
    assert 'aria-invalid="true"' in shown
    assert 'data-testid="error-b"' in shown
    assert "error-b" not in drawn(block, errors={"other": "x"})


def test_feedback_buttons_show_which_was_pressed():
    feedback = {"type": "feedback_buttons", "action_id": "f",
                "positive_button": {"text": plain("Good"), "value": "good"},
                "negative_button": {"text": plain("Bad"), "value": "bad"}}  # fmt: skip

    shown = drawn({"type": "context_actions", "elements": [feedback]}, pressed={"f": "bad"})

    assert shown.count('aria-pressed="true"') == 1
    assert shown.index('data-value="bad"') < shown.index('aria-pressed="true"')


def test_an_icon_button_for_others_is_not_shown():
    icon = {"type": "icon_button", "icon": "trash", "action_id": "i", "text": plain("Forget")}

    assert "Forget" in drawn({"type": "context_actions", "elements": [icon]})
    hidden = {**icon, "visible_to_user_ids": ["U0BOB"]}
    assert "Forget" not in drawn({"type": "context_actions", "elements": [hidden]})


def test_pictures_of_this_machine_are_shown_and_others_only_linked():
    def picture(**where):
        return drawn({"type": "image", "alt_text": "Loss", **where})

    assert 'src="/sandbox/file/F1"' in picture(slack_file={"id": "F1"})
    private = "http://localhost:3000/files-pri/T0DEMO-F1/loss.png"
    assert 'src="/sandbox/file/F1"' in picture(slack_file={"url": private})
    outside = picture(image_url="https://example.com/spy.gif")
    assert "<img" not in outside
    assert 'href="https://example.com/spy.gif"' in outside
    assert "href" not in picture(image_url="javascript:alert(1)")


@pytest.mark.parametrize(
    "url", ["https://localhost.evil.example/x", "//evil/x", "http://[", "ftp://localhost/x"]
)
def test_only_addresses_of_this_machine_are_local(url):
    assert local_path(url) is None


def test_tables_tasks_and_plans_are_drawn():
    rich = {"type": "rich_text", "elements": [
        {"type": "rich_text_section", "elements": [
            {"type": "text", "text": "loss 0.2", "style": {"bold": True}}]}]}  # fmt: skip
    task = {"type": "task_card", "task_id": "1", "title": "Train <it>", "status": "in_progress",
            "details": rich,
            "sources": [{"type": "url", "url": "https://a.example", "text": "a"}]}  # fmt: skip
    shown = drawn(
        {"type": "table", "rows": [[{"type": "raw_text", "text": "F1"}],
                                   [rich]],
         "column_settings": [{"align": "right"}]},
        task, {"type": "plan", "title": "Run 1", "tasks": [task]},
    )  # fmt: skip

    assert ("th", {"class": "align-right", "scope": "col"}) in elements(shown)
    assert "<strong>loss 0.2</strong>" in shown
    assert shown.count("Train &lt;it&gt;") == 2
    assert 'aria-label="In progress"' in shown
    assert 'href="https://a.example"' in shown


def test_rich_text_of_a_composer_is_drawn():
    section = {"type": "rich_text_section", "elements": [
        {"type": "user", "user_id": "U0BOB"}, {"type": "text", "text": " <b>\nnew"},
        {"type": "link", "url": "javascript:alert(1)", "text": "bad"},
        {"type": "emoji", "name": "tada"}]}  # fmt: skip
    shown = drawn({"type": "rich_text", "elements": [
        section, {"type": "rich_text_list", "style": "bullet", "elements": [section]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "<x>"}]},
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "said"}]}]})  # fmt: skip

    assert "@Bob" in shown
    assert " &lt;b&gt;<br>new" in shown
    assert "javascript" not in shown
    assert "🎉" in shown
    assert "<pre><code>&lt;x&gt;</code></pre>" in shown
    assert "<blockquote>said</blockquote>" in shown


def test_what_we_do_not_know_is_named_rather_than_hidden():
    shown = drawn({"type": "carousel<"}, {"type": "actions", "elements": [{"type": "dial"}]})

    assert "“carousel&lt;”" in shown
    assert "(dial is not shown here)" in shown
