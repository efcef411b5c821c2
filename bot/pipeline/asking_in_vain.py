"""
What the strategies say to questions nobody has answered: right is to say so.

Small teams keep no question from training, but what people asked in vain is collected. It is asked
as serving asks, and only counted: what was said is not kept, as who asked may want to be forgotten.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sqlmodel import Session

from bot.answering.abstention import standing_of
from bot.answering.answer import Limits, Prompt, QuestionTooLongError, fit
from bot.answering.retrieval import RetrievedExample, retrieve
from bot.answering.strategy import Strategy
from bot.curation.unanswered import abstains
from bot.dataset.clusters import clusters_of
from bot.evaluation.conclusion import InVain
from bot.evaluation.strategies import key_of
from bot.pipeline.workshop import Workshop
from storage import unanswered
from storage.audience import Viewer
from storage.tables import Run, Standing

#: So many questions are asked, the most asked first.
MOST = 12
#: An answer that says so says it in its first words.
MAX_TOKENS = 48
AT_ONCE = 3


def ask_in_vain(workshop: Workshop, run: Run, strategies: Sequence[Strategy]) -> InVain | None:
    """
    None where nothing was asked in vain.

    Raises:
        EngineError: the engine does not answer.
    """
    most = max((strategy.examples for strategy in strategies), default=0)
    with workshop.database.read() as session:
        found = _questions(session, workshop, run, max(1, most))
        by_retrieval = sum(
            standing_of(session, run.team_id, run.audience, text, examples) is not Standing.SURE
            for text, examples in found
        )
    if not found:
        return None
    declined = {key_of(strategy): _declined(workshop, strategy, found) for strategy in strategies}
    workshop.checkpoint("asked in vain")
    return InVain(declined, len(found), by_retrieval)


def _questions(
    session: Session, workshop: Workshop, run: Run, examples: int
) -> list[tuple[str, list[RetrievedExample]]]:
    """Each with what retrieval finds; without those that only put a taught question anew."""
    viewer = Viewer.model(run.audience)
    asked = []
    for one in unanswered.asked_in_vain(session, run.team_id, viewer, limit=MOST):
        found = retrieve(
            session,
            run.team_id,
            run.audience,
            viewer,
            one.text,
            examples,
            meaning=workshop.patient_meaning,
        )
        if not _is_taught(one.text, found):
            asked.append((one.text, found))
    return asked


def _is_taught(text: str, found: Sequence[RetrievedExample]) -> bool:
    cluster = clusters_of({0: [text]} | {n: [one.question] for n, one in enumerate(found, 1)})
    return any(cluster[number] == cluster[0] for number in cluster if number)


def _declined(
    workshop: Workshop, strategy: Strategy, found: Sequence[tuple[str, list[RetrievedExample]]]
) -> int:
    """To how many of them a strategy says that it does not know."""

    def declines(asked: tuple[str, list[RetrievedExample]]) -> bool:
        prompt = _prompt(workshop, asked, strategy)
        if prompt is None:
            return True  # too long to be asked: nobody gets an answer
        said = workshop.engine.complete(
            prompt.messages,
            adapter=strategy.version_name,
            scale=strategy.scale,
            max_tokens=MAX_TOKENS,
        )
        return abstains(said.text)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="in-vain") as pool:
        return sum(pool.map(declines, found))


def _prompt(
    workshop: Workshop, asked: tuple[str, list[RetrievedExample]], strategy: Strategy
) -> Prompt | None:
    text, examples = asked
    try:
        return fit(workshop.engine, text, examples[: strategy.examples], (), Limits())
    except QuestionTooLongError:
        return None
