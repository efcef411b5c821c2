"""What follows a vote on a message that quotes what comes closest, or says "I don't know"."""

from sqlmodel import Session

from bot.curation.quoted import settle_bad, settle_good
from handlers import blocks
from handlers.answer_blocks import do_you_know
from handlers.deps import Deps
from handlers.people import Person, Place
from handlers.reactions import GOOD, VoteEvent
from handlers.wrote import who_wrote
from storage import outbox, questions
from storage.tables import Example, Question, Standing

_FITS = "Thank you: that answers it."
_KEPT = "Thank you: I keep this question as another way to ask “{question}”, to be tested with."
_NOTHING_FITS = (
    "There is nothing to learn from that message. React with ✅ to the right answer in the thread, "
    "or teach it with `/apprentice add`."
)
_NONE = (
    "Noted as not taught yet: curators find it in `/apprentice review`. If somebody answers it in "
    "this thread, a ✅ on that answer teaches me."
)
_TITLE = 80


def unspoken(team_id: str, vote: VoteEvent, deps: Deps) -> Question | None:
    """The question that a message answers in which no model spoke."""
    if vote.item_user not in (None, deps.people.bot_user_id):
        return None
    with deps.database.read() as session:
        found = questions.find_by_answer(session, team_id, vote.channel_id, vote.message_ts)
    return None if found is None or found.standing is Standing.SURE else found


def settle(
    question: Question, vote: VoteEvent, person: Person, place: Place, asked: str, deps: Deps
) -> None:
    """Keep what the vote says; ``asked`` is the question as it may be kept."""
    if vote.value == GOOD:
        _fits(question, vote, place, asked, deps)
    else:
        _none_fits(question, vote, person, place, asked, deps)


def _fits(question: Question, vote: VoteEvent, place: Place, asked: str, deps: Deps) -> None:
    with deps.database.write(redoable=True) as session:
        example, is_kept = settle_good(
            session,
            question.team_id,
            place.audience,
            question,
            asked,
            vote.about,
            vote.user_id,
        )
        _tell(session, question, vote, _fits_words(example, is_kept))


def _fits_words(example: Example | None, is_kept: bool) -> str:
    if example is None:
        return _NOTHING_FITS
    if not is_kept:
        return _FITS
    title = blocks.cut(" ".join(example.question.split()), _TITLE)
    return _KEPT.format(question=blocks.escape(title))


def _none_fits(
    question: Question, vote: VoteEvent, person: Person, place: Place, asked: str, deps: Deps
) -> None:
    viewer = deps.people.viewer(person, place)
    authors = who_wrote(deps.database, question, viewer, question.example_ids, deps.people)
    called = [author for author in authors if author != vote.user_id]
    with deps.database.write(redoable=True) as session:
        settle_bad(session, place.audience, question, asked, vote.user_id)
        _tell(session, question, vote, _NONE)
        if called:  # only where something was quoted
            # The key says it once, however many press the button.
            outbox.put(
                session,
                question.team_id,
                f"asked-around:{question.id}",
                channel_id=question.channel_id,
                thread_ts=question.thread_ts,
                text=do_you_know(called),
            )


def _tell(session: Session, question: Question, vote: VoteEvent, text: str) -> None:
    outbox.whisper(
        session,
        question.team_id,
        f"vote:{vote.key}:{vote.order_key}",
        channel_id=vote.channel_id,
        thread_ts=question.thread_ts,
        user_id=vote.user_id,
        text=text,
    )
