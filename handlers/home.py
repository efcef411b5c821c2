"""App Home: what the bot knows for this person, what answers now, what waits, and how to teach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from slack_bolt import App, BoltContext
from slack_sdk import WebClient
from sqlmodel import Session

from bot.answering.strategy import Strategy, live_strategy
from bot.sunsets import WARN_DAYS, Ends, in_words, way_out
from handlers import blocks, capture_blocks
from handlers.blocks import Block
from handlers.commands.examples import counted
from handlers.curators import may_review
from handlers.deps import Deps, Payload
from handlers.people import Person
from handlers.review_blocks import Done, Look, Sight, queue_blocks
from handlers.review_sight import look_at
from storage import examples, runs, sunsets
from storage.audience import WORKSPACE, Viewer
from storage.tables import Example, ExampleState

_NEWEST = 5
_OUTSIDER = (
    "*Hello!* I am Apprentice, a bot that learns from this workspace's team. What I know belongs "
    "to its members, so there is nothing here for guests. Ask one of them if you need something."
)
_WAITING = (ExampleState.PROPOSED, ExampleState.DISPUTED)


@dataclass(frozen=True)
class Overview:
    """What one person may know of how things stand."""

    counts: dict[ExampleState, int]
    newest: list[Example]
    strategy: Strategy
    open_runs: int
    sight: Sight | None  # the review queue; None for whoever is no curator
    endings: Sequence[str] = ()  # what providers switch off soon


def register(app: App, deps: Deps) -> None:
    app.event("app_home_opened")(partial(on_home_opened, deps=deps))


def on_home_opened(event: Payload, context: BoltContext, client: WebClient, deps: Deps) -> None:
    if event["tab"] == "home" and context.team_id is not None:
        publish(context.team_id, event["user"], client, deps)


def publish(
    team_id: str,
    user_id: str,
    client: WebClient,
    deps: Deps,
    look: Look | None = None,
    done: Done | None = None,
) -> None:
    """Show a person their home as it is now; curators see the part of the queue they look at."""
    person = deps.people.person(user_id)
    viewer = deps.people.personal_viewer(person)
    if not viewer.audiences:
        view = blocks.home([blocks.section(_OUTSIDER)])
    else:
        overview = read_overview(team_id, person, viewer, look or Look(), deps)
        view = home_view(overview, deps, done)
    client.views_publish(user_id=user_id, view=view)


def read_overview(team_id: str, person: Person, viewer: Viewer, look: Look, deps: Deps) -> Overview:
    is_reviewer = may_review(team_id, person, deps)
    with deps.database.read() as session:
        sight = look_at(session, team_id, person.user_id, viewer, look) if is_reviewer else None
        return Overview(
            sight=sight,
            counts=examples.count_by_state(session, team_id, viewer),
            newest=examples.newest(session, team_id, viewer, limit=_NEWEST),
            strategy=live_strategy(session, team_id, WORKSPACE),
            open_runs=len(runs.open_runs(session, team_id, viewer)),
            endings=_endings(session, team_id, viewer, deps),
        )


def _endings(session: Session, team_id: str, viewer: Viewer, deps: Deps) -> list[str]:
    today = deps.now().date()
    rows = sunsets.visible(session, team_id, viewer, today + timedelta(days=WARN_DAYS[0]))
    return [
        in_words(
            trainer=row.trainer, model=row.model, ends=Ends(row.ends), on=row.ends_on,
            today=today, version=row.version,
        )
        + " "
        + way_out(row.trainer, deps.trainers, is_live=bool(row.version))
        for row in rows
    ]  # fmt: skip


def home_view(overview: Overview, deps: Deps, done: Done | None = None) -> Payload:
    return blocks.home(
        [
            *_ending_soon(overview.endings),
            blocks.header("What I know"),
            blocks.fields(
                f"*Examples*\n{counted(overview.counts) or 'none yet'}",
                f"*Answering now*\n{_speaker(overview.strategy)}",
                f"*Proposed, not approved yet*\n{_waiting(overview.counts)}",
                f"*Training*\n{_training(overview.open_runs)}",
            ),
            blocks.actions(
                blocks.button("Add a question and answer", "add_example", style="primary")
            ),
            *_review(overview.sight, done),
            *_newest_entries(overview.newest),
            blocks.divider(),
            blocks.header("How to teach me"),
            blocks.section(_how_to(deps)),
        ]
    )


def _ending_soon(endings: Sequence[str]) -> list[Block]:
    if not endings:
        return []
    lines = "\n".join(f"• {blocks.escape(words)}" for words in endings)
    return [blocks.header("Ends soon"), blocks.section(lines), blocks.divider()]


def _review(sight: Sight | None, done: Done | None) -> list[Block]:
    if sight is None:
        return []
    return [blocks.divider(), blocks.header("To review"), *queue_blocks(sight, done)]


def _newest_entries(newest: list[Example]) -> list[Block]:
    if not newest:
        return []
    return [blocks.divider(), blocks.header("Newest"), *map(capture_blocks.entry, newest)]


def _speaker(strategy: Strategy) -> str:
    who = (
        f"`{strategy.version_name}`{strategy.scale_words}"
        if strategy.version_name
        else "the base model"
    )
    examples = "example" if strategy.examples == 1 else "examples"
    return f"{who}, with up to {strategy.examples} {examples}" if strategy.examples else who


def _waiting(counts: dict[ExampleState, int]) -> str:
    waiting = {state: counts[state] for state in _WAITING if state in counts}
    return counted(waiting) or "nothing"


def _training(open_runs: int) -> str:
    if not open_runs:
        return "no run under way"
    return f"{open_runs} run{'s' if open_runs > 1 else ''} under way, see `/apprentice status`"


def _how_to(deps: Deps) -> str:
    return (
        f"• React with :{deps.good_reaction}: to a good answer in a thread, with "
        f":{deps.bad_reaction}: to a wrong one. Taking the reaction back takes it back here too.\n"
        "• Choose *Teach this answer* in a message's menu to correct the words first.\n"
        "• Type `/apprentice add` to write a question and its answer yourself.\n"
        "• Type `/apprentice examples staging database` to see what I know about something.\n"
        "• Mention me in a channel, or write to me directly, to ask."
    )
