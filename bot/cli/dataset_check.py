"""``dataset check``: what stands between these rows and a good training run."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from bot.cli.check_report import print_report
from bot.cli.dataset_files import READERS, ImportFormat, refuse_audience
from bot.cli.options import (
    AudienceOption,
    JsonOption,
    TeamOption,
    open_database,
    settings_of,
    team_of,
)
from bot.dataset.checks.examining import Examination, Item
from bot.dataset.checks.findings import Findings, error, warning
from bot.dataset.errors import FileRefusedError
from bot.dataset.record import Row
from bot.dataset.snapshot import as_if_frozen, proves
from bot.engines.base_model import resolve_base_model
from bot.engines.hugging_face import is_hub_name
from bot.engines.vocabulary import Messages, Vocabulary, estimating, vocabulary_of
from bot.errors import NotFoundError
from bot.evaluation.chats import training_chat
from bot.settings import Settings
from bot.trainers import terms_of
from bot.training.prices import Terms
from storage import attestations, snapshots
from storage.audience import Viewer
from storage.tables import Snapshot, SnapshotRow, Source, Split

#: What the local engine serves with; longer rows would be cut.
CONTEXT_TOKENS = 2048
#: What JSON can write and no text can hold: no tokenizer takes it.
_HALVES = re.compile("[\ud800-\udfff]")


def register(cli: typer.Typer) -> None:
    cli.command()(check)


def check(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="A file to check; without one, the data set.")
    ] = None,
    format_: Annotated[
        ImportFormat, typer.Option("--format", help="What the file is.")
    ] = ImportFormat.OPENAI_CHAT,
    validation: Annotated[
        Path | None, typer.Option(help="The file's validation file, to find leaks.")
    ] = None,
    number: Annotated[
        int | None, typer.Option("--snapshot", help="A snapshot instead of what is there now.")
    ] = None,
    trainer: Annotated[str, typer.Option(help="Where it shall be trained; else TRAINER.")] = "",
    audience: AudienceOption = "workspace",
    encoding: Annotated[str, typer.Option(help="The file's encoding, if not UTF-8.")] = "",
    as_json: JsonOption = False,
    team: TeamOption = "",
) -> None:
    """Check the data set, or a file, before anybody trains on it. Exits with 1 on errors."""
    refuse_audience(audience)
    settings = settings_of(context)
    known = terms_of(settings)
    terms = _terms(known, trainer or settings.trainer)
    vocabulary = _vocabulary(settings)
    limit = terms.context_tokens or CONTEXT_TOKENS
    examination = Examination(lambda item: vocabulary.count(_chat(item, file)), limit)
    if file is not None:
        form = ImportFormat.CSV if file.suffix.lower() == ".csv" else format_
        if form not in READERS:
            raise FileRefusedError("Import a Slack export first (it shows a preview), then check.")
        _examine_file(examination, READERS[form](file, encoding), Split.TRAIN)
        if validation is not None:
            _examine_file(examination, READERS[form](validation, encoding), Split.VALIDATION)
    else:
        with open_database(settings) as database, database.read() as session:
            team_id = team_of(database, team)
            for row in _rows(session, team_id, audience, number, examination.findings):
                examination.look_at(_item(row))
    examination.conclude(is_file=file is not None)
    _check_amount(examination, terms)
    print_report(examination, vocabulary, list(known.values()), as_json=as_json)
    raise typer.Exit(1 if examination.findings.errors else 0)


def _terms(known: dict[str, Terms], trainer: str) -> Terms:
    if trainer not in known:
        raise NotFoundError(f"There is no trainer {trainer}; there are {', '.join(known)}.")
    return known[trainer]


def _vocabulary(settings: Settings) -> Vocabulary:
    setting = settings.base_model
    if setting and is_hub_name(setting) and not Path(setting).expanduser().exists():
        return estimating("the base model is not on this machine; nothing is downloaded to check")
    base = resolve_base_model(setting, settings.apprentice_home / "models")
    return vocabulary_of(base.gguf_path)


def _chat(item: Item, file: Path | None) -> Messages:
    """A file is trained on as it is, the data set as serving would ask."""
    if file is not None:
        asked = [*item.context, {"role": "user", "content": item.question}]
        return [*asked, {"role": "assistant", "content": item.answer}]
    row = SnapshotRow(
        team_id="",
        snapshot_id=0,
        position=0,
        split=item.split,
        example_id=item.number,
        question=item.question,
        context=list(item.context),
        answer=item.answer,
        question_source="",
        answer_source="",
        row_hash="",
    )
    return training_chat(row)


def _examine_file(examination: Examination, rows: Iterable[Row], split: Split) -> None:
    for row in rows:
        if row.record is None:
            examination.refuse(row.number, row.problem)
            continue
        found = row.record
        texts = [found.question, found.answer, *(str(t["content"]) for t in found.context)]
        if any(map(_HALVES.search, texts)):
            what = "there is half a character in it, such as \\ud83d without what follows."
            examination.refuse(row.number, what)
            continue
        examination.look_at(Item(row.number, found.question, found.answer, found.context, split))


def _rows(
    session: Session, team_id: str, audience: str, number: int | None, findings: Findings
) -> Iterator[SnapshotRow]:
    viewer = Viewer.model(audience)
    if number is not None:
        snapshot = snapshots.numbered(session, team_id, audience, number)
        every = snapshots.each_with_tombstones(session, team_id, snapshot.id or 0, viewer)
        yield from (row for row in every if not row.erased)
        if problem := _broken(session, team_id, snapshot):
            findings.add(error("hash", None, problem, "Restore the database from a backup."))
        return
    attestation = attestations.newest(session, team_id)
    sources = tuple(Source) if attestation is None else attestation.sources
    left_out, rows = as_if_frozen(session, team_id, audience, viewer, sources)
    if attestation is None:
        what = "Nobody has attested yet that your organisation may train on this content."
        findings.add(warning("rights", None, what, "An admin can: `python -m bot attest --help`."))
    elif number_left := sum(left_out.values()):
        what = f"{number_left} approved examples are left out: nobody attested their source."
        todo = "Attest the sources, if you hold the right to train on them."
        findings.add(warning("rights", None, what, todo))
    yield from rows


def _broken(session: Session, team_id: str, snapshot: Snapshot) -> str:
    if proves(session, team_id, snapshot):
        return ""
    return f"Snapshot {snapshot.number} does not have the hash it was kept under."


def _item(row: SnapshotRow) -> Item:
    return Item(row.example_id, row.question, row.answer, row.context, row.split)


def _check_amount(examination: Examination, terms: Terms) -> None:
    rows = len(examination.tokens)
    if rows < terms.fewest_rows:
        examination.findings.add(
            error(
                "too_few",
                None,
                f"There {'is' if rows == 1 else 'are'} {rows} to train on, trainer "
                f"{terms.trainer} takes {terms.fewest_rows} or more.",
                "Mark good answers with ✅, import some, or use `/apprentice add`.",
            )
        )
