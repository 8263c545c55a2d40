"""Plots out of characters: a small line of blocks, and a chart in braille with axes and a threshold.

A braille character holds 2 x 4 dots, so a chart of 60 x 10 cells shows 120 x 40 points. Within one column of
dots everything between the least and the greatest sample is filled: a peak between two columns is never
lost. A hole in the data stays a hole.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.format import quantity
from vedette_console.model.resources import Point
from vedette_console.model.safe import Safe, safe
from vedette_console.model.series import hole_after

_BLOCKS = "▁▂▃▄▅▆▇█"
_BRAILLE = 0x2800
#: Bit of each dot, by column and by row from the top.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_DOTS_ACROSS = 2
_DOTS_DOWN = 4
#: Smallest chart that still says something, in cells.
LEAST_WIDTH = 24
LEAST_HEIGHT = 4
#: Least and greatest value.
_Range = tuple[float, float]
_DAY = timedelta(days=1)
#: A shorter range has its seconds written at the axis.
_SECONDS_BELOW = timedelta(minutes=5)
#: Share of a row by which a threshold lies below the top one: enough that rounding cannot move it back.
_BELOW_TOP = 1.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a chart shows: a range of time, a unit, a threshold."""

    start: datetime
    end: datetime
    #: UCUM unit of the values.
    unit: str
    #: Value at which the alarm stands; None without one.
    threshold: float | None = None


