"""``dataset import`` and ``dataset export``."""

import json
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from bot.cli.dataset_slack import SlackSource, import_slack
from bot.cli.import_report import print_report
from bot.cli.operator import operator
from bot.cli.options import (
    JsonOption,
    TeamOption,
    open_database,
    redactor_of,
    settings_of,
    team_of,
)
from bot.dataset.accepting import Rules, is_audience
from bot.dataset.errors import FileRefusedError
from bot.dataset.exporting import (
    APPROVED,
    TEXT_FORMATS,
    export_text,
    records,
    with_wrong_answers,
)
from bot.dataset.flagging import flag_near_duplicates
from bot.dataset.formats import csv_table, dpo, hf_folder, openai_chat, prompt_completion
from bot.dataset.importing import Order, import_rows
from bot.dataset.record import Record
from bot.dataset.splits import splits_of
from bot.dataset.whole_file import STDOUT
from storage import examples, exchange, snapshots
from storage.audience import Viewer
from storage.tables import Split

ByOption = Annotated[str, typer.Option("--by", help="Who vouches for the rows; kept with them.")]
READERS = {
    "openai-chat": openai_chat.read,
    "prompt-completion": prompt_completion.read,
    "dpo": dpo.read,
    "csv": csv_table.read,
    "hf": hf_folder.read,
}


class ImportFormat(StrEnum):
    OPENAI_CHAT = "openai-chat"
    CSV = "csv"
    PROMPT_COMPLETION = "prompt-completion"
    DPO = "dpo"
    HF = "hf"
    SLACK_EXPORT = "slack-export"


class ExportFormat(StrEnum):
    OPENAI_CHAT = "openai-chat"
    PROMPT_COMPLETION = "prompt-completion"
    DPO = "dpo"
    CSV = "csv"
    HF = "hf"


def register(cli: typer.Typer) -> None:
    cli.command("import")(import_)
    cli.command()(export)


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file.")],
    format_: Annotated[ImportFormat, typer.Option("--format", help="What the file is.")],
    audience: Annotated[
        str,
        typer.Option(help="`workspace` or a private channel's id; else as the file says."),
    ] = "",
    propose: Annotated[
        bool, typer.Option("--propose", help="Put the rows up for review, approve none.")
    ] = False,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Leave out rows that cannot be kept.")
    ] = False,
    encoding: Annotated[str, typer.Option(help="The file's encoding, if not UTF-8.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be kept.")] = False,
    channels: Annotated[
        str, typer.Option(help="Of a Slack export: names of channels, separated by commas.")
    ] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Of a Slack export: keep it, after the preview.")
    ] = False,
    by: ByOption = "operator",
    as_json: JsonOption = False,
    team: TeamOption = "",
) -> None:
    """
    Keep the rows of a file as examples: all of them or, if one is bad, none.

    Nothing else is written meanwhile: bring in many thousand rows while the bot rests.
    """
    refuse_audience(audience)
    settings = settings_of(context)
    with open_database(settings) as database:
        team_id = team_of(database, team)
        with database.read() as session:
            viewer = operator(session, team_id)
        order = Order(
            name=file.name,
            rules=Rules(redactor_of(settings).with_kinds, audience, propose),
            by=by,
            skip_bad_rows=skip_bad_rows,
            dry_run=dry_run,
        )
        if format_ is ImportFormat.SLACK_EXPORT:
            order = replace(order, dry_run=dry_run or not yes)
            source = SlackSource(file, settings, channels)
            import_slack(database, team_id, viewer, source, order, as_json=as_json)
            return
        rows = READERS[format_](file, encoding)
        report = import_rows(database, team_id, viewer, rows, order, flag_near_duplicates)
    print_report(report, dry_run=dry_run, as_json=as_json)


def export(
    context: typer.Context,
    format_: Annotated[ExportFormat, typer.Option("--format", help="What to write.")],
    output: Annotated[str, typer.Option("-o", "--output", help="Where to; `-` prints it.")],
    audience: Annotated[
        str, typer.Option(help="`workspace`, or a private channel: its own and the workspace's.")
    ] = "workspace",
    all_states: Annotated[
        bool, typer.Option("--all-states", help="Not only what is approved.")
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Without our own key: what is only ours is lost.")
    ] = False,
    as_json: JsonOption = False,
    team: TeamOption = "",
) -> None:
    """Write the data set of an audience to a file other programs read."""
    refuse_audience(audience)
    if as_json and output == STDOUT:
        raise FileRefusedError(
            "With `-o -` the rows themselves are printed: leave out --json, or name a file."
        )
    with open_database(settings_of(context)) as database, database.read() as session:
        team_id = team_of(database, team)
        viewer = operator(session, team_id).meets(Viewer.model(audience))
        states = examples.LISTED if all_states else APPROVED
        found = records(session, team_id, audience, viewer, states)
        if format_ is ExportFormat.DPO:
            wrong = exchange.wrong_answers(session, team_id, audience, viewer)
            found = with_wrong_answers(found, wrong)
        if format_ in TEXT_FORMATS:
            count = export_text(found, format_, output, plain=plain)
        elif output == STDOUT:
            raise FileRefusedError("A folder cannot be printed. Name one with -o.")
        else:
            split_of = _splits(session, team_id, audience, viewer)
            count = hf_folder.write(found, split_of, Path(output), audience)
    if output == STDOUT:
        return
    if as_json:
        print(json.dumps({"rows": count, "path": output, "format": format_, "audience": audience}))
    else:
        print(f"{count} row{'' if count == 1 else 's'} written to {output}.{_hint(format_, count)}")


def _splits(
    session: Session, team_id: str, audience: str, viewer: Viewer
) -> Callable[[Record], str]:
    """The splits a snapshot would have now, by the names Hugging Face gives them."""
    wordings = snapshots.other_wordings(session, team_id, audience, viewer)
    splits = splits_of(
        {
            each.id: [each.question, *(other.text for other in wordings.get(each.id, ()))]
            for each in snapshots.questions_of(session, team_id, audience, viewer)
        }
    )
    names = {Split.VALIDATION: "validation", Split.HELD_OUT_QUESTION: "test"}
    return lambda record: names.get(splits.get(record.id or 0, Split.TRAIN), "train")


def refuse_audience(audience: str) -> None:
    """
    Raises:
        FileRefusedError: nobody can be such an audience.
    """
    if audience and not is_audience(audience):
        raise FileRefusedError(
            f"There is no audience {audience!r}: it is `workspace`, or the id of a private "
            "channel such as C0123ABCD (in Slack: channel details, at the bottom)."
        )


def _hint(format_: str, count: int) -> str:
    if format_ == ExportFormat.DPO and not count:
        return " No answer here was marked as wrong and corrected, so there are no pairs."
    return ""
