"""The clock: the console's only source of the time and of the person's time zone."""

from datetime import UTC, datetime, tzinfo
from typing import Protocol


class Clock(Protocol):
    """Where the console takes the time from; tests hand in one that stands still."""

    def now(self) -> datetime:
        """Return the present instant, aware UTC."""
        ...

    def zone(self) -> tzinfo:
        """Return the zone in which people read times."""
        ...


class SystemClock:
    """The machine's clock, in the machine's time zone."""

    def now(self) -> datetime:
        """Return the present instant, aware UTC."""
        return datetime.now(UTC)

    def zone(self) -> tzinfo:
        """Return the machine's time zone; over ssh that is the remote machine's unless TZ is set."""
        zone = datetime.now().astimezone().tzinfo
        return UTC if zone is None else zone
