"""An adapter's archive as Together hands it out. Trusts nothing in it."""

import tarfile
from pathlib import Path, PurePosixPath

from bot.engines.adapter_files import HANDED_OUT
from bot.training.remote_errors import AdapterMisfitError
from bot.training.together_client import NAME

#: An adapter of rank 64 for 70 billion parameters has 3.3 GB; what is packed small may be anything.
LARGEST_BYTES = 4 * 1024**3


def read_archive(path: Path, model: str) -> dict[str, bytes]:
    """
    The files that are wanted, read and never unpacked: no name in an archive is a path here.

    Raises:
        AdapterMisfitError: it is damaged, names a file twice, or would not fit into memory.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if name not in HANDED_OUT or not member.isreg():
                    continue
                if member.size > LARGEST_BYTES:
                    raise AdapterMisfitError(NAME, model, f"{name} is too large for an adapter")
                if name in found:
                    raise AdapterMisfitError(NAME, model, f"its archive holds {name} twice")
                file = archive.extractfile(member)
                assert file is not None
                found[name] = file.read()
                if len(found[name]) != member.size:
                    raise AdapterMisfitError(NAME, model, "its archive is damaged")
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise AdapterMisfitError(NAME, model, "its archive is damaged") from error
    return found
