"""The data set on the command line, as a person types it; every reading command speaks JSON."""

import gc
import json
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from sqlmodel import select

from bot.cli import main
from bot.dataset.checks.examining import Examination, Item
from bot.dataset.rights import attest
from bot.dataset.snapshot import freeze
from bot.settings import load_settings
from storage import revisions, snapshots
from storage.database import Database
from storage.tables import Example, ExampleState, RevisionReason, SnapshotRow, Source
from tests.teaching import TEAM, fresh_database, teach_facts, thaw, write_new

ROWS = "".join(
    json.dumps(
        {
            "messages": [
                {"role": "user", "content": f"Where is key {n}?"},
                {"role": "assistant", "content": f"Key {n} hangs on hook {n}."},
            ]
        }
    )
    + "\n"
    for n in range(12)
)


@dataclass
class Result:
    code: int
    out: str
    err: str


@dataclass
class Shell:
    """Runs commands in this process: starting Python for each takes longer than they do."""

    home: Path
    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str, command: str = "dataset") -> Result:
        self.monkeypatch.setattr(sys, "argv", ["bot", command, *arguments])
        try:
            code = main(lambda **o: load_settings(apprentice_home=self.home, **o))
        except SystemExit as end:
            code = end.code
        return Result(code, *self.capture.readouterr())

    def json(self, *arguments: str):
        result = self(*arguments, "--json")
        assert result.code == 0, result.err
        return json.loads(result.out)


@pytest.fixture
def dataset(tmp_path: Path, capsys, monkeypatch) -> Shell:
    monkeypatch.setenv("COLUMNS", "200")
    write_new(tmp_path / "home" / "apprentice.db")  # the migrations take longer than a command
    return Shell(tmp_path / "home", capsys, monkeypatch)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text(ROWS)
    return path


def test_import_check_and_export(dataset: Shell, tmp_path: Path, rows: Path):
    imported = dataset.json("import", str(rows), "--format", "openai-chat")
    again = dataset("import", str(rows), "--format", "openai-chat")
    report = dataset.json("check")
    exported = dataset.json("export", "--format", "csv", "-o", str(tmp_path / "out.csv"))
    plain = tmp_path / "plain.jsonl"
    dataset("export", "--format", "openai-chat", "--plain", "-o", str(plain))

    assert imported["new"] == 12
    assert "12 were here already" in again.out
    assert (report["errors"], report["training_rows"]) == (0, 12)
    assert report["tokens"]["exact"] is True
    assert {"local", "openai", "azure", "together"} <= {t["trainer"] for t in report["trainers"]}
    assert exported["rows"] == 12
    assert [json.loads(line) for line in plain.read_text().splitlines()] == [
        json.loads(line) for line in ROWS.splitlines()
    ]


def test_a_foreign_file_with_errors_ends_with_1_and_names_them(dataset: Shell, rows: Path):
    rows.write_text(ROWS + '{"messages": []}\n')

    result = dataset("check", str(rows), "--validation", str(rows))

    assert result.code == 1
    assert "ERROR   13: `messages`" in result.out
    assert "validation" in result.out


def test_half_a_character_is_named_with_its_row(dataset: Shell, rows: Path):
    rows.write_text(ROWS + ROWS.splitlines()[0].replace("key 0", "\\ud83d key") + "\n")

    checked = dataset("check", str(rows))

    assert checked.code == 1
    assert "ERROR   13: there is half a character" in checked.out


def test_why_a_slack_export_is_refused_is_said(dataset: Shell, tmp_path: Path):
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("channels.json", json.dumps([{"id": "C1", "name": "help"}]))
        file.writestr("users.json", "[]")
        file.writestr("help/2026-11-01.json", "[]")
    order = ("import", str(archive), "--format", "slack-export", "--channels", "help", "--yes")

    empty = dataset(*order)
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("help/2026-11-02.json", b"[" + b" " * 9_000_000 + b"]")
    bomb = dataset(*order)

    assert (empty.code, bomb.code) == (1, 1)
    assert "Nobody answered a question" in empty.err
    assert "help/2026-11-02.json is far larger than it looks" in bomb.err