def sparkline(values: Sequence[float], width: int) -> Safe:
    """Return the values as at most `width` blocks, each the greatest of its equal share; oldest first."""
    if not values or width < 1:
        return safe("")
    count = min(width, len(values))
    bounds = [i * len(values) // count for i in range(count + 1)]
    tops = [max(values[a:b]) for a, b in pairwise(bounds)]
    low, high = min(0.0, *values), max(tops)
    if high <= low:
        return safe(_BLOCKS[0] * count)
    steps = len(_BLOCKS) - 1
    return safe("".join(_BLOCKS[round((top - low) / (high - low) * steps)] for top in tops))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """The value axis: which value lies how far down."""

    low: float
    high: float

    def step(self, value: float, steps: int) -> int:
        """Return in which of `steps` equal steps from the top a value lies; the nearest for one outside."""
        share = (self.high - value) / (self.high - self.low)
        return min(steps - 1, max(0, math.floor(share * steps)))


def chart(
    points: tuple[Point, ...], frame: Frame, *, width: int, height: int, zone: tzinfo
) -> tuple[Line, ...]:
    """Return a chart of `height` lines and at most `width` cells, axes included.

    Values stand at the left, local times below. The threshold is a dashed line with its value at the axis.
    Points outside the frame's range are not drawn.
    """
    shown = tuple(point for point in points if frame.start <= point.time <= frame.end)
    rows = max(height, LEAST_HEIGHT) - 2
    scale = _with_room_above(_scale(shown, frame), frame.threshold, rows)
    threshold_row = None if frame.threshold is None else scale.step(frame.threshold, rows)
    labels = _value_labels(frame, scale, rows, threshold_row)
    margin = max(len(label.text) for label in labels)
    across = max(width, LEAST_WIDTH) - margin - 1
    columns = _covered(shown, frame, across * _DOTS_ACROSS)
    canvas = _canvas(columns, scale, across, rows)
    lines = [
        (
            Cell(text=safe(label.text.rjust(margin)), tone=label.tone),
            Cell(text=safe("┼" if row == threshold_row else "┤" if label.text else "│"), tone=Tone.DIM),
            *_row_cells(canvas[row], dashed=row == threshold_row),
        )
        for row, label in enumerate(labels)
    ]
    blank = " " * margin
    axis = (Cell(text=safe(f"{blank}└{'─' * across}"), tone=Tone.DIM),)
    times = (Cell(text=safe(f"{blank} {_time_labels(frame, across, zone)}"), tone=Tone.DIM),)
    return (*lines, axis, times)


def _scale(points: tuple[Point, ...], frame: Frame) -> _Scale:
    """Return the value axis: from 0 to the highest value, with the threshold in view."""
    tops = [point.maximum for point in points]
    if frame.threshold is not None:
        tops.append(frame.threshold)
    low = min([0.0, *(point.minimum for point in points)])
    high = max(tops, default=1.0)
    if frame.unit == "1" and low >= 0 and high <= 1.0:
        return _Scale(low=0.0, high=1.0)
    return _Scale(low=low, high=high if high > low else low + 1.0)


def _with_room_above(scale: _Scale, threshold: float | None, rows: int) -> _Scale:
    """Return the scale with the threshold out of its top row: there it cannot be seen what lies over it."""
    if threshold is None or not scale.low < threshold < scale.high or scale.step(threshold, rows) > 0:
        return scale
    return _Scale(low=scale.low, high=(threshold * rows - _BELOW_TOP * scale.low) / (rows - _BELOW_TOP))


def _value_labels(frame: Frame, scale: _Scale, rows: int, threshold_row: int | None) -> tuple[Cell, ...]:
    labels = [Cell(text=safe("")) for _ in range(rows)]
    labels[0] = Cell(text=safe(quantity(scale.high, frame.unit)), tone=Tone.DIM)
    labels[-1] = Cell(text=safe(quantity(scale.low, frame.unit)), tone=Tone.DIM)
    if threshold_row is not None and frame.threshold is not None:
        labels[threshold_row] = Cell(text=safe(quantity(frame.threshold, frame.unit)), tone=Tone.WARNING)
    return tuple(labels)


def _covered(points: tuple[Point, ...], frame: Frame, across: int) -> list[_Range | None]:
    """Return for each column of dots the least and the greatest value drawn in it."""
    columns: list[_Range | None] = [None] * across
    duration = (frame.end - frame.start).total_seconds() or 1.0
    hole = hole_after(points)

    def column_of(point: Point) -> int:
        share = (point.time - frame.start).total_seconds() / duration
        return min(across - 1, int(share * across))

    def cover(column: int, least: float, most: float) -> None:
        before = columns[column] or (least, most)
        columns[column] = (min(before[0], least), max(before[1], most))

    previous: Point | None = None
    for point in points:
        here = column_of(point)
        cover(here, point.minimum, point.maximum)
        if previous is not None and point.time - previous.time <= hole:
            start = column_of(previous)
            for column in range(start, here):
                rise = (point.value - previous.value) * (column - start) / (here - start)
                cover(column, previous.value + rise, previous.value + rise)
        previous = point
    return columns


def _canvas(columns: list[_Range | None], scale: _Scale, across: int, rows: int) -> list[list[int]]:
    """Return the dots as braille bits, by row and column of cells; neighbouring columns touch."""
    canvas = [[0] * across for _ in range(rows)]
    dots = rows * _DOTS_DOWN
    before: tuple[int, int] | None = None
    for column, covered in enumerate(columns):
        if covered is None:
            before = None
            continue
        top, bottom = scale.step(covered[1], dots), scale.step(covered[0], dots)
        if before is not None:
            top, bottom = min(top, before[1]), max(bottom, before[0])
        for dot in range(top, bottom + 1):
            bit = _DOTS[column % _DOTS_ACROSS][dot % _DOTS_DOWN]
            canvas[dot // _DOTS_DOWN][column // _DOTS_ACROSS] |= bit
        before = scale.step(covered[1], dots), scale.step(covered[0], dots)
    return canvas


def _row_cells(bits: list[int], *, dashed: bool) -> Line:
    """Return one line of the plot; where nothing is drawn, a dashed line if the threshold lies here."""
    cells: list[Cell] = []
    empty = "╌" if dashed else " "
    start = 0
    for index in range(1, len(bits) + 1):
        if index == len(bits) or bool(bits[index]) is not bool(bits[start]):
            drawn = bool(bits[start])
            text = "".join(chr(_BRAILLE + b) if drawn else empty for b in bits[start:index])
            cells.append(Cell(text=Safe(text), tone=Tone.ACCENT if drawn else Tone.WARNING))
            start = index
    return tuple(cells)


def _time_labels(frame: Frame, across: int, zone: tzinfo) -> str:
    """Return start, middle and end of the range below the axis, days where the range is longer than one."""
    length = frame.end - frame.start
    pattern = "%d %b" if length > 2 * _DAY else "%H:%M" if length >= _SECONDS_BELOW else "%H:%M:%S"
    first, middle, last = (
        f"{at.astimezone(zone):{pattern}}"
        for at in (frame.start, frame.start + (frame.end - frame.start) / 2, frame.end)
    )
    room = across - len(first) - len(last)
    if room < len(middle) + 2:
        return f"{first}{' ' * max(1, room)}{last}"
    left = across // 2 - len(middle) // 2 - len(first)
    right = across - len(first) - left - len(middle) - len(last)
    return f"{first}{' ' * left}{middle}{' ' * max(1, right)}{last}"
