"""The guide's buttons: they become the right person, open the right place and write the text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.sandbox.page import guide
from bot.sandbox.page.address import Address

if TYPE_CHECKING:
    from bot.sandbox.page.session import Session

HELP = "C0HELP"


def do(session: Session, details: dict[str, Any]) -> None:
    """Prepare one step; sending is left to the person."""
    if prepare := _STEPS.get(str(details.get("do"))):
        prepare(session)


def open_guide(session: Session, _details: dict[str, Any]) -> None:
    _set_open(session, True)


def close_guide(session: Session, _details: dict[str, Any]) -> None:
    _set_open(session, False)


def _set_open(session: Session, is_open: bool) -> None:
    session.is_guide_open = is_open
    session.order("remember", "guide", "open" if is_open else "closed")


def _as(session: Session, user: str, place: str = HELP, thread: str = "") -> None:
    session.act_as(user)
    session.go(Address(place, thread=thread))


def _ask(session: Session) -> None:
    _as(session, "U0CAROL")
    session.order("fill", "channel", guide.QUESTION)


def _mark(session: Session) -> None:
    _as(session, "U0CAROL")
    session.order("fill", "channel", guide.TO_A_COLLEAGUE)


def _answer(session: Session) -> None:
    if question := session.memory.progress.unanswered:
        channel, ts = question
        _as(session, "U0ALICE", channel, ts)
        session.order("fill", "thread", guide.ANSWER)


def _bob(session: Session) -> None:
    if answer := session.memory.progress.answer:
        channel, ts = answer
        root = session.workspace.message(channel, ts).thread_ts or ts
        session.act_as("U0BOB")
        session.go(Address(channel, message=ts, thread=root))
        session.order("tools", f"thread-{ts}")
        session.order("toast", "You are Bob now. Press ✅ on the answer.")


def _train(session: Session) -> None:
    _as(session, "U0ALICE")
    session.order("fill", "channel", "/apprentice train")


def _run(session: Session) -> None:
    if card := session.memory.progress.verdict or session.memory.progress.run:
        channel, ts = card
        root = session.workspace.message(channel, ts).thread_ts or ""
        session.act_as("U0ALICE")
        session.go(Address(channel, message=ts, thread=root))


def _again(session: Session) -> None:
    _as(session, "U0CAROL")
    session.order("fill", "channel", guide.AGAIN)


_STEPS: dict[str, Callable[[Session], None]] = {
    "ask": _ask,
    "mark": _mark,
    "answer": _answer,
    "bob": _bob,
    "train": _train,
    "run": _run,
    "again": _again,
}
