"""Two answers to one question: which is better, and what came of asking that. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Choice(StrEnum):
    FIRST = "first"
    SECOND = "second"
    SAME = "same"


@dataclass(frozen=True)
class BlindPair:
    """``done`` pairs were judged by this person, ``left`` are not yet, this one included."""

    run_id: int
    row_id: int
    question: str
    curated: str
    first: str
    second: str
    done: int
    left: int


def people_words(people: Mapping[str, Any]) -> str:
    """What people's blind votes say so far, in a sentence; from ``bot.evaluation.blind.tally``."""
    votes, persons = people["votes"], people["people"]
    words = (
        f"People who did not know which was which preferred the tuned answer {people['tuned']} "
        f"times and the prompted one {people['prompted']} times ({votes} "
        f"vote{'' if votes == 1 else 's'} by {persons} "
        f"{'person' if persons == 1 else 'people'})"
    )
    tuned = "They prefer the tuned one"
    verdicts = {
        "tuned": f"{tuned}, whoever of them is left out: that settles an open verdict."
        if people.get("settles")
        else f"{tuned}.",
        "prompted": "They prefer the prompted one: it is not promoted.",
    }
    return f"{words}. {verdicts.get(str(people['prefer']), 'That settles nothing yet.')}"


def judge_words(found: Mapping[str, Any], people: Mapping[str, Any] | None = None) -> str:
    """What the judge says, or why that does not count, in a sentence or two."""
    if problem := found.get("problem"):
        return f"The judge model does not count: {problem}."
    low, high = found["share_low"], found["share_high"]
    bounds = "" if low is None else f", 95 % interval {low:.0%} to {high:.0%}"
    words = (
        f"The judge model, asked in both orders, prefers the tuned answer in {found['share']:.0%} "
        f"of {found['pairs']} pairs{bounds}"
    )
    compared = (people or {}).get("judge_compared", 0)
    if not compared:
        return (
            f"{words}. Nobody has voted on the same pairs, so nobody knows how good a judge it is."
        )
    return (
        f"{words}. It agrees with people in {(people or {})['judge_agreed']} of {compared} pairs."
    )
