"""
Files that people asked for: written by the table of ``SUBJECTS``, sent as a direct message.

A file is written when its row is worked on, for who may see what at that moment, and deleted when
it is sent. A crash in between sends it again rather than never.
"""

import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from slack_sdk import WebClient
from sqlmodel import Session

from bot.dataset import audit_file
from bot.dataset.exporting import writer_of
from bot.errors import BotError, NotAllowedError
from handlers.deliver_message import fallback
from handlers.deps import Deps
from handlers.people import Person
from handlers.retry import SLACK_ERRORS, is_passing, retry_after_seconds
from handlers.thread import metadata
from storage import outbox
from storage.audience import Viewer
from storage.columns import utc_now
from storage.tables import OutboxMessage

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 10
_FOLDER = "exports"

#: Who asks for a file wakes its writer by this name: to look after each change of the outbox would
#: cost as much as sending what most of them are about.
WANTED = "a file in the outbox"
#: The subject of a row that asks for the page of one run, named under ``run``.
REPORT = "report"
#: Writes what the viewer may see into a new file; returns how many entries it has.
Writer = Callable[[Session, str, Viewer, Path], int]


@dataclass(frozen=True)
class Format:
    """``suffix`` is the ending of the file's name, with its dot."""

    write: Writer
    suffix: str


@dataclass(frozen=True)
class Subject:
    """What can be exported: ``role`` is who may, the first of ``formats`` is the default."""

    title: str
    role: str | None
    formats: Mapping[str, Format]


#: What ``/apprentice export`` knows: the one place to extend.
SUBJECTS: dict[str, Subject] = {
    "audit": Subject(
        "who changed what and when",
        "admin",
        {
            "csv": Format(audit_file.write_csv, ".csv"),
            "jsonl": Format(audit_file.write_jsonl, ".jsonl"),
        },
    ),
    "dataset": Subject(
        "the workspace's approved examples",
        "admin",
        {
            "openai-chat": Format(writer_of("openai-chat"), ".jsonl"),
            "prompt-completion": Format(writer_of("prompt-completion"), ".jsonl"),
            "dpo": Format(writer_of("dpo"), ".jsonl"),
            "csv": Format(writer_of("csv"), ".csv"),
        },
    ),
}


def check_may_export(name: str, person: Person) -> None:
    """
    Raises:
        NotAllowedError: the person lacks the role.
    """
    role = SUBJECTS[name].role
    has_role = {"admin": person.is_admin, "curator": person.is_curator}.get(role or "", True)
    if person.is_external or not has_role:
        raise NotAllowedError(role or "member", f"export {SUBJECTS[name].title}")


def step(deps: Deps, client: WebClient) -> bool:
    """Write and send the oldest file that is due; returns whether there was one."""
    with deps.database.read() as session:
        if not outbox.has_due_file(session):
            return False
    with deps.database.write() as session:
        row = outbox.claim_file(session)
    if row is None:
        return False
    is_handled = False
    try:
        _work_on(row, deps, client)
        is_handled = True
    finally:
        if not is_handled:
            _give_up(row, "unforeseen, see the log", deps)
    return True


def sweep(home: Path) -> None:
    """Remove what a crash left of files under way; before the first step."""
    shutil.rmtree(home / _FOLDER, ignore_errors=True)


def _work_on(row: OutboxMessage, deps: Deps, client: WebClient) -> None:
    assert row.id is not None
    try:
        with tempfile.TemporaryDirectory(prefix="export-", dir=_folder(deps)) as folder:
            path = _write(row, Path(folder), deps)
            _send(row, path, deps, client)
    except BotError as refusal:
        _give_up(row, str(refusal), deps)
    except SLACK_ERRORS as error:
        _put_off(row, error, deps)
    else:
        with deps.database.write() as session:
            outbox.delivered(session, row.id, row.revision, row.message_ts)


def _folder(deps: Deps) -> Path:
    folder = deps.home / _FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _write(row: OutboxMessage, folder: Path, deps: Deps) -> Path:
    """
    Raises:
        NotAllowedError, NotFoundError: the person has lost the role, or the sight, since.
    """
    wanted = row.uploads[0]
    person = deps.people.person(row.user_id or "")
    if wanted["subject"] == REPORT:
        write: Writer = partial(_write_report, wanted["run"], deps)
        path = folder / f"apprentice-run-{wanted['run']}.html"
    else:
        check_may_export(wanted["subject"], person)
        form = SUBJECTS[wanted["subject"]].formats[wanted["format"]]
        write = form.write
        path = folder / f"apprentice-{wanted['subject']}-{utc_now():%Y-%m-%d}{form.suffix}"
    with deps.database.read() as session:
        number = write(session, row.team_id, deps.people.personal_viewer(person), path)
    log.info("%s: %d entries for %s", row.key, number, row.user_id)
    return path


def _write_report(
    run_id: int, deps: Deps, session: Session, team_id: str, viewer: Viewer, path: Path
) -> int:
    return deps.write_report(session, team_id, run_id, viewer, path)


def _send(row: OutboxMessage, path: Path, deps: Deps, client: WebClient) -> None:
    """A message first: it tells which channel the direct message is, and the file goes under it."""
    assert row.id is not None
    if not row.message_ts:
        posted = client.chat_postMessage(
            channel=row.user_id or "", text=fallback(row), metadata=metadata(row.key)
        )
        row.channel_id, row.message_ts = str(posted["channel"]), str(posted["ts"])
        with deps.database.write() as session:
            outbox.posted_at(session, row.id, row.message_ts, row.channel_id)
    client.files_upload_v2(
        channel=row.channel_id,
        thread_ts=row.message_ts,
        file=str(path),
        filename=path.name,
        title=path.name,
    )


def _put_off(row: OutboxMessage, error: Exception, deps: Deps) -> None:
    if not is_passing(error) or row.attempts >= MAX_ATTEMPTS:
        _give_up(row, str(error), deps)
        return
    wait = retry_after_seconds(error, default=2.0 ** (row.attempts - 1))
    log.info("%s waits %.1f s: %s", row.key, wait, error)
    with deps.database.write() as session:
        outbox.release(session, row, utc_now() + timedelta(seconds=wait))


def _give_up(row: OutboxMessage, error: str, deps: Deps) -> None:
    log.error("The file %s for %s is given up: %s", row.key, row.user_id, error)
    with deps.database.write() as session:
        outbox.fail(session, row, error)
