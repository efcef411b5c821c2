"""Who sits at the command line: somebody with the database file, who may see all of it."""

from sqlmodel import Session, col, select

from storage.audience import WORKSPACE, Viewer
from storage.tables import Example, ModelVersion, Run


def operator(session: Session, team_id: str) -> Viewer:
    """Everything of one workspace, private channels included."""
    audiences = {WORKSPACE}
    for table in (Example, ModelVersion, Run):
        found = select(table.audience).where(col(table.team_id) == team_id).distinct()
        audiences |= set(session.exec(found))
    return Viewer(frozenset(audiences))
