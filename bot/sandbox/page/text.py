"""Composition objects of Block Kit: text, options, and their small variations."""

from collections.abc import Mapping
from typing import Any

from htpy import Node

from bot.sandbox.page import mrkdwn
from bot.sandbox.page.directory import Directory


def text(thing: Mapping[str, Any] | None, directory: Directory) -> Node:
    """A text object as block elements."""
    if not thing:
        return None
    if thing.get("type") == "mrkdwn":
        return mrkdwn.render(str(thing.get("text", "")), directory)
    return mrkdwn.render_plain(str(thing.get("text", "")))


def inline(thing: Mapping[str, Any] | None, directory: Directory) -> Node:
    """A text object on one line."""
    if not thing:
        return None
    if thing.get("type") == "mrkdwn":
        return mrkdwn.render_inline(str(thing.get("text", "")), directory)
    return mrkdwn.render_plain(str(thing.get("text", "")))


def words(thing: Mapping[str, Any] | str | None) -> str:
    """A text object's bare words, for labels and options."""
    if thing is None:
        return ""
    return mrkdwn.plain(thing if isinstance(thing, str) else str(thing.get("text", "")))
