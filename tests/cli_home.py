"""A home folder with a taught data set, and the command line over it."""

import os
import subprocess
import sys
from pathlib import Path

from storage.tables import Example, ExampleState, Source
from tests.teaching import fresh_database

#: One of the answers.
SAID = "Key 3 hangs on hook 3."


def bot(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SLACK_", "APPRENTICE_"))}
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        env={**clean, "APPRENTICE_HOME": str(home), "COLUMNS": "120", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def teach(home: Path) -> Path:
    """Put twelve imported examples for everybody and two of a private channel into ``home``."""
    home.mkdir(exist_ok=True)
    database = fresh_database(home)
    with database.write() as session:
        for number in range(12):
            session.add(_example(number, f"Key {number} hangs on hook {number}.", "workspace"))
        for number in range(12, 14):
            session.add(_example(number, f"Key {number} is with the night watch.", "C0OPS"))
    database.close()
    return home


def _example(number: int, answer: str, audience: str) -> Example:
    return Example(
        team_id="T0DEMO",
        audience=audience,
        state=ExampleState.APPROVED,
        question=f"Where is key {number}?",
        answer=answer,
        question_source=Source.IMPORT,
        answer_source=Source.IMPORT,
    )
