"""What a component does besides living: its figures, and how a command changes them.

`component.run` knows only the `Work` protocol; a component is its name and its work.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

#: How long an everyday load takes to rise and fall once, in seconds.
SWING_PERIOD = 90.0


class SettingRefused(ValueError):
    """A command named something that does not exist, or a value that makes no sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """One figure of a component, exposed as `<component>_<name>`."""

    name: str
    help: str
    value: float


class Work(Protocol):
    """The part of a component that differs from the others."""

    def gauges(self, now: float) -> Iterable[Gauge]:
        """Return the figures as they are; `now` in seconds since the Unix epoch."""

    def change(self, setting: str, value: str) -> str:
        """Do what a command asks and return the line for the log.

        Raises:
            SettingRefused: this work has no such setting, or cannot take the value.
        """

    def step(self) -> float:
        """Do a bit of what is to be done unasked; return the seconds until there is more."""


@dataclass(slots=True, kw_only=True)
class Capacity:
    """One bounded resource under an everyday load that a command can override.

    Settings: `<name>_used=N`, or `auto` for the everyday load again, and `<name>_limit=N`.
    """

    #: What is counted, plural: "channels".
    name: str
    #: How much there is.
    limit: int
    #: How much is used on an ordinary day, on average.
    usual: int
    #: How far the ordinary day goes above and below that.
    swing: int
    #: What a command asked for; None for the everyday load.
    forced: int | None = None

    def used(self, now: float) -> int:
        """Return how much is used now."""
        if self.forced is not None:
            return self.forced
        return self.usual + round(self.swing * math.sin(now / SWING_PERIOD * math.tau))

    def gauges(self, now: float) -> Iterable[Gauge]:
        """Return used and limit."""
        yield Gauge(name=f"{self.name}_used", help=f"{self.name} in use.", value=self.used(now))
        yield Gauge(name=f"{self.name}_limit", help=f"{self.name} there are.", value=self.limit)

    def change(self, setting: str, value: str) -> str:
        """Take a command; see the class."""
        if setting == f"{self.name}_used":
            self.forced = None if value == "auto" else _count(setting, value)
        elif setting == f"{self.name}_limit":
            self.limit = _count(setting, value)
        else:
            raise SettingRefused(f'unknown setting "{setting}"; known: {self.name}_used, {self.name}_limit')
        if self.forced is None:
            return f"capacity.normal {self.name} back to everyday load, limit {self.limit}"
        word = "exhausted" if self.forced >= self.limit else "changed"
        return f"capacity.{word} {self.forced} of {self.limit} {self.name} in use"

    def step(self) -> float:
        """Nothing happens unasked."""
        return math.inf


def _count(setting: str, value: str) -> int:
    if not value.isdecimal():
        raise SettingRefused(f'{setting} must be a whole number, 0 or more, got "{value}"')
    return int(value)
