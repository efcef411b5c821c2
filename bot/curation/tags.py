"""Tags as people type them: short words, separated by commas. Pure."""

import re

from bot.curation.markup import visible
from bot.errors import TagsError

MAX_TAGS = 10
MAX_LENGTH = 30

_BETWEEN = re.compile(r"[,;\n]")


def parse_tags(typed: str) -> tuple[str, ...]:
    """
    Return the tags in lower case, each once, in the order they were typed.

    Raises:
        TagsError: there are too many, or one is too long.
    """
    words = (" ".join(visible(part).split()).lstrip("#") for part in _BETWEEN.split(typed))
    tags = tuple(dict.fromkeys(word.casefold() for word in words if word))
    if len(tags) > MAX_TAGS or any(len(tag) > MAX_LENGTH for tag in tags):
        raise TagsError(MAX_TAGS, MAX_LENGTH)
    return tags
