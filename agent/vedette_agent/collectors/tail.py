"""Tail: the lines that were added to a log file since the last look, whatever happened to the file meanwhile.

Theory of operation. A position is the file's identity (device and inode), an offset, and a fingerprint of
the first bytes. The file is opened only while it is read, so that it may be renamed and deleted on any
system.
- Another identity at the path: the file was rotated. The rest of the old one is read first, found under its
  new name by its identity; then the new one from its start.
- A size below the offset, or another fingerprint: the file was truncated or written anew; it is read from its
  start.
- A line without its end stays unread until the end comes. A line that is too long is cut, its rest skipped.

On first sight reading starts at the end, unless it is to start at the beginning or the file appeared later
than we.
"""

import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from vedette_agent import platform

#: Longest line that is looked at, in bytes.
MAX_LINE = 8 * 1024
#: Most that one look reads, in bytes; the rest comes with the next.
MAX_LOOK = 2 * 1024 * 1024
#: First bytes of a file that tell it from another with the same identity.
_HEAD = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a file was read; kept over restarts of the agent."""

    #: Device and inode; empty for a file that was not there.
    identity: str
    offset: int = 0
    #: Size and CRC-32 of the fingerprint.
    head_size: int = 0
    head_crc: int = 0
    #: Whether the offset lies within a line whose rest is to be skipped.
    skipping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look at a log found."""

    lines: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    #: When the file was last written, microseconds since the Unix epoch by this machine's clock; 0 when
    #: unknown.
    modified_us: int = 0


class Tail:
    """Follows one log file."""

    def __init__(self, path: Path, *, from_start: bool = False) -> None:
        self._path = path
        self._from_start = from_start
        #: How far the file was read; None before the first look.
        self.position: Position | None = None

    def look(self) -> Look:
        """Return the lines that were added. Blocks."""
        try:
            status = self._path.stat()
            identity = platform.identity_of(status)
        except FileNotFoundError:
            if self.position is None:
                self.position = Position(identity="")
            return Look(problems=(f"{self._path}: there is no such file",))
        except OSError as error:
            return Look(problems=(f"{self._path}: {error.strerror or error}",))
        try:
            return self._follow(identity, status)
        except OSError as error:
            return Look(problems=(f"{self._path}: {error.strerror or error}",))

    def _follow(self, identity: str, status: os.stat_result) -> Look:
        position = self.position
        modified_us = status.st_mtime_ns // 1000
        if position is None and not self._from_start:
            self.position = _at_end(self._path, identity)
            return Look()
        lines: list[str] = []
        problems: list[str] = []
        if position is None or not position.identity:
            position = Position(identity=identity)
        elif position.identity != identity:
            old = self._rotated(position.identity)
            if old is None:
                problems.append(
                    f"{self._path}: was replaced; what it held after byte {position.offset} is lost"
                )
            else:
                self.position, rest = _read(old, position, to_the_end=True)
                if old.stat().st_size > self.position.offset:
                    return Look(lines=tuple(rest), modified_us=modified_us)
                lines += rest
            position = Position(identity=identity)
        if status.st_size != position.offset:
            position, added = _read(self._path, position, to_the_end=False)
            lines += added
        self.position = position
        return Look(lines=tuple(lines), problems=tuple(problems), modified_us=modified_us)

    def _rotated(self, identity: str) -> Path | None:
        """Return where the file of this identity is now, among those whose names begin alike."""
        for sibling in self._path.parent.iterdir():
            if sibling.name.startswith(self._path.stem) and sibling != self._path:
                try:
                    if platform.identity_of(sibling.stat()) == identity:
                        return sibling
                except OSError:
                    continue
        return None


def _at_end(path: Path, identity: str) -> Position:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        within_line = size > 0 and file.read(1) != b"\n"
        return _with_head(file, Position(identity=identity, offset=size, skipping=within_line))


def _read(path: Path, position: Position, *, to_the_end: bool) -> tuple[Position, list[str]]:
    """Return the position after what was read, and the lines; a last one without end only `to_the_end`."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) < position.offset or not _has_head(file, position):
            position = Position(identity=position.identity)
        file.seek(position.offset)
        data = file.read(MAX_LOOK)
        is_end = len(data) < MAX_LOOK
        position, lines = _split(data, position, flush=to_the_end and is_end)
        return _with_head(file, position), lines


def _split(data: bytes, position: Position, *, flush: bool) -> tuple[Position, list[str]]:
    lines: list[str] = []
    start = 0
    skipping = position.skipping
    while (end := data.find(b"\n", start)) >= 0:
        if not skipping:
            lines.append(_text(data[start:end]))
        start, skipping = end + 1, False
    rest = data[start:]
    if rest and (flush or skipping or len(rest) > MAX_LINE):
        if not skipping:
            lines.append(_text(rest))
        start, skipping = len(data), not flush
    return replace(position, offset=position.offset + start, skipping=skipping), lines


def _text(line: bytes) -> str:
    return line[:MAX_LINE].rstrip(b"\r").decode("utf-8", "replace")


def _has_head(file: BinaryIO, position: Position) -> bool:
    file.seek(0)
    head = file.read(position.head_size)
    return len(head) == position.head_size and zlib.crc32(head) == position.head_crc


def _with_head(file: BinaryIO, position: Position) -> Position:
    if position.head_size == _HEAD:
        return position
    file.seek(0)
    head = file.read(min(_HEAD, position.offset))
    return replace(position, head_size=len(head), head_crc=zlib.crc32(head))
