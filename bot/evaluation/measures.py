"""
What is measured of an answer besides token F1: word order, meaning, facts, abstention, length,
cost. Pure.

All of it is computed from stored answers; which measure decides is the gate's business.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import fmean, median
from typing import Any

from bot.curation.unanswered import abstains
from bot.evaluation.intervals import interval_of
from bot.evaluation.likeness import Likeness
from bot.evaluation.metrics import tokens_of
from storage.tables import EvaluationAnswer, SnapshotRow, Split

_LINK = r"https?://[^\s<>|]+"
_CODE = r"`[^`\n]+`"
_ADDRESS = r"[\w.+-]+@[\w-]+\.[\w.-]+"
_NUMBER = r"[\w./:#$€£-]*\d[\w./:%#€-]*"
#: Options, paths, channels and people: they begin with a sign.
_SIGNED = r"(?<![\w/])(?:--?[a-z][\w-]+|[#@/~][\w./-]*\w)"
#: A capital after another word; one at the beginning of a sentence may be any word.
_NAME = r"(?<=[\w,;:] )(?!I\b)[A-Z][\w-]+(?: [A-Z][\w-]+)*"
_FACT = re.compile("|".join((_LINK, _CODE, _ADDRESS, _NUMBER, _SIGNED, _NAME)))


@dataclass(frozen=True)
class TokenPrices:
    """US dollars for a million tokens read and for a million written."""

    prompt: float
    answer: float


#: What nobody is paid for by the token.
OWN_MACHINE = TokenPrices(0.0, 0.0)


def prices_of(setting: str) -> TokenPrices | None:
    """From ``0.80/3.20``; None where nothing is set."""
    if not setting:
        return None
    prompt, answer = setting.split("/")
    return TokenPrices(float(prompt), float(answer))


def rouge_l(answer: str, reference: str) -> float:
    """
    Harmonic mean of precision and recall over the longest common subsequence of words, 0 to 1.

    Unlike token F1 it wants the words in the same order.
    """
    given, wanted = tokens_of(answer), tokens_of(reference)
    if not given or not wanted:
        return float(given == wanted)
    return 2 * _common(given, wanted) / (len(given) + len(wanted))


def exact_facts(text: str) -> list[str]:
    """Numbers, names, commands, links, addresses: what has to be right to the letter."""
    found = (" ".join(tokens_of(match)) for match in _FACT.findall(text))
    return [fact for fact in dict.fromkeys(found) if fact]


def facts_right(answer: str, reference: str) -> float | None:
    """The share of the reference's facts that the answer has; None where it has none."""
    wanted = exact_facts(reference)
    if not wanted:
        return None
    said = f" {' '.join(tokens_of(answer))} "
    return sum(f" {fact} " in said for fact in wanted) / len(wanted)


def measures_of(
    answers: Sequence[EvaluationAnswer],
    rows: Mapping[int, SnapshotRow],
    clusters: Mapping[int, Hashable],
    prices: TokenPrices | None,
    likeness: Likeness | None = None,
) -> dict[str, Any]:
    """
    Everything known of one strategy's answers, as figures that JSON can hold.

    ``clusters`` names the held-out wordings that count; ``prices`` None are not known, and what
    ``likeness`` does not know is left out.
    """
    counted = [one for one in answers if one.snapshot_row_id in clusters]
    found = _abstentions(answers, rows)
    if not counted:
        return found
    prompt = fmean(one.prompt_tokens for one in counted)
    said = fmean(one.answer_tokens for one in counted)
    dollars = None
    if prices is not None:
        dollars = (prompt * prices.prompt + said * prices.answer) / 1000
    return {
        **_with_bounds("f1", {one.snapshot_row_id: one.f1 for one in counted}, clusters),
        **_with_bounds(
            "rouge_l",
            {
                one.snapshot_row_id: rouge_l(one.text, rows[one.snapshot_row_id].answer)
                for one in counted
            },
            clusters,
        ),
        **_similarity(counted, rows, clusters, likeness or Likeness()),
        **_facts(counted, rows, clusters),
        **found,
        "answer_tokens": said,
        "prompt_tokens": prompt,
        "seconds": median(one.seconds for one in counted),
        "dollars_per_1000": dollars,
    }


def _similarity(
    answers: Sequence[EvaluationAnswer],
    rows: Mapping[int, SnapshotRow],
    clusters: Mapping[int, Hashable],
    likeness: Likeness,
) -> dict[str, Any]:
    cosines = {
        one.snapshot_row_id: cosine
        for one in answers
        if (cosine := likeness.of(one.text, rows[one.snapshot_row_id].answer)) is not None
    }
    return _with_bounds("similarity", cosines, clusters) if cosines else {}


def _facts(
    answers: Sequence[EvaluationAnswer],
    rows: Mapping[int, SnapshotRow],
    clusters: Mapping[int, Hashable],
) -> dict[str, Any]:
    shares = {
        one.snapshot_row_id: share
        for one in answers
        if (share := facts_right(one.text, rows[one.snapshot_row_id].answer)) is not None
    }
    return {**_with_bounds("facts", shares, clusters), "facts_of": len(shares)} if shares else {}


def _abstentions(
    answers: Sequence[EvaluationAnswer], rows: Mapping[int, SnapshotRow]
) -> dict[str, Any]:
    """Wrong where the question was taught, right where it was not; each with its count."""
    found: dict[str, Any] = {}
    for split, name in (
        (Split.HELD_OUT_WORDING, "abstained_wrong"),
        (Split.HELD_OUT_QUESTION, "abstained_right"),
    ):
        asked = [
            abstains(one.text)
            for one in answers
            if one.snapshot_row_id in rows and rows[one.snapshot_row_id].split == split
        ]
        if asked:
            found |= {name: fmean(asked), f"{name}_of": len(asked)}
    return found


def _with_bounds(
    name: str, values: Mapping[int, float], clusters: Mapping[int, Hashable]
) -> dict[str, Any]:
    interval = interval_of(list(values.values()), [clusters[row] for row in values])
    return {
        name: interval.mean,
        f"{name}_low": finite(interval.low),
        f"{name}_high": finite(interval.high),
    }


def finite(bound: float) -> float | None:
    """One fact has an interval without bounds, which JSON cannot hold."""
    return bound if isfinite(bound) else None


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    longest = [0] * (len(other) + 1)
    for word in one:
        diagonal = 0
        for place, theirs in enumerate(other, start=1):
            above = longest[place]
            best = diagonal + 1 if word == theirs else max(above, longest[place - 1])
            longest[place], diagonal = best, above
    return longest[-1]
