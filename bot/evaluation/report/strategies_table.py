"""The strategies side by side, with what the columns mean. Pure."""

from collections.abc import Callable, Sequence

import htpy as h

from bot.answering.verdicts import abstention_words, similarity_words
from bot.evaluation.lines import Line
from bot.evaluation.report.content import Asked, Report
from bot.evaluation.report.text import clean, count, percent


def strategies(report: Report) -> h.Node:
    evaluation = report.evaluation
    number = evaluation.held_out
    if not number:
        return h.section[
            h.h2["Strategies"],
            h.p["Nothing was held out, so there is nothing to compare."],
        ]
    # What was measured of no strategy gets no column.
    columns = [
        (head, cell)
        for name, head, cell in _COLUMNS
        if any(name in line for line in evaluation.strategies)
    ]
    return h.section[
        h.h2["Strategies"],
        h.div(".scroll")[
            h.table[
                h.thead[h.tr[(h.th(scope="col")[head] for head, _ in columns)]],
                h.tbody[
                    (
                        h.tr(class_={"best": line["name"] == evaluation.best})[
                            (cell(line) for _, cell in columns)
                        ]
                        for line in evaluation.strategies
                    )
                ],
            ]
        ],
        h.p(".soft")[
            f"Averages over {count(number, 'held-out question')}, each answered by every "
            "strategy, greedily, by the engine that serves; small figures are 95 % intervals that "
            "count one fact once. Token F1 and ROUGE-L: 1 is the curated answer word for word. "
            f"{similarity_words(evaluation)} "
            "Facts are its numbers, names, commands and links. Seconds are the median. The "
            "highlighted strategy is the one that ought to answer." + _reused_words(report.asked)
        ],
        h.p(".soft")[words] if (words := abstention_words(evaluation)) else None,
    ]


def _score(name: str) -> Callable[[Line], h.Node]:
    def cell(line: Line) -> h.Node:
        if name not in line:
            return h.td["–"]
        low, high = line.get(f"{name}_low"), line.get(f"{name}_high")
        small = "no interval"
        if low is not None and high is not None:
            small = f"{max(0, low):.2f}–{min(1, high):.2f}"
        if (of := line.get(f"{name}_of")) is not None:
            small += f", n {of}"
        return h.td[f"{line[name]:.2f}", h.small[small]]

    return cell


def _share(name: str) -> Callable[[Line], h.Node]:
    def cell(line: Line) -> h.Node:
        if name not in line:
            return h.td["–"]
        return h.td[percent(line[name]), h.small[f"of {line[f'{name}_of']}"]]

    return cell


def _number(name: str, form: str) -> Callable[[Line], h.Node]:
    return lambda line: h.td[format(line[name], form) if name in line else "–"]


def _dollars(line: Line) -> h.Node:
    dollars = line.get("dollars_per_1000")
    return h.td["not known" if dollars is None else f"${dollars:.2f}"]


#: The field that fills a column, its head, and what makes a cell of a line.
_COLUMNS: tuple[tuple[str, str, Callable[[Line], h.Node]], ...] = (
    ("name", "Strategy", lambda line: h.td[clean(line["name"])]),
    ("f1", "Token F1", _score("f1")),
    ("rouge_l", "ROUGE\u2011L", _score("rouge_l")),
    ("similarity", "Similarity", _score("similarity")),
    ("facts", "Facts right", _score("facts")),
    ("abstained_wrong", "“I don’t know”, wrongly", _share("abstained_wrong")),
    ("abstained_right", "“I don’t know”, rightly", _share("abstained_right")),
    ("prompt_tokens", "Prompt tokens", _number("prompt_tokens", ".0f")),
    ("answer_tokens", "Answer tokens", _number("answer_tokens", ".0f")),
    ("seconds", "Seconds", _number("seconds", ".1f")),
    ("dollars_per_1000", "1,000 answers", _dollars),
)


def _reused_words(asked: Sequence[Asked]) -> str:
    answers = [one for each in asked for one in each.answers]
    reused = sum(one.is_reused for one in answers)
    if not reused:
        return ""
    return (
        f" {reused:,} of {len(answers):,} answers were given before, by the same model to the "
        "same prompt; their seconds are those of then."
    )
