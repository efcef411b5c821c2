"""``dataset … --json``: one document with the keys of ``docs/json.md``, or a sentence elsewhere."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from tests.test_cli_dataset import ROWS, Shell, dataset, rows

__all__ = ["dataset", "rows"]  # fixtures

DOCUMENT = Path(__file__).parents[1] / "docs" / "json.md"
_LINE = re.compile(r"^\| `(\w+)` \| (object|list) \| (.*) \|$", re.MULTILINE)
KEYS = {name: (kind, re.findall(r"`(\w+)`", keys))
        for name, kind, keys in _LINE.findall(DOCUMENT.read_text())}  # fmt: skip
#: How each command is given, and how it ends where there is nothing yet.
COMMANDS = {
    "snapshot": ("snapshot", 1),
    "list": ("list", 0),
    "show": ("show 1", 1),
    "diff": ("diff 1 1", 1),
    "stats": ("stats", 0),
    "check": ("check", 1),
    "import": ("import {rows} --format openai-chat --dry-run", 0),
    "export": ("export --format {format} -o {out}", 0),
}
FORMATS = ("openai-chat", "prompt-completion", "dpo", "csv", "hf")


def given(name: str, rows: Path, format_: str = "csv") -> list[str]:
    line = COMMANDS[name][0]
    out = rows.with_name(f"out-{format_}")
    return [*line.format(rows=rows, out=out, format=format_).split(), "--json"]


def document_of(name: str, out: str):
    found = json.loads(out)  # raises where there is more than one, or none
    kind, keys = KEYS[name]
    assert isinstance(found, {"object": dict, "list": list}[kind])
    for each in found if kind == "list" else [found]:
        assert set(each) == set(keys)
    return found


def taught(dataset: Shell, rows: Path) -> None:
    dataset("import", str(rows), "--format", "openai-chat")
    dataset("--by", "U0ALICE", "--sources", "import", command="attest")
    assert dataset("snapshot").code == 0


def test_every_command_is_documented():
    assert set(KEYS) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_with_a_data_set_it_is_one_document(dataset: Shell, rows: Path, name: str):
    taught(dataset, rows)

    result = dataset(*given(name, rows))

    assert (result.code, result.err) == (0, "")
    assert document_of(name, result.out)


@pytest.mark.parametrize("name", COMMANDS)
def test_without_one_it_is_a_document_or_a_sentence_on_standard_error(
    dataset: Shell, rows: Path, name: str
):
    result = dataset(*given(name, rows))

    assert result.code == COMMANDS[name][1]
    if result.out:
        assert result.err == ""
        document_of(name, result.out)
    else:
        assert len(result.err.strip().splitlines()) == 1


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_of_nothing_and_of_something_says_so(dataset: Shell, rows: Path, format_: str):
    nothing = document_of("export", dataset(*given("export", rows, format_)).out)
    taught(dataset, rows)
    something = document_of("export", dataset(*given("export", rows, format_)).out)

    assert nothing["rows"] == 0
    assert something["rows"] == (0 if format_ == "dpo" else 12)


def test_what_is_printed_itself_leaves_no_place_for_a_document(dataset: Shell, rows: Path):
    taught(dataset, rows)

    result = dataset("export", "--format", "csv", "-o", "-", "--json")

    assert (result.code, result.out) == (1, "")
    assert "leave out --json" in result.err


@pytest.mark.parametrize("name", COMMANDS)
def test_what_was_not_understood_ends_with_2_and_says_so_on_standard_error(
    dataset: Shell, rows: Path, name: str
):
    result = dataset(*given(name, rows), "--no-such-option")

    assert (result.code, result.out) == (2, "")
    assert "--no-such-option" in result.err


@pytest.mark.parametrize("line", ["", "not JSON", '{"messages": []}'])
def test_a_file_that_cannot_be_imported_ends_with_1(dataset: Shell, rows: Path, line: str):
    rows.write_text(f"{ROWS if line else ''}{line}\n")

    result = dataset("import", str(rows), "--format", "openai-chat", "--json")

    assert (result.code, result.out) == (1, "")
    assert result.err


def test_a_slack_export_lists_its_channels_and_shows_what_it_would_keep(
    dataset: Shell, tmp_path: Path
):
    said = [{"type": "message", "user": "U1", "text": "Where is the key?", "ts": "1.0",
             "thread_ts": "1.0", "reply_count": 1},
            {"type": "message", "user": "U2", "text": "On the hook.", "ts": "2.0",
             "thread_ts": "1.0"}]  # fmt: skip
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("channels.json", json.dumps([{"id": "C1", "name": "help"}]))
        file.writestr(
            "users.json", json.dumps([{"id": "U1", "name": "a"}, {"id": "U2", "name": "b"}])
        )
        file.writestr("help/2026-11-01.json", json.dumps(said))
    order = ("import", str(archive), "--format", "slack-export")

    listed = dataset.json(*order)
    preview = dataset.json(*order, "--channels", "help")

    assert set(listed) == {"channels", "rights"}
    assert set(preview) == {*KEYS["import"][1], "channels", "samples", "rights"}
    assert preview["dry_run"] is True
