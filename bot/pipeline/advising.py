"""
The figures behind "should we tune?", read from tables: no model is asked, nothing is trained.

Works where nothing was ever trained, and where the engine is somebody else's.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from sqlmodel import Session

from bot.answering.parity import IF_PROVEN
from bot.answering.retrieval import retrieve
from bot.answering.strategy import live_strategy
from bot.dataset.checks import FEWEST_EXAMPLES
from bot.dataset.clusters import clusters_of
from bot.dataset.rights import sort_by_rights
from bot.evaluation.advice import (
    Advice,
    Costs,
    Figure,
    Kind,
    Material,
    Measured,
    answer_of,
)
from bot.evaluation.advice_page import Section, Spelling, sections
from bot.evaluation.intervals import interval_of
from bot.evaluation.learning_curve import Point, expect
from bot.evaluation.lines import Line, best_line, strategy_of_line
from bot.evaluation.measures import finite
from bot.training.prices import TERMS, estimate
from storage import attestations, evaluations, examples, runs, snapshots, unanswered
from storage.audience import Viewer, readable
from storage.database import Database
from storage.tables import (
    Evaluation,
    ExampleState,
    ModelVersion,
    Run,
    Source,
    VersionState,
    WordingUse,
)

#: So many held-out wordings are looked up; more tell nothing new.
_LOOKED_UP = 300
#: Kinds of questions with fewer held-out ones than this are not shown.
_FEWEST_OF_A_KIND = 3
#: English, as most tokenizers cut it.
_CHARACTERS_PER_TOKEN = 4
#: What the system prompt and the chat template add to a row.
_TOKENS_AROUND = 60


def advise(
    session: Session, team_id: str, audience: str, viewer: Viewer, trainer: str = "local"
) -> Advice:
    """What is known about tuning for ``audience``, as far as the viewer may know it."""
    viewer = viewer.meets(Viewer.model(audience))
    material = _material(session, team_id, audience, viewer)
    judged = evaluations.of_audience(session, team_id, audience, viewer)
    measured = _measured(session, judged, viewer) if judged else None
    return Advice(
        audience=audience,
        answer=answer_of(material, measured),
        material=material,
        costs=_costs(session, team_id, audience, viewer, judged, trainer),
        measured=measured,
        expected=expect(measured.points, 2 * material.examples) if measured else None,
    )


def _material(session: Session, team_id: str, audience: str, viewer: Viewer) -> Material:
    approved = snapshots.questions_of(session, team_id, audience, viewer)
    wordings = snapshots.other_wordings(session, team_id, audience, viewer)
    attestation = attestations.newest(session, team_id)
    coverage = sort_by_rights(approved, attestation.sources if attestation else tuple(Source))
    covered = {example.id: example for example in coverage.covered}
    held_out = [
        (example_id, each.text)
        for example_id, each_of in wordings.items()
        for each in each_of
        if each.use == WordingUse.EVALUATION and example_id in covered
    ]
    cluster = clusters_of(
        {key: [one.question, *(w.text for w in wordings.get(key, ()))]
         for key, one in covered.items()}
    )  # fmt: skip
    looked_up = held_out[:_LOOKED_UP]
    counts = examples.count_by_state(session, team_id, _only(audience, viewer))
    return Material(
        examples=len(covered),
        questions=len(set(cluster.values())),
        wordings=len(held_out),
        worded=len({cluster[example_id] for example_id, _ in held_out}),
        found_first=sum(
            _finds(session, team_id, audience, viewer, example_id, text)
            for example_id, text in looked_up
        ),
        looked_up=len(looked_up),
        fewest=FEWEST_EXAMPLES,
        is_attested=attestation is not None,
        left_out=coverage.left_out if attestation else {},
        unanswered=unanswered.count_open(session, team_id, _only(audience, viewer)),
        disputed=counts.get(ExampleState.DISPUTED, 0),
    )


def _only(audience: str, viewer: Viewer) -> Viewer:
    return Viewer(readable(audience, viewer))


def _finds(
    session: Session, team_id: str, audience: str, viewer: Viewer, example_id: int, text: str
) -> bool:
    found = retrieve(session, team_id, audience, viewer, text, 1)
    return bool(found) and found[0].id == example_id


def _measured(session: Session, judged: Sequence[Evaluation], viewer: Viewer) -> Measured | None:
    evaluation = judged[0]
    run = session.get_one(Run, evaluation.run_id)
    version = session.get_one(ModelVersion, evaluation.version_id)
    live = live_strategy(session, run.team_id, run.audience)
    points = [
        point
        for one in judged
        if (point := _point(session, one, run)) is not None
    ]  # fmt: skip
    return Measured(
        verdict=evaluation.verdict,
        reason=evaluation.reason,
        version=version.name,
        is_live=live.version_name == version.name,
        held_out=evaluation.held_out,
        trained_on=_trained_on(session, run),
        prompting=_figure(best_line(evaluation, None)),
        tuned=_figure(best_line(evaluation, version.name)),
        points=points,
        kinds=_kinds(session, run, evaluation, version.name, viewer),
        lacks_proof_alone=IF_PROVEN in evaluation.evidence,
        is_retired=version.state is VersionState.RETIRED,
    )


def _figure(line: Line | None) -> Figure | None:
    if line is None:
        return None
    return Figure(
        name=line["name"],
        f1=line["f1"],
        low=line.get("f1_low"),
        high=line.get("f1_high"),
        prompt_tokens=line["prompt_tokens"],
        seconds=line["seconds"],
        dollars_per_1000=line.get("dollars_per_1000"),
        facts=line.get("facts"),
    )


def _point(session: Session, evaluation: Evaluation, like: Run) -> Point | None:
    """A run's place on the learning curve, if it is one of the same kind."""
    run = session.get_one(Run, evaluation.run_id)
    if (run.base_model, run.trainer) != (like.base_model, like.trainer):
        return None
    version = session.get_one(ModelVersion, evaluation.version_id)
    best = best_line(evaluation, version.name)
    if best is None:
        return None
    return Point(_trained_on(session, run), best["f1"], best.get("f1_low"), best.get("f1_high"))


