"""The buttons of a run's card: promote, hold, cancel … for admins; the report for all."""

import uuid
from functools import partial

from slack_bolt import Ack, App, Respond
from sqlmodel import Session

from bot.answering import canary, promotion
from bot.answering.holding import hold
from bot.answering.parity import UNPROVEN
from bot.answering.strategy import live_strategy
from bot.errors import CannotPauseError, NotAllowedError, NotFoundError
from handlers.admin_notices import settle
from handlers.deps import Deps, Payload
from handlers.files import REPORT, WANTED
from handlers.people import Person
from handlers.run_cards import put_card
from storage import canaries, outbox, runs, versions
from storage.audience import Viewer
from storage.tables import OPEN_RUN_STATES, ModelVersion, OutboxKind, Run, RunState

_ENDED = "This run has ended already."
_COMING = "I am writing the page. It comes to you as a direct message from me."


def register(app: App, deps: Deps) -> None:
    app.action("promote")(partial(on_promote, deps=deps))
    app.action("hold")(partial(on_hold, deps=deps))
    app.action("cancel")(partial(on_cancel, deps=deps))
    app.action("report")(partial(on_report, deps=deps))
    app.action("approve_run")(partial(on_approve, deps=deps))
    app.action("pause")(partial(on_pause, deps=deps))
    app.action("resume")(partial(on_resume, deps=deps))


def on_promote(ack: Ack, body: Payload, action: Payload, deps: Deps) -> None:
    ack()
    person = admin(body["user"]["id"], "promote a version", deps)
    name, accepts_unproven = split_unproven(action["value"])
    promote(body["team"]["id"], name, person, deps, accepts_unproven=accepts_unproven)


def on_hold(ack: Ack, body: Payload, action: Payload, deps: Deps) -> None:
    ack()
    person = admin(body["user"]["id"], "hold a version", deps)
    viewer = deps.people.personal_viewer(person)
    team_id = body["team"]["id"]
    with deps.database.write() as session:
        by, now = person.user_id, deps.now()
        _put_cards(session, hold(session, team_id, action["value"], by, viewer, now))


def on_cancel(ack: Ack, body: Payload, action: Payload, respond: Respond, deps: Deps) -> None:
    ack()
    person = admin(body["user"]["id"], "cancel a run", deps)
    viewer = deps.people.personal_viewer(person)
    if not cancel(body["team"]["id"], int(action["value"]), person, viewer, deps):
        respond(text=_ENDED, response_type="ephemeral", replace_original=False)


def on_report(ack: Ack, body: Payload, action: Payload, respond: Respond, deps: Deps) -> None:
    """For everybody who may see the run; the page goes to who pressed, and to nobody else."""
    ack()
    user_id, team_id = body["user"]["id"], body["team"]["id"]
    viewer = deps.people.personal_viewer(deps.people.person(user_id))
    run_id = int(action["value"])
    with deps.database.write() as session:
        _run_for(session, team_id, run_id, viewer)
        outbox.put(
            session,
            team_id,
            f"file:{uuid.uuid4().hex}",
            channel_id=user_id,
            user_id=user_id,
            kind=OutboxKind.FILE,
            text=f"The report of run {run_id} is in this thread. Open it in a browser.",
            uploads=[{"subject": REPORT, "run": run_id}],
        )
    deps.database.wake(WANTED)
    respond(text=_COMING, response_type="ephemeral", replace_original=False)


def on_approve(ack: Ack, body: Payload, action: Payload, respond: Respond, deps: Deps) -> None:
    ack()
    person = admin(body["user"]["id"], "approve a run above the budget", deps)
    viewer = deps.people.personal_viewer(person)
    words = approve(body["team"]["id"], int(action["value"]), person, viewer, deps)
    respond(text=words, response_type="ephemeral", replace_original=False)


def approve(team_id: str, run_id: int, person: Person, viewer: Viewer, deps: Deps) -> str:
    """
    Let a run that waits above the budget start; says what became of it.

    Raises:
        NotFoundError: no such run, or not for this viewer.
    """
    with deps.database.write() as session:
        run = _run_for(session, team_id, run_id, viewer)
        if run.state != RunState.WAITING or run.cancel_requested_by:
            return f"Run {run_id} does not wait for approval any more: it is {run.state}."
        runs.approve(session, run, person.user_id)
        settle(session, run, f"Approved by <@{person.user_id}>.")
        put_card(session, run)
    return f"Approved. Run {run_id} takes its turn."


def on_pause(ack: Ack, body: Payload, action: Payload, respond: Respond, deps: Deps) -> None:
    ack()
    person = admin(body["user"]["id"], "pause a run", deps)
    words = pause(body["team"]["id"], int(action["value"]), person, deps)
    respond(text=words, response_type="ephemeral", replace_original=False)


def on_resume(ack: Ack, body: Payload, action: Payload, respond: Respond, deps: Deps) -> None:
    ack()
    person = admin(body["user"]["id"], "let a run go on", deps)
    words = resume(body["team"]["id"], int(action["value"]), person, deps)
    respond(text=words, response_type="ephemeral", replace_original=False)


