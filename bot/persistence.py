"""Does the data folder look as if it were gone after a restart? Only looks; says what to do."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")
_IN_MEMORY = frozenset({"tmpfs", "ramfs", "rootfs"})
_LAYERS = frozenset({"overlay", "overlayfs", "aufs", "fuse-overlayfs"})
_ADVICE = (
    "Everything the bot was taught may be gone after a restart. Set APPRENTICE_HOME to a folder on "
    "a disk or volume that stays."
)


def why_volatile(
    home: Path, *, environ: Mapping[str, str] | None = None, mounts: Path = _MOUNTS
) -> str | None:
    """Why the folder looks non-persistent, with what to do; None where it does not."""
    # Not a setting of ours, but the mark by which Heroku is known.
    marks = os.environ if environ is None else environ
    home = home.absolute()
    system = _file_system(home, mounts)
    if "DYNO" in marks:
        reason = "this is a Heroku dyno, whose disk is new at every start"
    elif system in _IN_MEMORY:
        reason = f"{home} lies in memory ({system})"
    elif system in _LAYERS:
        reason = f"{home} lies in a container's own layer ({system}), on no volume"
    elif any(home.is_relative_to(each) for each in _temporary()):
        reason = f"{home} lies in a folder for temporary files, which is emptied"
    else:
        return None
    return f"The data folder looks non-persistent: {reason}. {_ADVICE}"


def _temporary() -> set[Path]:
    return {Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path(tempfile.gettempdir())}


def _file_system(home: Path, mounts: Path) -> str:
    """The kind of file system the folder is on, by the nearest mount; empty where unknown."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""  # not Linux
    nearest, kind = Path(), ""
    real = home.resolve()
    for line in lines:
        _, place, system, *_ = line.split(" ")
        at = Path(place.replace("\\040", " "))
        if real.is_relative_to(at) and len(at.parts) >= len(nearest.parts):
            nearest, kind = at, system
    return kind
