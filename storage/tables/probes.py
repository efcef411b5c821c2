"""What came of probing a model; a model is known by the digest of its file."""

from datetime import datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from storage.tables.fields import now_field


class ProbeResult(SQLModel, table=True):
    """
    Whether one model passed one probe; what it said is not kept.

    ``model_digest`` is a base model's digest or an adapter's checksum, so what a base model can
    do is asked once for all runs; of what a provider keeps it is the name there.
    """

    __tablename__ = "probe_result"
    __table_args__ = (UniqueConstraint("team_id", "model_digest", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    team_id: str
    model_digest: str
    key: str
    passed: bool
    created_at: datetime = now_field()
