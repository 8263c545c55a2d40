"""Tail: the lines that were added to a log file since the last look, whatever happened to the file meanwhile.

Theory of operation. A position is the file's identity (device and inode), an offset, and two fingerprints:
of the first bytes, and of the last ones before the offset. The file is opened only while it is read, so that
it may be renamed and deleted on any system; which file was opened is asked of what is open, never of the
path, because a rotation may come between the two.
- Another identity at the path: the file was rotated. The rest of the old one is read first, found under its
  new name by its identity; then the new one from its start.
- A size below the offset, or another fingerprint: the file was truncated or written anew, be it behind the
  same banner or to the same size; it is read from its start. Only content tells: a time of writing that moved
  is no proof, since a copy tool or a lazy network file system moves it too, and would repeat the whole log.
- A line without its end stays unread until the end comes. A line that is too long is cut, its rest skipped.

On first sight reading starts at the end, unless it is to start at the beginning or the file appeared later
than we.
"""

import os
import zlib
from contextlib import suppress
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
#: Bytes before the offset that do so where files begin alike.
_FOOT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a file was read; kept over restarts of the agent."""

    #: Device and inode; empty for a file that was not there.
    identity: str
    offset: int = 0
    #: Size and CRC-32 of the first bytes.
    head_size: int = 0
    head_crc: int = 0
    #: Size and CRC-32 of the bytes before the offset.
    foot_size: int = 0
    foot_crc: int = 0
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
            with self._path.open("rb") as file:
                return self._follow(file)
        except FileNotFoundError:
            if self.position is None:
                self.position = Position(identity="")
            return Look(problems=(f"{self._path}: there is no such file",))
        except OSError as error:
            return Look(problems=(f"{self._path}: {error.strerror or error}",))

    def _follow(self, file: BinaryIO) -> Look:
        status = os.fstat(file.fileno())
        identity = platform.identity_of(status)
        position = self.position
        modified_us = status.st_mtime_ns // 1000
        if position is None and not self._from_start:
            self.position = _at_end(file, identity)
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
                with old:
                    self.position, rest = _read(old, position, to_the_end=True)
                    if os.fstat(old.fileno()).st_size > self.position.offset:
                        return Look(lines=tuple(rest), modified_us=modified_us)
                lines += rest
            position = Position(identity=identity)
        self.position, added = _read(file, position, to_the_end=False)
        return Look(lines=(*lines, *added), problems=tuple(problems), modified_us=modified_us)

    def _rotated(self, identity: str) -> BinaryIO | None:
        """Open the file of this identity, wherever it is now among those whose names begin alike."""
        for sibling in self._path.parent.iterdir():
            if sibling.name.startswith(self._path.stem) and sibling != self._path:
                with suppress(OSError):
                    if platform.identity_of(sibling.stat()) != identity:
                        continue
                    file = sibling.open("rb")
                    if platform.identity_of(os.fstat(file.fileno())) == identity:
                        return file
                    file.close()
        return None


def _at_end(file: BinaryIO, identity: str) -> Position:
    size = file.seek(0, os.SEEK_END)
    foot = _bytes_before(file, size, _FOOT)
    within_line = size > 0 and not foot.endswith(b"\n")
    position = Position(identity=identity, offset=size, skipping=within_line)
    return _with_head(file, _with_foot(position, foot))


def _read(file: BinaryIO, position: Position, *, to_the_end: bool) -> tuple[Position, list[str]]:
    """Return the position after what was read, and the lines; a last one without end only `to_the_end`."""
    if not _is_of(file, position):
        position = Position(identity=position.identity)
    foot = _bytes_before(file, position.offset, _FOOT)
    data = file.read(MAX_LOOK)
    is_end = len(data) < MAX_LOOK
    after, lines = _split(data, position, flush=to_the_end and is_end)
    taken = data[: after.offset - position.offset]
    return _with_head(file, _with_foot(after, (foot + taken[-_FOOT:])[-_FOOT:])), lines


def _is_of(file: BinaryIO, position: Position) -> bool:
    """Say whether `position` is still one of this file, as far as its bytes tell."""
    if file.seek(0, os.SEEK_END) < position.offset:
        return False
    head = _bytes_before(file, position.head_size, position.head_size)
    foot = _bytes_before(file, position.offset, position.foot_size)
    return (len(head), zlib.crc32(head), len(foot), zlib.crc32(foot)) == (
        position.head_size,
        position.head_crc,
        position.foot_size,
        position.foot_crc,
    )


def _bytes_before(file: BinaryIO, offset: int, count: int) -> bytes:
    """Return up to `count` bytes that end at `offset`, where the file is left."""
    start = max(0, offset - count)
    file.seek(start)
    return file.read(offset - start)


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


def _with_head(file: BinaryIO, position: Position) -> Position:
    if position.head_size == _HEAD:
        return position
    size = min(_HEAD, position.offset)
    head = _bytes_before(file, size, size)
    return replace(position, head_size=len(head), head_crc=zlib.crc32(head))


def _with_foot(position: Position, foot: bytes) -> Position:
    return replace(position, foot_size=len(foot), foot_crc=zlib.crc32(foot))