def pause(team_id: str, run_id: int, person: Person, deps: Deps) -> str:
    """
    Let a run's job rest; says what became of it.

    Raises:
        NotFoundError: no such run, or not for this person.
        CannotPauseError: its trainer cannot.
    """
    with deps.database.write() as session:
        run = _run_for(session, team_id, run_id, deps.people.personal_viewer(person))
        if run.pause_requested_by and not run.cancel_requested_by:
            return f"Run {run_id} is paused already, or about to be."
        if run.state is not RunState.TRAINING or run.cancel_requested_by:
            return f"Only a run in training can be paused. Run {run_id} is {_now(run)}."
        if not run.can_pause:
            raise CannotPauseError(run.trainer, run_id)
        runs.ask_to_pause(session, run, person.user_id)
        put_card(session, run)
    return f"Run {run_id} rests in a moment. `/apprentice resume` lets it go on."


def resume(team_id: str, run_id: int, person: Person, deps: Deps) -> str:
    """
    Let a run that rests go on; says what became of it.

    Raises:
        NotFoundError: no such run, or not for this person.
    """
    with deps.database.write() as session:
        run = _run_for(session, team_id, run_id, deps.people.personal_viewer(person))
        if not run.pause_requested_by or run.cancel_requested_by:
            return f"Run {run_id} is not paused: it is {_now(run)}."
        runs.ask_to_resume(session, run, person.user_id)
        put_card(session, run)
    return f"Run {run_id} goes on from where it was, as soon as no other run is worked on."


def _now(run: Run) -> str:
    is_going = run.state in OPEN_RUN_STATES
    return "being cancelled" if run.cancel_requested_by and is_going else run.state


def _run_for(session: Session, team_id: str, run_id: int, viewer: Viewer) -> Run:
    run = runs.get(session, team_id, run_id)
    if run is None or run.audience not in viewer.audiences:
        raise NotFoundError("There is no such run.")
    return run


def admin(user_id: str, action: str, deps: Deps) -> Person:
    """
    Raises:
        NotAllowedError: the person is no admin.
    """
    person = deps.people.person(user_id)
    if not person.is_admin:
        raise NotAllowedError("admin", action)
    return person


def split_unproven(words: str) -> tuple[str, bool]:
    """What an admin asked for, and whether they do without a proof of parity."""
    parts = words.split()
    if parts and parts[-1].lower() == UNPROVEN:
        return " ".join(parts[:-1]), True
    return words, False


def promote(
    team_id: str,
    version_name: str,
    person: Person,
    deps: Deps,
    *,
    accepts_unproven: bool = False,
) -> ModelVersion:
    """
    Put a version live and let the cards say so.

    Raises:
        NotFoundError, AlreadyLiveError, NotEarnedError, UnprovenError, MovedMeanwhileError: why
            not.
    """
    viewer = deps.people.personal_viewer(person)
    with deps.database.write() as session:
        version = promotion.find_version(session, team_id, version_name, viewer)
        before = live_version(session, team_id, version.audience)
        promotion.promote(
            session, team_id, version.name, person.user_id, viewer, deps.home,
            accepts_unproven=accepts_unproven,
        )  # fmt: skip
        _put_cards(session, version, before)
    return version


def rollback(
    team_id: str, audience: str, person: Person, deps: Deps
) -> tuple[ModelVersion | None, ModelVersion | None]:
    """
    Return what answered and what answers now; None is the base model.

    Raises:
        NothingToRollBackError: nothing is promoted.
    """
    with deps.database.write() as session:
        before = live_version(session, team_id, audience)
        promotion.rollback(session, team_id, audience, person.user_id, home=deps.home)
        after = live_version(session, team_id, audience)
        _put_cards(session, before, after)
    return before, after


def end_canary(team_id: str, audience: str, person: Person, deps: Deps) -> ModelVersion | None:
    """End the canary of an audience; None where there is none."""
    with deps.database.write() as session:
        if canaries.running(session, team_id, audience) is None:
            return None
        ended = canary.stop(session, team_id, audience, person.user_id, deps.now())
        return versions.get(session, team_id, ended.version_id)


def cancel(team_id: str, run_id: int, person: Person, viewer: Viewer, deps: Deps) -> bool:
    """
    Ask the pipeline to end a run; False if it ended already.

    Raises:
        NotFoundError: no such run, or not for this viewer.
    """
    with deps.database.write() as session:
        run = _run_for(session, team_id, run_id, viewer)
        if run.state not in OPEN_RUN_STATES:
            return False
        runs.ask_to_cancel(session, run, person.user_id)
        settle(session, run, f"Cancelled by <@{person.user_id}>.")
        put_card(session, run)
    return True


def live_version(session: Session, team_id: str, audience: str) -> ModelVersion | None:
    """The version that answers for an audience; None for the base model."""
    name = live_strategy(session, team_id, audience).version_name
    return versions.by_name(session, team_id, name, Viewer.model(audience)) if name else None


def _put_cards(session: Session, *changed: ModelVersion | None) -> None:
    """The cards of what went live and of what made room for it."""
    for version in changed:
        if version and (run := session.get(Run, version.run_id)):
            put_card(session, run)
