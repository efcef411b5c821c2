"""``/apprentice models``: the versions, what they scored, and which one answers."""

from slack_sdk import WebClient
from sqlmodel import Session

from bot.answering.strategy import live_strategy
from handlers import blocks
from handlers.deps import Ask, Deps, Reply
from handlers.hosting import hosting_words, removal_of
from handlers.run_blocks import audience_words
from storage import canaries, deployments, evaluations, pins, versions
from storage.audience import Viewer
from storage.tables import Evaluation, ModelVersion, Verdict, VersionState

LISTED = 12
_NOTHING = "There is no model version here yet. An admin can train one with `/apprentice train`."
_VERDICTS = {
    Verdict.PROMOTE: "earned its promotion",
    Verdict.HOLD: "too little evidence",
    Verdict.REJECT: "rejected",
    Verdict.DO_NOT_TUNE: "prompting is as good",
}
_STATES = {
    VersionState.CANDIDATE: "waits for a decision",
    VersionState.HELD: "held",
    VersionState.PROMOTED: "was live",
    VersionState.RETIRED: "retired",
}


def models(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """Only the person who asks sees the list, so it holds what they may see anywhere."""
    person = deps.people.person(ask.user_id)
    viewer = deps.people.personal_viewer(person)
    parts = [blocks.section("*Model versions, newest first*")]
    with deps.database.read() as session:
        found = versions.visible(session, ask.team_id, viewer)
        places = _other_places(session, ask.team_id, viewer)
        hosted = {row.version_id: row for row in deployments.visible(session, ask.team_id, viewer)}
        for one in found[:LISTED]:
            row = hosted.get(one.id or 0)
            words = f"\n☁️ {hosting_words(row)}" if row else ""
            parts.append(blocks.section(_line(session, one) + places.get(one.id, "") + words))
            parts += removal_of(session, row) if person.is_admin else []
    if not found:
        return Reply(_NOTHING)
    if len(found) > LISTED:
        parts.append(blocks.context(f"and {len(found) - LISTED} older ones"))
    return Reply(f"{len(found)} model version{'' if len(found) == 1 else 's'}.", tuple(parts))


def _other_places(session: Session, team_id: str, viewer: Viewer) -> dict[int | None, str]:
    """Where versions answer besides being live: canaries and pinned channels."""
    places: dict[int | None, str] = {}
    for canary in canaries.visible(session, team_id, viewer, only_running=True):
        places[canary.version_id] = f"\n🐤 canary, {canary.share} % of the conversations"
    for pin in pins.visible(session, team_id, viewer):
        words = f"\n📌 <#{pin.channel_id}> is pinned to it"
        places[pin.version_id] = places.get(pin.version_id, "") + words
    return places


def _line(session: Session, version: ModelVersion) -> str:
    assert version.id is not None
    live = live_strategy(session, version.team_id, version.audience)
    is_live = live.version_name == version.name
    evaluation = evaluations.of_version(session, version.team_id, version.id)
    state = "🟢 *live*" if is_live else _STATES[version.state]
    return (
        f"*{version.name}* for {audience_words(version.audience)} · {state}\n{_scores(evaluation)}"
    )


def _scores(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "not evaluated yet"
    words = _VERDICTS[evaluation.verdict]
    best = {line["name"]: line for line in evaluation.strategies}.get(evaluation.best, {})
    if "f1" in best:
        words += f" · {evaluation.best}: token F1 {best['f1']:.2f}"
    if evaluation.gain is not None:
        words += f" · {evaluation.gain:+.2f} against prompting"
    return f"{words} · {evaluation.held_out} held-out questions"
