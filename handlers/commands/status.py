"""``/apprentice status``: what answers, what was taught, what is being trained, what waits."""

from slack_sdk import WebClient
from sqlmodel import Session

from bot.answering.strategy import Strategy, live_strategy
from handlers import blocks
from handlers.blocks import Block
from handlers.commands.canary import running_words
from handlers.commands.examples import counted
from handlers.commands.pin import pin_words
from handlers.deps import Ask, Deps, Reply
from handlers.hosting import hosting_section
from handlers.run_blocks import audience_words, progress_words
from handlers.run_links import link_to
from handlers.schedule_words import schedule_lines
from storage import canaries, examples, pins, questions, runs, schedules, versions
from storage.audience import WORKSPACE, Viewer
from storage.tables import Run, RunState

#: More pinned channels than these are only counted.
_PINS = 10
_OUTSIDER = "How things stand here is for the members of this workspace."


def status(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """Only the person who asks sees it, so it holds what they may see anywhere."""
    viewer = deps.people.personal_viewer(deps.people.person(ask.user_id))
    if not viewer.audiences:
        return Reply(_OUTSIDER)
    with deps.database.read() as session:
        speaking = _speaking(session, ask.team_id, viewer)
        exceptions = _exceptions(session, ask.team_id, viewer)
        counts = examples.count_by_state(session, ask.team_id, viewer)
        open_runs = runs.open_runs(session, ask.team_id, viewer)
        waiting = questions.waiting(session, ask.team_id)
        set_up = schedules.visible(session, ask.team_id, viewer)
        hosting = hosting_section(session, ask.team_id, viewer)
    shown: list[Block] = [
        blocks.fields(
            f"*Answering now*\n{speaking}",
            f"*Examples*\n{counted(counts) or 'none yet'}",
            f"*Engine*\n{blocks.escape(deps.engine_words())}",
            f"*Questions waiting*\n{waiting} of at most {deps.answer_queue}",
        ),
        *map(blocks.section, exceptions),
        blocks.section("*Training*\n" + _runs(open_runs, deps, client)),
        *hosting,
        blocks.section("*Schedule*\n" + schedule_lines(set_up, deps.now())),
    ]
    return Reply("How things stand.", tuple(shown))


def _speaking(session: Session, team_id: str, viewer: Viewer) -> str:
    """What answers for the workspace, and for each private channel that has its own."""
    own = {version.audience for version in versions.visible(session, team_id, viewer)}
    lines = []
    for audience in [WORKSPACE, *sorted(own - {WORKSPACE})]:
        strategy = live_strategy(session, team_id, audience)
        lines.append(f"{_speaker(strategy)}, for {audience_words(audience)}")
    return "\n".join(lines)


def _exceptions(session: Session, team_id: str, viewer: Viewer) -> list[str]:
    """What answers besides: canaries, and what channels are pinned to."""
    running = canaries.visible(session, team_id, viewer, only_running=True)
    pinned = pins.visible(session, team_id, viewer)
    lines = [running_words(session, canary) for canary in running]
    lines += [f"📌 {pin_words(session, pin)}" for pin in pinned[:_PINS]]
    if len(pinned) > _PINS:
        lines.append(f"and {len(pinned) - _PINS} more pinned channels")
    return lines


def _speaker(strategy: Strategy) -> str:
    name = strategy.version_name
    who = f"*{name}*{strategy.scale_words}" if name else "the base model"
    number = strategy.examples
    return f"{who} with {number} example{'' if number == 1 else 's'}" if number else who


def _runs(open_runs: list[Run], deps: Deps, client: WebClient) -> str:
    if not open_runs:
        return "No run is open. An admin starts one with `/apprentice train`."
    return "\n".join(_run_line(run, deps, client) for run in open_runs)


def _state_words(run: Run) -> str:
    if run.state is RunState.WAITING:
        return "waits for an admin's approval"
    if run.state is RunState.PAUSED and run.pause_requested_by:
        return f"paused by <@{run.pause_requested_by}>, goes on with `/apprentice resume {run.id}`"
    return run.state


def _run_line(run: Run, deps: Deps, client: WebClient) -> str:
    progress = progress_words(run)
    return (
        f"• {link_to(run, deps.database, client)} for {audience_words(run.audience)}: "
        + _state_words(run)
        + (f" · {progress}" if progress else "")
    )
