"""
Answers one question at a time: reads it, chooses how, lets the model speak, ends it honestly.

Several loops call ``step`` at once; each question is in one pair of hands.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from slack_sdk import WebClient

from bot.answering.abstention import QUOTED, asks_nothing, standing_of
from bot.answering.answer import Limits, Prompt, ServingEngine, answer, fit
from bot.answering.choice import Choice, choose_strategy, instead_of
from bot.answering.retrieval import RetrievedExample, retrieve
from bot.answering.strategy import Strategy
from bot.curation.redaction import Redactor
from bot.curation.unanswered import abstains, note_unanswered, reason_for
from bot.embedding.meaning import Meaning
from bot.engines.errors import AdapterUnknownError, EngineDiedError, EngineUnavailableError
from bot.errors import BotError, EngineError
from handlers.answer_blocks import feedback, footer, quotes, who_may_know
from handlers.asked import Asked, read_question
from handlers.deps import Checkpoint, Payload
from handlers.live_message import LiveMessage
from handlers.people import People
from handlers.retry import SLACK_ERRORS, code_of, is_passing, retry_after_seconds
from handlers.status import show_status
from handlers.wrote import who_wrote
from storage import deployments, questions
from storage.columns import utc_now
from storage.database import Database
from storage.tables import Question, QuestionState, Standing

log = logging.getLogger(__name__)

#: How often a question is begun, over engine deaths and crashes of the bot alike.
MAX_ATTEMPTS = 5
#: How often the model is asked again within one attempt after it died in mid-sentence.
MAX_RETRIES = 2
NOTHING = "I don't know."
SAID = {
    Standing.UNKNOWN: "I don't know: nothing that I was taught fits this well enough.",
    Standing.DOUBTFUL: "I am not sure that I was taught this. What comes closest:",
}
NOTHING_ASKED = (
    "I answer questions, from what your team taught me. Ask me one, or see `/apprentice help`."
)
#: Of so many examples that come closest the authors are called where the bot does not know.
CALLED = 2
EMPTY = (
    "Hello! Ask me a question in the same message, for example: "
    "“@Apprentice how do I get access to the staging database?” "
    "`/apprentice help` lists what else I can do."
)
BROKEN = "Sorry, something went wrong while I answered this. Please ask again in a minute."


@dataclass(frozen=True)
class AnswerDeps:
    """What answering needs; ``checkpoint`` lets tests end the process at any named step."""

    database: Database
    people: People
    engine: ServingEngine
    limits: Limits
    checkpoint: Checkpoint = lambda step: None
    redactor: Redactor = field(default_factory=Redactor)
    meaning: Meaning | None = None  # None: examples are found by their words alone


@dataclass(frozen=True)
class _Made:
    """An answer, who gave it, and from which examples; SURE is what a model said."""

    choice: Choice
    text: str
    examples: Sequence[RetrievedExample]
    standing: Standing = Standing.SURE


def step(deps: AnswerDeps, client: WebClient) -> bool:
    """Answer the oldest question; returns whether there was one."""
    question = _claim(deps.database)
    if question is None:
        return False
    is_handled = False
    try:
        _attempt(question, deps, client)
        is_handled = True
    finally:
        if not is_handled:
            _hand_back(question, deps, client, "unforeseen, see the log", 1.0)
    return True


def _claim(database: Database) -> Question | None:
    with database.read() as session:
        if not questions.has_due(session):
            return None
    with database.write() as session:
        return questions.claim(session)


def _attempt(question: Question, deps: AnswerDeps, client: WebClient) -> None:
    deps.checkpoint("question claimed")
    try:
        _answer(question, deps, client)
    except SLACK_ERRORS as error:
        log.warning("Question %d: Slack says %s", question.id, error)
        if code_of(error) == "ratelimited":
            question.attempts -= 1  # waiting for one's turn is no failure
        attempts = MAX_ATTEMPTS if is_passing(error) else question.attempts
        wait = retry_after_seconds(error, default=2.0**question.attempts)
        _hand_back(question, deps, client, str(error), wait, attempts)


def _answer(question: Question, deps: AnswerDeps, client: WebClient) -> None:
    assert question.id is not None
    show_status(client, question, "is thinking…")
    asked = read_question(question, deps.people, client)
    if asked is None:
        log.info("Question %d was deleted before its turn", question.id)
        with deps.database.write() as session:
            questions.end(session, question.id, QuestionState.DECLINED, "deleted")
        return
    message = _message(question, deps, client)
    if not asked.text:
        message.finish(EMPTY, (), QuestionState.DECLINED, "empty")
        return
    try:
        made = _make_answer(question, asked, deps, message)
    except BotError as error:
        log.warning("Question %d ends without an answer: %s", question.id, error)
        if isinstance(error, EngineError):
            with deps.database.write() as session:
                questions.engine_failed(session, question.id)
        message.finish(str(error), (), QuestionState.FAILED, str(error))
        return
    kept = deps.redactor.text(made.text)
    if kept != made.text:
        # What was streamed is replaced: a secret that was in the question is not repeated.
        message.start_over()
    _note_unanswered(question, asked, made, deps)
    message.finish(kept or NOTHING, _below(question, asked, made, deps), QuestionState.ANSWERED)


def _below(question: Question, asked: Asked, made: _Made, deps: AnswerDeps) -> list[Payload]:
    """What stands below an answer: where it comes from, or who may know a better one."""
    assert question.id is not None
    if made.standing is Standing.DOUBTFUL:
        return quotes(question.id, made.examples, is_collected=asked.is_collected)
    if _asked_nothing(asked, made.standing):
        return []
    if made.standing is Standing.UNKNOWN:
        return _ask_around(question, asked, deps)  # of what no model said there is no opinion
    if made.examples and abstains(made.text):
        return [*_ask_around(question, asked, deps), feedback(question.id)]
    speaker = made.choice.strategy.version_name
    return footer(question.id, made.examples, speaker, made.choice.unavailable)


def _asked_nothing(asked: Asked, standing: Standing) -> bool:
    return standing is Standing.UNKNOWN and asks_nothing(asked.text)


def _note_unanswered(question: Question, asked: Asked, made: _Made, deps: AnswerDeps) -> None:
    """Keep what the team has not taught yet; nothing of outsiders and of direct messages."""
    if not asked.is_collected or asks_nothing(asked.text):
        return
    if made.standing is Standing.DOUBTFUL:
        return  # whoever asked says whether what is quoted answers it
    looked_up = made.choice.strategy.examples
    why = reason_for(made.text, looked_up=looked_up, found=len(made.examples))
    if why is not None:
        with deps.database.write() as session:
            note_unanswered(session, question, asked.audience, deps.redactor.text(asked.text), why)


def _message(question: Question, deps: AnswerDeps, client: WebClient) -> LiveMessage:
    return LiveMessage(
        question, deps.database, client, deps.people.bot_user_id, checkpoint=deps.checkpoint
    )


def _make_answer(question: Question, asked: Asked, deps: AnswerDeps, message: LiveMessage) -> _Made:
    """Let what was chosen speak; where it cannot, what was live before, else the base model."""
    choice, loaded = _choose(question, asked, deps), set(deps.engine.adapters)
    closest = _closest(question, asked, max(QUOTED, choice.strategy.examples), deps)
    standing = _standing(question, asked, closest, deps)
    if standing is not Standing.SURE:
        quoted = closest[:QUOTED] if standing is Standing.DOUBTFUL else ()
        said = NOTHING_ASKED if _asked_nothing(asked, standing) else SAID[standing]
        made = _Made(Choice(Strategy(None, 0)), said, quoted, standing)
        _note_choice(question, deps, made.choice, made.examples, standing)
        return made
    prompt = _prompt(asked, closest, choice.strategy, deps)
    deps.checkpoint("prompt built")
    while True:
        try:
            text = _speak(question, deps, choice, prompt, message)
            return _Made(choice, text, prompt.examples)
        except AdapterUnknownError as error:
            log.warning("%s is to answer and cannot; another answers", error.adapter)
            with deps.database.write() as session:
                deployments.doubt(session, question.team_id, error.adapter, utc_now())
            message.start_over()
            loaded.discard(error.adapter)
            choice = _instead(question, asked, deps, choice.unavailable or error.adapter, loaded)
            closest = _closest(question, asked, choice.strategy.examples, deps)
            prompt = _prompt(asked, closest, choice.strategy, deps)


def _instead(
    question: Question, asked: Asked, deps: AnswerDeps, missing: str, loaded: set[str]
) -> Choice:
    with deps.database.read() as session:
        return instead_of(session, question.team_id, asked.audience, missing, loaded)


def _standing(
    question: Question, asked: Asked, closest: Sequence[RetrievedExample], deps: AnswerDeps
) -> Standing:
    """A question that leans on its thread, and who hears nothing of the team, are not judged."""
    if asked.context or not asked.viewer.audiences:
        return Standing.SURE
    with deps.database.read() as session:
        return standing_of(session, question.team_id, asked.audience, asked.text, closest)


def _ask_around(question: Question, asked: Asked, deps: AnswerDeps) -> list[Payload]:
    """Name what comes closest and, in channels, call who wrote it."""
    near = _closest(question, asked, CALLED, deps)
    people: list[str] = []
    if asked.is_collected:
        ids = [one.id for one in near]
        people = who_wrote(deps.database, question, asked.viewer, ids, deps.people)
    return who_may_know(near, people, is_collected=asked.is_collected)


def _choose(question: Question, asked: Asked, deps: AnswerDeps) -> Choice:
    """Outsiders get the bare base model."""
    if not asked.viewer.audiences:
        return Choice(Strategy(None, 0))
    with deps.database.read() as session:
        return choose_strategy(
            session, question.team_id, asked.audience, question.channel_id, question.thread_ts
        )


def _closest(
    question: Question, asked: Asked, count: int, deps: AnswerDeps
) -> list[RetrievedExample]:
    """Read the examples that whoever hears the answer may hear."""
    with deps.database.read() as session:
        return retrieve(
            session,
            question.team_id,
            asked.audience,
            asked.viewer,
            asked.text,
            count,
            meaning=deps.meaning,
        )


def _prompt(
    asked: Asked, closest: Sequence[RetrievedExample], strategy: Strategy, deps: AnswerDeps
) -> Prompt:
    shown = closest[: strategy.examples]
    return fit(deps.engine, asked.text, shown, asked.context, deps.limits)


def _speak(
    question: Question,
    deps: AnswerDeps,
    choice: Choice,
    prompt: Prompt,
    message: LiveMessage,
) -> str:
    """Let the model answer into the message; returns the whole text."""
    speaker, scale = choice.strategy.version_name, choice.strategy.scale
    for retries_left in range(MAX_RETRIES, -1, -1):
        try:
            _note_choice(question, deps, choice, prompt.examples)
            pieces = answer(deps.engine, prompt, adapter=speaker, scale=scale, limits=deps.limits)
            return _write(pieces, message)
        except (EngineDiedError, EngineUnavailableError):
            if not retries_left:
                raise
            log.warning("Question %d: the engine died, asking again", question.id)
        message.start_over()
    raise EngineUnavailableError


def _write(pieces: Iterator[str], message: LiveMessage) -> str:
    text = ""
    for piece in pieces:
        # Models begin and end with line breaks nobody wants to see.
        piece = piece if text else piece.lstrip()
        text += piece
        if piece:
            message.write(piece)
    return text.rstrip()


def _note_choice(
    question: Question,
    deps: AnswerDeps,
    choice: Choice,
    shown: Sequence[RetrievedExample],
    standing: Standing = Standing.SURE,
) -> None:
    assert question.id is not None
    ids, speaker = [e.id for e in shown], choice.strategy.version_name
    with deps.database.write() as session:
        questions.chose(session, question.id, speaker, ids, choice.canary_id, standing)


def _hand_back(
    question: Question,
    deps: AnswerDeps,
    client: WebClient,
    error: str,
    wait_seconds: float,
    max_attempts: int = MAX_ATTEMPTS,
) -> None:
    assert question.id is not None
    if question.attempts < max_attempts:
        with deps.database.write() as session:
            not_before = utc_now() + timedelta(seconds=wait_seconds)
            questions.retry_later(session, question, not_before, error)
        return
    log.error("Question %d is given up: %s", question.id, error)
    _message(question, deps, client).finish(BROKEN, (), QuestionState.FAILED, error)
