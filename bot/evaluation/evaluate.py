"""
Asking every strategy every held-out question, through the engine that will serve.

Each answer is a row as soon as it is there, so a crash costs the answers under way and nothing
else. Retrieval is the code that serves, for the model's own viewer. What the same model was asked
in the same words before, by this run or an earlier one, is not asked again: answers are greedy.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from threading import Event, Lock

from sqlmodel import Session

from bot.answering.answer import Limits, Prompt, QuestionTooLongError, fit
from bot.answering.retrieval import retrieve
from bot.answering.safe_text import make_safe
from bot.answering.strategy import Strategy
from bot.dataset.clusters import clusters_of
from bot.embedding.meaning import Meaning
from bot.engines.client import Completion, Engine
from bot.evaluation.chats import context_of
from bot.evaluation.metrics import token_f1
from bot.evaluation.strategies import key_of
from storage import evaluations
from storage.audience import Viewer
from storage.database import Database
from storage.tables import EvaluationAnswer, SnapshotRow, Split

#: Questions asked at once. The engine has four slots; one stays free for people.
AT_ONCE = 3
#: An answer may be so much longer than the longest curated one before it is cut. The cut falls
#: on the base model, which rambles, and rather flatters it: words it does not get to say cost
#: it no precision.
LONGER = 1.5
_FEWEST_TOKENS, _MOST_TOKENS = 48, 256
#: Rounded up to a multiple of this, so that one longer answer does not make all others new.
_TOKENS_STEP = 32
_BYTES_PER_TOKEN = 3


@dataclass(frozen=True)
class Exam:
    """
    What one run's evaluation asks: every strategy every held-out row.

    ``digests`` are those of the models' files, by version name (None: the base model). Answers of
    a model without one are neither kept for later nor taken from earlier runs.
    """

    team_id: str
    run_id: int
    audience: str
    rows: Sequence[SnapshotRow]
    strategies: Sequence[Strategy]
    digests: Mapping[str | None, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many answers make it complete."""
        return len(self.rows) * len(self.strategies)

    @property
    def max_tokens(self) -> int:
        longest = max((len(row.answer.encode()) for row in self.rows), default=0)
        wanted = round(LONGER * longest / _BYTES_PER_TOKEN / _TOKENS_STEP + 0.5) * _TOKENS_STEP
        return min(_MOST_TOKENS, max(_FEWEST_TOKENS, wanted))


@dataclass(frozen=True)
class _Task:
    strategy: Strategy
    row: SnapshotRow
    excluded: frozenset[int]


def held_out(rows: Sequence[SnapshotRow]) -> list[SnapshotRow]:
    """The rows of a snapshot that are asked."""
    return [row for row in rows if row.split in (Split.HELD_OUT_WORDING, Split.HELD_OUT_QUESTION)]


def ask(
    database: Database,
    engine: Engine,
    exam: Exam,
    *,
    keep_going: Callable[[], bool],
    report: Callable[[int, int], None],
    meaning: Meaning | None = None,
) -> bool:
    """
    Ask what was not asked yet; return False if ``keep_going`` ended it before the end.

    ``report`` is called with the answers done and all answers, after each; ``keep_going`` from
    several threads.

    Raises:
        EngineError: the engine does not answer; what was answered stays.
    """
    with database.read() as session:
        answered = _answered(session, exam)
    rounds = list(_rounds(exam, answered))
    done = exam.size - sum(len(each) for each in rounds)
    is_over, one_at_a_time = Event(), Lock()

    def work(tasks: Sequence[_Task]) -> None:
        nonlocal done
        for task in tasks:
            if is_over.is_set() or not keep_going():
                return
            answer = _answer(database, engine, exam, task, meaning)
            with one_at_a_time:
                with database.write() as session:
                    session.add(answer)
                done += 1
                report(done, exam.size)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="evaluation") as pool:
        try:
            for finished in as_completed([pool.submit(work, each) for each in rounds]):
                finished.result()
        finally:
            is_over.set()
    return done == exam.size


def _answered(session: Session, exam: Exam) -> set[tuple[str, int]]:
    viewer = Viewer.model(exam.audience)
    answers = evaluations.answers_of(session, exam.team_id, exam.run_id, viewer)
    return {(answer.strategy, answer.snapshot_row_id) for answer in answers}


