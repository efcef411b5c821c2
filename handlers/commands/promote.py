"""``/apprentice promote <version>`` and ``/apprentice rollback``: moving the pointer by word."""

from slack_sdk import WebClient

from bot.errors import NotFoundError
from handlers.commands.pin import stays_pinned
from handlers.deps import Ask, Deps, Reply
from handlers.run_actions import admin, end_canary, split_unproven
from handlers.run_actions import promote as promote_version
from handlers.run_actions import rollback as rollback_audience
from handlers.run_blocks import audience_words
from storage.tables import ModelVersion


def promote(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """
    ``promote workspace-v3 unproven`` does without the proof that it is served as it was trained.

    Raises:
        NotAllowedError, NotFoundError, AlreadyLiveError, NotEarnedError, UnprovenError: why not.
    """
    person = admin(ask.user_id, "promote a version", deps)
    name, accepts_unproven = split_unproven(ask.words)
    if not name:
        raise NotFoundError("Which version? `/apprentice models` lists them.")
    version = promote_version(ask.team_id, name, person, deps, accepts_unproven=accepts_unproven)
    words = f"*{version.name}* answers from now on for {audience_words(version.audience)}."
    return Reply(words + stays_pinned(ask, deps))


def rollback(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """
    Take back the last promotion, or the canary under way; in a private channel that of its own.

    Raises:
        NotAllowedError, NothingToRollBackError: why not.
    """
    person = admin(ask.user_id, "roll back", deps)
    place = deps.people.place(ask.channel_id)
    if ended := end_canary(ask.team_id, place.audience, person, deps):
        return Reply(
            f"Ended the canary of *{ended.name}*: everybody gets what is live. `/apprentice "
            "rollback` again returns to what was before that."
        )
    before, after = rollback_audience(ask.team_id, place.audience, person, deps)
    return Reply(
        f"Rolled back for {audience_words(place.audience)}: {_speaker(after)} answers now, "
        f"not {_speaker(before)}.{stays_pinned(ask, deps)}"
    )


def _speaker(version: ModelVersion | None) -> str:
    return f"*{version.name}*" if version else "the base model with your examples in its prompt"
