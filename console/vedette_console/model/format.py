"""How values read: spans, ages, times of day, sizes, numbers with their unit.

Texts are short and of steady width, because they stand in columns and change each second. The time zone is an
argument: a person reads local time, a file holds UTC.
"""

import math
from datetime import UTC, datetime, timedelta, tzinfo

#: "times", as in three times.
TIMES = "\N{MULTIPLICATION SIGN}"
_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_WEEK_AHEAD = timedelta(days=6)
_SIZE_STEP = 1024
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_NUMBER_STEP = 1000
_NUMBERS = ("", "k", "M", "G", "T", "P")
#: From here on a number is shown without decimals.
_WHOLE_FROM = 100
_PERCENT_WITH_DECIMAL_BELOW = 0.0995
#: Seconds in this range read better as minutes, hours and days; below as a number, above as nonsense.
_SPAN_FROM = 2 * _MINUTE
_SPAN_BELOW = 1000 * _DAY


def span(duration: timedelta) -> str:
    """Return the length of `duration` in its two largest units: "42s", "12m 04s", "1h 05m", "3d 04h".

    The sign is left out; a part of a second is cut off.
    """
    seconds = int(abs(duration.total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds}s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}m {seconds % _MINUTE:02d}s"
    if seconds < _DAY:
        return f"{seconds // _HOUR}h {seconds % _HOUR // _MINUTE:02d}m"
    return f"{seconds // _DAY}d {seconds % _DAY // _HOUR:02d}h"


def age(duration: timedelta) -> str:
    """Return how old something is in its largest unit: "42s", "12m", "3h", "2d". Never negative."""
    seconds = max(0, int(duration.total_seconds()))
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def age_of(at: datetime | None, now: datetime) -> str:
    """Return the age of an instant, "never" where there is none."""
    return "never" if at is None else age(now - at)


def target(duration: timedelta) -> str:
    """Return a promised time as contracts write it: "60 min", "2 h", "1 h 30 min"."""
    minutes = int(duration.total_seconds()) // _MINUTE
    hours, rest = divmod(minutes, 60)
    if hours == 0 or (hours == 1 and rest == 0):
        return f"{minutes} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def moment(at: datetime, now: datetime, zone: tzinfo) -> str:
    """Return an instant as people say it: "17:20" today, "Mon 10:20" this week, else "12 Mar 10:20"."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    if abs(at - now) <= _WEEK_AHEAD:
        return f"{local:%a %H:%M}"
    return f"{local.day} {local:%b %H:%M}"


def moment_exact(at: datetime, now: datetime, zone: tzinfo) -> str:
    """Return an instant to the second, with its day unless it is today: "03:12:40", "Sun 7 Mar 03:12:40"."""
    local = at.astimezone(zone)
    if local.date() == now.astimezone(zone).date():
        return f"{local:%H:%M:%S}"
    return f"{local:%a} {local.day} {local:%b %H:%M:%S}"


def full_time(at: datetime | None, zone: tzinfo) -> str:
    """Return date and time to the second in `zone`, "-" where there is none."""
    return "-" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def rfc3339(at: datetime) -> str:
    """Return an instant in UTC as RFC 3339 with microseconds only where there are some."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def percent(ratio: float) -> str:
    """Return a ratio as a percentage: "85%", "4.2%", "120%"."""
    if not math.isfinite(ratio):
        return "-"
    small = 0 < abs(ratio) < _PERCENT_WITH_DECIMAL_BELOW
    return f"{ratio * 100:.1f}%" if small else f"{ratio * 100:.0f}%"


def size(count: float) -> str:
    """Return a number of bytes: "512 B", "1.9 GiB"."""
    return _scaled(count, _SIZE_STEP, _SIZES, " ")


def number(value: float) -> str:
    """Return a number in a few characters: "0.25", "42", "1.5k"."""
    return _scaled(value, _NUMBER_STEP, _NUMBERS, "")


def quantity(value: float, unit: str) -> str:
    """Return a value with its UCUM unit for people: bytes scaled, ratios as percent, `{channel}` bare."""
    match unit:
        case "By":
            return size(value)
        case "1":
            return percent(value)
        case "s":
            return (
                span(timedelta(seconds=value)) if _SPAN_FROM <= value < _SPAN_BELOW else f"{number(value)}s"
            )
        case _:
            return number(value)


def times(count: int) -> str:
    """Return how often something happened, "3" behind a times sign; empty for once."""
    return f"{TIMES}{number(count)}" if count > 1 else ""


def _scaled(value: float, step: int, units: tuple[str, ...], gap: str) -> str:
    if not math.isfinite(value):
        return "-"
    scaled, index = float(value), 0
    while abs(scaled) >= step and index < len(units) - 1:
        scaled /= step
        index += 1
    if scaled == int(scaled) or abs(scaled) >= _WHOLE_FROM:
        digits = f"{scaled:.0f}"
    else:
        digits = f"{scaled:.1f}" if abs(scaled) >= 1 or index else f"{scaled:.2g}"
    return f"{digits}{gap}{units[index]}" if units[index] else digits
