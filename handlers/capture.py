"""
What becomes of a ✅ or ❌: an example and a vote, or one taken back, and a word to who did it.

Rows and words are written in one transaction under keys that name the event, so that an item
worked on twice, by a crash or a redelivery, leaves what it left the first time.
"""

import logging

from slack_sdk import WebClient
from sqlmodel import Session

from bot.curation.capture import (
    Ballot,
    Outcome,
    collect_example,
    take_vote_back,
    vote_on_known,
)
from bot.curation.lesson import Lesson
from bot.curation.unanswered import note_unanswered
from bot.curation.wordings import drop_wordings, learn_wording
from bot.errors import CaptureError, MayNotTeachError, MessageGoneError, NotCollectedError
from handlers import capture_blocks, quoted
from handlers.blocks import Block
from handlers.capture_thread import Thread, check_may_teach, read_lesson, read_thread
from handlers.deps import Deps
from handlers.first_capture import tell_author
from handlers.people import Person, Place
from handlers.reactions import GOOD, VoteEvent
from handlers.rules import is_curator
from storage import feedback, inbox, outbox, questions, unanswered
from storage.rules import rules_for
from storage.tables import InboxItem, Source, Standing, WhyUnanswered

log = logging.getLogger(__name__)


def work_on_reaction(item: InboxItem, deps: Deps, client: WebClient) -> bool:
    """
    Count a vote, or take it back. Safe to repeat. Returns whether the item is closed: keeping an
    example closes it in the same transaction.

    Raises:
        SlackApiError, URLError: Slack cannot be asked right now.
    """
    vote = VoteEvent.of(item)
    if not vote.added:
        _take_back(item.team_id, vote, deps)
        return False
    person, place = deps.people.person(vote.user_id), deps.people.place(vote.channel_id)
    if person.is_bot:
        log.info("The vote %s is an app's and counts for nothing", vote.key)
        return False
    if not person.is_external and not place.is_external:
        _note_feedback(item.team_id, vote, deps)
    try:
        check_may_teach(person, place)
        thread = read_thread(client, vote.channel_id, vote.message_ts, deps.people.bot_user_id)
    except MessageGoneError:
        log.info("The message of the vote %s is gone", vote.key)
    except CaptureError as refusal:
        _explain(item.team_id, vote, refusal, None, deps)
    else:
        return _count(item.team_id, vote, person, place, thread, deps)
    return False


def _note_feedback(team_id: str, vote: VoteEvent, deps: Deps) -> None:
    """An opinion on one of our answers counts for who answered, kept as an example or not."""
    if vote.item_user not in (None, deps.people.bot_user_id):
        return  # Slack says whose message it is: nobody looks for an answer that is not ours
    with deps.database.write(redoable=True) as session:
        question = questions.find_by_answer(session, team_id, vote.channel_id, vote.message_ts)
        if question is not None and question.standing is Standing.SURE:
            feedback.note(
                session, question,
                key=vote.key, user_id=vote.user_id, value=vote.value, order_key=vote.order_key,
            )  # fmt: skip


def _count(
    team_id: str,
    vote: VoteEvent,
    person: Person,
    place: Place,
    thread: Thread,
    deps: Deps,
) -> bool:
    try:
        lesson = read_lesson(thread, place, team_id, deps)
    except CaptureError as refusal:
        # Also where it would not be kept today, as when its author has left since.
        if not _vote_on_known(team_id, vote, person, deps):
            _explain(team_id, vote, refusal, thread, deps)
    else:
        if (question := quoted.unspoken(team_id, vote, deps)) is not None:
            quoted.settle(question, vote, person, place, lesson.question, deps)
            return False
        try:
            _collect(team_id, vote, person, place, lesson, deps)
        except CaptureError as refusal:
            _explain(team_id, vote, refusal, thread, deps)
        else:
            return True
    return False


def _collect(
    team_id: str, vote: VoteEvent, person: Person, place: Place, lesson: Lesson, deps: Deps
) -> None:
    with deps.database.write(redoable=True) as session:
        outcome = collect_example(
            session, team_id, place.audience, lesson, _ballot(session, team_id, vote, person)
        )
        if outcome is not None:
            _note_unanswered(session, team_id, vote, place, lesson)
            _confirm(session, team_id, vote, outcome, lesson)
            tell_author(session, team_id, outcome, person, deps)
            _learn_wording(session, team_id, vote, place, lesson)
        if vote.row is not None:
            inbox.finish(session, *vote.row)


