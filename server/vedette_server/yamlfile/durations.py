"""Durations as people write them in a file: `30s`, `5m`, `2h`, `1h30m`.

There are no days on purpose: a response time is never days, and a day is not always 24 hours long.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_DURATION: Final = re.compile(r"(?=.)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?", re.ASCII)


def parse_duration(text: str) -> timedelta | None:
    """Return the duration written as `30s`, `5m`, `2h` or `1h30m`, or None when it is none."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Return a duration of whole seconds as `parse_duration` reads it, such as `1h30m`."""
    minutes, seconds = divmod(duration // timedelta(seconds=1), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"
