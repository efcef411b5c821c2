"""``/apprentice pause`` and ``/apprentice resume``: the run of this channel rests, and goes on."""

from collections.abc import Callable

from slack_sdk import WebClient

from bot.errors import NotFoundError
from handlers.deps import Ask, Deps, Reply
from handlers.people import Person
from handlers.run_actions import admin
from handlers.run_actions import pause as pause_run
from handlers.run_actions import resume as resume_run
from storage import runs

Act = Callable[[str, int, Person, Deps], str]


def pause(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """
    Raises:
        NotAllowedError, NotFoundError: why not.
    """
    return _act(ask, deps, "pause a run", pause_run)


def resume(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """
    Raises:
        NotAllowedError, NotFoundError: why not.
    """
    return _act(ask, deps, "let a run go on", resume_run)


def _act(ask: Ask, deps: Deps, what: str, act: Act) -> Reply:
    person = admin(ask.user_id, what, deps)
    return Reply(act(ask.team_id, _run_id(ask, person, deps), person, deps))


def _run_id(ask: Ask, person: Person, deps: Deps) -> int:
    """The run whose number was typed, or the open one of this place."""
    if ask.words:
        if not ask.words.isdecimal() or len(ask.words) > 9:
            raise NotFoundError(
                "Which run? Give its number, as on its card: `/apprentice pause 3`."
            )
        return int(ask.words)
    audience = deps.people.place(ask.channel_id).audience
    with deps.database.read() as session:
        run = runs.open_run_of(session, ask.team_id, audience)
    if run is None or audience not in deps.people.personal_viewer(person).audiences:
        raise NotFoundError(
            "No run is open here. `/apprentice status` lists the open ones; name one by its number."
        )
    assert run.id is not None
    return run.id