def _learn_wording(
    session: Session, team_id: str, vote: VoteEvent, place: Place, lesson: Lesson
) -> None:
    """A good answer of the bot's says that its question is another way to ask for what it used."""
    if vote.value != GOOD or lesson.answer_source is not Source.BOT_ANSWER:
        return
    question = questions.find_by_answer(session, team_id, vote.channel_id, vote.message_ts)
    if question is not None:
        learn_wording(session, team_id, place.audience, question, lesson, by=vote.user_id)


def _note_unanswered(
    session: Session, team_id: str, vote: VoteEvent, place: Place, lesson: Lesson
) -> None:
    """A question whose answer is marked as wrong is unanswered, until the mark is taken back."""
    if lesson.answer_source is not Source.BOT_ANSWER:
        return
    question = questions.find_by_answer(session, team_id, vote.channel_id, vote.message_ts)
    if question is None:
        return
    if vote.value < 0:
        why = WhyUnanswered.BAD_ANSWER
        note_unanswered(session, question, place.audience, lesson.question, why)
    else:
        unanswered.take_back(session, question)


def _vote_on_known(team_id: str, vote: VoteEvent, person: Person, deps: Deps) -> bool:
    """Vote on what was kept from the message, though its thread cannot be read as it was."""
    with deps.database.write(redoable=True) as session:
        ballot = _ballot(session, team_id, vote, person)
        outcome = vote_on_known(session, team_id, vote.channel_id, vote.message_ts, ballot)
        if outcome is not None:
            _confirm(session, team_id, vote, outcome)
    return outcome is not None


def _take_back(team_id: str, vote: VoteEvent, deps: Deps) -> None:
    with deps.database.write(redoable=True) as session:
        feedback.take_back(session, team_id, vote.key, vote.order_key)
        outcome = take_vote_back(session, team_id, vote.key, vote.order_key)
        question = questions.find_by_answer(session, team_id, vote.channel_id, vote.message_ts)
        if question is not None and vote.value < 0:
            unanswered.take_back(session, question, WhyUnanswered.BAD_ANSWER)
        elif question is not None and not feedback.is_liked(session, question):
            drop_wordings(session, question, vote.user_id)
        if outcome is not None:
            text = capture_blocks.taken_back(outcome)
            _tell(session, team_id, vote, outcome.example.thread_ts, text)


def _confirm(
    session: Session,
    team_id: str,
    vote: VoteEvent,
    outcome: Outcome,
    lesson: Lesson | None = None,
) -> None:
    undo = f"{vote.order_key}|{vote.key}"
    text, shown = capture_blocks.confirmation(outcome, vote.value, undo, lesson)
    _tell(session, team_id, vote, outcome.example.thread_ts, text, shown)


def _explain(
    team_id: str, vote: VoteEvent, refusal: CaptureError, thread: Thread | None, deps: Deps
) -> None:
    is_about_people = isinstance(refusal, MayNotTeachError | NotCollectedError)
    text = str(refusal) if is_about_people else capture_blocks.problem(refusal, vote.value)
    with deps.database.write(redoable=True) as session:
        _tell(session, team_id, vote, thread.reply_ts if thread else None, text)


def _tell(
    session: Session,
    team_id: str,
    vote: VoteEvent,
    thread_ts: str | None,
    text: str,
    shown: list[Block] | None = None,
) -> None:
    """Only who voted sees it, once for each time they changed their mind."""
    outbox.whisper(
        session,
        team_id,
        f"vote:{vote.key}:{vote.order_key}",
        channel_id=vote.channel_id,
        thread_ts=thread_ts,
        user_id=vote.user_id,
        text=text,
        blocks=shown or (),
    )


def _ballot(session: Session, team_id: str, vote: VoteEvent, person: Person) -> Ballot:
    rules = rules_for(session, team_id, vote.channel_id)
    return Ballot(
        key=vote.key,
        user_id=vote.user_id,
        value=vote.value,
        by_curator=is_curator(person, rules),
        order_key=vote.order_key,
    )
