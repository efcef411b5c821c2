"""
Promoting what nobody could prove to be served as it was trained: an admin's decision, kept.

Where trainer or engine tell nothing of their tokens, the gate holds a version that earned its
promotion otherwise. An admin may take that on themselves, for this verdict alone.
"""

from typing import Any

from sqlmodel import Session

from bot.errors import UnprovenError
from storage import audit
from storage.columns import utc_now
from storage.tables import Evaluation, ModelVersion

#: In an evaluation's evidence: the strategy that earned it but for the proof; and who decided
#: that it answers all the same.
IF_PROVEN, ACCEPTED = "if_proven", "parity_accepted"
#: The word by which an admin says so.
UNPROVEN = "unproven"


def is_proven(evaluation: Evaluation, version: ModelVersion) -> bool:
    """Verdicts of older releases say nothing of it: then what is served here was compared."""
    found = evaluation.evidence.get("findings", {})
    return bool(found.get("parity_proven", version.remote_id is None))


def may_answer(evaluation: Evaluation, version: ModelVersion) -> bool:
    """Say whether the proof is there, or somebody decided to do without it."""
    return is_proven(evaluation, version) or ACCEPTED in evaluation.evidence


def check_proven(evaluation: Evaluation, version: ModelVersion) -> None:
    """
    Raises:
        UnprovenError: nobody knows whether it is served as it was trained, nor decided on it.
    """
    if not may_answer(evaluation, version):
        found = evaluation.evidence.get("findings", {})
        raise UnprovenError(version.name, found.get("unproven") or "nothing was compared.")


def accept_unproven(
    session: Session, evaluation: Evaluation, version: ModelVersion, by: str
) -> None:
    """Keep that an admin decided to do without the proof; nothing where there is one."""
    if may_answer(evaluation, version):
        return
    accepted: dict[str, Any] = {"by": by, "at": utc_now().isoformat(timespec="seconds")}
    evaluation.evidence = {**evaluation.evidence, ACCEPTED: accepted}
    session.add(evaluation)
    audit.record(
        session,
        version.team_id,
        actor=by,
        action="version.unproven_accepted",
        subject=f"version:{version.name}",
        audience=version.audience,
        details={"why": evaluation.evidence.get("findings", {}).get("unproven")},
    )
