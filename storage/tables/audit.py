"""Who changed what and when; see ``storage.audit`` for how it is written and read."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from storage.audience import WORKSPACE
from storage.tables.fields import json_field, now_field


class AuditEntry(SQLModel, table=True):
    """
    One change of an example, a setting, a right or a model. A trigger refuses to change or
    delete it; ``storage.audit`` has the two exceptions.

    ``actor`` is a Slack user id or the word for a part of ours (``operator``, ``pipeline``).
    ``subject`` is a kind and a name, ``example:12`` or ``version:workspace-v7``. ``details`` holds
    ids, counts and words of our own: nothing that anybody wrote, and nobody's user id.
    """

    __tablename__ = "audit_entry"

    id: int | None = Field(default=None, primary_key=True)
    team_id: str = Field(index=True)
    at: datetime = now_field()
    actor: str
    action: str
    subject: str
    audience: str = WORKSPACE
    details: dict[str, Any] = json_field({})
