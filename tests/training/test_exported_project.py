"""``train --trainer autotrain --export``: the folder a person trains by hand; who may have it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlmodel import select

from bot.cli import main
from bot.settings import load_settings
from storage.database import Database
from storage.tables import AuditEntry, Run, Snapshot
from tests.cli_home import SAID, bot, teach

SECRET = "the night watch"


@pytest.fixture(scope="module")
def prepared_home(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> Path:
    """A home whose base is converted and dequantised already: that takes most of the time."""
    home = teach(tmp_path_factory.mktemp("prepared"))
    bot("attest", "--by", "U0ALICE", "--sources", "import", home=home)
    made = export(home, home / "first", tiny_folder)
    assert made.returncode == 0, made.stderr
    return home


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared_home, tmp_path / "home"))


def export(
    home: Path, folder: Path, base: Path, *more: str, trainer: str = "autotrain"
) -> subprocess.CompletedProcess[str]:
    arguments = ("train", "--trainer", trainer, "--export", str(folder), *more)
    return bot(*arguments, home=home, BASE_MODEL=str(base), AUTOTRAIN_PYTHON="/nowhere/python")


def test_the_folder_has_the_rows_a_run_would_get(prepared_home, tiny_folder):
    folder = prepared_home / "first"

    rows = (folder / "data" / "train.jsonl").read_text()
    database = Database(f"sqlite:///{prepared_home / 'apprentice.db'}")
    with database.read() as session:
        snapshots = session.exec(select(Snapshot)).all()
        entries = session.exec(
            select(AuditEntry).where(AuditEntry.action == "project.exported")
        ).all()
        runs = session.exec(select(Run)).all()
    database.close()

    assert SAID in rows
    assert SECRET not in rows
    assert all(
        json.loads(line)["messages"][-1]["role"] == "assistant" for line in rows.split("\n")[:-1]
    )
    assert [each.subject for each in entries] == [f"snapshot:{snapshots[0].id}"]
    assert runs == []
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "base", "config.yml", "data", "requirements.txt",
    }  # fmt: skip
    assert not any(path.is_symlink() for path in folder.rglob("*"))


def test_a_private_channel_gets_its_own_and_the_workspaces(home, tiny_folder, tmp_path):
    done = export(home, tmp_path / "ops", tiny_folder, "--audience", "C0OPS")

    rows = (tmp_path / "ops" / "data" / "train.jsonl").read_text()
    assert done.returncode == 0, done.stderr
    assert SECRET in rows
    assert SAID in rows


def test_without_an_attestation_nothing_is_written(tmp_path, tiny_folder):
    done = export(teach(tmp_path / "new"), tmp_path / "out", tiny_folder)

    assert done.returncode == 1
    assert "Nobody has confirmed yet" in done.stderr
    assert not (tmp_path / "out").exists()


def test_sources_nobody_attested_stay_out(tmp_path, tiny_folder):
    home = teach(tmp_path / "new")
    bot("attest", "--by", "U0ALICE", "--sources", "authored", home=home)

    done = export(home, tmp_path / "out", tiny_folder)

    assert done.returncode == 1
    assert "left out because nobody attested" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("trainer", "what", "said"),
    [
        ("autotrain", "full", "is there already"),
        ("local", "new", "Only AutoTrain works in a folder of its own"),
    ],
)
def test_what_cannot_be_written_is_refused(
    home, tiny_folder, tmp_path, capsys, monkeypatch, trainer, what, said
):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    arguments = ["train", "--trainer", trainer, "--export", str(tmp_path / what)]
    monkeypatch.setattr(sys, "argv", ["bot", *arguments])

    code = main(lambda: load_settings(apprentice_home=home, base_model=str(tiny_folder)))

    assert code == 1
    assert said in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
    assert not (tmp_path / "new").exists()
