"""The last leg of a run: load the candidate, ask, judge, draw, and write the verdict."""

import logging
import time
from collections.abc import Callable
from functools import partial

from sqlmodel import Session

from bot.answering.strategy import Strategy, live_strategy
from bot.engines.errors import AdapterFileError
from bot.evaluation.blind import pairs_of
from bot.evaluation.conclusion import Heard, conclude
from bot.evaluation.evaluate import Exam, ask, held_out
from bot.evaluation.gate import Findings
from bot.evaluation.judge_model import ask_judge
from bot.evaluation.likeness import likeness_among
from bot.evaluation.measures import OWN_MACHINE
from bot.evaluation.strategies import competitors
from bot.evaluation.strays import Taught
from bot.pipeline.asking_in_vain import ask_in_vain
from bot.pipeline.preparing import rows_of_run
from bot.pipeline.probing import examine, scales_of
from bot.pipeline.reporting import REPORT_FILE, write_report
from bot.pipeline.serving import reconcile
from bot.pipeline.workshop import Workshop
from storage import audit, evaluations, runs, sunsets, versions
from storage.audience import Viewer
from storage.tables import Evaluation, ModelVersion, Run, RunState, Split

log = logging.getLogger(__name__)

#: Progress is written so often at most: every commit wakes all workers.
REPORT_SECONDS = 1.0


def evaluate(workshop: Workshop, run: Run) -> bool:
    """
    Take the next of three steps: the candidate into the engine, all answers, the verdict.

    Raises:
        EngineError: the candidate does not load, or the engine does not answer.
    """
    version = _version_of(workshop, run)
    if version.name not in workshop.engine.adapters:
        _load(workshop, run, version)
        return True
    exam = _exam(workshop, run, version)
    if not ask(
        workshop.database,
        workshop.engine,
        exam,
        keep_going=partial(_may_go_on, workshop, run),
        report=_reporter(workshop, run),
        meaning=workshop.patient_meaning,
    ):
        return not workshop.is_stopping.is_set()
    workshop.checkpoint("questions answered")
    _conclude(workshop, run, version, exam, examine(workshop, run, version))
    return True


def _load(workshop: Workshop, run: Run, version: ModelVersion) -> None:
    reconcile(workshop)
    if version.name in workshop.engine.adapters:
        workshop.checkpoint("candidate loaded")
        return
    if version.served_by not in workshop.deployers:
        raise AdapterFileError(version.name)
    # Its deployment is gone: the run waits for another one, and goes on from the answers it has.
    with workshop.database.write() as session:
        row = session.get_one(Run, run.id)
        row.state, row.progress = RunState.DEPLOYING, {}
        session.add(row)


def _exam(workshop: Workshop, run: Run, version: ModelVersion) -> Exam:
    assert run.id is not None
    with workshop.database.read() as session:
        live = _if_asked(
            session, workshop, run.team_id, live_strategy(session, run.team_id, run.audience)
        )
        digests = digests_of(session, workshop, run, {version.name, _name(live)})
    return Exam(
        team_id=run.team_id,
        run_id=run.id,
        audience=run.audience,
        rows=held_out(rows_of_run(workshop, run, version.snapshot_id)),
        strategies=strategies_of(workshop, version, live),
        digests=digests,
    )


def strategies_of(
    workshop: Workshop, version: ModelVersion, live: Strategy | None
) -> list[Strategy]:
    """What competes."""
    return competitors(version.name, live, workshop.examples, scales_of(workshop, version))


def digests_of(
    session: Session, workshop: Workshop, run: Run, names: set[str | None]
) -> dict[str | None, str]:
    """Those of the models whose files are here; another's model may change unseen."""
    digests: dict[str | None, str] = {None: workshop.base.digest}
    for name in names - {None}:
        version = versions.by_name(session, run.team_id, name or "", Viewer.model(run.audience))
        if version and version.gguf_path:
            digests[name] = f"{version.base_digest} {version.checksum}"
    return digests


def _name(strategy: Strategy | None) -> str | None:
    return strategy.version_name if strategy else None


def _if_asked(
    session: Session, workshop: Workshop, team_id: str, live: Strategy
) -> Strategy | None:
    """What is live, unless it is not loaded or its provider has switched it off."""
    name, today = live.version_name, workshop.now().date()
    if name not in workshop.engine.adapters or sunsets.has_ended(session, team_id, name, today):
        return None
    return live


def _conclude(
    workshop: Workshop, run: Run, version: ModelVersion, exam: Exam, findings: Findings
) -> None:
    evaluation = conclusion_of(workshop, run, version, exam, findings)
    keep_going = partial(_may_go_on, workshop, run)
    let_judge(workshop, run, version, exam, evaluation, keep_going)
    if not keep_going():  # the judge was not heard to the end; nothing else is asked again
        return

    def keep(session: Session) -> bool:
        row = session.get_one(Run, run.id)
        if row.cancel_requested_by is not None:  # also where words it learned were erased meanwhile
            return False
        session.add(evaluation)
        audit.record(
            session, run.team_id, actor=run.requested_by, action="version.judged",
            subject=f"run:{run.id}", audience=run.audience,
            details={"verdict": evaluation.verdict.value, "held_out": evaluation.held_out},
        )  # fmt: skip
        row.state, row.progress, row.ended_at = RunState.DONE, {}, workshop.now()
        session.add(row)
        workshop.checkpoint("verdict reached")
        return True

    draw_and_write(workshop, run, evaluation, keep)


