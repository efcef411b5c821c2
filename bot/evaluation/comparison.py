"""Two model versions on the questions both were asked: who is better, in words. Pure."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from bot.evaluation.intervals import Interval, interval_of
from bot.evaluation.measures import finite


@dataclass(frozen=True)
class Sheet:
    """One side: its name, the strategy it is spoken of by, and token F1 by question."""

    name: str
    strategy: str
    scores: Mapping[str, float]
    prompt_tokens: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Comparison:
    """
    ``gain`` is of ``first`` over ``second``; None where they share no question. ``gone`` are those
    of the two that cannot answer any more.
    """

    first: Sheet
    second: Sheet
    questions: int
    facts: int
    gain: Interval | None
    gone: Sequence[str] = ()

    def sentences(self) -> list[str]:
        """What the figures say, and what they do not."""
        return [*self._figures(), *self._gone()]

    def _gone(self) -> list[str]:
        return [
            f"{name} cannot answer any more: its files are gone, or are not those that were made. "
            "What is said of it was measured before."
            for name in self.gone
        ]

    def _figures(self) -> list[str]:
        names = f"{self.first.name} ({self.first.strategy})"
        others = f"{self.second.name} ({self.second.strategy})"
        if self.gain is None:
            return [
                f"{names} and {others} were asked no question in common, so nothing can be said. "
                f"`evaluate {self.first.name}` and `evaluate {self.second.name}` ask both what is "
                "held out today."
            ]
        mine, theirs = (self._mean(sheet) for sheet in (self.first, self.second))
        low, high = finite(self.gain.low), finite(self.gain.high)
        bounds = (
            "no interval, because all of them are about one fact"
            if low is None or high is None
            else f"95 % interval {low:+.2f} to {high:+.2f}"
        )
        lines = [
            f"{names} scores {mine:.2f}, {others} {theirs:.2f}, in token F1 on the same "
            f"{_count(self.questions, 'held-out question')} about {_count(self.facts, 'fact')}.",
            f"Difference {self.gain.mean:+.2f}, {bounds}: {self._verdict()}",
        ]
        return [*lines, *self._price()]

    def as_dict(self) -> dict[str, object]:
        return {
            "first": self.first.name,
            "first_strategy": self.first.strategy,
            "second": self.second.name,
            "second_strategy": self.second.strategy,
            "questions": self.questions,
            "facts": self.facts,
            "first_f1": self._mean(self.first) if self.questions else None,
            "second_f1": self._mean(self.second) if self.questions else None,
            "gain": self.gain.mean if self.gain else None,
            "gain_low": finite(self.gain.low) if self.gain else None,
            "gain_high": finite(self.gain.high) if self.gain else None,
            "gone": list(self.gone),
            "sentences": self.sentences(),
        }

    def _mean(self, sheet: Sheet) -> float:
        return sum(sheet.scores[key] for key in self._shared()) / self.questions

    def _shared(self) -> list[str]:
        return sorted(self.first.scores.keys() & self.second.scores.keys())

    def _verdict(self) -> str:
        assert self.gain is not None
        if self.gain.low > 0:
            return f"{self.first.name} is better."
        if self.gain.high < 0:
            return f"{self.second.name} is better."
        return "these questions cannot tell them apart."

    def _price(self) -> list[str]:
        one, other = self.first, self.second
        if None in (one.prompt_tokens, other.prompt_tokens, one.seconds, other.seconds):
            return []
        return [
            f"An answer takes {one.prompt_tokens:.0f} against {other.prompt_tokens:.0f} prompt "
            f"tokens, and {one.seconds:.1f} against {other.seconds:.1f} s."
        ]


def compare(
    first: Sheet, second: Sheet, clusters: Mapping[str, Hashable], gone: Sequence[str] = ()
) -> Comparison:
    """Pair the questions both have; ``clusters`` names the fact of each."""
    shared = sorted(first.scores.keys() & second.scores.keys() & clusters.keys())
    if not shared:
        return Comparison(first, second, 0, 0, None, gone)
    gain = interval_of(
        [first.scores[key] - second.scores[key] for key in shared],
        [clusters[key] for key in shared],
    )
    # What was asked of one side alone must not count in its mean.
    return Comparison(
        _only(first, shared), _only(second, shared), len(shared),
        len({clusters[key] for key in shared}), gain, gone,
    )  # fmt: skip


def _only(sheet: Sheet, keys: list[str]) -> Sheet:
    return Sheet(
        sheet.name,
        sheet.strategy,
        {key: sheet.scores[key] for key in keys},
        sheet.prompt_tokens,
        sheet.seconds,
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