def _rounds(exam: Exam, answered: set[tuple[str, int]]) -> Iterator[list[_Task]]:
    """
    What one thread asks, one after the other: a question of all strategies that show as many
    examples. Those prompts are equal, and the engine still remembers what it read of them.
    """
    unseen = _unseen_clusters(exam.rows)
    for examples in sorted({strategy.examples for strategy in exam.strategies}):
        alike = [strategy for strategy in exam.strategies if strategy.examples == examples]
        for row in exam.rows:
            tasks = [
                _Task(strategy, row, unseen.get(row.example_id, frozenset()))
                for strategy in alike
                if (key_of(strategy), row.id) not in answered
            ]
            if tasks:
                yield tasks


def _unseen_clusters(rows: Sequence[SnapshotRow]) -> Mapping[int, frozenset[int]]:
    """For questions that are to be unseen: the examples that would give the answer away."""
    unseen = {
        row.example_id: [row.question] for row in rows if row.split == Split.HELD_OUT_QUESTION
    }
    cluster = clusters_of(unseen)
    return {
        example: frozenset(other for other in cluster if cluster[other] == name)
        for example, name in cluster.items()
    }


def _answer(
    database: Database, engine: Engine, exam: Exam, task: _Task, meaning: Meaning | None
) -> EvaluationAnswer:
    with database.read() as session:
        examples = retrieve(
            session,
            exam.team_id,
            exam.audience,
            Viewer.model(exam.audience),
            task.row.question,
            task.strategy.examples,
            task.excluded,
            meaning=meaning,
        )
    try:
        prompt = fit(engine, task.row.question, examples, context_of(task.row), Limits())
    except QuestionTooLongError:
        return _kept(exam, task, Completion("", 0, 0, 0.0, "refused"))
    asked = _digest(exam, task, prompt)
    if asked and (before := _before(database, exam, asked)):
        return _kept(exam, task, before, asked, prompt, is_reused=True)
    return _kept(exam, task, _complete(engine, task, prompt, exam.max_tokens), asked, prompt)


def _digest(exam: Exam, task: _Task, prompt: Prompt) -> str | None:
    """Names everything the answer depends on; None where the model's file is not known."""
    model = exam.digests.get(task.strategy.version_name)
    if not model:
        return None
    whole = json.dumps([_scaled(model, task.strategy), exam.max_tokens, prompt.messages])
    return hashlib.sha256(whole.encode()).hexdigest()


def _scaled(model: str, strategy: Strategy) -> str:
    return model + strategy.scale_words


def _before(database: Database, exam: Exam, asked: str) -> Completion | None:
    with database.read() as session:
        found = evaluations.answered_before(
            session, exam.team_id, asked, Viewer.model(exam.audience)
        )
    if found is None:
        return None
    return Completion(found.text, found.prompt_tokens, found.answer_tokens, found.seconds, "stop")


def _complete(engine: Engine, task: _Task, prompt: Prompt, max_tokens: int) -> Completion:
    """Make the answer what serving makes of it: harmless."""
    completion = engine.complete(
        prompt.messages,
        adapter=task.strategy.version_name,
        scale=task.strategy.scale,
        max_tokens=max_tokens,
    )
    sources = [prompt.question, *(f"{e.question}\n{e.answer}" for e in prompt.examples)]
    return replace(completion, text=make_safe(completion.text, sources))


def _kept(
    exam: Exam,
    task: _Task,
    completion: Completion,
    asked: str | None = None,
    prompt: Prompt | None = None,
    *,
    is_reused: bool = False,
) -> EvaluationAnswer:
    assert task.row.id is not None
    return EvaluationAnswer(
        team_id=exam.team_id,
        run_id=exam.run_id,
        strategy=key_of(task.strategy),
        snapshot_row_id=task.row.id,
        asked=asked,
        is_reused=is_reused,
        example_ids=[example.id for example in prompt.examples] if prompt else [],
        text=completion.text,
        f1=token_f1(completion.text, task.row.answer),
        prompt_tokens=completion.prompt_tokens,
        answer_tokens=completion.completion_tokens,
        seconds=completion.seconds,
    )
