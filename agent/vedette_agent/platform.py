"""This operating system: the only module of the agent that knows which one it runs on.

Boot identity, the lock of the state folder, who may read a file, signals, and what the machine is called.
POSIX is what this was run on; the Windows branches use documented interfaces but were not run (README.md
says so).
"""

from __future__ import annotations

import asyncio
import os
import platform as host
import signal
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import psutil

from vedette_agent.errors import AlreadyRunning

_LINUX_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_WINDOWS_BOOT_KEY = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters"
#: Byte of the lock file that Windows locks; any one will do.
_LOCKED_BYTES = 1


def boot_id() -> str:
    """Return an identity that changes with each boot of the machine and with nothing else."""
    if _LINUX_BOOT_ID.exists():
        return _LINUX_BOOT_ID.read_text("ascii").strip()
    if sys.platform == "win32":
        import winreg  # noqa: PLC0415 - exists on Windows only

        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _WINDOWS_BOOT_KEY) as key:
            return f"windows-{winreg.QueryValueEx(key, 'BootId')[0]}"
    return f"boot-{int(psutil.boot_time())}"


def process_epoch() -> float:
    """Return what to take from a process's create time so that a step of the wall clock does not change it.

    Linux counts create times from boot and psutil adds the boot time of the moment; elsewhere they are fixed.
    """
    return float(psutil.boot_time()) if sys.platform.startswith("linux") else 0.0


def host_name() -> str:
    """Return what the machine is called."""
    return socket.gethostname()


def description() -> str:
    """Return operating system, release and architecture, for people."""
    return f"{host.system()} {host.release()} {host.machine()}"


def is_private(path: Path) -> bool:
    """Say whether nobody but its owner may read `path`.

    On Windows a file's access list is inherited from its folder, which the installer restricts; it is not
    judged here.
    """
    return os.name != "posix" or not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def make_private_folder(path: Path) -> None:
    """Create `path` and its parents for this user only; one that exists is left as it is."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Replace the content of `path`, so that a reader sees the old or the new one and never a part."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(text, "utf-8")
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)  # on a full disk its blocks are needed
        raise


def write_over(path: Path, text: str) -> None:
    """Write `text` into the file that is there, in the space that it has; a reader may see a part of it."""
    with path.open("r+b", buffering=0) as file:
        file.write(text.encode())
        file.truncate()


def sync_folder(path: Path) -> None:
    """Make what was created, renamed and removed in a folder survive a loss of power. Blocks.

    Windows has no such call; NTFS writes renames to its journal in their order.
    """
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class FolderLock:
    """Holds a folder for one process; the system releases it when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "agent.lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            AlreadyRunning: another process holds it.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise AlreadyRunning(
                f"{self._path.parent}: another agent uses this state folder; stop it or set another state_dir"
            ) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Let another process have the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_locked(folder: Path) -> bool | None:
    """Say whether a process holds the folder's lock; None when this user may not ask."""
    try:
        descriptor = os.open(folder / "agent.lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        _lock(descriptor)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - exists on Windows only

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, _LOCKED_BYTES)
    else:
        import fcntl  # noqa: PLC0415 - exists on POSIX only

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def process_exists(pid: int) -> bool:
    """Say whether a process with this id runs."""
    return bool(psutil.pid_exists(pid))


def on_stop_signal(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    """Call `stop` in `loop` when a service manager or a terminal asks the process to end."""
    if sys.platform == "win32":

        def handle(_signal: int, _frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(stop)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGBREAK):
            signal.signal(number, handle)
    else:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)


def identity_of(status: os.stat_result) -> str:
    """Return what stays the same when a file is renamed."""
    return f"{status.st_dev}:{status.st_ino}"
