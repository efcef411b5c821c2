"""
"Should we tune?" on one page: the answer, then the four questions, then what to do. Pure.

The four questions are those to be asked before any tuning: what should become better, what
prompting reaches, what tuning costs, what it gains. What was not measured is said not to be known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.evaluation.advice import (
    Advice,
    Answer,
    Costs,
    Figure,
    Kind,
    Material,
    Measured,
    tokens_saved,
)
from bot.evaluation.gate import FEWEST_CLUSTERS

#: Grown by so much since the last run, the data set is worth another.
GROWN = 0.25
#: Bounds further apart than this say next to nothing.
_VAGUE = 0.5


@dataclass(frozen=True)
class Spelling:
    """How names are written where the page is shown: hostile words, and channels."""

    words: Callable[[str], str] = lambda text: text
    channel: Callable[[str], str] = lambda channel_id: f"channel {channel_id}"


#: A title and its sentences.
Section = tuple[str, list[str]]


def sections(advice: Advice, spelling: Spelling | None = None) -> list[Section]:
    """The page: the answer, the four questions, and what to do next."""
    spelling = spelling or Spelling()
    return [
        ("Should we tune?", [_headline(advice, spelling)]),
        ("What should become better?", _use_case(advice.material)),
        ("What does prompting reach?", _alternatives(advice)),
        ("What does tuning cost?", _costs(advice)),
        ("What does tuning gain?", _benefits(advice, spelling)),
        ("What to collect next", _next(advice, spelling)),
    ]


def _headline(advice: Advice, spelling: Spelling) -> str:
    material, measured = advice.material, advice.measured
    match advice.answer:
        case Answer.NOT_YET:
            missing = material.fewest - material.examples
            return (
                f"Not yet: {count(material.examples, 'approved example')}, and a run takes "
                f"{material.fewest} or more. {missing} more, and it can be tried."
            )
        case Answer.RIGHTS_FIRST:
            return (
                "Not before an admin has stated that your organisation may train on this content: "
                "`/apprentice train` asks for it. Until then examples in the prompt are what works."
            )
        case Answer.TRY:
            return (
                "Nobody knows yet: nothing was measured with your data. One run tells, and "
                "changes nothing by itself: `/apprentice train`."
            )
    assert measured is not None
    words = {
        Answer.YES: f"Yes, but {measured.version} is retired: `/apprentice train` makes another."
        if measured.is_retired
        else f"Yes: `/apprentice promote {measured.version}`.",
        Answer.UNPROVEN: "Yes, if you can do without one proof.",
        Answer.DONE: f"It was right to: {measured.version} answers already.",
        Answer.NOT_SETTLED: "Not settled.",
        Answer.NO: "No.",
    }[advice.answer]
    if material.examples >= measured.trained_on * (1 + GROWN):
        more = material.examples - measured.trained_on
        words += f" {count(more, 'example')} came since that run: measure again."
    return f"{words} {spelling.words(measured.reason)}"


def _use_case(material: Material) -> list[str]:
    if not material.examples:
        return ["Nothing was taught yet, so nobody can say what people ask."]
    lines = [
        f"{count(material.examples, 'approved example')} about "
        f"{count(material.questions, 'distinct question')}"
        + (f", {material.wordings} of them put in other words too" if material.worded else "")
        + "."
    ]
    if material.examples > 1 and material.questions == 1:
        lines.append("They all ask the same: a model would learn one sentence.")
    if material.unanswered:
        lines.append(
            f"{count(material.unanswered, 'question')} of people could not be answered. Tuning "
            "does not answer them: it teaches no fact that nobody taught."
        )
    return lines


def _alternatives(advice: Advice) -> list[str]:
    material, measured = advice.material, advice.measured
    lines = []
    if measured and measured.prompting:
        best = measured.prompting
        lines.append(
            f"Token F1 {_with_bounds(best)} with {best.name}, over "
            f"{count(measured.held_out, 'held-out question')}. 1 is the curated answer, word for "
            "word."
        )
        if best.facts is not None:
            lines.append(
                f"Those answers hold {best.facts:.0%} of the numbers, names, commands and links "
                "they should."
            )
    elif material.examples:
        lines.append("Not measured yet: the first run measures it as well.")
    else:
        lines.append("Nothing was taught yet, so there is nothing to put into a prompt.")
    if material.looked_up:
        lines.append(
            f"Of {count(material.looked_up, 'question')} in other words, retrieval finds the right "
            f"example first for {material.found_first}. Prompting alone can hardly be right more "
            "often."
        )
    return lines


def _costs(advice: Advice) -> list[str]:
    costs, measured = advice.costs, advice.measured
    lines = [_price_of_a_run(costs)]
    if costs.hosting_per_hour:
        lines.append(
            f"Hosting: ${costs.hosting_per_hour:.2f} an hour, also while nobody asks "
            f"(seen {costs.price_seen_on})."
        )
    if measured and measured.prompting and measured.tuned:
        lines.append(_break_even(costs, measured.prompting, measured.tuned))
    if advice.material.left_out:
        left = sum(advice.material.left_out.values())
        lines.append(f"{count(left, 'example')} may not be trained on: nobody stated the right to.")
    return lines


def _price_of_a_run(costs: Costs) -> str:
    if costs.is_own_machine:
        if costs.minutes is None:
            return "A run costs time of this machine; how much, the first one tells."
        return f"The last run took {_minutes(costs.minutes)} of this machine, and no money."
    if costs.dollars is None:
        return f"What {costs.trainer} charges for a run is not known here: ask the provider."
    return (
        f"A run costs about ${costs.dollars:.2f} at {costs.trainer}, at prices seen "
        f"{costs.price_seen_on}."
    )


def _break_even(costs: Costs, prompting: Figure, tuned: Figure) -> str:
    if costs.is_own_machine:
        saved = prompting.seconds - tuned.seconds
        if costs.minutes is None or saved <= 0:
            return (
                f"A tuned answer takes {tuned.seconds:.1f} s, a prompted one "
                f"{prompting.seconds:.1f} s: time does not pay for the run, only better answers do."
            )
        return (
            f"Each tuned answer is {saved:.1f} s faster: after about "
            f"{costs.minutes * 60 / saved:,.0f} answers the run's time is back."
        )
    if tuned.dollars_per_1000 is None or prompting.dollars_per_1000 is None:
        return (
            "What 1,000 answers cost there is not known: set PROVIDER_TOKEN_PRICES, and the "
            "break-even is shown."
        )
    saved = prompting.dollars_per_1000 - tuned.dollars_per_1000
    compared = (
        f"1,000 answers cost ${tuned.dollars_per_1000:.2f} tuned and "
        f"${prompting.dollars_per_1000:.2f} prompted"
    )
    if saved <= 0 or costs.dollars is None:
        return f"{compared}: money does not pay for the run, only better answers do."
    return (
        f"{compared}: the run is paid for after about {costs.dollars / saved * 1000:,.0f} answers."
    )


def _benefits(advice: Advice, spelling: Spelling) -> list[str]:
    measured = advice.measured
    if measured is None or measured.tuned is None:
        return [
            "Not known: no run was measured for this audience, so there is no number to expect."
        ]
    lines = [
        f"Token F1 {_with_bounds(measured.tuned)} with {measured.tuned.name}, after "
        f"{count(measured.trained_on, 'example')}."
    ]
    saved = tokens_saved(measured)
    if saved is not None and round(saved):
        direction = "fewer" if saved > 0 else "more"
        lines.append(f"{abs(saved):.0f} prompt tokens {direction} for each answer.")
    elif saved is not None:
        lines.append("As many prompt tokens for each answer.")
    lines.append(_curve_words(advice, measured))
    lines += _kinds_words(measured.kinds, spelling)
    return lines


def _curve_words(advice: Advice, measured: Measured) -> str:
    sizes = sorted({point.examples for point in measured.points})
    if advice.expected is None:
        return (
            "What more examples would bring cannot be said from one size of data. "
            "`python -m bot train --part 0.5` measures a second."
        )
    low, high = advice.expected.low, advice.expected.high
    words = (
        f"With twice as many examples: about {advice.expected.mean:.2f}, between {low:.2f} and "
        f"{high:.2f} (a curve through runs on {_listed([str(size) for size in sizes])} examples)"
    )
    return f"{words}. That says next to nothing yet." if high - low > _VAGUE else f"{words}."


def _kinds_words(kinds: Sequence[Kind], spelling: Spelling) -> list[str]:
    if not kinds:
        return []
    ordered = sorted(kinds, key=lambda kind: -kind.gain)
    shown = ordered if len(ordered) <= 4 else [*ordered[:3], ordered[-1]]
    lines = [f"{_kind_name(kind, spelling)} {_kind_figures(kind)}" for kind in shown]
    return ["By kind of question, a hint and no proof: " + "; ".join(lines) + "."]


def _kind_figures(kind: Kind) -> str:
    bounds = ""
    if kind.gain_low is not None and kind.gain_high is not None:
        bounds = f", {kind.gain_low:+.2f} to {kind.gain_high:+.2f}"
    return f"{kind.gain:+.2f} ({count(kind.questions, 'question')}{bounds})"


def _kind_name(kind: Kind, spelling: Spelling) -> str:
    if kind.what == "channel":
        return spelling.channel(kind.name)
    return f"“{spelling.words(kind.name)}”"


def _next(advice: Advice, spelling: Spelling) -> list[str]:
    material = advice.material
    lines = []
    if material.examples < material.fewest:
        lines.append("Mark good answers with ✅, type some with `/apprentice add`, or import them.")
    if material.worded < FEWEST_CLUSTERS:
        lines.append(
            f"{count(FEWEST_CLUSTERS - material.worded, 'more question')} in other words: nothing "
            "is proven below "
            f"{FEWEST_CLUSTERS}. Curators add them in `/apprentice review`."
        )
    if material.examples > material.questions:
        lines.append("Examples of other questions: some of those there are say the same.")
    if material.unanswered:
        lines.append(
            f"Answers to the {count(material.unanswered, 'question')} nobody could answer: "
            "`/apprentice review` lists them."
        )
    if material.disputed:
        lines.append(f"A decision on {count(material.disputed, 'disputed example')}.")
    if advice.measured:
        weak = sorted(advice.measured.kinds, key=lambda kind: max(kind.tuned, kind.prompted))
        lines += [
            f"More examples for {_kind_name(kind, spelling)}: the best answers there score "
            f"{max(kind.tuned, kind.prompted):.2f}."
            for kind in weak[:1]
            if max(kind.tuned, kind.prompted) < 0.5
        ]
    return lines or ["Nothing in particular: whatever people ask most."]


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _with_bounds(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.f1:.2f}"
    return (
        f"{figure.f1:.2f} (95 % interval {max(0.0, figure.low):.2f} to {min(1.0, figure.high):.2f})"
    )


def _minutes(minutes: float) -> str:
    return "less than a minute" if minutes < 1 else count(round(minutes), "minute")


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
