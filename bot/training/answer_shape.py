"""
What has to be in an answer before anything is read from it: an API's answer may be another's. Pure.
"""

from collections.abc import Mapping
from typing import Any

#: A shape is a kind of value, what its fields are, or in a list what each of its items is.
TEXT, FLAG, WHOLE, NUMBER = str, bool, int, (int, float)
Shape = Any


def misfit(answer: Any, shape: Shape, place: str = "") -> str:
    """What does not have its shape, in words for a sentence; empty where all does."""
    if isinstance(shape, Mapping):
        if not isinstance(answer, Mapping):
            return f"{place or 'the answer'} is no object"
        found = (
            misfit(answer.get(name), inner, f"{place}.{name}" if place else name)
            for name, inner in shape.items()
        )
    elif isinstance(shape, list):
        if not isinstance(answer, list):
            return f"{place or 'the answer'} is no list"
        found = (misfit(each, shape[0], f"an item of {place}") for each in answer)
    else:
        # To Python true and false are numbers.
        is_right = isinstance(answer, shape) and isinstance(answer, bool) == (shape is FLAG)
        return "" if is_right else f"{place} is missing or of another kind"
    return next((words for words in found if words), "")
