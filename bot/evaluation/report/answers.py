"""Answers side by side: those that got better or worse, then all. Pure."""

from collections.abc import Sequence

import htpy as h

from bot.evaluation.report.content import Asked, Given, Report
from bot.evaluation.report.text import clean, count

#: So many questions are shown of what got better and of what got worse.
_SHOWN = 10
#: A smaller change in token F1 is no change worth reading.
_CHANGED = 0.05


def changes(report: Report) -> h.Node:
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
            f"{clean(tuned)} against {clean(prompted)}: {len(better)} better, "
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
            h.span(".text", dir="auto")[clean(one.question)],
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
        h.div(".answer.curated")[h.h4[head], h.div(".text", dir="auto")[clean(one.reference)]],
        (
            h.div(class_=["answer", "tuned" if given.strategy.startswith("tuned") else ""])[
                h.h4[f"{clean(given.strategy)} · {given.f1:.2f}"],
                h.div(".text", dir="auto")[clean(given.text) or "(nothing)"],
            ]
            for given in answers
        ),
    ]


def questions(report: Report) -> h.Node:
    if not report.asked and not report.erased:
        return None
    return h.section[
        h.h2["All questions and answers"],
        h.p(".soft")[
            f"{count(report.erased, 'question')} left out: somebody's words were erased since."
        ]
        if report.erased
        else None,
        (_question(one) for one in report.asked),
    ]


def _question(one: Asked) -> h.Node:
    return h.details[
        h.summary[
            h.span(".text", dir="auto")[clean(one.question)],
            h.span(".tag")["unseen"] if one.is_unseen else None,
            h.span(".tag")[f"{one.gain:+.2f}"] if abs(one.gain or 0) > _CHANGED else None,
        ],
        _answers(one, one.answers),
    ]
