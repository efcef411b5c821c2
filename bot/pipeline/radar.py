"""
Looks every day when providers switch off what is in use here, and warns admins, each time once.

In use are the bases that runs and schedules tune, and the tuned models that answer: live, pinned
in one channel, or a canary. A provider
that cannot be asked is asked again soon; meanwhile the table's dates count.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import date

from sqlmodel import Session

from bot.errors import BotError
from bot.pipeline.workshop import Workshop
from bot.sunsets import Ends, in_words, known_end, threshold, way_out
from bot.training.trainer import KnowsEnds
from storage import admin_notices, sunsets, versions
from storage.audience import WORKSPACE
from storage.tables import ModelVersion, Sunset

log = logging.getLogger(__name__)


class Radar:
    """``look`` does nothing on a day on which every trainer was asked already."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._looked_on: date | None = None

    def look(self) -> None:
        """Ask the trainers elsewhere, keep what ends, warn of what ends soon."""
        today = self._workshop.now().date()
        if self._looked_on == today:
            return
        asked = [
            self._look_at(name, trainer, today)
            for name, trainer in self._workshop.trainers.items()
            if isinstance(trainer, KnowsEnds)
        ]
        if all(asked):
            self._looked_on = today

    def _look_at(self, name: str, trainer: KnowsEnds, today: date) -> bool:
        """Return whether the trainer could be asked."""
        with self._workshop.database.read() as session:
            teams = sorted(team for team, used in sunsets.trainers_in_use(session) if used == name)
            served = [v for v in sunsets.served_elsewhere(session) if v.served_by == name]
        if not teams and not served:
            return True
        published: Mapping[str, date] = {}
        base, was_asked = "", True
        try:
            base = trainer.base_name()
            models = {base, *(v.remote_id or "" for v in served), *(v.base_model for v in served)}
            published = trainer.shutdown_dates(sorted(models - {""}))
        except BotError as error:
            log.warning("`%s` could not be asked when its models end: %s", name, error)
            was_asked = False
        found = [row for team in teams if base for row in _of_base(team, name, base, published)]
        found += [row for version in served for row in _of_version(version, name, published)]
        with self._workshop.database.write() as session:
            if was_asked:
                sunsets.replace(session, name, found)
            for row in found:
                self._warn(session, row, today)
        return was_asked

    def _warn(self, session: Session, row: Sunset, today: date) -> None:
        days = threshold((row.ends_on - today).days)
        if days is None:
            return
        words = in_words(
            trainer=row.trainer, model=row.model, ends=Ends(row.ends), on=row.ends_on,
            today=today, version=row.version,
        )  # fmt: skip
        out = way_out(row.trainer, self._workshop.trainers, is_live=_is_live(session, row))
        log.warning("%s", words)
        # The key holds the date and the threshold: each warning goes out once, a new date anew.
        key = f"sunset:{row.ends}:{row.trainer}:{row.model}:{row.ends_on}:{days}"
        admin_notices.put(session, row.team_id, row.audience, key, f"{words} {out}")


def _is_live(session: Session, row: Sunset) -> bool:
    """Only what is live can be moved; for what else answers a run is made."""
    live = versions.live(session, row.team_id, row.audience)
    version = session.get(ModelVersion, live.version_id) if live and live.version_id else None
    return version is not None and version.name == row.version


def _of_base(
    team_id: str, trainer: str, base: str, published: Mapping[str, date]
) -> Iterator[Sunset]:
    for ends in Ends:
        if end := _end(trainer, (base,), ends, published):
            on, source = end
            yield Sunset(
                team_id=team_id, audience=WORKSPACE, trainer=trainer, model=base, ends=ends,
                ends_on=on, source=source,
            )  # fmt: skip


def _of_version(
    version: ModelVersion, trainer: str, published: Mapping[str, date]
) -> Iterator[Sunset]:
    model = version.remote_id or ""
    if end := _end(trainer, (model, version.base_model), Ends.SERVING, published):
        on, source = end
        yield Sunset(
            team_id=version.team_id, audience=version.audience, trainer=trainer, model=model,
            ends=Ends.SERVING, ends_on=on, source=source, version=version.name,
        )  # fmt: skip


def _end(
    trainer: str, names: tuple[str, ...], ends: Ends, published: Mapping[str, date]
) -> tuple[date, str] | None:
    """The earliest day the provider gives for any of the names, else the table's."""
    days = [published[name] for name in names if name in published]
    if days and ends is Ends.SERVING:
        return min(days), f"`{trainer}` itself"
    known = known_end(trainer, names, ends)
    return (known.on, f"{known.source}, seen {known.seen_on}") if known else None
