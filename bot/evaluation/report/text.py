"""Words of people and models as harmless text, and figures as people write them. Pure."""

import re
from collections.abc import Mapping
from typing import Any

import htpy as h

#: Characters that steer a terminal or turn the reading order of what stands after them.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def clean(text: str) -> str:
    return _CONTROLS.sub("�", text)


def percent(share: float, sign: str = "-") -> str:
    return f"{100 * share:{sign}.0f} %"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def definitions(facts: Mapping[str, Any]) -> h.Node:
    return h.dl[((h.dt[name], h.dd[_value(value)]) for name, value in facts.items())]


def _value(value: Any) -> h.Node:
    if isinstance(value, Mapping):
        value = ", ".join(f"{name} {each}" for name, each in value.items())
    return value if isinstance(value, h.Element) else clean(str(value))
