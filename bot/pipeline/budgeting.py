"""
What a run will take, before it starts; and whether an admin has to approve it first.

The estimate, the limit it exceeds and the approval stand in the run's row, so that a restart
changes nothing.
"""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from bot.budget import objections
from bot.engines.client import Message
from bot.pipeline.workshop import Workshop
from bot.training.prices import Terms, estimate
from storage import admin_notices, audit, runs, spending
from storage.audience import WORKSPACE
from storage.tables import Run, RunState

#: So many rows are counted with the tokenizer; of more, their characters are scaled.
COUNTED_ROWS = 200
#: Estimated tokens a second on a machine of two cores, until a run here has been measured.
DEFAULT_TOKENS_PER_SECOND = 200.0

Chats = Sequence[Sequence[Message]]


def estimate_run(workshop: Workshop, run: Run, chats: Chats) -> bool:
    """Write down what the run will take; False if it has to wait for an approval."""
    figures = _figures(workshop, run, _tokens(workshop, chats))
    with workshop.database.write() as session:
        row = session.get_one(Run, run.id)
        row.estimate = figures
        over = _over(workshop, session, row)
        row.estimate = figures | {"over": over}
        may_start = not over or row.approved_by is not None
        if not may_start:
            row.state, row.progress = RunState.WAITING, {}
            _tell_admins(session, row, over)
        session.add(row)
    workshop.checkpoint("run estimated")
    return may_start


def let_go_on(workshop: Workshop) -> None:
    """
    Give back their turn to runs that wait and are above no limit any more: a month began, or a
    limit was raised. Else they would hold up their audience's schedule until somebody thinks of it.
    """
    with workshop.database.read() as session:
        fits = [run.id for run in runs.waiting(session) if not _over(workshop, session, run)]
    for run_id in fits:
        with workshop.database.write() as session:
            row = session.get_one(Run, run_id)
            if row.state is RunState.WAITING and not _over(workshop, session, row):
                row.state = RunState.QUEUED
                session.add(row)
                _record(session, row, "run.within_budget")
        workshop.checkpoint("run within budget")


def _over(workshop: Workshop, session: Session, run: Run) -> list[str]:
    spent = spending.spent_in_month(session, run.team_id, workshop.now())
    dollars, hours = run.estimate.get("dollars"), run.estimate.get("hours")
    return objections(workshop.limits, dollars, hours, spent)


def bill(run: Run) -> float | None:
    """What the run cost: as the trainer says, else its trained tokens times a known price."""
    if (billed := run.record.get("billed_dollars")) is not None:
        return float(billed)
    tokens, price = run.record.get("trained_tokens"), run.estimate.get("per_million")
    return None if tokens is None or price is None else tokens * price / 1e6


def _figures(workshop: Workshop, run: Run, tokens: list[int]) -> dict[str, Any]:
    terms = workshop.terms.get(run.trainer)
    if terms is None:
        return {"dollars": None, "hours": None, "tokens": None}
    found = estimate(terms, tokens)
    with workshop.database.read() as session:
        measured = spending.tokens_per_second(session, run.team_id, run.trainer)
    speed = measured or (DEFAULT_TOKENS_PER_SECOND if terms.is_own_machine else None)
    return {
        "rows": found.rows,
        "epochs": found.epochs,
        "tokens": found.tokens,
        "dollars": found.dollars,
        "per_million": terms.price.per_million,
        "hosting_per_hour": found.hosting_per_hour,
        "price": _price_words(terms),
        "hours": found.tokens / speed / 3600 if speed else None,
        "tokens_per_second": speed,
        "is_measured": measured is not None,
    }


def _price_words(terms: Terms) -> str:
    if terms.is_own_machine:
        return ""
    return f"{terms.price.source}, {terms.price.seen_on}"


def _tokens(workshop: Workshop, chats: Chats) -> list[int]:
    """The size of each row; of many rows most are estimated by their length."""
    step = max(1, -(-len(chats) // COUNTED_ROWS))
    counted = [workshop.engine.count_tokens(chat) for chat in chats[::step]]
    if step == 1:
        return counted
    lengths = [sum(len(turn["content"]) for turn in chat) for chat in chats]
    each = sum(counted) / max(1, sum(lengths[::step]))
    return [round(length * each) for length in lengths]


def _tell_admins(session: Session, run: Run, over: list[str]) -> None:
    whose = "the workspace" if run.audience == WORKSPACE else f"<#{run.audience}>"
    text = (
        f"Run {run.id} for {whose} waits for an admin's approval: it is above the budget. "
        + " ".join(over)
    )
    admin_notices.put(session, run.team_id, run.audience, f"over:{run.id}", text, run.id)
    _record(session, run, "run.over_budget")


def _record(session: Session, run: Run, action: str) -> None:
    audit.record(
        session,
        run.team_id,
        actor=run.requested_by,
        action=action,
        subject=f"run:{run.id}",
        audience=run.audience,
        details={"dollars": run.estimate["dollars"], "hours": run.estimate["hours"]},
    )
