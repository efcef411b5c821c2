"""
A report as one HTML file. Pure.

What people and models wrote is hostile: it reaches the page as escaped text only, without control
characters, and the page's own policy allows neither scripts nor any request.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import htpy as h
from markupsafe import Markup

from bot.answering.blind import judge_words, people_words
from bot.answering.verdicts import headline_of, similarity_words
from bot.evaluation.lines import Line, strategy_of_line
from bot.evaluation.report.content import Asked, Given, Report

#: So many questions are shown of what got better and of what got worse.
_SHOWN = 10
#: A smaller change in token F1 is no change worth reading.
_CHANGED = 0.05
#: Characters that steer a terminal or turn the reading order of what stands after them.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_STYLE = Path(__file__).with_name("report.css").read_text("utf-8")
_POLICY = (
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src "
    f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
)


def render(report: Report) -> str:
    """The whole file."""
    title = f"Run {report.run.id}: {report.version.name}"
    return str(
        h.html(lang="en")[
            h.head[
                h.meta(charset="utf-8"),
                h.meta(http_equiv="Content-Security-Policy", content=_POLICY),
                h.meta(name="viewport", content="width=device-width, initial-scale=1"),
                h.meta(name="referrer", content="no-referrer"),
                h.meta(name="robots", content="noindex"),
                h.title[_clean(title)],
                h.style[Markup(_STYLE)],
            ],
            h.body[
                _verdict(report),
                _strategies(report),
                _pictures(report),
                _changes(report),
                _findings(report),
                _questions(report),
                _origin(report),
                h.footer[
                    h.p(".soft")[f"Written {report.made_at:%Y-%m-%d %H:%M} UTC by Apprentice."]
                ],
            ],
        ]
    )


def _verdict(report: Report) -> h.Node:
    run, evaluation = report.run, report.evaluation
    people, judge = (evaluation.evidence.get(name) for name in ("people", "judge"))
    parts = [
        f"Run {run.id}",
        f"audience {run.audience}",
        f"base model {run.base_model}",
        f"trainer {run.trainer}",
        f"judged {evaluation.created_at:%Y-%m-%d %H:%M} UTC",
    ]
    return h.header[
        h.h1[_clean(headline_of(evaluation, report.version.name))],
        h.p(".reason")[_clean(evaluation.reason)],
        h.p[people_words(people)] if people else None,
        h.p[judge_words(judge, people)] if judge else None,
        h.p(".soft")[_clean(" · ".join(parts))],
    ]


def _strategies(report: Report) -> h.Node:
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
            f"Averages over {_count(number, 'held-out question')}, each answered by every "
            "strategy, greedily, by the engine that serves; small figures are 95 % intervals that "
            "count one fact once. Token F1 and ROUGE-L: 1 is the curated answer word for word. "
            f"{similarity_words(evaluation)} "
            "Facts are its numbers, names, commands and links. Seconds are the median. The "
            "highlighted strategy is the one that ought to answer." + _reused_words(report.asked)
        ],
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
        return h.td[_percent(line[name]), h.small[f"of {line[f'{name}_of']}"]]

    return cell


def _number(name: str, form: str) -> Callable[[Line], h.Node]:
    return lambda line: h.td[format(line[name], form) if name in line else "–"]


def _dollars(line: Line) -> h.Node:
    dollars = line.get("dollars_per_1000")
    return h.td["not known" if dollars is None else f"${dollars:.2f}"]


#: The field that fills a column, its head, and what makes a cell of a line.
_COLUMNS: tuple[tuple[str, str, Callable[[Line], h.Node]], ...] = (
    ("name", "Strategy", lambda line: h.td[_clean(line["name"])]),
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


def _pictures(report: Report) -> h.Node:
    if not report.pictures:
        return None
    return h.section[
        h.h2["Training and scores"],
        h.div(".pictures")[
            (
                h.img(
                    src=f"data:image/png;base64,{base64.b64encode(png).decode()}",
                    alt=_clean(words),
                )
                for png, words in report.pictures
            )
        ],
    ]


def _changes(report: Report) -> h.Node:
    if report.compared is None:
        return None
    prompted, tuned = report.compared
    known = [one for one in report.asked if one.gain is not None]
    better = sorted((o for o in known if (o.gain or 0) > _CHANGED), key=lambda o: -(o.gain or 0))
    worse = sorted((o for o in known if (o.gain or 0) < -_CHANGED), key=lambda o: o.gain or 0)
    same = len(known) - len(better) - len(worse)
    return h.section[
        h.h2["What got better, what got worse"],
        h.p[
            f"{_clean(tuned)} against {_clean(prompted)}: {len(better)} better, "
            f"{len(worse)} worse, {same} as before."
        ],
        (_pair(one, "up", (prompted, tuned)) for one in better[:_SHOWN]),
        _and_more(len(better), "better"),
        (_pair(one, "down", (prompted, tuned)) for one in worse[:_SHOWN]),
        _and_more(len(worse), "worse"),
    ]


def _pair(one: Asked, direction: str, names: tuple[str, str]) -> h.Node:
    return h.article(class_=f"pair {direction}")[
        h.h3[
            h.span(".change")[f"{one.gain:+.2f} "],
            h.span(".text", dir="auto")[_clean(one.question)],
        ],
        _answers(one, [given for given in one.answers if given.strategy in names]),
    ]


def _and_more(number: int, what: str) -> h.Node:
    more = number - _SHOWN
    return h.p(".soft")[f"and {more} more that got {what}, below."] if more > 0 else None


def _answers(one: Asked, answers: Sequence[Given]) -> h.Node:
    # One that nobody taught has no answer that a model could know.
    head = "Curated answer (never taught)" if one.is_unseen else "Curated answer"
    return h.div(".answers")[
        h.div(".answer.curated")[h.h4[head], h.div(".text", dir="auto")[_clean(one.reference)]],
        (
            h.div(class_=["answer", "tuned" if given.strategy.startswith("tuned") else ""])[
                h.h4[f"{_clean(given.strategy)} · {given.f1:.2f}"],
                h.div(".text", dir="auto")[_clean(given.text) or "(nothing)"],
            ]
            for given in answers
        ),
    ]


def _findings(report: Report) -> h.Node:
    found = report.evaluation.evidence.get("findings")
    if not found:
        return None
    ability = found.get("ability")
    leaks = found.get("leaks") or ["none found"]
    return h.section[
        h.h2["What was looked for besides"],
        _definitions(
            {
                "Served as it was trained": found.get("parity") or _parity_words(found),
                "Data": found.get("data") or "nothing it learned was erased",
                "Leaks": "; ".join(leaks),
                "Answers of other questions": _strays(report),
                "General tasks": (
                    "not asked"
                    if not ability
                    else f"{_percent(ability[0], '+')} solved against its base (95 % interval "
                    f"{_percent(ability[1], '+')} to {_percent(ability[2], '+')})"
                ),
            }
        ),
    ]


def _parity_words(found: Mapping[str, Any]) -> str:
    if "parity_proven" not in found:  # a verdict of an older release
        return "no difference found, as far as engine and trainer tell"
    if found["parity_proven"]:
        return "proven: the same tokens, and the same chances of the first words"
    why = found.get("unproven") or "whoever trained or serves it says nothing of its tokens"
    return f"not proven: {why}"


def _strays(report: Report) -> str:
    """How many answers were nearer to what was taught for another question than to their own."""
    counted = {
        strategy_of_line(one): len(one["strays"])
        for one in report.evaluation.evidence.get("scores", ())
        if "strays" in one
    }
    said = [
        f"{line['name']} {counted[strategy_of_line(line)]}"
        for line in report.evaluation.strategies
        if strategy_of_line(line) in counted
    ]
    if not said or not report.evaluation.held_out:
        return "not looked for"
    return f"of {_count(report.evaluation.held_out, 'answer')}: {', '.join(said)}"


def _questions(report: Report) -> h.Node:
    if not report.asked and not report.erased:
        return None
    return h.section[
        h.h2["All questions and answers"],
        h.p(".soft")[
            f"{_count(report.erased, 'question')} left out: somebody's words were erased since."
        ]
        if report.erased
        else None,
        (_question(one) for one in report.asked),
    ]


def _question(one: Asked) -> h.Node:
    return h.details[
        h.summary[
            h.span(".text", dir="auto")[_clean(one.question)],
            h.span(".tag")["unseen"] if one.is_unseen else None,
            h.span(".tag")[f"{one.gain:+.2f}"] if abs(one.gain or 0) > _CHANGED else None,
        ],
        _answers(one, one.answers),
    ]


def _origin(report: Report) -> h.Node:
    run, snapshot, rights = report.run, report.snapshot, report.run.rights
    splits = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in report.rows.items())
    facts: dict[str, Any] = {
        "Snapshot": f"{snapshot.audience} {snapshot.number}, {splits}",
        "Its hash": h.code[snapshot.hash],
        "Version": report.version.name,
        "Adapter’s checksum": h.code[report.version.checksum or "kept at the provider"],
        "Base model’s digest": h.code[report.version.base_digest or "not known"],
        "Asked for": run.hyperparameters or "nothing in particular",
        "Trained with": run.record or "not recorded",
        "Thresholds": report.evaluation.evidence.get("thresholds") or "not recorded",
    }
    return h.section[
        h.h2["Where it comes from"],
        _definitions(facts),
        h.h2["The right to train"],
        h.p[_clean(str(rights["statement"]))] if "statement" in rights else None,
        _definitions(
            {
                "Stated by": rights.get("by", "nobody"),
                "On": rights.get("at", "–"),
                "For": ", ".join(rights.get("sources", ())) or "nothing",
                "Rows trained on": _by_source(rights.get("rows")),
                "Left out": _by_source(rights.get("left_out")),
            }
        ),
    ]


def _definitions(facts: Mapping[str, Any]) -> h.Node:
    return h.dl[((h.dt[name], h.dd[_value(value)]) for name, value in facts.items())]


def _value(value: Any) -> h.Node:
    if isinstance(value, Mapping):
        value = ", ".join(f"{name} {each}" for name, each in value.items())
    return value if isinstance(value, h.Element) else _clean(str(value))


def _by_source(counts: Mapping[str, int] | None) -> str:
    return ", ".join(f"{number} {name}" for name, number in (counts or {}).items()) or "none"


def _clean(text: str) -> str:
    return _CONTROLS.sub("�", text)


def _percent(share: float, sign: str = "-") -> str:
    return f"{100 * share:{sign}.0f} %"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
