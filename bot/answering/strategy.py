"""Which strategy answers for an audience now: the newest promotion decides."""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from storage.audience import WORKSPACE
from storage.tables import ModelVersion, Promotion

#: Examples in the prompt while nothing was ever promoted; more confuse a small model.
DEFAULT_EXAMPLES = 1
#: The scale at which an adapter was trained.
FULL_SCALE = 1.0


@dataclass(frozen=True)
class Strategy:
    """
    ``version_name`` None is the base model; ``examples`` is how many go into the prompt. With
    ``scale`` 0.5 the version's adapter changes the base model half as much as it was trained to.
    """

    version_name: str | None
    examples: int
    scale: float = FULL_SCALE

    @property
    def scale_words(self) -> str:
        """`` × 0.5`` behind the model's name; nothing at full scale."""
        return "" if self.scale == FULL_SCALE else f" × {self.scale:g}"


BASE = Strategy(None, DEFAULT_EXAMPLES)


def live_strategy(session: Session, team_id: str, audience: str) -> Strategy:
    """Return what is live for ``audience``; a private channel without its own uses workspace's."""
    strategy = _newest(session, team_id, audience)
    # A channel whose own versions were all rolled back is where it was before it had any.
    if audience != WORKSPACE and (strategy is None or strategy.version_name is None):
        strategy = _newest(session, team_id, WORKSPACE)
    return strategy or BASE


def _newest(session: Session, team_id: str, audience: str) -> Strategy | None:
    row = session.exec(
        select(Promotion, ModelVersion.name)
        .join(ModelVersion, col(ModelVersion.id) == col(Promotion.version_id), isouter=True)
        .where(col(Promotion.team_id) == team_id, col(Promotion.audience) == audience)
        .order_by(col(Promotion.id).desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    promotion, version_name = row
    return Strategy(version_name, promotion.examples, promotion.scale)
