"""Machine: where a run took place, and on which core each side of it works."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Final

import psutil

#: The server's core, and that of everything that loads and watches it. None: there are too few to part them.
_CORES: Final = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
SERVER_CORE: Final = _CORES[0] if len(_CORES) > 1 else None
CLIENT_CORE: Final = _CORES[1] if len(_CORES) > 1 else None


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Let what is started within the context run on one core only, as this thread does meanwhile."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def described(folder: Path) -> dict[str, object]:
    """Return what a reader must know of the machine to make sense of absolute figures."""
    return {
        "cores": len(_CORES) or os.cpu_count(),
        "pinned": SERVER_CORE is not None,
        "processor": _processor(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "file_system": _file_system(folder),
        "load_average_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "grpcio": metadata.version("grpcio"),
        "vedette": metadata.version("vedette-server"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _file_system(folder: Path) -> str:
    """Return the type of the file system that holds `folder`: the longest mount point above it."""
    holding = [
        one for one in psutil.disk_partitions(all=True) if folder.resolve().is_relative_to(one.mountpoint)
    ]
    return max(holding, key=lambda one: len(one.mountpoint)).fstype if holding else "unknown"
