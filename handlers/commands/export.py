"""
``/apprentice export <what> [format]``: a file for the person who asks, in a direct message.

The command only leaves a row; ``handlers.files`` writes the file and sends it.
"""

import difflib
import uuid

from slack_sdk import WebClient

from bot.errors import NotFoundError
from handlers import blocks
from handlers.deps import Ask, Deps, Reply
from handlers.files import SUBJECTS, WANTED, check_may_export
from storage import audit, outbox
from storage.tables import OutboxKind


def export(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """
    Raises:
        NotAllowedError, NotFoundError: why not.
    """
    name, form = _read(ask.words)
    check_may_export(name, deps.people.person(ask.user_id))
    with deps.database.write(urgent=True) as session:
        outbox.put(
            session,
            ask.team_id,
            f"file:{uuid.uuid4().hex}",
            channel_id=ask.user_id,
            user_id=ask.user_id,
            kind=OutboxKind.FILE,
            text=f"In this thread is what you asked for: {SUBJECTS[name].title}.",
            uploads=[{"subject": name, "format": form}],
        )
        audit.record(
            session,
            ask.team_id,
            actor=ask.user_id,
            action="export.asked",
            subject=f"export:{name}",
            details={"format": form},
        )
    deps.database.wake(WANTED)
    return Reply("I am writing the file. It comes to you as a direct message from me.")


def _read(words: str) -> tuple[str, str]:
    """
    Raises:
        NotFoundError: there is no such subject or format; lists what there is.
    """
    name, _, form = words.strip().lower().partition(" ")
    if name not in SUBJECTS:
        lines = [
            f"`/apprentice export {name} {'|'.join(subject.formats)}` – {subject.title}"
            for name, subject in SUBJECTS.items()
        ]
        raise NotFoundError("What shall I export?\n" + "\n".join(lines))
    formats = SUBJECTS[name].formats
    form = form.strip() or next(iter(formats))
    if form not in formats:
        close = difflib.get_close_matches(form, formats, n=1)
        shown = blocks.escape(blocks.cut(form.replace("`", "'"), 40))
        guess = f"Did you mean `{close[0]}`?" if close else f"There is {', '.join(formats)}."
        raise NotFoundError(f"I cannot write `{shown}`. {guess}")
    return name, form
