"""
A report as one HTML file. Pure.

What people and models wrote is hostile: it reaches the page as escaped text only, without control
characters, and the page's own policy allows neither scripts nor any request.
"""

import base64
import hashlib
from pathlib import Path

import htpy as h
from markupsafe import Markup

from bot.answering.blind import judge_words, people_words
from bot.answering.verdicts import headline_of
from bot.evaluation.report.answers import changes, questions
from bot.evaluation.report.content import Report
from bot.evaluation.report.proofs import findings, origin
from bot.evaluation.report.strategies_table import strategies
from bot.evaluation.report.text import clean

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
                h.title[clean(title)],
                h.style[Markup(_STYLE)],
            ],
            h.body[
                _verdict(report),
                strategies(report),
                _pictures(report),
                changes(report),
                findings(report),
                questions(report),
                origin(report),
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
        h.h1[clean(headline_of(evaluation, report.version.name))],
        h.p(".reason")[clean(evaluation.reason)],
        h.p[people_words(people)] if people else None,
        h.p[judge_words(judge, people)] if judge else None,
        h.p(".soft")[clean(" · ".join(parts))],
    ]


def _pictures(report: Report) -> h.Node:
    if not report.pictures:
        return None
    return h.section[
        h.h2["Training and scores"],
        h.div(".pictures")[
            (
                h.img(
                    src=f"data:image/png;base64,{base64.b64encode(png).decode()}",
                    alt=clean(words),
                )
                for png, words in report.pictures
            )
        ],
    ]
