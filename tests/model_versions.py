"""Model versions without training, with whatever verdict a test needs."""

from sqlmodel import Session

from storage import runs, versions
from storage.audience import WORKSPACE
from storage.tables import Evaluation, ModelVersion, Snapshot, Verdict
from tests.teaching import TEAM


def make_version(
    session: Session,
    verdict: Verdict | None = Verdict.PROMOTE,
    audience: str = WORKSPACE,
    best: int = 1,
) -> ModelVersion:
    """A version whose evaluation, if any, found ``best`` examples best."""
    number, name = versions.next_name(session, TEAM, audience)
    snapshot = Snapshot(team_id=TEAM, audience=audience, number=number, hash="")
    run = runs.enqueue(
        session, TEAM, audience, trainer="local", requested_by="U0ALICE", channel_id=None
    )
    session.add(snapshot)
    session.flush()
    version = ModelVersion(
        team_id=TEAM,
        audience=audience,
        number=number,
        name=name,
        run_id=run.id,
        snapshot_id=snapshot.id,
        base_model="base",
        base_digest="",
        adapter_path="",
        gguf_path="",
        checksum="",
    )
    session.add(version)
    session.flush()
    if verdict:
        lines = [{"name": f"tuned + {k}", "version": name, "examples": k} for k in (0, 1, 3)]
        session.add(
            Evaluation(
                team_id=TEAM,
                run_id=run.id,
                version_id=version.id,
                held_out=30,
                strategies=lines,
                best=f"tuned + {best}",
                verdict=verdict,
                reason=f"Because of {verdict}.",
                evidence={"findings": {"parity_proven": True}},
            )
        )
        session.flush()
    return version
