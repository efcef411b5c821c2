"""A modal: its frame, its fields, its refusals."""

from htpy import Node, button, div, form, h2, header, p, span

from bot.sandbox.page import blocks, text
from bot.sandbox.page.frame import Frame
from bot.sandbox.page.icons import SPROUT, icon
from bot.sandbox.views import View


def render(view: View, frame: Frame, depth: int) -> Node:
    """The topmost modal; with others below it, a way back. A refusal of no field is at its foot."""
    content, trouble = view.content, view.errors.get("")
    submit, close = text.words(content.get("submit")), text.words(content.get("close"))
    whole = form(
        id=f"form-{view.id}", data_view=view.id, data_submit="view_submit", novalidate=True
    )
    return whole[
        header(".bar")[
            span(".mark.mark-s", aria_hidden="true")[SPROUT],
            h2("#modal-title", tabindex="-1")[text.words(content.get("title"))],
            button(
                ".tool", type="button", data_act="view_close", data_testid="modal-close",
                aria_label="Back" if depth > 1 else "Close",
            )[icon("back" if depth > 1 else "close", 20)],
        ],
        div(".modal-body", data_revision=str(view.revision))[
            blocks.render(content["blocks"], frame)
        ],
        p(".trouble", role="alert")[trouble] if trouble else None,
        div(".dialog-buttons")[
            button(".button", type="button", data_act="view_close", data_testid="modal-cancel")[
                close or ("Cancel" if submit else "Close")
            ],
            button(".button.primary", type="submit", data_testid="modal-submit",
                   disabled=bool(content.get("submit_disabled")))[submit]
            if submit
            else None,
        ],
    ]  # fmt: skip
