"""What a crash left half done is taken up again, once, before any worker starts."""

import logging

from storage import inbox, outbox, questions
from storage.database import Database
from storage.tables import OutboxKind

log = logging.getLogger(__name__)


def recover(database: Database) -> None:
    """
    Open rows that were under work: one bot works on one database, so nobody else has them.

    A message that was perhaps posted is looked for before it is posted again (see ``delivery``);
    an ephemeral that was perhaps shown is not repeated.
    """
    with database.write() as session:
        items = inbox.take_up_again(session)
        asked = questions.take_up_again(session)
        rows = outbox.posting(session)
        for row in rows:
            if row.kind is OutboxKind.EPHEMERAL:
                log.warning("%s was perhaps shown already and is not repeated", row.key)
                outbox.fail(session, row, "perhaps shown already")
            elif row.kind is OutboxKind.MESSAGE or row.text:
                outbox.release(session, row)
            # A stream without text is its question's: answered again, into that message.
    if items or asked or rows:
        log.info("Taking up %d events, %d questions, %d messages", items, asked, len(rows))
