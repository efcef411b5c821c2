"""
The ZIP file Slack exports, read and never unpacked.

Nothing of it is believed: not its names, not the sizes it states. Entries are read one at a time,
up to a limit, so a small file that swells to a large one costs nothing.
"""

import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from bot.dataset.errors import FileRefusedError
from bot.dataset.formats.lines import open_file

#: A day of one channel, or the list of all people; the largest seen in the wild are a few MB.
MAX_ENTRY_BYTES = 128_000_000
MAX_ENTRIES = 1_000_000
#: Text shrinks to a twentieth; what shrinks more than this was made to swell.
MAX_RATIO = 300
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json\Z")
_ID = re.compile(r"[A-Z0-9]{2,24}\Z")
#: What `zipfile` raises for bytes that are none of its own.
_DAMAGED = (zipfile.BadZipFile, OSError, ValueError, OverflowError, NotImplementedError)


class Kind(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"
    SHARED = "shared with another organisation"
    DIRECT = "direct messages"


_LISTS = {
    "channels.json": Kind.PUBLIC,
    "groups.json": Kind.PRIVATE,
    "mpims.json": Kind.DIRECT,
    "dms.json": Kind.DIRECT,
}


@dataclass(frozen=True)
class Channel:
    """``folder`` is where its days lie in the archive."""

    id: str
    name: str
    kind: Kind
    folder: str


class Archive:
    """
    Raises:
        FileRefusedError: it is no export of Slack's, or something is wrong with it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        open_file(path).close()
        try:
            self._zip = zipfile.ZipFile(path)
        except _DAMAGED:
            raise self._refusal("is no ZIP archive, or a damaged one") from None
        try:
            self._names = self._checked_names()
            self.people: dict[str, dict[str, Any]] = {
                str(person["id"]): person for person in self._list("users.json")
            }
            self.channels = list(self._channels())
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        self._zip.close()

    def days(self, channel: Channel) -> Iterator[tuple[str, list[Any]]]:
        """The messages of a channel by the name of the day's entry, in the order of days."""
        folder = f"{channel.folder}/"
        for name in sorted(self._names):
            if name.startswith(folder) and _DAY.fullmatch(name[len(folder) :]):
                yield name, self._list(name, only_objects=False)

    def _checked_names(self) -> set[str]:
        entries = self._zip.infolist()
        if len(entries) > MAX_ENTRIES:
            raise self._refusal(f"has {len(entries):,} entries, {MAX_ENTRIES:,} are read")
        names: set[str] = set()
        for entry in entries:
            name = entry.filename
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name[:3]:
                raise self._refusal(f"has an entry that points out of it: {name[:80]!r}")
            if name in names:
                raise self._refusal(f"has two entries of one name: {name[:80]!r}")
            if entry.flag_bits & 1:
                raise self._refusal("is encrypted; export it without a password")
            names.add(name)
        if not {"users.json", "channels.json"} <= names:
            raise self._refusal("has no users.json and channels.json, so Slack did not export it")
        return names

    def _channels(self) -> Iterator[Channel]:
        for name, kind in _LISTS.items():
            for found in self._list(name) if name in self._names else ():
                id_ = str(found.get("id"))
                if not _ID.match(id_):
                    raise self._refusal(f"names a channel without an id in {name}")
                is_shared = any(
                    found.get(flag) for flag in ("is_ext_shared", "is_shared", "is_org_shared")
                )
                is_direct = kind is Kind.DIRECT
                folder = id_ if name == "dms.json" else str(found.get("name") or id_)
                own = Kind.SHARED if is_shared and not is_direct else kind
                yield Channel(id_, folder, own, folder)

    def _list(self, name: str, *, only_objects: bool = True) -> list[Any]:
        try:
            found = json.loads(self._read(name))
        except (ValueError, RecursionError):
            raise self._refusal(f"has no JSON in {name[:80]}") from None
        is_well = isinstance(found, list) and (
            not only_objects or all(isinstance(each, dict) and "id" in each for each in found)
        )
        if not is_well:
            raise self._refusal(f"has no list of what Slack lists in {name[:80]}")
        return list(found)

    def _read(self, name: str) -> bytes:
        try:
            entry = self._zip.getinfo(name)
            with self._zip.open(entry) as file:
                # One byte more than allowed is asked for; the size the entry states may be a lie.
                found = file.read(MAX_ENTRY_BYTES + 1)
        except KeyError:
            raise self._refusal(f"has no {name}") from None
        except (*_DAMAGED, zlib.error, lzma.LZMAError, EOFError):
            raise self._refusal(f"is damaged: {name[:80]} cannot be read") from None
        is_bomb = len(found) > 1_000_000 and len(found) > MAX_RATIO * max(entry.compress_size, 1)
        if len(found) > MAX_ENTRY_BYTES or is_bomb:
            raise self._refusal(f"swells: {name[:80]} is far larger than it looks")
        return found

    def _refusal(self, what: str) -> FileRefusedError:
        return FileRefusedError(f"{self._path.name} {what}. Nothing of it was kept.")
