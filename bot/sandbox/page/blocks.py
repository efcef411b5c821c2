"""Block Kit blocks to elements. Pure: a block (a dict) and a frame in, htpy nodes out."""

from collections.abc import Callable, Iterable

from htpy import (
    Node,
    details,
    div,
    fragment,
    h3,
    hr,
    img,
    li,
    ol,
    p,
    span,
    summary,
    table,
    tbody,
    td,
    th,
    thead,
    tr,
)  # fmt: skip

from bot.sandbox.page import elements, markdown, rich_text, text
from bot.sandbox.page.frame import Block, Frame
from bot.sandbox.page.icons import icon
from bot.sandbox.page.inputs import input_block
from bot.sandbox.page.mrkdwn import link


def render(blocks: Iterable[Block], frame: Frame) -> Node:
    """All blocks in order; one we do not know is named, so that nothing is missing in silence."""
    return fragment[
        [_one(block, str(block.get("block_id") or f"b{number}"), frame)
         for number, block in enumerate(blocks)]
    ]  # fmt: skip


def _one(block: Block, block_id: str, frame: Frame) -> Node:
    kind = str(block.get("type"))
    draw = _DRAWN.get(kind)
    if draw is None:
        return div(".unsupported")[f"A block of type “{kind}” is not shown here."]
    return div(f".kit.kit-{kind.replace('_', '-')}", id=f"{frame.key}-{block_id}-block")[
        draw(block, block_id, frame)
    ]


def _section(block: Block, block_id: str, frame: Frame) -> Node:
    fields = block.get("fields") or ()
    accessory = block.get("accessory")
    return fragment[
        div(".section-main")[
            div(".prose")[text.text(block.get("text"), frame.directory)]
            if block.get("text")
            else None,
            div(".fields")[(div(".prose")[text.text(each, frame.directory)] for each in fields)]
            if fields
            else None,
        ],
        div(".accessory")[elements.render(accessory, block_id, frame)] if accessory else None,
    ]


def _header(block: Block, _block_id: str, frame: Frame) -> Node:
    return h3[text.inline(block.get("text"), frame.directory)]


def _context(block: Block, _block_id: str, frame: Frame) -> Node:
    def one(each: Block) -> Node:
        if each.get("type") != "image":
            return span[text.inline(each, frame.directory)]
        source = elements.picture_source(each, frame)
        return img(".mini", src=source, alt=each.get("alt_text", "")) if source else None

    return [one(each) for each in block.get("elements", ())]


def _row(block: Block, block_id: str, frame: Frame) -> Node:
    return [elements.render(each, block_id, frame) for each in block.get("elements", ())]


def _markdown(block: Block, _block_id: str, frame: Frame) -> Node:
    return div(".prose", dir="auto")[markdown.render(str(block.get("text", "")), frame.directory)]


def _rich_text(block: Block, _block_id: str, frame: Frame) -> Node:
    return div(".prose")[rich_text.render(block, frame.directory)]


_TASK_WORDS = {
    "pending": "Waiting", "in_progress": "In progress", "complete": "Done",
    "completed": "Done", "error": "Failed",
}  # fmt: skip


def _task(block: Block, _block_id: str, frame: Frame) -> Node:
    status = str(block.get("status") or "pending")
    inside = [
        div(".prose")[_loose(block.get(part), frame)]
        for part in ("details", "output")
        if block.get(part)
    ]
    sources = [
        link(str(each.get("url", "")), str(each.get("text") or each.get("url", "")))
        for each in block.get("sources") or ()
    ]
    head = [
        span(f".task-state.task-{status.replace('_', '-')}", role="img",
             aria_label=_TASK_WORDS.get(status, status)),
        span(".task-title")[str(block.get("title", ""))],
    ]  # fmt: skip
    if not inside and not sources:
        return div(".task-head")[head]
    return details(open=status == "in_progress")[
        summary(".task-head")[head, icon("chevron", 14)],
        div(".task-body")[inside, p(".task-sources")[sources] if sources else None],
    ]


def _loose(part: object, frame: Frame) -> Node:
    if isinstance(part, dict):
        return rich_text.render(part, frame.directory)
    return markdown.render(str(part), frame.directory)


def _plan(block: Block, _block_id: str, frame: Frame) -> Node:
    title = block.get("title")
    return fragment[
        p(".plan-title")[title if isinstance(title, str) else text.words(title)],
        ol[(li(".kit-task-card")[_task(each, "", frame)] for each in block.get("tasks") or ())],
    ]


def _table(block: Block, _block_id: str, frame: Frame) -> Node:
    settings = block.get("column_settings") or ()
    rows = list(block.get("rows") or ())

    def cell(content: Block, column: int) -> Node:
        setting = settings[column] if column < len(settings) else None
        align = str((setting or {}).get("align", "left"))
        tone = f".align-{align}" if align in ("center", "right") else ""
        tag = th(tone, scope="col") if content.get("_head") else td(tone)
        return tag[_cell(content, frame)]

    head = (
        [cell({**content, "_head": True}, n) for n, content in enumerate(rows[0])] if rows else []
    )
    body = [tr[(cell(content, n) for n, content in enumerate(row))] for row in rows[1:]]
    return div(".table-scroll", tabindex="0", role="region", aria_label="Table")[
        table[thead[tr[head]], tbody[body]]
    ]


def _cell(content: Block, frame: Frame) -> Node:
    if content.get("type") == "rich_text":
        return rich_text.render(content, frame.directory)
    return text.words(content)


def _alert(block: Block, _block_id: str, frame: Frame) -> Node:
    return div(".prose", role="note")[text.text(block.get("text"), frame.directory)]


_DRAWN: dict[str, Callable[[Block, str, Frame], Node]] = {
    "section": _section,
    "divider": lambda *_: hr,
    "header": _header,
    "context": _context,
    "actions": _row,
    "context_actions": _row,
    "image": lambda block, _id, frame: elements.large_image(block, frame),
    "rich_text": _rich_text,
    "markdown": _markdown,
    "input": input_block,
    "task_card": _task,
    "plan": _plan,
    "table": _table,
    "alert": _alert,
}
