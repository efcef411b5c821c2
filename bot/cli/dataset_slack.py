"""``dataset import --format slack-export``: channels chosen, shown first, kept with ``--yes``."""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.cli.import_report import print_report
from bot.dataset.accepting import Redact
from bot.dataset.errors import FileRefusedError, NoRowsError
from bot.dataset.flagging import flag_near_duplicates
from bot.dataset.formats.slack_archive import Archive
from bot.dataset.formats.slack_export import SlackExport
from bot.dataset.importing import Order, Report, import_rows
from bot.dataset.record import Row
from bot.dataset.rights import SLACK_POLICY_NOTE
from bot.settings import Settings
from storage import opt_outs
from storage.audience import Viewer
from storage.database import Database

SAMPLES = 3


@dataclass(frozen=True)
class SlackSource:
    """``channels`` are names or ids, separated by commas."""

    file: Path
    settings: Settings
    channels: str


def import_slack(
    database: Database,
    team_id: str,
    viewer: Viewer,
    source: SlackSource,
    order: Order,
    *,
    as_json: bool,
) -> None:
    """
    Raises:
        FileRefusedError: the archive is none, or a channel is not to be had.
    """
    with closing(Archive(source.file)) as archive:
        names = [name.strip() for name in source.channels.split(",") if name.strip()]
        if not names:
            _list_channels(archive, as_json=as_json)
            return
        with database.read() as session:
            unwanted = opt_outs.opted_out(session, team_id, list(archive.people))
        settings = source.settings
        export = SlackExport(archive, settings.good_reaction, settings.bad_reaction, unwanted)
        chosen = export.choose(names)
        samples: list[dict[str, str]] = []
        rows = _sampled(export.rows(chosen), samples, order.rules.redact)
        try:
            report = import_rows(database, team_id, viewer, rows, order, flag_near_duplicates)
        except NoRowsError:
            raise FileRefusedError(
                f"Nobody answered a question in a thread of {', '.join(names)}: there is nothing "
                "to import."
            ) from None
        _print(export, report, samples, is_preview=order.dry_run, as_json=as_json)


def _sampled(rows: Iterable[Row], samples: list[dict[str, str]], redact: Redact) -> Iterator[Row]:
    for row in rows:
        if row.record is not None and len(samples) < SAMPLES:
            texts = {"question": row.record.question, "answer": row.record.answer}
            samples.append({part: redact(text)[0] for part, text in texts.items()})
        yield row


def _list_channels(archive: Archive, *, as_json: bool) -> None:
    found = [{"name": each.name, "id": each.id, "kind": each.kind} for each in archive.channels]
    if as_json:
        print(json.dumps({"channels": found, "rights": SLACK_POLICY_NOTE}, indent=2))
        return
    for each in found:
        print(f"{each['name']} ({each['id']}, {each['kind']})")
    print("Choose with --channels name,name. Direct messages and shared channels are never kept.")
    print(SLACK_POLICY_NOTE)


def _print(
    export: SlackExport,
    report: Report,
    samples: list[dict[str, str]],
    *,
    is_preview: bool,
    as_json: bool,
) -> None:
    counts = {name: asdict(each) for name, each in export.counts.items()}
    if as_json:
        found: dict[str, Any] = {"channels": counts, "samples": samples if is_preview else []}
        rights = {"rights": SLACK_POLICY_NOTE, "dry_run": is_preview}
        print(json.dumps(report.as_dict() | found | rights, indent=2, ensure_ascii=False))
        return
    for name, each in counts.items():
        print(f"{name}: " + ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in each.items()))
    print_report(report, dry_run=is_preview, as_json=False)
    if is_preview:
        for sample in samples:
            print(f"  Q: {sample['question'][:200]}\n  A: {sample['answer'][:200]}")
        print(SLACK_POLICY_NOTE)
        print("Nothing was kept. Run it again with --yes to keep it.")