def _trained_on(session: Session, run: Run) -> int:
    """How many examples a run learned from; a run on a part of the data says it itself."""
    own = run.hyperparameters.get("examples")
    return own or snapshots.count_trained(session, run.team_id, run.snapshot_id or 0)


@dataclass(frozen=True)
class _Pair:
    """One held-out question under both: best prompting and best tuned."""

    cluster: Hashable
    prompted: float
    tuned: float


def _kinds(
    session: Session, run: Run, evaluation: Evaluation, version: str, viewer: Viewer
) -> list[Kind]:
    pairs = _pairs(evaluation, version)
    asked = evaluation.evidence.get("snapshot", run.snapshot_id)
    rows = snapshots.rows_of(session, run.team_id, asked or 0, viewer)
    example_of = {row.id: row.example_id for row in rows if row.id in pairs}
    kinds = examples.kinds_of(session, run.team_id, viewer, set(example_of.values()))
    members: dict[tuple[str, str], list[_Pair]] = {}
    for row_id, example_id in example_of.items():
        for kind in kinds.get(example_id, ()):
            members.setdefault(kind, []).append(pairs[row_id or 0])
    found = [_kind(what, name, some) for (what, name), some in sorted(members.items())]
    # A kind that all questions are of tells nothing.
    return [
        kind for kind in found if _FEWEST_OF_A_KIND <= kind.questions < max(len(pairs), 1)
    ]  # fmt: skip


def _pairs(evaluation: Evaluation, version: str) -> dict[int, _Pair]:
    """By row id; empty where the evidence does not have both."""
    clusters = evaluation.evidence.get("clusters", {})
    by_strategy = {
        strategy_of_line(one): one["f1"] for one in evaluation.evidence.get("scores", ())
    }
    lines = [best_line(evaluation, None), best_line(evaluation, version)]
    if None in lines or not clusters:
        return {}
    prompted, tuned = (by_strategy.get(strategy_of_line(line), {}) for line in lines if line)
    return {
        int(row): _Pair(cluster, prompted[row], tuned[row])
        for row, cluster in clusters.items()
        if row in prompted and row in tuned
    }


def _kind(what: str, name: str, pairs: Sequence[_Pair]) -> Kind:
    gain = interval_of([p.tuned - p.prompted for p in pairs], [p.cluster for p in pairs])
    return Kind(
        what=what,
        name=name,
        questions=len(pairs),
        prompted=fmean(p.prompted for p in pairs),
        tuned=fmean(p.tuned for p in pairs),
        gain_low=finite(gain.low),
        gain_high=finite(gain.high),
    )


def _costs(
    session: Session,
    team_id: str,
    audience: str,
    viewer: Viewer,
    judged: Sequence[Evaluation],
    trainer: str,
) -> Costs:
    last = runs.get(session, team_id, judged[0].run_id) if judged else None
    name = last.trainer if last else trainer
    terms = next((terms for terms in TERMS if terms.trainer == name), TERMS[0])
    approved = snapshots.material(session, team_id, audience, viewer)
    guess = estimate(terms, [_tokens(row) for row in approved])
    return Costs(
        trainer=name,
        is_own_machine=terms.is_own_machine,
        minutes=_minutes(last),
        dollars=guess.dollars,
        hosting_per_hour=guess.hosting_per_hour,
        price_seen_on=guess.price_seen_on,
    )


def _tokens(row: Any) -> int:
    turns: Iterable[str] = (row.question, row.answer, *(turn["content"] for turn in row.context))
    return sum(map(len, turns)) // _CHARACTERS_PER_TOKEN + _TOKENS_AROUND


def _minutes(run: Run | None) -> float | None:
    if run is None or run.started_at is None or run.ended_at is None:
        return None
    return (run.ended_at - run.started_at).total_seconds() / 60


def page(
    database: Database,
    trainer: str,
    spelling: Spelling,
    team_id: str,
    audience: str,
    viewer: Viewer,
) -> list[Section]:
    """The same as titles and sentences."""
    with database.read() as session:
        advice = advise(session, team_id, audience, viewer, trainer)
    return sections(advice, spelling)
