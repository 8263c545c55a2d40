"""Disk: how long the disk takes to make one small write durable. No commit can be faster."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Final

#: A write of this size, bytes: a page, the least that a commit writes.
_PAGE: Final = bytes(range(256)) * 16


def fdatasync_seconds(folder: Path, count: int) -> list[float]:
    """Append a page to a file in `folder` and sync it, `count` times; return how long each took."""
    times = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(count):
            begun = perf_counter()
            os.write(file.fileno(), _PAGE)
            os.fdatasync(file.fileno())
            times.append(perf_counter() - begun)
    return times
