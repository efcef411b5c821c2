"""What the machine refuses, in words: no room, no rights, a database that is busy or broken."""

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError

_NOT_KEPT = "What was being written was not kept."
#: Errors of a file or folder that who typed the command can do something about.
_OF_FILES = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EEXIST,
    errno.EFBIG,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}
#: What SQLite says, and what to do about it.
_OF_SQLITE = {
    sqlite3.SQLITE_BUSY: "The database is busy: something else writes to it for long, such as an "
    f"import. {_NOT_KEPT} Wait for it to end, then try again.",
    sqlite3.SQLITE_FULL: f"There is no room left on the disk. {_NOT_KEPT} Make room in "
    "APPRENTICE_HOME and in the folder for temporary files, then try again.",
    sqlite3.SQLITE_IOERR: f"The disk refuses to read or write. {_NOT_KEPT} Look whether it is full "
    "or damaged, then try again.",
    sqlite3.SQLITE_CANTOPEN: "The database cannot be opened. Give whoever runs this the right to "
    "write in its folder, or name another folder with APPRENTICE_HOME.",
    sqlite3.SQLITE_READONLY: "The database may not be written. Give whoever runs this the right to "
    "write it, or name another folder with APPRENTICE_HOME.",
    sqlite3.SQLITE_NOTADB: "The file of the database is none. Restore a backup with `python -m bot "
    "restore PATH`, or name another folder with APPRENTICE_HOME.",
    sqlite3.SQLITE_CORRUPT: "The database is damaged. Restore a backup with `python -m bot restore "
    "PATH`.",
}


def in_words(error: Exception) -> str | None:
    """A sentence that says what to do; None where it is a mistake of ours, to be seen whole."""
    found = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(found, sqlite3.Error):
        # The lower byte is the kind, those above say more about it.
        return _OF_SQLITE.get((getattr(found, "sqlite_errorcode", None) or 0) & 0xFF)
    if isinstance(found, OSError) and found.errno in _OF_FILES:
        place = found.filename or "A file"
        return (
            f"{place} cannot be written or read: {found.strerror}. {_NOT_KEPT} Make room, or give "
            "whoever runs this the right, or name another place."
        )
    return None