def let_judge(
    workshop: Workshop,
    run: Run,
    version: ModelVersion,
    exam: Exam,
    evaluation: Evaluation,
    keep_going: Callable[[], bool] = lambda: True,
) -> None:
    """Add what the judge model says, where there is one, to the evidence; it decides nothing."""
    if workshop.judge is None:
        return
    with workshop.database.read() as session:
        answers = evaluations.answers_of(
            session, run.team_id, exam.run_id, Viewer.model(run.audience)
        )
    pairs = pairs_of(evaluation, version.name, exam.rows, answers)
    facts = {int(row): fact for row, fact in evaluation.evidence["clusters"].items()}
    found = ask_judge(workshop.judge, list(pairs.values()), facts, keep_going)
    evaluation.evidence = {**evaluation.evidence, "judge": found}
    workshop.checkpoint("judge heard")


def draw_and_write(
    workshop: Workshop, run: Run, evaluation: Evaluation, keep: Callable[[Session], bool]
) -> None:
    """
    Pictures first: they may take a second, and ``keep`` is one transaction. It says whether it
    kept the verdict; the page comes last.
    """
    run_id = evaluation.run_id
    with workshop.database.read() as session:
        metrics = runs.metrics_of(session, run.team_id, run_id)
    evaluation.pictures = workshop.draw(
        workshop.folder_of(run_id),
        [(metric.step, metric.loss) for metric in metrics],
        evaluation.strategies,
        evaluation.held_out,
    )
    workshop.checkpoint("pictures drawn")
    with workshop.database.write() as session:
        is_kept = keep(session)
    if not is_kept:
        return
    workshop.checkpoint("verdict kept")
    _write_page(workshop, run, run_id)


def _write_page(workshop: Workshop, run: Run, run_id: int) -> None:
    """Written anew whenever somebody asks, so a full disk must not cost a verdict."""
    path = workshop.folder_of(run_id) / REPORT_FILE
    try:
        with workshop.database.read() as session:
            write_report(session, run.team_id, run_id, Viewer.model(run.audience), path)
    except OSError as error:
        log.warning("The report of run %d was not written: %s", run_id, error)


def conclusion_of(
    workshop: Workshop, run: Run, version: ModelVersion, exam: Exam, findings: Findings
) -> Evaluation:
    """
    What follows from the exam's answers and the findings; not kept yet.

    Raises:
        EngineError: the engine does not answer what nobody has answered.
    """
    assert version.id is not None
    asked = {row.id for row in exam.rows}
    with workshop.database.read() as session:
        answers = [
            one
            for one in evaluations.answers_of(
                session, run.team_id, exam.run_id, Viewer.model(run.audience)
            )
            if one.snapshot_row_id in asked
        ]
    taught = (row.answer for row in exam.rows)
    likeness = likeness_among(workshop.patient_meaning, (*(one.text for one in answers), *taught))
    heard = Heard(
        candidate=version.name,
        strategies=exam.strategies,
        rows=exam.rows,
        answers=answers,
        prices=workshop.provider_prices if version.remote_id else OWN_MACHINE,
        likeness=likeness,
        taught=_taught(workshop, run, version),
        in_vain=ask_in_vain(workshop, run, exam.strategies),
    )
    return conclude(run, version.id, heard, findings, workshop.thresholds)


def _taught(workshop: Workshop, run: Run, version: ModelVersion) -> Taught:
    rows = rows_of_run(workshop, run, version.snapshot_id)
    return Taught({row.example_id: row.answer for row in rows if row.split == Split.TRAIN})


def _version_of(workshop: Workshop, run: Run) -> ModelVersion:
    with workshop.database.read() as session:
        version = versions.of_run(session, run.team_id, run.id or 0)
    assert version is not None, "a run is evaluating only after its version was kept"
    return version


def _may_go_on(workshop: Workshop, run: Run) -> bool:
    if workshop.is_stopping.is_set():
        return False
    with workshop.database.read() as session:
        return session.get_one(Run, run.id).cancel_requested_by is None


def _reporter(workshop: Workshop, run: Run) -> Callable[[int, int], None]:
    """A callback that writes progress, with the time left as this session's pace suggests."""
    started = time.monotonic()
    first: list[int] = []
    last = [0.0]

    def report(done: int, total: int) -> None:
        workshop.checkpoint("answer kept")
        first.append(done)
        now = time.monotonic()
        if now - last[0] < REPORT_SECONDS and done < total:
            return
        last[0] = now
        pace = (now - started) / max(1, done - first[0] + 1)
        with workshop.database.write() as session:
            row = session.get_one(Run, run.id)
            row.progress = {
                "done": done,
                "total": total,
                "seconds_left": round(pace * (total - done), 1),
            }
            row.attempts = 0
            session.add(row)

    return report
