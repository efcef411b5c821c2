"""``/apprentice budget``: what training may cost, what it did this month, what waits for a yes."""

from slack_sdk import WebClient

from bot.budget import per_day, shown
from handlers import blocks
from handlers.blocks import Block
from handlers.deps import Ask, Deps, Reply
from handlers.run_actions import admin
from handlers.run_blocks import approval_buttons, estimate_words, title_of
from storage import deployments, runs, spending
from storage.tables import Deployment, RunState

#: The message would grow too long otherwise.
_LISTED = 10


def budget(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """
    Raises:
        NotAllowedError: the person is no admin.
    """
    person = admin(ask.user_id, "see the budget", deps)
    viewer = deps.people.personal_viewer(person)
    with deps.database.read() as session:
        spent = spending.spent_in_month(session, ask.team_id, deps.now())
        waiting = [
            run
            for run in runs.open_runs(session, ask.team_id, viewer)
            if run.state is RunState.WAITING
        ]
        hosted = deployments.visible(session, ask.team_id, viewer)
    limits = deps.budget
    parts: list[Block] = [
        blocks.fields(
            "*Money this month*\n"
            + _line(spent.dollars, limits.dollars_per_month, limits.dollars_per_run, "$"),
            "*Training this month*\n"
            + _line(spent.hours, limits.hours_per_month, limits.hours_per_run, "h"),
        ),
        blocks.context(
            "Months are those of UTC. Limits are settings of this bot: `BUDGET_PER_RUN`, "
            "`BUDGET_PER_MONTH`, `BUDGET_HOURS_PER_RUN`, `BUDGET_HOURS_PER_MONTH`. What is above "
            "one waits for an admin. Where a bill is not known, its estimate counts."
        ),
    ]
    if hosted:
        parts.append(blocks.section("*Hosting*\n" + "\n".join(map(_hosting, hosted[:_LISTED]))))
    for run in waiting[:_LISTED]:
        lines = [f"*{title_of(run)}* waits for approval.", *run.estimate["over"]]
        parts.append(blocks.section("\n".join([*lines, estimate_words(run)])))
        parts.append(approval_buttons(run.id or 0))
    if not waiting:
        parts.append(blocks.section("No run waits for approval."))
    return Reply("What training costs.", tuple(parts))


def _hosting(row: Deployment) -> str:
    """What a deployment costs a day, asked or not."""
    return (
        f"• `{blocks.escape(row.name)}` at `{row.trainer}`, {row.state}: "
        f"{per_day(row.hosting_per_hour)}"
    )


def _line(spent: float, per_month: float, per_run: float, unit: str) -> str:
    gone = shown(spent, unit) if spent else "nothing"
    return f"{gone}\nLimit of a month: {_limit(per_month, unit)}, of a run: {_limit(per_run, unit)}"


def _limit(amount: float, unit: str) -> str:
    return shown(amount, unit) if amount else "none"
