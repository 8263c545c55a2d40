"""Product releases: `2020.Winter.1`, ordered by year, then season, then number.

Winter opens the year: Winter < Spring < Summer < Autumn. A name of any other form is not ordered at all,
it raises `UnknownRelease`; `is_at_least` answers None for it, which is neither yes nor no.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

#: How a release is written.
RELEASE: Final = re.compile(r"(\d{4})\.(Winter|Spring|Summer|Autumn)\.(\d{1,6})", re.ASCII)


class UnknownRelease(ValueError):
    """A text that is no product release."""


class Season(IntEnum):
    """Part of the year that a release is named for, in the order of publication."""

    WINTER = 1
    SPRING = 2
    SUMMER = 3
    AUTUMN = 4


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Release:
    """One product release; compares by year, season and number, in this order."""

    year: int
    season: Season
    #: Number within the season, from 0.
    number: int

    def __str__(self) -> str:
        """Return the name as it is written, such as "2020.Winter.1"."""
        return f"{self.year:04}.{self.season.name.capitalize()}.{self.number}"


def parse_release(text: str) -> Release:
    """Return the release that `text` names, such as "2020.Winter.1".

    Raises:
        UnknownRelease: `text` has another form.
    """
    match = RELEASE.fullmatch(text)
    if match is None:
        raise UnknownRelease(f'release must look like 2020.Winter.1, got "{text}"')
    year, season, number = match.groups()
    return Release(year=int(year), season=Season[season.upper()], number=int(number))


def is_at_least(release: str | None, minimum: str) -> bool | None:
    """Tell whether `release` is `minimum` or newer; None when either is missing or of an unknown form."""
    if release is None:
        return None
    try:
        return parse_release(release) >= parse_release(minimum)
    except UnknownRelease:
        return None
