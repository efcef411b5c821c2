"""Files below a message: pictures to look at and enlarge, everything else to open."""

from collections.abc import Sequence
from typing import Any

from htpy import Node, a, div, figcaption, figure, img, small, span

from bot.sandbox.page.frame import Frame
from bot.sandbox.page.icons import icon


def gallery(files: Sequence[dict[str, Any]], frame: Frame) -> Node:
    """All files of one message; None without any."""
    if not files:
        return None
    return div(".files")[(_one(file, frame) for file in files)]


def _one(file: dict[str, Any], frame: Frame) -> Node:
    path, name = frame.file_path(str(file.get("id"))), str(file.get("title") or file.get("name"))
    if path is None:
        return span(".unsupported")[f"The file “{name}” is gone."]
    if str(file.get("mimetype", "")).startswith("image/"):
        return figure(".picture")[
            figcaption[name],
            img(src=path, alt=str(file.get("alt_txt") or name), loading="lazy",
                data_act="enlarge", tabindex="0", role="button",
                data_testid=f"file-{file.get('id')}"),
        ]  # fmt: skip
    return a(".file", href=path, target="_blank", rel="noopener")[
        icon("file", 22), span[span(".file-name")[name], small[_size(int(file.get("size", 0)))]]
    ]


def _size(size: int) -> str:
    if size < 1024:
        return f"{size} bytes"
    return f"{size / 1024:.0f} kB" if size < 1024**2 else f"{size / 1024**2:.1f} MB"
