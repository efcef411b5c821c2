"""What was looked for besides scores, where the version comes from, who may train. Pure."""

from collections.abc import Mapping
from typing import Any

import htpy as h

from bot.answering.parity import ACCEPTED
from bot.evaluation.lines import strategy_of_line
from bot.evaluation.report.content import Report
from bot.evaluation.report.text import clean, count, definitions, percent


def findings(report: Report) -> h.Node:
    found = report.evaluation.evidence.get("findings")
    if not found:
        return None
    ability = found.get("ability")
    leaks = found.get("leaks") or ["none found"]
    return h.section[
        h.h2["What was looked for besides"],
        definitions(
            {
                "Served as it was trained": found.get("parity")
                or _parity_words(report.evaluation.evidence),
                "Data": found.get("data") or "nothing it learned was erased",
                "Leaks": "; ".join(leaks),
                "Answers of other questions": _strays(report),
                "General tasks": (
                    "not asked"
                    if not ability
                    else f"{percent(ability[0], '+')} solved against its base (95 % interval "
                    f"{percent(ability[1], '+')} to {percent(ability[2], '+')})"
                ),
            }
        ),
    ]


def _parity_words(evidence: Mapping[str, Any]) -> str:
    found = evidence["findings"]
    if "parity_proven" not in found:  # a verdict of an older release
        return "no difference found, as far as engine and trainer tell"
    if found["parity_proven"]:
        return "proven: the same tokens, and the same chances of the first words"
    why = found.get("unproven") or "whoever trained or serves it says nothing of its tokens"
    words = f"not proven: {why}"
    if accepted := evidence.get(ACCEPTED):
        words += f" Promoted all the same as {accepted['by']} decided on {accepted['at'][:10]}."
    return words


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
    return f"of {count(report.evaluation.held_out, 'answer')}: {', '.join(said)}"


def origin(report: Report) -> h.Node:
    run, snapshot, rights = report.run, report.snapshot, report.run.rights
    splits = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in report.rows.items())
    facts: dict[str, Any] = {
        "Snapshot": f"{snapshot.audience} {snapshot.number}, {splits}",
        "Its hash": h.code[snapshot.hash],
        "Version": report.version.name,
        "Adapter’s checksum": h.code[report.version.checksum or "kept at the provider"],
        "Base model’s digest": h.code[report.version.base_digest or "not known"],
        "Asked for": run.hyperparameters or "nothing in particular",
        "Trained with": {k: v for k, v in run.record.items() if k != "events"} or "not recorded",
        "Told meanwhile": " · ".join(each["said"] for each in run.record.get("events", ()))
        or "nothing",
        "Thresholds": report.evaluation.evidence.get("thresholds") or "not recorded",
    }
    return h.section[
        h.h2["Where it comes from"],
        definitions(facts),
        h.h2["The right to train"],
        h.p[clean(str(rights["statement"]))] if "statement" in rights else None,
        definitions(
            {
                "Stated by": rights.get("by", "nobody"),
                "On": rights.get("at", "–"),
                "For": ", ".join(rights.get("sources", ())) or "nothing",
                "Rows trained on": _by_source(rights.get("rows")),
                "Left out": _by_source(rights.get("left_out")),
            }
        ),
    ]


def _by_source(counts: Mapping[str, int] | None) -> str:
    return ", ".join(f"{number} {name}" for name, number in (counts or {}).items()) or "none"
