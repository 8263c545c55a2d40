"""Series as people read them: usage against its limit, instants as ages, and where the holes are."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from vedette_console.model.resources import Point, SeriesData

#: Points further apart than this many usual steps are not joined by a line: nobody measured in between.
HOLE_STEPS = 4
#: A chart never shows less than this.
SHORTEST_WINDOW = timedelta(minutes=1)
#: Metrics of this name hold an instant, in seconds since 1970.
_INSTANT = ".create_time"


def ratio(usage: tuple[Point, ...], limit: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return usage/limit at each usage point, with the newest limit that was known then.

    Both are measured at the same instant as a rule; a downsampled range may have lost one of the two. A point
    before the first limit, or with a limit of 0 (an expired licence), has no ratio and is left out.
    """
    found: list[Point] = []
    index = -1
    for point in usage:
        while index + 1 < len(limit) and limit[index + 1].time <= point.time:
            index += 1
        top = limit[index].value if index >= 0 else 0.0
        if top > 0:
            found.append(
                Point(
                    time=point.time,
                    value=point.value / top,
                    minimum=point.minimum / top,
                    maximum=point.maximum / top,
                )
            )
    return tuple(found)


def as_age(data: SeriesData) -> SeriesData:
    """Return a series of instants as the age of the thing at each sample; any other as it is.

    The date of a start is a flat line at 1.8 billion seconds. As an age it grows, and falls at each restart.
    """
    if not data.info.name.endswith(_INSTANT):
        return data
    info = replace(data.info, name=f"{data.info.name.removesuffix(_INSTANT)}.age")
    points = tuple(
        Point(
            time=point.time,
            value=point.time.timestamp() - point.value,
            minimum=point.time.timestamp() - point.maximum,
            maximum=point.time.timestamp() - point.minimum,
        )
        for point in data.points
    )
    return SeriesData(info=info, points=points)


def moves(data: SeriesData) -> bool:
    """Return whether a series has had more than one value."""
    return any(point.minimum != data.points[0].maximum for point in data.points)


def window(points: tuple[Point, ...], start: datetime, end: datetime) -> datetime:
    """Return where a chart of the range should begin: at the first point when that came late.

    An agent that was enrolled ten minutes ago has no hour to show, only a corner of one.
    """
    if not points:
        return start
    return max(start, min(points[0].time, end - SHORTEST_WINDOW))


def hole_after(points: tuple[Point, ...]) -> timedelta:
    """Return from which distance on two neighbouring points have a hole between them."""
    steps = sorted(b.time - a.time for a, b in pairwise(points))
    return HOLE_STEPS * steps[len(steps) // 2] if steps else timedelta.max
