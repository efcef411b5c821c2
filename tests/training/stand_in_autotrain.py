"""
What AutoTrain's command does to its surroundings, without training: for exit codes and kills alone.

``behaviour.json`` beside the command says what is printed, which files are left, what is waited
for. It starts a process of its own, as the real one does, and notes that, its environment and each
start. The real one is in tests/training/test_real_autotrain.py.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__)


@dataclass(frozen=True)
class StandIn:
    """The virtual environment that has only this command."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "python"

    @property
    def gate(self) -> Path:
        """What it waits for."""
        return self.folder / "go-on"

    @property
    def starts(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("start-*"))]

    def behaves(self, **behaviour: Any) -> None:
        """``says`` a file, ``makes`` a folder, ``waits``, ``code``."""
        (self.folder / "behaviour.json").write_text(json.dumps(behaviour, default=str))


def install(folder: Path) -> StandIn:
    folder.mkdir()
    command = folder / "autotrain"
    command.write_text(f"#!{sys.executable}\n{HERE.read_text()}")
    command.chmod(0o755)
    made = StandIn(folder)
    made.behaves()
    return made


def main() -> int:
    stand_in = StandIn(HERE.parent)
    behaviour = json.loads((stand_in.folder / "behaviour.json").read_text())
    worker = subprocess.Popen(["sleep", "600"])
    note = {"argv": sys.argv[1:], "environment": dict(os.environ), "worker": worker.pid}
    new = stand_in.folder / f"new-{os.getpid()}"
    new.write_text(json.dumps(note))
    new.rename(stand_in.folder / f"start-{len(stand_in.starts):03}")
    if says := behaviour.get("says"):
        sys.stdout.write(Path(says).read_text())
        sys.stdout.flush()
    while behaviour.get("waits") and not stand_in.gate.exists():
        time.sleep(0.05)
    if makes := behaviour.get("makes"):
        shutil.copytree(makes, "result", dirs_exist_ok=True)
    worker.kill()
    return int(behaviour.get("code", 0))


if __name__ == "__main__":
    sys.exit(main())
