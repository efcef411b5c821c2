"""What ``dataset check`` found, as sentences and a table, or as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bot.cli.options import print_rows
from bot.dataset.checks.examining import Examination, spread
from bot.dataset.checks.findings import Findings, Level
from bot.engines.vocabulary import Vocabulary
from bot.training.prices import Terms, estimate


def print_report(
    examination: Examination, vocabulary: Vocabulary, known: Sequence[Terms], *, as_json: bool
) -> None:
    """``known`` are the trainers with their prices."""
    estimates = [asdict(estimate(terms, examination.tokens)) for terms in known]
    sizes = spread(examination.tokens)
    if as_json:
        report: dict[str, Any] = {
            "rows": examination.rows,
            "training_rows": len(examination.tokens),
            "tokens": sizes | {"exact": vocabulary.is_exact, "note": vocabulary.note},
            "trainers": estimates,
        }
        print(json.dumps(report | examination.findings.as_dict(), indent=2, ensure_ascii=False))
        return
    _print_findings(examination.findings)
    about = "" if vocabulary.is_exact else f", estimated because {vocabulary.note}"
    print(
        f"{examination.rows} rows, {len(examination.tokens)} of them to train on, "
        f"{sizes['total']:,} tokens{about}; the longest {sizes['most']:,}, "
        f"half of them up to {sizes['median']:,}."
    )
    print_rows([_line(each) for each in estimates], as_json=False, empty="")
    paid = {terms.trainer for terms in known if not terms.is_own_machine}
    seen = [
        f"{e['trainer']}: {e['price_source']}, {e['price_seen_on']}"
        for e in estimates
        if e["trainer"] in paid
    ]
    print("Prices are estimates; seen at " + "; ".join(seen) + ".")


def _print_findings(findings: Findings) -> None:
    for finding in findings.listed:
        mark = "ERROR  " if finding.level is Level.ERROR else "warning"
        row = f"{finding.row}: " if finding.row is not None else ""
        print(f"{mark} {row}{finding.what} {finding.todo}")
    listed = len(findings.listed)
    if findings.counts.total() > listed:
        print(f"… and {findings.counts.total() - listed} more: {dict(findings.counts)}")
    if not listed:
        print("Nothing is wrong with it.")


def _line(found: dict[str, Any]) -> dict[str, Any]:
    dollars = "price not known" if found["dollars"] is None else f"${found['dollars']:,.2f}"
    hosting = f" + ${found['hosting_per_hour']}/h hosting" if found["hosting_per_hour"] else ""
    enough = "" if found["has_enough_rows"] else f"needs {found['fewest_rows']} rows"
    return {
        "trainer": found["trainer"],
        "model": found["model"],
        "epochs": found["epochs"],
        "tokens": f"{found['tokens']:,}",
        "cost": dollars + hosting,
        "": enough,
    }
