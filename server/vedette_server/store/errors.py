"""What can be wrong with a store, as types: each says what the caller has to do.

`translate` turns the driver's error codes into these types; no caller looks at SQLite's numbers.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError


class StoreError(Exception):
    """Base of all errors of the store; the message says what is wrong and what to do."""


class StoreInUse(StoreError):
    """Another process works on the data folder."""


class SchemaTooNew(StoreError):
    """The data folder was written by a newer version of the server; this one would damage it."""


class SchemaTooOld(StoreError):
    """The data folder was written by an older version; `vedette-server db upgrade` brings it up to date."""


class StoreCorrupt(StoreError):
    """What is on disk contradicts itself; nothing that was read may be trusted. Restore a backup."""


class StoreFull(StoreError):
    """The disk is full: the transaction was rolled back and may be tried again as it is."""


class StoreBroken(StoreError):
    """The disk failed while writing: what is durable is unknown. Never retry; end the process."""


class Fenced(StoreError):
    """A newer epoch owns the partition: this writer's turn was refused, and so will be all that follow."""


class InvalidTurn(StoreError):
    """A turn contradicts the state that it is written to (a defect of the caller); it was rolled back."""


def translated(error: DBAPIError, doing: str) -> StoreError:
    """Return the store's error for one that SQLAlchemy wrapped around the driver's; see `translate`."""
    if isinstance(error.orig, sqlite3.Error):
        return translate(error.orig, doing)
    return StoreBroken(f"{doing}: {error.orig}")


#: SQLite's primary result codes (the low byte of an extended code).
_PRIMARY = 0xFF


def translate(error: sqlite3.Error, doing: str) -> StoreError:
    """Return the store's error for an error of the driver.

    Args:
        error: as sqlite3 raised it.
        doing: what was being done, for the message, e.g. "turn 17".
    """
    code = getattr(error, "sqlite_errorcode", None)
    words = f"{doing}: {error}"
    match code & _PRIMARY if code is not None else None:
        case sqlite3.SQLITE_FULL:
            return StoreFull(f"{words}; free space on the disk of the data folder")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreCorrupt(f"{words}; restore a backup")
        case sqlite3.SQLITE_CONSTRAINT | sqlite3.SQLITE_MISMATCH | sqlite3.SQLITE_TOOBIG:
            return InvalidTurn(words)
        case _:
            return StoreBroken(f"{words}; look at the disk of the data folder, then start again")
