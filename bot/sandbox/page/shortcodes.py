"""Emoji shortcodes as Slack writes them (`:tada:`, `:+1::skin-tone-3:`) to characters."""

import re
from functools import lru_cache

import emoji

# The `emoji` package follows GitHub and Unicode; these few Slack names are in neither.
_SLACK_ONLY = {
    "thinking_face": "🤔",
    "simple_smile": "🙂",
    "slightly_smiling_face": "🙂",
    "hugging_face": "🤗",
    "face_with_rolling_eyes": "🙄",
    "hourglass_flowing_sand": "⏳",
    "bar_chart": "📊",
    "robot_face": "🤖",
    "male-technologist": "👨‍💻",
    "female-technologist": "👩‍💻",
    "large_green_circle": "🟢",
    "large_yellow_circle": "🟡",
    "red_circle": "🔴",
}
_SKIN = re.compile(r"::skin-tone-[2-6]$")

# Offered first in the picker: what the loop of asking and teaching needs.
PICKER = (
    "white_check_mark", "x", "thumbsup", "thumbsdown", "eyes", "tada",
    "heart", "bulb", "raised_hands", "thinking_face", "rocket", "pray",
    "hourglass_flowing_sand", "question", "bookmark", "seedling",
)  # fmt: skip


@lru_cache(maxsize=2048)
def character(name: str) -> str | None:
    """The emoji for a shortcode without its colons; None where nobody knows it."""
    bare = _SKIN.sub("", name)
    if bare in _SLACK_ONLY:
        return _SLACK_ONLY[bare]
    code = f":{bare}:"
    found = emoji.emojize(code, language="alias", variant="emoji_type")
    return None if found == code else found
