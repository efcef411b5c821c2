"""Two answers to one question, for somebody who is to say which is better. Pure."""

from dataclasses import dataclass
from enum import StrEnum


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


def people_words(people: dict[str, object]) -> str:
    """What people's blind votes say so far, in a sentence; from ``bot.evaluation.blind.tally``."""
    votes, persons = people["votes"], people["people"]
    words = (
        f"People who did not know which was which preferred the tuned answer {people['tuned']} "
        f"times and the prompted one {people['prompted']} times ({votes} "
        f"vote{'' if votes == 1 else 's'} by {persons} "
        f"{'person' if persons == 1 else 'people'})"
    )
    verdicts = {
        "tuned": "They prefer the tuned one.",
        "prompted": "They prefer the prompted one: it is not promoted.",
    }
    return f"{words}. {verdicts.get(str(people['prefer']), 'That settles nothing yet.')}"
