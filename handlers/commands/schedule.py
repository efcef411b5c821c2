"""``/apprentice schedule [when | off]``: when a run is queued without anybody asking."""

from zoneinfo import ZoneInfo

from slack_sdk import WebClient

from bot.timetable import Growth, next_times, read, zone_of
from handlers.commands.train import place_of, trainer_named
from handlers.deps import Ask, Deps, Reply
from handlers.people import Person
from handlers.run_actions import admin
from handlers.run_blocks import audience_words
from handlers.schedule_words import schedule_line, schedule_lines
from storage import attestations, schedules

_OFF = ("off", "stop", "never", "none")
_NOT_ATTESTED = (
    "\nNobody has confirmed yet that your organisation may train on this content, so nothing will "
    "be trained. `/apprentice train` asks for it."
)
_OUTSIDER = "When I train is for the members of this workspace."


def schedule(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """
    Raises:
        NotAllowedError, WrongPlaceError, NoSuchTrainerError, UnclearScheduleError: why not.
    """
    if not ask.words:
        return _shown(ask, deps)
    person = admin(ask.user_id, "set a schedule", deps)
    if ask.words.lower() in _OFF:
        return _end(ask, deps)
    place = place_of(ask, deps)
    when = read(ask.words)
    trainer = trainer_named("", deps)
    zone, whose = _zone(person, deps)
    now = deps.now()
    with deps.database.write() as session:
        row = schedules.put(
            session,
            ask.team_id,
            place.audience,
            rule=str(when),
            zone=zone.key,
            trainer=trainer,
            channel_id=ask.channel_id,
            by=ask.user_id,
            next_at=None if isinstance(when, Growth) else next_times(when, zone, now)[0],
        )
        is_attested = attestations.newest(session, ask.team_id) is not None
    text = f"Set.\n{schedule_line(row, now)}"
    if not isinstance(when, Growth):
        text += f"\nThe time zone is {whose}."
    text += " The cards of these runs appear here." + ("" if is_attested else _NOT_ATTESTED)
    return Reply(text)


def _shown(ask: Ask, deps: Deps) -> Reply:
    viewer = deps.people.personal_viewer(deps.people.person(ask.user_id))
    if not viewer.audiences:
        return Reply(_OUTSIDER)
    with deps.database.read() as session:
        rows = schedules.visible(session, ask.team_id, viewer)
    return Reply(schedule_lines(rows, deps.now()) + ("" if rows else _EXAMPLES))


_EXAMPLES = (
    " For example `every friday 18:00`, `daily 03:00`, `cron 0 18 * * 5`, or "
    "`after 50 new examples`."
)


def _end(ask: Ask, deps: Deps) -> Reply:
    """A channel's own first: it may be private no more, and nobody else could end it then."""
    with deps.database.read() as session:
        own = schedules.of_audience(session, ask.team_id, ask.channel_id)
    audience = own.audience if own else place_of(ask, deps).audience
    with deps.database.write() as session:
        row = schedules.of_audience(session, ask.team_id, audience)
        if row is not None:
            schedules.remove(session, row, ask.user_id)
    whom = audience_words(audience)
    if row is None:
        return Reply(f"There was no schedule for {whom}.")
    return Reply(f"Off: nothing is trained by itself for {whom} any more.")


def _zone(person: Person, deps: Deps) -> tuple[ZoneInfo, str]:
    """The zone of the times, and whose it is."""
    if deps.timezone and (zone := zone_of(deps.timezone)):
        return zone, "the one this bot is set to"
    if person.zone and (zone := zone_of(person.zone)):
        return zone, "the one of your Slack profile"
    return ZoneInfo("UTC"), "UTC, for your Slack profile names none I know"