@pytest.mark.parametrize(
    "command",
    [
        "export --format hf -o -",
        "import nothing.csv --format csv",
        "export --format csv -o /nowhere/x",
        "export --format csv -o /",
        "export --format csv -o x --audience everybody",
        "check --trainer magic",
        "show 7",
        "diff 1 2",
        "stats 1",
        "snapshot",
        "snapshot --audience C0NOPE",
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(dataset: Shell, command: str):
    result = dataset(*command.split())

    assert result.code == 1
    assert len(result.err.strip().splitlines()) == 1


def test_snapshots_are_listed_compared_and_measured(dataset: Shell, rows: Path):
    dataset("import", str(rows), "--format", "openai-chat")
    dataset("--by", "U0ALICE", "--sources", "import", command="attest")
    first = dataset.json("snapshot")
    database = Database(f"sqlite:///{dataset.home / 'apprentice.db'}")
    with database.write() as session:
        kept = session.exec(select(Example).order_by(Example.id)).all()
        revisions.change(session, kept[0], None, RevisionReason.EDITED, answer="Hook 99.")
        revisions.change(session, kept[1], None, RevisionReason.EDITED, question="Key 1, where?")
        kept[2].state = ExampleState.REJECTED
    database.close()
    second = dataset.json("snapshot")

    listed = dataset.json("list")
    changes = dataset.json("diff", "1", "2")
    said = dataset("diff", "1", "2").out
    stats = dataset.json("stats", "1")
    shown = dataset("show", "2")

    assert [(row["number"], row["rows"]) for row in listed] == [(1, 12), (2, 11)]
    assert (first["number"], second["number"]) == (1, 2)
    assert changes["counts"] == {"answer": 1, "question": 1, "removed": 1}
    assert "“Key 0 hangs on hook 0.” is now “Hook 99.”" in said
    assert "Example 3 was taken out: “Where is key 2?”." in said
    assert (stats["examples"], stats["sources"]) == (12, {"import": 12})
    assert dataset.json("stats")["examples"] == 11
    assert "Its rows have its hash" in shown.out
    assert dataset.json("check", "--snapshot", "1")["training_rows"] == 12


def test_a_check_of_a_snapshot_notices_what_somebody_changed_in_it(dataset: Shell, rows: Path):
    dataset("import", str(rows), "--format", "openai-chat")
    dataset("--by", "U0ALICE", "--sources", "import", command="attest")
    dataset("snapshot")
    database = Database(f"sqlite:///{dataset.home / 'apprentice.db'}")
    with database.write() as session:
        thaw(session)
        session.exec(select(SnapshotRow)).first().answer = "Nobody said this."
    database.close()

    checked = dataset("check", "--snapshot", "1")

    assert checked.code == 1
    assert "Snapshot 1 does not have the hash it was kept under." in checked.out
    assert "Restore the database from a backup." in checked.out


def test_what_nobody_attested_is_counted_by_a_check(dataset: Shell, rows: Path):
    dataset("import", str(rows), "--format", "openai-chat")
    unattested = dataset("check")
    dataset("--by", "U0ALICE", "--sources", "authored", command="attest")

    checked = dataset("check")

    assert "Nobody has attested yet" in unattested.out
    assert "12 approved examples are left out: nobody attested their source." in checked.out


def test_a_hugging_face_folder_names_its_files_and_comes_back(
    dataset: Shell, tmp_path: Path, rows: Path
):
    dataset("import", str(rows), "--format", "openai-chat")
    folder = tmp_path / "hf"
    written = [dataset.json("export", "--format", "hf", "-o", str(folder)) for _ in range(2)]

    _, front, _ = (folder / "README.md").read_text().split("---\n", 2)
    files = yaml.safe_load(front)["configs"][0]["data_files"]
    lines = [json.loads(line) for line in (folder / files[0]["path"]).read_text().splitlines()]
    assert written[0]["rows"] == 12
    assert files == [{"split": "train", "path": "data/train.jsonl"}]
    assert len({tuple((key, type(value)) for key, value in line.items()) for line in lines}) == 1
    assert dataset.json("import", str(folder), "--format", "hf")["known"] == 12
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").touch()
    refused = dataset("export", "--format", "hf", "-o", str(tmp_path / "mine"))
    assert "no export of ours" in refused.err


@pytest.mark.parametrize("options", [(), ("--snapshot", "1")])
def test_a_check_never_holds_the_whole_data_set(
    dataset: Shell, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
):
    """A page of rows at most, whatever its size: of a hundred thousand as of a thousand."""
    count, page = 200, 20
    monkeypatch.setattr(snapshots, "PAGE", page)
    database = fresh_database(dataset.home)
    with database.write() as session:
        teach_facts(session, count)
        freeze(session, TEAM, "workspace", attest(session, TEAM, "U0ALICE", tuple(Source)))
    database.close()
    held: list[int] = []

    def look_at(self: Examination, item: Item) -> None:
        self.rows += 1
        if self.rows % 100 == 0:
            # By its type: what else is in memory may warn when it is asked what it is.
            held.append(sum(type(each) in (Example, SnapshotRow) for each in gc.get_objects()))

    monkeypatch.setattr(Examination, "look_at", look_at)
    dataset("check", "--json", *options)

    assert len(held) >= count // 100
    assert max(held) <= 3 * page
