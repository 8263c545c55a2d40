"""The lock of a data folder: one process works on it at a time, and a dead one leaves nothing behind.

The operating system holds the lock for the process and drops it when the process ends, however it ends. The
file beside it only names the holder for the message.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from vedette_server.store.errors import StoreInUse

LOCK_FILE: Final = "lock"

if sys.platform == "win32":
    import msvcrt

    #: Locked byte, far behind the text: Windows lets nobody read what is locked.
    _LOCKED_AT: Final = 1024

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _LOCKED_AT, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class FolderLock:
    """The lock of one folder, held from construction until `release`."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises:
            StoreInUse: another process (or another store of this one) holds it.
        """
        path = folder / LOCK_FILE
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if not _try_lock(self._descriptor):
            holder = os.pread(self._descriptor, 32, 0) if sys.platform != "win32" else path.read_bytes()[:32]
            os.close(self._descriptor)
            pid = holder.decode("ascii", "replace").strip() or "unknown"
            raise StoreInUse(f"{folder} is in use by process {pid}; stop it first")
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let the folder go. The file stays: removing it would race with the next holder."""
        os.close(self._descriptor)
